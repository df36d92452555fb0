"""The head of a request while it arrives: within its limits, and framed in one way only."""

from dataclasses import dataclass

from sts.limits import ServerLimits
from sts.serving.faults import FRAMING, HEADERS_TOO_LARGE, HOST, TARGET, UPGRADE, URL_TOO_LONG, VERSION, Fault

_WATCHED = frozenset({b"host", b"content-length", b"transfer-encoding"})
_SEPARATORS = 4  # bytes of a field beside name and value: colon, space, CR, LF


class Refused(Exception):  # noqa: N818  an answer to the client, not a fault of the program
    """A request is not taken."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.message)
        self.fault = fault


@dataclass(slots=True)
class Head:
    """What was seen of the head so far; every check raises Refused.

    The parser beneath refuses by itself: Content-Length that is repeated, malformed or beside Transfer-Encoding, folded
    lines, bare CR or LF, control characters, and blanks before a colon.
    """

    limits: ServerLimits
    url: int = 0
    size: int = 0
    headers: int = 0
    hosts: int = 0
    frames: int = 0
    chunked: bool = False

    def take_url(self, piece: bytes) -> None:
        """Count a piece of the request target."""
        self.url += len(piece)
        if self.url > self.limits.url_bytes:
            raise Refused(URL_TOO_LONG)

    def take_header(self, name: bytes, value: bytes) -> None:
        """Count a header, its *name* in lower case, and look at those that say where the request ends and goes to."""
        self.headers += 1
        self.size += len(name) + len(value) + _SEPARATORS
        if self.headers > self.limits.headers or self.size > self.limits.header_bytes:
            raise Refused(HEADERS_TOO_LARGE)
        if name in _WATCHED:
            self._watch(name, value)

    def _watch(self, name: bytes, value: bytes) -> None:
        if name == b"host":
            self.hosts += 1
            return
        self.frames += 1
        self.chunked = name == b"transfer-encoding"
        # A proxy that knows no other coding, or reads another list of them, would see another end of the body.
        if self.frames > 1 or (self.chunked and value.lower() != b"chunked"):
            raise Refused(FRAMING)

    def complete(self, version: str, method: str, url: bytes, *, upgrade: bool) -> None:
        """Look at the whole head, once the last header is in."""
        if version not in {"1.1", "1.0"}:
            raise Refused(VERSION)
        # HTTP/1.0 knows no chunks: a proxy of that age would pass the body on as a request of its own.
        if self.chunked and version == "1.0":
            raise Refused(FRAMING)
        if self.hosts > 1 or (self.hosts == 0 and version == "1.1"):
            raise Refused(HOST)
        # The parser takes the body of a request for another protocol as that protocol's, and hands on none of it.
        if method == "CONNECT" or (upgrade and self.frames):
            raise Refused(UPGRADE)
        # A target with a host in it could name another one than the Host header, which is what signatures cover.
        if not url.startswith(b"/") or b"#" in url:
            raise Refused(TARGET)
