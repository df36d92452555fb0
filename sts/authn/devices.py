"""Devices that somebody has signed in from before.

Each keeps a sealed value and has counts of wrong passwords and codes of its own, so that whoever guesses from elsewhere
does not lock the owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). The value proves nothing
but that: whoever steals one may guess as often as from anywhere else, and no more.
"""

from dataclasses import dataclass

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.entropy import Entropy
from sts.errors import Malformed, SealBroken
from sts.keyring.keyring import Keyring
from sts.model import Secret
from sts.store import password_failures
from sts.store.database import Transaction
from sts.store.password_failures import ELSEWHERE

_PLACE = b"known-device "


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Mints what a device is known by."""

    keyring: Keyring
    entropy: Entropy

    def mint(self, owner_id: str, value: str | None = None) -> tuple[str, Secret]:
        """Return the id of a device, that of *value* or a new one, and what it keeps: opaque, for this owner."""
        device_id = _open_value(self.keyring, value, owner_id) or self.entropy.nonce()
        sealed = self.keyring.seal(device_id.encode("ascii"), _PLACE + owner_id.encode("ascii"))
        return device_id, Secret(encode_base64url(sealed))


def find_known_device(keyring: Keyring, tx: Transaction, value: str | None, owner_id: str) -> str:
    """Return the id of the device that keeps *value* when the owner is known to sign in from it, else ELSEWHERE."""
    device_id = _open_value(keyring, value, owner_id)
    if device_id is None or not password_failures.is_known_device(tx.connection, owner_id, device_id, tx.now):
        return ELSEWHERE
    return device_id


def _open_value(keyring: Keyring, value: str | None, owner_id: str) -> str | None:
    """Return the id of the owner's device that keeps *value*; None for none, and for what was not minted here."""
    if value is None:
        return None
    try:
        sealed = parse_base64url(value.encode("ascii"))
        return keyring.open_sealed(sealed, _PLACE + owner_id.encode("ascii")).decode("ascii")
    except (Malformed, SealBroken, UnicodeError):
        return None
