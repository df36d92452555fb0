"""Receipts of denials, opened by the service that made them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from sts.client.calls import call_sts
from sts.client.connection import RECEIPT_INTRODUCTION, Connection
from sts.errors import Malformed

_RECEIPT = re.compile(r"[\w-]+=*", re.ASCII)  # base64url; the service judges the rest


def find_receipt(text: str) -> str:
    """Return the receipt in *text*, which may be the whole message that a client printed; raises Malformed for none."""
    receipt = text.rpartition(RECEIPT_INTRODUCTION)[2].strip()
    if not _RECEIPT.fullmatch(receipt):
        raise Malformed(
            f"The text holds no encoded message: give what follows “{RECEIPT_INTRODUCTION}” or the whole error"
        )
    return receipt


def decode_message(connection: Connection, message: str) -> Mapping[str, Any]:
    """Return the receipt *message* as far as the caller's account may read it; raises Refusal kin."""
    decoded = call_sts(connection, "decode_authorization_message", {"EncodedMessage": message})
    told: Mapping[str, Any] = json.loads(decoded["DecodedMessage"])["receipt"]
    return told
