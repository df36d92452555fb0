"""What a person reads of an audit record, on one line."""

from collections.abc import Mapping
from typing import Any

COLUMNS = ("time", "event", "principal", "action", "resource", "reason", "address")
_REFUSED = ".refused"
_WORDS = {"explicitDeny": "explicit deny", "implicitDeny": "no allow"}


def is_refused(record: Mapping[str, Any]) -> bool:
    """Say whether the record is of something that was answered with a refusal."""
    return str(record.get("event")).endswith(_REFUSED)


def summarize(record: Mapping[str, Any]) -> tuple[object, ...]:
    """Return what the COLUMNS are of; None for what the record does not say.

    Of several actions it is the one that was not allowed, else the first. The reason is which kind of policy stood in
    the way and how (`identity: no allow`, `trust: explicit deny`), else the error's code, and what the caller was not
    told beside it.
    """
    blocking = next((each for each in record.get("decisions") or () if each.get("outcome") != "allowed"), None)
    asked = (
        (blocking["action"], blocking["resource"]) if blocking else next(iter(record.get("pairs") or ()), (None, None))
    )
    principal = record.get("principal") or {}
    return (
        record.get("at"),
        record.get("event"),
        principal.get("arn"),
        *asked,
        _find_reason(record, blocking),
        record.get("address") or None,
    )


def _find_reason(record: Mapping[str, Any], blocking: Mapping[str, Any] | None) -> object:
    if blocking is None or blocking.get("blocked_by") is None:
        return ": ".join(str(each) for each in (record.get("error"), record.get("detail")) if each) or None
    kind, outcome = blocking["blocked_by"], blocking["outcome"]
    said = blocking.get("said", {}).get(kind, outcome)
    return f"{kind}: {_WORDS.get(said, said)}"
