"""A record: what it says, and how it is bound to the one before it.

The body is JSON, written once and never parsed to be checked: the MAC, under the keyring's audit key, is over stream,
sequence, the predecessor's MAC and the body's own bytes.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sts.audit.events import Event, Outcome
from sts.model import Caller

FORMAT = 1
LABEL = b"audit-record"
_LONGEST_VALUE = 512  # characters of a parameter's value that are kept

_encode = msgspec.json.Encoder().encode


@dataclass(slots=True, kw_only=True)
class Entry:
    """A request on its way to its record; the front fills in what it learns, step by step."""

    request_id: str
    at: datetime
    address: str
    user_agent: str
    event: Event = Event.REQUEST_REFUSE
    operation: str | None = None
    caller: Caller | None = None
    claimed: str | None = None  # the ARN of a known principal whose proof failed
    region: str = ""
    service: str = ""
    pairs: tuple[tuple[str, str], ...] = ()
    decisions: tuple[Mapping[str, Any], ...] = ()
    parameters: Mapping[str, Any] = field(default_factory=dict)
    outcome: Outcome = Outcome.FAILED
    error: str | None = None
    detail: str | None = None

    def get_caller(self) -> Caller:
        """Return the proven caller; raises LookupError when none was proven yet."""
        if self.caller is None:
            raise LookupError("no caller was proven")
        return self.caller


def render_body(entry: Entry, stream: str, sequence: int) -> bytes:
    """Return the body of the record of *entry* at its place: one JSON object."""
    body: dict[str, Any] = {
        "format": FORMAT,
        "stream": stream,
        "sequence": sequence,
        "at": entry.at,
        "request_id": entry.request_id,
        "event": f"{entry.event}.{entry.outcome}",
        "operation": entry.operation,
        "principal": _principal(entry),
        "pairs": entry.pairs,
        "decisions": entry.decisions,
        "error": entry.error,
        "detail": entry.detail,
        "address": entry.address,
        "user_agent": entry.user_agent[:_LONGEST_VALUE],
        "parameters": entry.parameters,
    }
    if entry.caller is not None and entry.caller.session is not None:
        body |= _session(entry.caller)
    return _encode(body)


def _principal(entry: Entry) -> dict[str, Any] | None:
    caller = entry.caller
    if caller is None:
        return None if entry.claimed is None else {"arn": entry.claimed, "proven": False}
    return {
        "arn": caller.arn,
        "type": caller.kind,
        "unique_id": caller.unique_id,
        "account_id": caller.account_id,
        "access_key_id": caller.access_key_id,
        "proven": True,
    }


def _session(caller: Caller) -> dict[str, Any]:
    session = caller.session
    assert session is not None  # noqa: S101  its only caller looked
    return {
        "session": {"jti": session.jti, "name": session.session_name, "source_identity": None},
        "chain": [
            {"arn": hop.arn, "session_name": hop.session_name, "at": hop.at, "jti": hop.jti} for hop in session.chain
        ],
    }


def bind(stream: str, sequence: int, before: bytes, body: bytes) -> bytes:
    """Return the bytes that a record's MAC is made over: each part preceded by its length."""
    parts = (stream.encode("ascii"), sequence.to_bytes(8, "big"), before, body)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def shorten(value: Any) -> Any:
    """Return *value* fit for a record: long texts are cut, and say by how much."""
    if isinstance(value, str):
        cut = len(value) - _LONGEST_VALUE
        return value if cut <= 0 else f"{value[:_LONGEST_VALUE]}… and {cut} characters more"
    if isinstance(value, list | tuple):
        return [shorten(item) for item in value]
    if isinstance(value, dict):
        return {key: shorten(item) for key, item in value.items()}
    return value
