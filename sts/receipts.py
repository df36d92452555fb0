"""Receipts of denials: sealed into the answer, opened by who may, so that an administrator learns why.

A receipt holds the decision with its reasons: the deciding policy and statement, the condition keys that it hung on,
what they were and what was wanted. Between two accounts it has two parts, and each side reads what its own policies
said, as in the record.

Such parts are packed, cut and padded each on its own and to one size, and so is a receipt about a role within one
account. The length of the sealed text would else tell a stranger whether a role exists, or how much its trust policy
asks for; and packed together, what another account wants there would make room or none for a guess that the caller
places beside it (CRIME, CVE-2012-4929).
"""

import base64
import binascii
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from sts.access import AccessDenied
from sts.audit.record import Entry, take_side
from sts.errors import KeyUnknown, ReceiptInvalid, SealBroken
from sts.keyring.keyring import Keyring
from sts.policy.decision import Decision
from sts.policy.statements import Kind

FORMAT = 2
LONGEST = 10_240  # characters (STS API Reference, DecodeAuthorizationMessage)
_PLACE = b"denial-receipt"
_SIZE = 512  # bytes that a part's size is a multiple of
_SIDE_SIZE = 1_024  # bytes of each part between two accounts
_ROLE_SIZE = 2 * _SIDE_SIZE  # bytes of all parts where a role was asked for
_LARGEST = 7_168  # bytes: sealed and in base64 within the longest
_LARGEST_OPENED = 256 * 1024  # bytes that it may inflate to: only what was sealed here is inflated
_INTRODUCTION = " Encoded authorization failure message: "

_encode = msgspec.json.Encoder().encode


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """What the account *reader_id* may read of a denial; *decision* is that of `Decision.as_record`, or its side of it.

    Where another account has no such resource, its part is there and nobody reads it.
    """

    reader_id: str | None
    request_id: str
    at: str
    arn: str
    unique_id: str
    decision: Mapping[str, Any]


_decode = msgspec.json.Decoder(Part).decode


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes receipts, and opens those that it made."""

    keyring: Keyring

    def introduce(self, entry: Entry, denied: AccessDenied) -> str:
        """Return what follows the sentence that tells the caller of *denied*."""
        return _INTRODUCTION + self.issue(entry, denied)

    def issue(self, entry: Entry, denied: AccessDenied) -> str:
        """Return the sealed receipt of *denied*: at most 10,240 characters of base64url."""
        parts = _write(entry, denied)
        sealed = self.keyring.seal(_join(parts, _find_size(parts, denied.decision)), _PLACE)
        return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")

    def open(self, message: str, account_id: str) -> Mapping[str, Any]:
        """Return what of the receipt *account_id* may read; raises ReceiptInvalid, also for a stranger's."""
        for part in self._unseal(message):
            if part.reader_id == account_id:
                told = msgspec.structs.asdict(part)
                return {"format": FORMAT} | {name: told[name] for name in told if name != "reader_id"}
        raise ReceiptInvalid("of another account")

    def _unseal(self, message: str) -> list[Part]:
        if len(message) > LONGEST:
            raise ReceiptInvalid("longer than a receipt")
        try:
            sealed = base64.b64decode(message + "=" * (-len(message) % 4), altchars=b"-_", validate=True)
            return _split(self.keyring.open_sealed(sealed, _PLACE))
        except (ValueError, binascii.Error, SealBroken, KeyUnknown, zlib.error, msgspec.DecodeError) as error:
            raise ReceiptInvalid(type(error).__name__) from None


def _write(entry: Entry, denied: AccessDenied) -> list[Part]:
    """Return the parts of a receipt: the caller's and, between two accounts, the owner's."""
    decision = denied.decision.as_record()
    whole = Part(
        reader_id=denied.caller.account_id,
        request_id=entry.request_id,
        at=entry.at.isoformat(timespec="seconds"),
        arn=denied.caller.arn,
        unique_id=denied.caller.unique_id if denied.caller.federated is None else denied.caller.userid,
        decision=decision,
    )
    if not entry.crosses_accounts:
        return [whole]
    callers, owners = (take_side(decision, is_owner=is_owner) for is_owner in (False, True))
    return [
        msgspec.structs.replace(whole, decision=callers),
        msgspec.structs.replace(whole, decision=owners, reader_id=entry.owner_account_id),
    ]


def _find_size(parts: list[Part], decision: Decision) -> int | None:
    """Return the bytes that each of *parts* takes; None: as many as it needs."""
    if Kind.TRUST in dict(decision.said):
        return _ROLE_SIZE // len(parts)
    return _SIDE_SIZE if len(parts) > 1 else None


def _join(parts: list[Part], size: int | None) -> bytes:
    """Return format, number of parts, and parts of one size: *size*, or the smallest that there is for what is told."""
    return bytes((FORMAT, len(parts))) + b"".join(_pack(part, size) for part in parts)


def _pack(part: Part, size: int | None) -> bytes:
    """Return *part* deflated, which says where it ends, and padded; what does not fit goes, the last reasons first."""
    packed = _compress(part)
    while len(packed) > (size or _LARGEST):
        part = msgspec.structs.replace(part, decision=_shorten(part.decision))
        packed = _compress(part)
    return packed.ljust(size or -(-len(packed) // _SIZE) * _SIZE, b"\0")


def _compress(part: Part) -> bytes:
    return zlib.compress(_encode(part), 9)


def _shorten(decision: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("conditions", "deciding", "silent"):
        if decision[name]:
            return {**decision, name: decision[name][:-1]}
    return {**decision, "resource": ""}  # a text of the caller's own, of any length


def _split(packed: bytes) -> list[Part]:
    form, count, parts = packed[0], packed[1], packed[2:]
    if form != FORMAT:
        raise ReceiptInvalid("of another format")
    size = len(parts) // count
    return [_unpack(parts[start : start + size]) for start in range(0, len(parts), size)]


def _unpack(packed: bytes) -> Part:
    inflate = zlib.decompressobj()
    text = inflate.decompress(packed, _LARGEST_OPENED)
    if not inflate.eof:
        raise zlib.error("it does not end")
    return _decode(text)
