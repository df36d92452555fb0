"""Every random byte that is not drawn inside `cryptography` itself.

Identifiers have AWS's form: a prefix that says what is named, then characters of the base32 alphabet. An access key id
also encodes its account, so that GetAccessKeyInfo needs no look-up: after the prefix its first six bytes hold, below a
set top bit, the forty bits of the account number.
"""

import base64
import os
from collections.abc import Callable
from dataclasses import dataclass

_ACCOUNT_SHIFT = 7
_ACCOUNT_BITS = 40
_PREFIX_LENGTH = 4
_ACCESS_KEY_ID_LENGTH = 20


@dataclass(frozen=True, slots=True)
class Entropy:
    """A source of random bytes, and the identifiers that are drawn from it."""

    draw: Callable[[int], bytes] = os.urandom

    def unique_id(self, prefix: str) -> str:
        """Return an identifier such as `AIDA…`: *prefix* and seventeen characters of base32 (85 random bits)."""
        return prefix + base64.b32encode(self.draw(11)).decode("ascii")[:17]

    def access_key_id(self, prefix: str, account_id: str) -> str:
        """Return an access key id (`AKIA…`, `ASIA…`) of twenty characters that encodes its account."""
        noise = int.from_bytes(self.draw(5), "big")
        head = 1 << 47 | int(account_id) << _ACCOUNT_SHIFT | noise >> 33
        body = head << 32 | noise & 0xFFFFFFFF
        return prefix + base64.b32encode(body.to_bytes(10, "big")).decode("ascii")

    def secret_access_key(self) -> str:
        """Return a secret access key: forty characters of base64 (240 random bits)."""
        return base64.b64encode(self.draw(30)).decode("ascii")

    def totp_seed(self) -> bytes:
        """Return the seed of an authenticator: 160 random bits, as many as SHA-1 gives (RFC 4226 section 4, R6)."""
        return self.draw(20)

    def request_id(self) -> str:
        """Return a request id, which has the form of a UUID."""
        return self.uuid()

    def uuid(self) -> str:
        """Return a UUID of 122 random bits (RFC 9562, version 4)."""
        raw = bytearray(self.draw(16))
        raw[6] = raw[6] & 0x0F | 0x40
        raw[8] = raw[8] & 0x3F | 0x80
        text = raw.hex()
        return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"

    def nonce(self) -> str:
        """Return an unguessable identifier of 22 characters of base64url (128 random bits, but for a first hyphen).

        Commands are given it as an argument, and would take one with a hyphen in front for an option.
        """
        while (drawn := base64.urlsafe_b64encode(self.draw(16)).decode("ascii").rstrip("=")).startswith("-"):
            pass
        return drawn

    def token(self) -> str:
        """Return a secret of 43 characters of base64url (256 random bits)."""
        return base64.urlsafe_b64encode(self.draw(32)).decode("ascii").rstrip("=")


def find_account_of_access_key(access_key_id: str) -> str | None:
    """Return the account that *access_key_id* encodes; None when it has not the form of such an id."""
    if len(access_key_id) != _ACCESS_KEY_ID_LENGTH:
        return None
    try:
        body = base64.b32decode(access_key_id[_PREFIX_LENGTH:].encode("ascii"))
    except ValueError:
        return None
    head = int.from_bytes(body[:6], "big")
    account = head >> _ACCOUNT_SHIFT & (1 << _ACCOUNT_BITS) - 1
    return f"{account:012d}" if head >> 47 and account < 10**12 else None
