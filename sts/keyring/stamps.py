"""A MAC that carries the version of its key: what is kept or handed out under it outlives a rotation."""

from sts.errors import SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose

_VERSION_BYTES = 4
STAMP_BYTES = _VERSION_BYTES + 32


def make_stamp(keyring: Keyring, purpose: Purpose, label: bytes, data: bytes) -> bytes:
    """Return the stamp of *data* for the use *label*: the key's version, four bytes, then the MAC."""
    version, mac = keyring.mac(purpose, label, data)
    return version.to_bytes(_VERSION_BYTES, "big") + mac


def verify_stamp(keyring: Keyring, purpose: Purpose, label: bytes, data: bytes, stamp: bytes) -> None:
    """Raise SealBroken unless *stamp* is that of *data* for *label*."""
    if len(stamp) != STAMP_BYTES:
        raise SealBroken("The stamp has not the length of one")
    version = int.from_bytes(stamp[:_VERSION_BYTES], "big")
    keyring.verify_mac(purpose, label, data, version=version, claimed=stamp[_VERSION_BYTES:])
