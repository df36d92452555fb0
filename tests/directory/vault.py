"""What seals and authenticates in tests of the directory: the cryptography of the keyring, under one fixed key."""

from dataclasses import dataclass
from typing import Any

from sts.crypto import sealing

_KEY = bytes(range(32))


@dataclass(slots=True)
class Vault:
    """Seals under one key; *version* is that of the key that makes new MACs."""

    version: int = 1
    sealed: int = 0

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return *plaintext* sealed for the place *associated_data*."""
        self.sealed += 1
        nonce = self.sealed.to_bytes(sealing.NONCE_LENGTH, "big")
        return sealing.seal(plaintext, key=_KEY, version=1, nonce=nonce, associated_data=associated_data)

    def open_sealed(self, value: bytes, associated_data: bytes) -> bytes:
        """Return what was sealed for the place *associated_data*."""
        return sealing.open_sealed(sealing.parse_sealed(value), key=_KEY, associated_data=associated_data)

    def mac(self, purpose: Any, label: bytes, data: bytes) -> tuple[int, bytes]:
        """Return the version of the newest key and its MAC over *data*."""
        return self.version, sealing.mac(self._key(purpose, self.version), label, data)

    def verify_mac(self, purpose: Any, label: bytes, data: bytes, version: int, mac: bytes) -> None:
        """Raise SealBroken when *mac* is not that of the key *version* over *data*."""
        sealing.verify_mac(mac, self._key(purpose, version), label, data)

    def _key(self, purpose: str, version: int) -> bytes:
        return sealing.mac(_KEY, purpose.encode(), version.to_bytes(4, "big"))
