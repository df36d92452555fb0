"""An authenticator as people carry one: it knows a seed and the time."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from pyotp import TOTP

from sts.crypto.totp import encode_seed, step_at
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from tests.service import Service

STEP = 30  # seconds


@dataclass(frozen=True)
class Authenticator:
    """A device that was given *seed* in base32."""

    seed: str = field(repr=False)

    def code(self, now: datetime, steps: int = 0) -> str:
        """Return what it shows at *now*, or so many steps later."""
        return TOTP(self.seed).at(now, counter_offset=steps)

    def pair(self, now: datetime, steps: int = 0) -> dict[str, str]:
        """Return the code of *now*, or so many steps later, behind the one before it, as IAM takes them."""
        return {"AuthenticationCode1": self.code(now, steps - 1), "AuthenticationCode2": self.code(now, steps)}


def enable(iam: Any, user_name: str, name: str, now: datetime) -> tuple[str, Authenticator]:
    """Make a device and enable it for the user through boto3; return its serial number and the authenticator.

    The codes that it takes are of the two steps before *now*: that of *now* and later ones are left.
    """
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name)["VirtualMFADevice"]
    device = Authenticator(made["Base32StringSeed"].decode())
    iam.enable_mfa_device(UserName=user_name, SerialNumber=made["SerialNumber"], **device.pair(now, -1))
    return made["SerialNumber"], device


def read_unused_pair(service: Service, account_id: str) -> dict[str, str]:
    """Return two codes that the account's only device would show and that were not used, from what is stored of it."""
    query = "SELECT serial_number, sealed_seed, last_step FROM mfa_device WHERE account_id = ?"
    with closing(sqlite3.connect(service.database_path)) as connection:
        found = connection.execute(query, (account_id,)).fetchall()
    if not found:
        return dict.fromkeys(("AuthenticationCode1", "AuthenticationCode2"), "000000")
    ((serial_number, sealed, last_step),) = found
    keyring = open_keyring(service.settings.keys_dir, service.clock, Entropy(), create=False)
    device = Authenticator(encode_seed(keyring.open_sealed(sealed, serial_number.encode())))
    now = service.clock.now()
    return device.pair(now, max(last_step + 2 - step_at(now), -1))
