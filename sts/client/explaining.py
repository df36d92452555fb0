"""Receipts of denials, opened by the service that made them."""

import json
import re
from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.session import Session

from sts.client.connection import Connection
from sts.errors import Malformed, Refusal, Unavailable

_RECEIPT = re.compile(r"[\w-]+=*", re.ASCII)  # base64url; the service judges the rest
_INTRODUCTION = "Encoded authorization failure message:"


def find_receipt(text: str) -> str:
    """Return the receipt in *text*, which may be the whole message that a client printed; raises Malformed for none."""
    receipt = text.rpartition(_INTRODUCTION)[2].strip()
    if not _RECEIPT.fullmatch(receipt):
        raise Malformed(f"The text holds no encoded message: give what follows “{_INTRODUCTION}” or the whole error")
    return receipt


def decode_message(connection: Connection, message: str) -> Mapping[str, Any]:
    """Return the receipt *message* as far as the caller's account may read it; raises Refusal kin."""
    client = Session().create_client(
        "sts",
        endpoint_url=connection.endpoint,
        region_name=connection.region,
        aws_access_key_id=connection.credentials.access_key,
        aws_secret_access_key=connection.credentials.secret_key,
        aws_session_token=connection.credentials.token,
        verify=connection.bundle,
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        decoded = client.decode_authorization_message(EncodedMessage=message)
    except ClientError as refused:
        error = refused.response["Error"]
        raise Refusal(f"{error['Code']}: {error['Message']}") from refused
    except BotoCoreError as fault:
        raise Unavailable(f"{connection.endpoint} does not answer: {fault}") from fault
    told: Mapping[str, Any] = json.loads(decoded["DecodedMessage"])["receipt"]
    return told
