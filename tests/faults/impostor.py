"""What answers on Redis's port and is no Redis, or not in its right mind."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Callable
from typing import Self

import hiredis

Answering = Callable[[list[bytes]], bytes]


class Impostor(socketserver.ThreadingTCPServer):
    """Listens where Redis would and answers each command with what *answer* makes of it."""

    allow_reuse_address = True

    def __init__(self, port: int, answer: Answering) -> None:
        super().__init__(("127.0.0.1", port), _Line)
        self.answer = answer
        self.lines: list[socket.socket] = []

    def __enter__(self) -> Self:
        self.thread = threading.Thread(target=self.serve_forever, args=(0.01,))
        self.thread.start()
        return self

    def __exit__(self, *_error: object) -> None:
        self.shutdown()
        self.thread.join()
        for line in self.lines:
            with contextlib.suppress(OSError):  # closed already
                line.shutdown(socket.SHUT_RDWR)
        self.server_close()


class _Line(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        assert isinstance(self.server, Impostor)
        self.server.lines.append(self.request)
        heard = hiredis.Reader()
        with contextlib.suppress(ConnectionError):
            while received := self.request.recv(65_536):
                heard.feed(received)
                while (command := heard.gets()) is not False:
                    self.request.sendall(self.server.answer(command))


NONSENSE = {
    "http": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "binary": bytes(range(256)),
    "nothing": b"",
    "half": b"$5\r\nhel",
    "endless": b"$536870912\r\n",
    "negative": b"$-7\r\n",
    "deep": b"*1\r\n" * 50,
    "array": b"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
    "zero": b":0\r\n",
    "loading": b"-LOADING Redis is loading the dataset in memory\r\n",
    "primary down": b"-MASTERDOWN Link with MASTER is down\r\n",
    "disk": b"-MISCONF Redis is configured to save RDB snapshots, but it is unable to persist to disk\r\n",
    "busy": b"-BUSY Redis is busy running a script\r\n",
    "no words": b"-\r\n",
    "moved": b"-MOVED 12 127.0.0.1:1\r\n",
    "moved nowhere": b"-MOVED\r\n",
}
