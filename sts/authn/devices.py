"""Devices that somebody has signed in from before.

Each keeps a sealed value and has a count of wrong passwords of its own, so that whoever guesses from elsewhere does not
lock the owner out (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). The value proves nothing but that:
whoever steals one may guess as often as from anywhere else, and no more.
"""

from dataclasses import dataclass

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.entropy import Entropy
from sts.errors import Malformed, SealBroken
from sts.keyring.keyring import Keyring
from sts.model import Secret

_PLACE = b"known-device "


@dataclass(frozen=True, slots=True)
class KnownDevices:
    """Mints and reads what a device is known by."""

    keyring: Keyring
    entropy: Entropy

    def mint(self, owner_id: str, device_id: str | None = None) -> tuple[str, Secret]:
        """Return the id of a device, a new one or *device_id*, and the value that it keeps: opaque, for this owner."""
        device_id = device_id or self.entropy.nonce()
        sealed = self.keyring.seal(device_id.encode("ascii"), _PLACE + owner_id.encode("ascii"))
        return device_id, Secret(encode_base64url(sealed))

    def find(self, value: str | None, owner_id: str) -> str | None:
        """Return the id of the owner's device that keeps *value*; None for none, and for what was not minted here."""
        if value is None:
            return None
        try:
            sealed = parse_base64url(value.encode("ascii"))
            return self.keyring.open_sealed(sealed, _PLACE + owner_id.encode("ascii")).decode("ascii")
        except (Malformed, SealBroken, UnicodeError):
            return None
