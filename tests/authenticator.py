"""An authenticator as people carry one: it knows a seed and the time."""

import io
import sqlite3
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime

import zxingcpp
from PIL import Image
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


def read_qr_code(png: bytes) -> str:
    """Return what a phone reads from the picture."""
    (found,) = zxingcpp.read_barcodes(Image.open(io.BytesIO(png)).convert("L"))
    assert found.format == zxingcpp.BarcodeFormat.QRCode
    return str(found.text)
