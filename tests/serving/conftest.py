import asyncio
import socket
import ssl
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from sts.audit.record import Entry
from sts.audit.sums import Sums
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.health.readiness import Readiness
from sts.limits import ServerLimits
from sts.serving.listeners import bind
from sts.serving.server import Server
from sts.serving.threshold import Threshold
from sts.telemetry.meters import open_meters

PATIENCE_SECONDS = 20.0
Message = MutableMapping[str, Any]


def until(condition: Callable[[], object], what: str) -> None:
    """Look until *condition* holds; what never comes fails with its name."""
    end = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"in vain waited for: {what}"
        threading.Event().wait(0.005)


def is_refused(port: int) -> bool:
    """Say whether nobody listens on the port of loopback."""
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except ConnectionRefusedError:
        return True
    except TimeoutError:  # the queue of those whom nobody accepts is full
        return False
    return False


@dataclass
class Application:
    """Echoes what it was sent. `/held` waits until it is let go, `/early` answers before it reads."""

    seen: list[tuple[str, str, bytes]] = field(default_factory=list)
    headers: list[list[tuple[bytes, bytes]]] = field(default_factory=list)
    schemes: list[str] = field(default_factory=list)
    cut: list[str] = field(default_factory=list)
    let_go: threading.Event = field(default_factory=threading.Event)
    ended: bool = False

    async def __call__(self, scope: Message, receive: Callable[[], Awaitable[Message]], send: Any) -> None:
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        path = scope["path"]
        if path == "/early":
            await self._answer(send, b"early", 413)
            return
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                self.cut.append(path)
                return
            body, more = body + message["body"], message["more_body"]
        self.seen.append((scope["method"], path, body))
        self.headers.append(list(scope["headers"]))
        self.schemes.append(scope["scheme"])
        if path == "/held":
            await asyncio.to_thread(self.let_go.wait)
        size = int(scope["query_string"] or b"0")
        await self._answer(send, b"got " + path.encode() + b" " + body + b"." * size)

    async def _live(self, receive: Any, send: Any) -> None:
        await receive()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.ended = True
        await send({"type": "lifespan.shutdown.complete"})

    async def _answer(self, send: Any, body: bytes, status: int = 200) -> None:
        headers = [(b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


class Line:
    """A raw connection."""

    def __init__(self, port: int, tls: ssl.SSLContext | None = None) -> None:
        plain = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE_SECONDS)
        self.socket = plain if tls is None else tls.wrap_socket(plain, server_hostname="127.0.0.1")

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def trickle(self, data: bytes, seconds: float) -> None:
        """Send a byte in each span of *seconds*, until the server has answered or hung up."""
        self.socket.settimeout(seconds)
        for byte in data:
            try:
                self.socket.sendall(bytes([byte]))
                if self.socket.recv(1, socket.MSG_PEEK) is not None:
                    break
            except TimeoutError:
                continue
            except OSError:
                break
        self.socket.settimeout(PATIENCE_SECONDS)

    def read_all(self) -> bytes:
        """Return everything up to the server's end of the connection."""
        received = b""
        while piece := self.socket.recv(65_536):
            received += piece
        return received

    def read_until(self, words: bytes) -> bytes:
        received = b""
        while words not in received:
            piece = self.socket.recv(65_536)
            assert piece, received
            received += piece
        return received

    def close(self) -> None:
        self.socket.close()


@dataclass
class Running:
    """A server with limits of the test's own, in a thread of this process."""

    app: Application
    server: Server
    port: int
    lines: list[Line] = field(default_factory=list)
    tls: ssl.SSLContext | None = None

    @property
    def sums(self) -> list[Entry]:
        return list(self.server.threshold.sums.take())

    def connect(self) -> Line:
        self.lines.append(Line(self.port, self.tls))
        return self.lines[-1]

    def exchange(self, data: bytes) -> bytes:
        """Send *data* on a connection of its own and return all that comes back until its end."""
        line = self.connect()
        line.send(data)
        return line.read_all()

    @property
    def open_connections(self) -> int:
        return len(self.server.server_state.connections)


def make_threshold(limits: ServerLimits) -> Threshold:
    return Threshold(
        limits=limits,
        readiness=Readiness(),
        sums=Sums(),
        meters=open_meters(),
        clock=SystemClock(),
        entropy=Entropy(),
    )


@contextmanager
def running(limits: ServerLimits, tls: ssl.SSLContext | None = None) -> Iterator[Running]:
    threshold = make_threshold(limits)
    app, listeners = Application(), bind("127.0.0.1", 0)
    server = Server(app, threshold, listeners, tls=tls)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    until(lambda: server.started or not thread.is_alive(), "the server")
    started = Running(app, server, listeners[0].getsockname()[1])
    try:
        yield started
    finally:
        app.let_go.set()
        server.should_exit = True
        for line in started.lines:
            line.close()
        thread.join()
        for listener in listeners:
            listener.close()


@pytest.fixture(scope="session")
def usual() -> Iterator[Running]:
    """A server with the usual limits that tests share: none of them waits for a deadline."""
    with running(ServerLimits()) as started:
        yield started
