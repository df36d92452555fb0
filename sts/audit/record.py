"""A record: what it says, and how it is bound to the one before it.

The body is JSON, written once and never parsed to be checked: the MAC, under the keyring's audit key, is over stream,
sequence, the predecessor's MAC and the body's own bytes.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import msgspec

from sts.audit.events import Event, Outcome
from sts.model import Caller

FORMAT = 1
LABEL = b"audit-record"
_LONGEST_VALUE = 12_288  # characters of a text that are kept: the largest policy document fits
_LONGEST_AGENT = 512
_CALLERS_SIDE = frozenset({"identity", "boundary", "session"})
_OWNERS_SIDE = frozenset({"resource", "trust"})

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
    made: Mapping[str, str] = field(default_factory=dict)  # identifiers of what came into being; no secrets
    owner_account_id: str | None = None  # of the resource, where it is another account's and exists
    crosses_accounts: bool = False  # the resource is named in another account, whether or not it exists
    outcome: Outcome = Outcome.FAILED
    error: str | None = None
    detail: str | None = None

    def get_caller(self) -> Caller:
        """Return the proven caller; raises LookupError when none was proven yet."""
        if self.caller is None:
            raise LookupError("no caller was proven")
        return self.caller


def accounts_of(entry: Entry) -> tuple[str | None, ...]:
    """Return the accounts that *entry* is filed under: the caller's, then the owner's of another account's resource."""
    own = entry.caller.account_id if entry.caller is not None else _account_in(entry.claimed)
    if entry.owner_account_id is None or entry.owner_account_id == own:
        return (own,)
    return own, entry.owner_account_id


def principal_of(arn: str) -> str:
    """Return what the records of the principal *arn* are found under: of a role's session what all of them share."""
    kind, _, name = arn.partition(":assumed-role/")
    return f"{kind}:assumed-role/{name.partition('/')[0]}" if name else arn


def find_principal(entry: Entry) -> str | None:
    """Return what the record of *entry* is found under, None where it says nobody."""
    arn = entry.claimed if entry.caller is None else entry.caller.arn
    return None if arn is None else principal_of(arn)


def render_body(entry: Entry, stream: str, sequence: int, account_id: str | None) -> bytes:
    """Return the body of the record of *entry* at its place, as *account_id* may read it: one JSON object.

    Between two accounts each side reads what its own policies said: a caller must not learn from its records what a
    role's trust policy asks for, nor whether the role exists, nor the role's owner what the caller's policies say.
    """
    is_shared = entry.crosses_accounts
    is_owner = is_shared and entry.caller is not None and account_id != entry.caller.account_id
    body: dict[str, Any] = {
        "format": FORMAT,
        "stream": stream,
        "sequence": sequence,
        "at": entry.at,
        "request_id": entry.request_id,
        "event": f"{entry.event}.{entry.outcome}",
        "operation": entry.operation,
        "account_id": account_id,
        "principal": _principal(entry),
        "pairs": entry.pairs,
        "decisions": _decisions(entry, is_shared=is_shared, is_owner=is_owner),
        "error": entry.error,
        "detail": entry.detail,
        "address": entry.address,
        "user_agent": entry.user_agent[:_LONGEST_AGENT],
        "parameters": entry.parameters,
        "made": entry.made,
    }
    if entry.caller is not None and entry.caller.session is not None and not is_owner:
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
        **_federated(caller),
    }


def _federated(caller: Caller) -> dict[str, str]:
    """Return who came with a token; nothing of the token itself."""
    federated = caller.federated
    if federated is None:
        return {}
    return {"issuer": federated.issuer, "subject": federated.subject, "audience": federated.audience}


def _decisions(entry: Entry, *, is_shared: bool, is_owner: bool) -> list[Mapping[str, Any]]:
    if not is_shared:
        return list(entry.decisions)
    return [take_side(decision, is_owner=is_owner) for decision in entry.decisions]


def take_side(decision: Mapping[str, Any], *, is_owner: bool) -> Mapping[str, Any]:
    """Return what of *decision* the owner's or the caller's policies said, so that nothing depends on the others'.

    What stood in the way of the request the caller was told: one of its own kinds or, where they all allow, that the
    owner's does not. The owner reads whether its own did.
    """
    kinds = _OWNERS_SIDE if is_owner else _CALLERS_SIDE
    said = {kind: outcome for kind, outcome in decision["said"].items() if kind in kinds}
    denied = "explicitDeny" in said.values()
    cited = [reference for reference in decision["deciding"] if reference["kind"] in kinds]
    reports = [report for report in decision["conditions"] if report["statement"]["kind"] in kinds]
    silent = [silence for silence in decision["silent"] if silence["kind"] in kinds]
    is_allowed = decision["outcome"] == "allowed"
    blocking = (kind for kind, each in said.items() if each != "allowed")
    return {
        "outcome": "allowed" if is_allowed else "explicitDeny" if denied else "implicitDeny",
        "action": decision["action"],
        "resource": decision["resource"],
        "said": said,
        "deciding": cited if is_allowed or denied else [],
        "blocked_by": next(blocking, None) if is_owner else decision["blocked_by"],
        "silent": silent,
        "conditions": reports,
    }


def _account_in(arn: str | None) -> str | None:
    parts = (arn or "").split(":")
    return parts[4] if len(parts) > 4 and parts[4] else None  # noqa: PLR2004  the fifth segment of an ARN


def _session(caller: Caller) -> dict[str, Any]:
    session = caller.session
    assert session is not None  # noqa: S101  its only caller looked
    return {
        "session": {"jti": session.jti, "name": session.session_name, "source_identity": session.source_identity},
        "chain": [
            {"arn": hop.arn, "session_name": hop.session_name, "at": hop.at, "jti": hop.jti} for hop in session.chain
        ],
    }


def bind(stream: str, sequence: int, before: bytes, body: bytes) -> bytes:
    """Return the bytes that a record's MAC is made over: each part preceded by its length."""
    parts = (stream.encode("ascii"), sequence.to_bytes(8, "big"), before, body)
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def shorten(value: Any) -> Any:
    """Return *value* fit for a record: long texts are cut, and say by how much and what the whole was."""
    if isinstance(value, str):
        cut = len(value) - _LONGEST_VALUE
        return value if cut <= 0 else f"{value[:_LONGEST_VALUE]}… and {cut} characters more, SHA-256 {_digest(value)}"
    if isinstance(value, list | tuple):
        return [shorten(item) for item in value]
    if isinstance(value, dict):
        return {key: shorten(item) for key, item in value.items()}
    return value


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
