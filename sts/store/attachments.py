"""Queries about managed policies attached to users, groups and roles."""

from collections.abc import Collection
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Any, NamedTuple

from sqlalchemy import Connection, Select, Table, delete, func, insert, literal, select, union

from sts.model import Policy
from sts.store.database import to_microseconds
from sts.store.policies import fetch_policies, select_policies
from sts.store.tables import attachment, boundary, group, policy, role, user


class BearerKind(StrEnum):
    """What can bear policies."""

    USER = "user"
    GROUP = "group"
    ROLE = "role"


class Usage(StrEnum):
    """How a managed policy is used."""

    PERMISSIONS = "permissions"
    BOUNDARY = "boundary"


_USAGES = MappingProxyType({Usage.PERMISSIONS: attachment, Usage.BOUNDARY: boundary})


class BearerName(NamedTuple):
    """What a list of a policy's bearers says of each."""

    kind: BearerKind
    unique_id: str
    name: str


def is_attached(connection: Connection, bearer_id: str, policy_id: str) -> bool:
    """Say whether the policy is attached to the bearer."""
    query = select(attachment.c.policy_id).where(
        attachment.c.bearer_id == bearer_id, attachment.c.policy_id == policy_id
    )
    return connection.execute(query).one_or_none() is not None


def list_attached_policies(
    connection: Connection, viewer: str, bearer_id: str, path_prefix: str, *, after: str | None, limit: int
) -> tuple[Policy, ...]:
    """Return at most *limit* policies attached to the bearer, by name, from behind the position *after* on.

    Their attachments in the account *viewer* are counted.
    """
    query = (
        select_policies(viewer)
        .join(attachment, attachment.c.policy_id == policy.c.policy_id)
        .where(attachment.c.bearer_id == bearer_id)
    )
    return fetch_policies(connection, query, path_prefix, after, limit)


def list_bearers(
    connection: Connection,
    policy_id: str,
    account_id: str,
    kinds: tuple[BearerKind, ...],
    path_prefix: str,
    *,
    usages: Collection[Usage],
    after: str | None,
    limit: int,
) -> tuple[BearerName, ...]:
    """Return at most *limit* users, groups and roles of the account that use the policy in one of these ways.

    They come by unique id, from behind the unique id *after* on; *kinds* and *path_prefix* narrow them.
    """
    chosen = [
        _select_bearers(kind, table, use, path_prefix).where(
            use.c.policy_id == policy_id, use.c.account_id == account_id
        )
        for kind, table in ((BearerKind.USER, user), (BearerKind.GROUP, group), (BearerKind.ROLE, role))
        for use in map(_USAGES.__getitem__, usages)
        if kind in kinds
    ]
    if not chosen:
        return ()
    bearer = union(*chosen).subquery()
    query = select(bearer)
    if after is not None:
        query = query.where(bearer.c.unique_id > after)
    rows = connection.execute(query.order_by(bearer.c.unique_id).limit(limit))
    return tuple(BearerName(BearerKind(row.kind), row.unique_id, row.name) for row in rows)


def count_attached_policies(connection: Connection, bearer_id: str) -> int:
    """Return how many policies are attached to the bearer."""
    query = select(func.count()).select_from(attachment).where(attachment.c.bearer_id == bearer_id)
    return connection.execute(query).scalar_one()


def count_attachments(connection: Connection, policy_id: str) -> int:
    """Return how often the policy is attached, in whatever account."""
    query = select(func.count()).select_from(attachment).where(attachment.c.policy_id == policy_id)
    return connection.execute(query).scalar_one()


def insert_attachment(connection: Connection, bearer_id: str, policy_id: str, account_id: str, at: datetime) -> None:
    """Attach the policy to the bearer, which belongs to the account *account_id*."""
    connection.execute(
        insert(attachment).values(
            bearer_id=bearer_id, policy_id=policy_id, account_id=account_id, attached_at=to_microseconds(at)
        )
    )


def delete_attachment(connection: Connection, bearer_id: str, policy_id: str) -> bool:
    """Detach the policy from the bearer; False: it was not attached."""
    gone = connection.execute(
        delete(attachment).where(attachment.c.bearer_id == bearer_id, attachment.c.policy_id == policy_id)
    )
    return gone.rowcount == 1


def _select_bearers(kind: BearerKind, table: Table, use: Table, path_prefix: str) -> Select[Any]:
    return (
        select(literal(kind.value).label("kind"), table.c.unique_id, table.c.name)
        .join(use, use.c.bearer_id == table.c.unique_id)
        .where(func.substr(table.c.path, 1, len(path_prefix)) == path_prefix)
    )
