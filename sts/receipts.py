"""Receipts of denials: sealed into the answer, opened by who may, so that an administrator learns why.

A receipt holds the decision with its reasons: the deciding policy and statement, the condition keys that it hung on,
what they were and what was wanted. Between two accounts each side reads what its own policies said, as in the record.

Sealed texts of one size: their length would else tell a stranger whether a role exists, or how much its trust policy
asks for.
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

FORMAT = 1
LONGEST = 10_240  # characters (STS API Reference, DecodeAuthorizationMessage)
_PLACE = b"denial-receipt"
_SIZE = 512  # bytes; between two accounts always twice as many
_SHARED_SIZE = 2 * _SIZE
_LARGEST = 7_168  # bytes: sealed and in base64 within the longest
_LARGEST_OPENED = 256 * 1024  # bytes that it may inflate to: only what was sealed here is inflated
_INTRODUCTION = " Encoded authorization failure message: "

_encode = msgspec.json.Encoder().encode


class Receipt(msgspec.Struct, frozen=True, kw_only=True):
    """A denial; *decision* is that of `Decision.as_record`, *owner_account_id* that of another account's resource.

    *crosses_accounts*: the resource is named in another account, whether or not it exists there.
    """

    format: int = FORMAT
    request_id: str
    at: str
    account_id: str
    arn: str
    unique_id: str
    owner_account_id: str | None
    crosses_accounts: bool
    decision: dict[str, Any]


_decode = msgspec.json.Decoder(Receipt).decode


@dataclass(frozen=True, slots=True)
class Receipts:
    """Makes receipts, and opens those that it made."""

    keyring: Keyring

    def introduce(self, entry: Entry, denied: AccessDenied) -> str:
        """Return what follows the sentence that tells the caller of *denied*."""
        return _INTRODUCTION + self.issue(entry, denied)

    def issue(self, entry: Entry, denied: AccessDenied) -> str:
        """Return the sealed receipt of *denied*: at most 10,240 characters of base64url."""
        sealed = self.keyring.seal(_pack(_write(entry, denied)), _PLACE)
        return base64.urlsafe_b64encode(sealed).decode("ascii").rstrip("=")

    def open(self, message: str, account_id: str) -> Mapping[str, Any]:
        """Return what of the receipt *account_id* may read; raises ReceiptInvalid, also for a stranger's."""
        receipt = self._unseal(message)
        is_caller = account_id == receipt.account_id
        if not (is_caller or account_id == receipt.owner_account_id):
            raise ReceiptInvalid("of another account")
        decision = receipt.decision
        if receipt.crosses_accounts:
            decision = dict(take_side(decision, is_owner=not is_caller))
        told = msgspec.structs.asdict(msgspec.structs.replace(receipt, decision=decision))
        return {name: told[name] for name in ("format", "request_id", "at", "arn", "unique_id", "decision")}

    def _unseal(self, message: str) -> Receipt:
        if len(message) > LONGEST:
            raise ReceiptInvalid("longer than a receipt")
        try:
            sealed = base64.b64decode(message + "=" * (-len(message) % 4), altchars=b"-_", validate=True)
            return _unpack(self.keyring.open_sealed(sealed, _PLACE))
        except (ValueError, binascii.Error, SealBroken, KeyUnknown, zlib.error, msgspec.DecodeError) as error:
            raise ReceiptInvalid(type(error).__name__) from None


def _write(entry: Entry, denied: AccessDenied) -> Receipt:
    return Receipt(
        request_id=entry.request_id,
        at=entry.at.isoformat(timespec="seconds"),
        account_id=denied.caller.account_id,
        arn=denied.caller.arn,
        unique_id=denied.caller.unique_id,
        owner_account_id=entry.owner_account_id,
        crosses_accounts=entry.crosses_accounts,
        decision=denied.decision.as_record(),
    )


def _pack(receipt: Receipt) -> bytes:
    """Return *receipt* in one of few sizes; what does not fit goes without the last of its reasons."""
    largest = _SHARED_SIZE if receipt.crosses_accounts else _LARGEST
    packed = _compress(receipt)
    while len(packed) > largest:
        receipt = msgspec.structs.replace(receipt, decision=_shorten(receipt.decision))
        packed = _compress(receipt)
    size = _SHARED_SIZE if receipt.crosses_accounts else -(-len(packed) // _SIZE) * _SIZE
    return packed.ljust(size, b"\0")  # a deflated stream says where it ends


def _compress(receipt: Receipt) -> bytes:
    return zlib.compress(_encode(receipt), 9)


def _shorten(decision: Mapping[str, Any]) -> dict[str, Any]:
    for part in ("conditions", "deciding"):
        if decision[part]:
            return {**decision, part: decision[part][:-1]}
    return {**decision, "resource": ""}  # a text of the caller's own, of any length


def _unpack(packed: bytes) -> Receipt:
    inflate = zlib.decompressobj()
    text = inflate.decompress(packed, _LARGEST_OPENED)
    if not inflate.eof:
        raise zlib.error("it does not end")
    receipt = _decode(text)
    if receipt.format != FORMAT:
        raise ReceiptInvalid("of a later format")
    return receipt
