"""The policies that users, groups and roles bear: attached and inline, read together."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, CompoundSelect, Connection, bindparam, null, select, union_all

from sts.arn import iam_arn
from sts.store.columns import fill_up
from sts.store.tables import attachment, inline_policy, membership, policy, policy_version, role, user
from sts.store.versions import Change

_NOUNS = {"AIDA": "user", "AGPA": "group", "AROA": "role"}
_USERS, _ROLES = "user_ids", "role_ids"  # parameters


@dataclass(frozen=True, slots=True)
class Held:
    """Names and texts of policies, and what they depend on."""

    policies: tuple[tuple[str, str], ...]
    depends: frozenset[Change]


def find_held(connection: Connection, user_ids: Collection[str], role_ids: Collection[str]) -> Mapping[str, Held]:
    """Return, by unique id, the policies that these users bear, themselves and through their groups, and these roles.

    One statement, however many they are; who is not there holds nothing.
    """
    names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    depends: defaultdict[str, set[Change]] = defaultdict(set)
    whose = {_USERS: fill_up(user_ids), _ROLES: fill_up(role_ids)}
    for row in connection.execute(_select_held(), whose):
        depends[row.holder_id].add(Change(_NOUNS[row.bearer_id[:4]], row.bearer_id))
        if row.policy_id is not None:
            depends[row.holder_id].add(Change("policy", row.policy_id))
            names[row.holder_id].add((iam_arn(row.account_id, f"policy{row.path}{row.name}"), row.document))
        elif row.document is not None:
            names[row.holder_id].add((f"inline {row.name} of {row.bearer_id}", row.document))
    return {holder: Held(tuple(sorted(names[holder])), frozenset(depends[holder])) for holder in depends}


@cache  # built for each reading, it would cost more than the reading
def _select_held() -> CompoundSelect[Any]:
    """Return the query for attached policies, then inline ones, then the bearers themselves, which may have none."""
    bearing = _select_bearing().cte("bearing")
    who = bearing.c.holder_id, bearing.c.bearer_id
    attached = (
        select(*who, policy.c.policy_id, policy.c.account_id, policy.c.path, policy.c.name, policy_version.c.document)
        .join(attachment, attachment.c.bearer_id == bearing.c.bearer_id)
        .join(policy, policy.c.policy_id == attachment.c.policy_id)
        .join(
            policy_version,
            (policy_version.c.policy_id == policy.c.policy_id) & (policy_version.c.number == policy.c.default_version),
        )
    )
    inline = select(*who, null(), null(), null(), inline_policy.c.name, inline_policy.c.document).join(
        inline_policy, inline_policy.c.bearer_id == bearing.c.bearer_id
    )
    return union_all(attached, inline, select(*who, null(), null(), null(), null(), null()))


def _select_bearing() -> CompoundSelect[Any]:
    """Return the query for pairs of who holds policies and who bears them: oneself, or a group that one is in."""
    holder, bearer = "holder_id", "bearer_id"
    user_ids: BindParameter[str] = bindparam(_USERS, expanding=True)
    role_ids: BindParameter[str] = bindparam(_ROLES, expanding=True)
    return union_all(
        select(user.c.unique_id.label(holder), user.c.unique_id.label(bearer)).where(user.c.unique_id.in_(user_ids)),
        select(membership.c.user_id, membership.c.group_id).where(membership.c.user_id.in_(user_ids)),
        select(role.c.unique_id, role.c.unique_id).where(role.c.unique_id.in_(role_ids)),
    )
