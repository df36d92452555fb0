"""An issuer that publishes its metadata and keys on loopback, and what follows it."""

import json
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sts.cache import Cache, MemoryCache
from sts.clock import Clock, ManualClock
from sts.crypto.jwk import generate_signing_key
from sts.egress.fetching import Egress
from sts.issuers.keysets import KeySets
from sts.issuers.shared import SharedKeySets
from sts.keyring.keyring import Keyring
from sts.providers import PrivateProviders
from sts.telemetry import catalogue
from sts.telemetry.meters import Meters, open_meters
from tests.authn.identity_tokens import Issuer, write_key_set
from tests.egress.listener import Listener, Speak, say, serve

METADATA = b"GET /realm/.well-known/openid-configuration HTTP"
KEYS = b"GET /keys HTTP"


def follow(
    clock: Clock, keyring: Keyring, cache: Cache | None = None, meters: Meters | None = None, **settings: Any
) -> KeySets:
    """Return what a process follows issuers with; without a *cache* that it shares, one of its own."""
    shared = SharedKeySets(cache or MemoryCache(clock), keyring)
    return KeySets(Egress(), shared, clock, meters or open_meters(), **({"private": PrivateProviders.ALL} | settings))


def count_fetches(meters: Meters, outcome: str) -> float:
    (number,) = meters.numbers.add_up(catalogue.PROVIDER_FETCHES, (outcome,))
    return number


class Publisher:
    """Publishes what it is told to; *speak* takes the place of all of that, *gate* holds its answers back."""

    def __init__(self, clock: ManualClock) -> None:
        self.clock = clock
        self.speak: Speak | None = None
        self.gate = threading.Event()
        self.gate.set()
        self.listener = Listener(self._answer)
        self.issuer = Issuer(clock, f"http://127.0.0.1:{self.listener.port}/realm")
        self.jwks_uri: Any = f"http://127.0.0.1:{self.listener.port}/keys"
        self.metadata: dict[str, Any] = {"issuer": self.issuer.issuer}
        self.keys = write_key_set(self.issuer.key)

    @property
    def fetches(self) -> int:
        """How often the keys were fetched."""
        return sum(head.startswith(KEYS) for head in self.listener.requests)

    @property
    def looks(self) -> int:
        """How often the metadata were fetched."""
        return sum(head.startswith(METADATA) for head in self.listener.requests)

    def rotate(self, *, keep: bool) -> None:
        """Sign with a new key from now on; the old one is published still, or withdrawn."""
        old, self.issuer.key = self.issuer.key, generate_signing_key("ES256")
        self.keys = write_key_set(*([old] if keep else []), self.issuer.key)

    def fail(self) -> None:
        """Answer that the issuer is out of order."""
        self.speak = say(b"HTTP/1.1 503 Out Of Order\r\nContent-Length: 0\r\n\r\n")

    def recover(self) -> None:
        """Publish again."""
        self.speak = None

    def _answer(self, line: socket.socket, ended: threading.Event) -> None:
        speak = self.speak or serve(self._find(self.listener.requests[-1]))
        self.gate.wait(10)
        speak(line, ended)

    def _find(self, head: bytes) -> bytes:
        if head.startswith(KEYS):
            return self.keys.encode()
        return json.dumps({"jwks_uri": self.jwks_uri} | self.metadata).encode()


@contextmanager
def publishing(clock: ManualClock) -> Iterator[Publisher]:
    """Start an issuer."""
    publisher = Publisher(clock)
    with publisher.listener:
        yield publisher
        publisher.gate.set()
