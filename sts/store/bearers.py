"""What users, groups and roles bear: policies, attached and inline, boundaries and tags; read together."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    CompoundSelect,
    Connection,
    Label,
    Text,
    and_,
    bindparam,
    literal_column,
    null,
    select,
    union_all,
)

from sts.arn import iam_arn
from sts.store.columns import fill_up
from sts.store.tables import attachment, boundary, inline_policy, membership, policy, policy_version, role, tag, user
from sts.store.versions import Change
from sts.tags import Tags

_USERS, _ROLES = "user_ids", "role_ids"  # parameters
# What a row tells of.
_ATTACHED, _BOUNDARY, _INLINE, _TAG, _ITSELF = "attached", "boundary", "inline", "tag", "itself"


@dataclass(frozen=True, slots=True)
class Held:
    """Names and texts of policies and of the boundary, tags by key, and what all depends on beside who holds it."""

    policies: tuple[tuple[str, str], ...]
    boundary: tuple[str, str] | None
    tags: Tags
    depends: tuple[Change, ...]


def find_held(connection: Connection, user_ids: Collection[str], role_ids: Collection[str]) -> Mapping[str, Held]:
    """Return, by unique id, what these users bear, themselves and through their groups, and these roles.

    One statement, however many they are; who is not there holds nothing.
    """
    names: defaultdict[str, set[tuple[str, str]]] = defaultdict(set)
    depends: defaultdict[str, set[Change]] = defaultdict(set)
    boundaries: dict[str, tuple[str, str]] = {}
    tags: defaultdict[str, dict[str, str]] = defaultdict(dict)
    whose = {_USERS: fill_up(user_ids), _ROLES: fill_up(role_ids)}
    for row in connection.execute(_select_held(), whose):
        held = depends[row.holder_id]
        if row.bearer_id != row.holder_id:
            held.add(Change("group", row.bearer_id))
        if row.policy_id is not None:
            held.add(Change("policy", row.policy_id))
        if row.kind == _ATTACHED:
            names[row.holder_id].add((iam_arn(row.account_id, f"policy{row.path}{row.name}"), row.document))
        elif row.kind == _BOUNDARY:
            boundaries[row.holder_id] = iam_arn(row.account_id, f"policy{row.path}{row.name}"), row.document
        elif row.kind == _INLINE:
            names[row.holder_id].add((f"inline {row.name} of {row.bearer_id}", row.document))
        elif row.kind == _TAG:
            tags[row.holder_id][row.name] = row.document
    return {
        holder: Held(tuple(sorted(names[holder])), boundaries.get(holder), tags[holder], tuple(depends[holder]))
        for holder in depends
    }


@cache  # built for each reading, it would cost more than the reading
def _select_held() -> CompoundSelect[Any]:
    """Return the query for all that is borne, and for the bearers themselves, which may bear nothing."""
    bearing = _select_bearing().cte("bearing")
    who = bearing.c.holder_id, bearing.c.bearer_id
    from_policy = policy.c.policy_id, policy.c.account_id, policy.c.path, policy.c.name, policy_version.c.document
    default_version = and_(
        policy_version.c.policy_id == policy.c.policy_id, policy_version.c.number == policy.c.default_version
    )
    no_policy = null(), null(), null()
    return union_all(
        *(
            select(*who, _kind(kind), *from_policy)
            .join(use, use.c.bearer_id == bearing.c.bearer_id)
            .join(policy, policy.c.policy_id == use.c.policy_id)
            .join(policy_version, default_version)
            for kind, use in ((_ATTACHED, attachment), (_BOUNDARY, boundary))
        ),
        select(*who, _kind(_INLINE), *no_policy, inline_policy.c.name, inline_policy.c.document).join(
            inline_policy, inline_policy.c.bearer_id == bearing.c.bearer_id
        ),
        select(*who, _kind(_TAG), *no_policy, tag.c.key, tag.c.value).join(tag, tag.c.bearer_id == bearing.c.bearer_id),
        select(*who, _kind(_ITSELF), *no_policy, null(), null()),
    )


def _kind(name: str) -> Label[str]:
    return literal_column(f"'{name}'", Text).label("kind")


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
