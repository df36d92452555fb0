"""An issuer on loopback that publishes what a test wants."""

import json
import socket
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from typing import Any

from tests.egress.listener import Listener, say

METADATA, KEYS = "/.well-known/openid-configuration", "/keys"


@dataclass
class Publisher:
    """What is published under which path, and when it is by its clock."""

    listener: Listener
    scheme: str
    date: datetime
    documents: dict[str, Any] = field(default_factory=dict)

    @property
    def issuer(self) -> str:
        """Its issuer."""
        return f"{self.scheme}://127.0.0.1:{self.listener.port}"

    def publish(self, *keys: Mapping[str, Any], **metadata: Any) -> None:
        """Publish *keys*, and metadata without which an issuer is none, with *metadata* in their place."""
        self.documents[KEYS] = {"keys": keys}
        self.documents[METADATA] = {"issuer": self.issuer, "jwks_uri": self.issuer + KEYS, **metadata}

    def speak(self, line: socket.socket, _ended: threading.Event) -> None:
        """Answer the last request."""
        path = self.listener.requests[-1].split()[1].decode()
        found = self.documents.get(path)
        status, body = ("404 Not Found", b"") if found is None else ("200 OK", json.dumps(found).encode())
        date = format_datetime(self.date, usegmt=True)
        head = f"HTTP/1.1 {status}\r\nDate: {date}\r\nContent-Length: {len(body)}\r\n\r\n"
        line.sendall(head.encode() + body)


@contextmanager
def publishing(date: datetime, certificate: tuple[Path, Path] | None = None) -> Iterator[Publisher]:
    """Run an issuer whose clock says *date*; with *certificate* it speaks TLS."""
    with Listener(say(b""), certificate) as listener:
        publisher = Publisher(listener, "http" if certificate is None else "https", date)
        listener.speak = publisher.speak
        yield publisher
