"""Trust policies: kept with principals by unique id, shown with their ARNs (IAM User Guide, "Principal").

A name that is deleted and given anew is someone else, who must not inherit the trust. So a user, role or session that a
caller names is resolved when the policy is saved, and shown as an ARN for as long as its bearer exists; after that the
bare unique id is shown, which names nobody.
"""

import re
from collections.abc import Sequence

from sqlalchemy import Connection

from sts.arn import ARN, iam_arn, parse_arn, session_arn
from sts.errors import PolicyMalformed
from sts.policy.document import Kind, parse_document, principals_of, replace_principals
from sts.store.accounts import find_account
from sts.store.roles import find_role
from sts.store.trust import find_arns
from sts.store.users import find_user

_EVERYONE = "*"
_SESSION = re.compile(r"assumed-role/(?P<role>[^/]+)/(?P<name>[^/]+)")


def resolve_trust(connection: Connection, document: str) -> str:
    """Return the form in which the trust policy *document* is kept.

    Raises PolicyMalformed when it breaks the grammar, or names an account, user or role that does not exist.
    """
    parse_document(document, Kind.TRUST)
    return replace_principals(document, {name: _resolve(connection, name) for name in principals_of(document)})


def show_trust(connection: Connection, kept: str) -> str:
    """Return the kept trust policy with ARNs in place of the unique ids that someone bears."""
    return show_trusts(connection, (kept,))[0]


def show_trusts(connection: Connection, kept: Sequence[str]) -> tuple[str, ...]:
    """Do what `show_trust` does, for many at once."""
    names = {name for document in kept for name in principals_of(document)}
    arns = find_arns(connection, {name.partition(":")[0] for name in names if _is_unique_id(name)})
    shown = {name: _show(name, arns) for name in names}
    return tuple(replace_principals(document, shown) for document in kept)


def _is_unique_id(name: str) -> bool:
    return name.startswith(("AIDA", "AROA"))


def _show(name: str, arns: dict[str, str]) -> str:
    unique_id, _, session_name = name.partition(":")
    arn = arns.get(unique_id)
    if arn is None:
        return name
    bearer = parse_arn(arn)
    return session_arn(bearer.account_id, bearer.resource.rsplit("/", 1)[-1], session_name) if session_name else arn


def _resolve(connection: Connection, name: str) -> str:
    resolved = _find_principal(connection, name)
    if resolved is None:
        raise PolicyMalformed(f'Invalid principal in policy: "AWS":"{name}"')
    return resolved


def _find_principal(connection: Connection, name: str) -> str | None:
    if name == _EVERYONE:
        return name
    if _is_unique_id(name):
        return name if find_arns(connection, (name.partition(":")[0],)) else None
    if not name.startswith("arn:"):
        return _find_root(connection, name)
    arn = parse_arn(name)
    if arn.resource == "root":
        return _find_root(connection, arn.account_id)
    return _find_session(connection, arn) if arn.service == "sts" else _find_bearer(connection, arn)


def _find_root(connection: Connection, account_id: str) -> str | None:
    return iam_arn(account_id, "root") if find_account(connection, account_id) else None


def _find_bearer(connection: Connection, arn: ARN) -> str | None:
    find = find_user if arn.resource.startswith("user/") else find_role
    found = find(connection, arn.account_id, arn.resource.rsplit("/", 1)[-1])
    return found.unique_id if found is not None and found.arn == str(arn) else None


def _find_session(connection: Connection, arn: ARN) -> str | None:
    session = _SESSION.fullmatch(arn.resource)
    role = find_role(connection, arn.account_id, session["role"]) if session else None
    return f"{role.unique_id}:{session['name']}" if session and role is not None else None
