"""Passwords, kept as Argon2id (RFC 9106) of a value that only the holder of a pepper can compute.

What is hashed is not the password but its HMAC under the pepper, a key that the database does not hold: whoever has a
copy of the database alone cannot even begin to guess. A password counts by its code points in Normalization Form C
(NIST SP 800-63B section 3.1.1.2), every one of them: nothing is cut off, folded or trimmed.

A hash is a PHC string, `$argon2id$v=19$m=…,t=…,p=…$salt$hash`, that says its own cost.
"""

import math
import unicodedata
from dataclasses import dataclass, replace

from argon2 import extract_parameters
from argon2.exceptions import InvalidHashError, VerificationError
from argon2.low_level import Type, hash_secret, verify_secret

from sts.errors import PasswordMalformed, PasswordMismatch

MOST_CODE_POINTS = 1_024  # more is refused before anything is computed of it
STRONG_ALONE = 15  # code points of a password that stands without a second factor (NIST SP 800-63B-4, 3.1.1.2)
SALT_LENGTH = 16
_HASH_LENGTH = 32
_LEAST_KIB = 8  # for each lane (RFC 9106 section 3.1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a hash costs: KiB of memory, passes over it, lanes.

    The default is OWASP's minimum (Password Storage Cheat Sheet, "Argon2id"): about 30 ms of a core.
    """

    memory_kib: int = 19_456
    passes: int = 2
    lanes: int = 1

    @property
    def filled_kib(self) -> int:
        """How many KiB are filled in all, over all passes: what a hash takes grows with it."""
        return self.memory_kib * self.passes

    def find_rest(self, spent: "Cost") -> "Cost | None":
        """Return what is to be spent beside *spent* to fill as much as this cost; None when nothing is left.

        Over no more memory at once than this cost takes, and no less than it must: pages that are touched for the first
        time cost as much as a pass. Measured from 19 MiB, 2 passes to four higher costs: within 8 % of the whole.
        """
        missing = self.filled_kib - spent.filled_kib
        if missing < _LEAST_KIB * self.lanes:
            return None
        passes = math.ceil(missing / self.memory_kib)
        return replace(self, memory_kib=max(missing // passes, _LEAST_KIB * self.lanes), passes=passes)


def encode_password(password: str) -> bytes:
    """Return *password* as it is hashed: NFC, in UTF-8; raises PasswordMalformed when it is too long or no text."""
    # By the length of what came in, too: what is longer is not even normalized, which may take long.
    if len(password) > MOST_CODE_POINTS or len(normal := unicodedata.normalize("NFC", password)) > MOST_CODE_POINTS:
        raise PasswordMalformed(f"A password has at most {MOST_CODE_POINTS} characters")
    try:
        return normal.encode("utf-8")
    except UnicodeEncodeError:
        raise PasswordMalformed("A password is a text of Unicode characters") from None


def count_code_points(password: str) -> int:
    """Return how many code points *password* has in NFC; raises PasswordMalformed."""
    return len(encode_password(password).decode("utf-8"))


def hash_password(peppered: bytes, salt: bytes, cost: Cost) -> str:
    """Return the hash of *peppered*, a password's HMAC under the pepper, with *salt*: 16 random bytes."""
    return hash_secret(
        peppered,
        salt,
        time_cost=cost.passes,
        memory_cost=cost.memory_kib,
        parallelism=cost.lanes,
        hash_len=_HASH_LENGTH,
        type=Type.ID,
    ).decode("ascii")


def verify_password(hashed: str, peppered: bytes) -> None:
    """Raise PasswordMismatch unless *hashed* is a hash of *peppered*."""
    try:
        verify_secret(hashed.encode("ascii"), peppered, Type.ID)
    except (VerificationError, InvalidHashError):
        raise PasswordMismatch("The password is not the one that was hashed") from None


def read_cost(hashed: str) -> Cost:
    """Return what *hashed* cost; raises PasswordMismatch when it is no hash of ours."""
    try:
        said = extract_parameters(hashed)
    except InvalidHashError:
        raise PasswordMismatch("The kept hash has no known form") from None
    return Cost(memory_kib=said.memory_cost, passes=said.time_cost, lanes=said.parallelism)
