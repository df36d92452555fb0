"""Time-based one-time passwords (RFC 6238): six digits, SHA-1, steps of 30 seconds, as every authenticator makes them.

A step is a count of such spans since the epoch. Which steps were used is for the caller to keep.
"""

import base64
import hmac
import re
from collections.abc import Iterable
from datetime import datetime

from pyotp import TOTP

_STEP_SECONDS = 30
_TOLERANCE = 1  # steps to each side, for the time that typing takes and clocks that differ a little
_CODE = re.compile(r"[0-9]{6}")  # of no other alphabet: a number has many spellings, a code is one of them


def step_at(now: datetime) -> int:
    """Return the step that *now* is in."""
    return int(now.timestamp()) // _STEP_SECONDS


def find_step(seed: bytes, code: str, around: int) -> int | None:
    """Return the latest step, *around* or one beside it, whose code is *code*; None when it is of none of them."""
    return _find_latest(seed, code, range(around - _TOLERANCE, around + _TOLERANCE + 1))


def find_pair(seed: bytes, first: str, second: str, around: int, reach: int = _TOLERANCE) -> int | None:
    """Return the step of *second*, at most *reach* from *around*, when *first* is the code of the one before it."""
    for step in sorted(range(around - reach, around + reach + 1), key=lambda step: abs(step - around)):
        if _find_latest(seed, second, [step]) is not None and _find_latest(seed, first, [step - 1]) is not None:
            return step
    return None


def drift_at(step: int, now: datetime) -> int:
    """Return by how many steps a clock that shows *step* is off: none within what is tolerated of any clock."""
    drift = step - step_at(now)
    return 0 if abs(drift) <= _TOLERANCE else drift


def encode_seed(seed: bytes) -> str:
    """Return *seed* as it is typed into an authenticator: base32 (RFC 4648 section 6)."""
    return base64.b32encode(seed).decode("ascii")


def render_uri(seed: str, *, name: str, issuer: str) -> str:
    """Return what an authenticator reads from a QR code: an `otpauth://totp/` URI with the base32 *seed* in it."""
    return TOTP(seed, name=name, issuer=issuer).provisioning_uri()


def _find_latest(seed: bytes, code: str, steps: Iterable[int]) -> int | None:
    """Compare with the code of every step, in the same time wherever a code differs."""
    if not _CODE.fullmatch(code):
        return None
    totp = TOTP(encode_seed(seed))
    found = None
    for step in steps:
        if hmac.compare_digest(totp.at(step * _STEP_SECONDS), code):
            found = step
    return found
