"""Where a document is fetched from: a URL that was taken apart once, so that no two readers see two hosts in it."""

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpcore2

from sts.egress.faults import Fault, FetchFailed

_PORTS = {"https": 443, "http": 80}
_LONGEST = 2_048
_FORM = "the address is not of the form https://host[:port]/path"
# What a URL is written with (RFC 3986): no blank, no control, no backslash, which some readers take for a slash.
_URL = re.compile(r"[A-Za-z0-9._~:/?\[\]@!$&'()*+,;=%-]+")
_AUTHORITY = re.compile(r"(?:[A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]*:[0-9A-Fa-f:.]*\])(?::[0-9]*)?")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The parts of a URL; *host* is a name or an address without brackets, *path* goes with the query."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def authority(self) -> str:
        """What the header Host says."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    def as_url(self) -> httpcore2.URL:
        """Return the parts for the HTTP client, which takes nothing apart any more."""
        return httpcore2.URL(scheme=self.scheme, host=self.host, port=self.port, target=self.path)


def parse_target(url: str, *, private: bool) -> Target:
    """Return the parts of *url*; raises FetchFailed unless it is https, or http where *private* addresses are taken."""
    if len(url) > _LONGEST or not _URL.fullmatch(url):
        raise FetchFailed(Fault.ADDRESS, _FORM)
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise FetchFailed(Fault.ADDRESS, _FORM) from None
    if host is None or port == 0 or parts.fragment or not _AUTHORITY.fullmatch(parts.netloc):
        raise FetchFailed(Fault.ADDRESS, _FORM)
    if parts.scheme not in ({"https", "http"} if private else {"https"}):
        raise FetchFailed(Fault.ADDRESS, f"{parts.scheme} is not https")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Target(scheme=parts.scheme, host=host, port=port or _PORTS[parts.scheme], path=path)
