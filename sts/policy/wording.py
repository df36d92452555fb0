"""Whom a trust policy lets assume its role, in words for a person; what decides is `evaluate` alone.

It says what each statement says, one at a time. A Deny in one of them may take away what another gives.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any

_EVERYONE = "everybody, in every account and outside all of them"


def describe_trust(shown: str) -> tuple[str, ...]:
    """Return a sentence for each statement of the trust policy *shown*, which is in the grammar."""
    listed = json.loads(shown)["Statement"]
    return tuple(map(_describe, listed if isinstance(listed, list) else [listed]))


def _describe(statement: Mapping[str, Any]) -> str:
    verb = "Allows" if statement["Effect"] == "Allow" else "Denies"
    whom = ", ".join(_describe_principals(statement["Principal"]))
    actions = ", ".join(_list(statement["Action"]))
    conditions = ", ".join(key for keys in statement.get("Condition", {}).values() for key in keys)
    return f"{verb} {actions} to {whom}" + (f", under conditions on {conditions}." if conditions else ".")


def _describe_principals(principal: str | Mapping[str, Any]) -> Iterator[str]:
    members = {"AWS": principal} if isinstance(principal, str) else principal
    for name in _list(members.get("AWS", ())):
        yield _describe_name(name)
    for name in _list(members.get("Service", ())):
        yield f"the service {name}"
    for name in _list(members.get("Federated", ())):
        yield f"whoever has signed in with {name}"


def _describe_name(name: str) -> str:
    if name == "*":
        return _EVERYONE
    if name.isdigit() or name.endswith(":root"):
        account_id = name if name.isdigit() else name.split(":")[4]
        return f"whom the account {account_id} lets"
    if name.startswith(("AIDA", "AROA")):
        return f"nobody any more ({name} was deleted)"
    resource = name.split(":", 5)[5]
    kind, _, rest = resource.partition("/")
    return f"the {kind.replace('assumed-role', 'role session').replace('-', ' ')} {rest} ({name})"


def _list(value: Any) -> tuple[str, ...]:
    return (value,) if isinstance(value, str) else tuple(value)
