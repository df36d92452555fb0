"""What listens on loopback as a stranger's host: it says what a test wants it to, byte by byte."""

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

Speak = Callable[[socket.socket, threading.Event], None]


class Listener(socketserver.ThreadingTCPServer):
    """Listens on *address*; after the head of a request it lets *speak* answer. With *certificate* it speaks TLS.

    *connections* and *requests* say who came: those who hung up before a request are in the former alone.
    """

    allow_reuse_address = True
    daemon_threads = True

    def __init__(
        self,
        speak: Speak,
        certificate: tuple[Path, Path] | None = None,
        address: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        super().__init__((address, port), _Line)
        self.speak = speak
        self.ended = threading.Event()
        self.connections = 0
        self.requests: list[bytes] = []
        self.context = None
        if certificate is not None:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.ended.set()
        self.shutdown()
        self.thread.join()
        self.server_close()


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Listener)
        self.server.connections += 1
        with contextlib.suppress(OSError):  # the other side hung up, as it should
            line = self.request
            if self.server.context is not None:
                line = self.server.context.wrap_socket(line, server_side=True)
            with line:
                self._answer(self.server, line)

    def _answer(self, server: Listener, line: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            received = line.recv(65_536)
            if not received:
                return
            head += received
        server.requests.append(head)
        server.speak(line, server.ended)


def say(answer: bytes) -> Speak:
    """Send *answer* and hang up."""
    return lambda line, _ended: line.sendall(answer)


def serve(body: bytes, head: bytes = b"HTTP/1.1 200 OK\r\n") -> Speak:
    """Answer with *body* and its length below *head*."""
    return say(head + b"Content-Length: %d\r\n\r\n" % len(body) + body)
