"""Roles: the queries. A name is found exactly as it is written, and is unique ignoring case."""

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sts.model import Role
from sts.store.columns import is_among, share
from sts.store.database import from_microseconds, to_microseconds
from sts.store.locks import lock_uses
from sts.store.tables import account, role, role_use


def find_role(connection: Connection, account_id: str, name: str) -> Role | None:
    """Return the role called exactly *name*."""
    namesake = find_role_ignoring_case(connection, account_id, name)
    return namesake if namesake is not None and namesake.name == name else None


def find_role_ignoring_case(connection: Connection, account_id: str, name: str) -> Role | None:
    """Return the role whose name is *name* in any case: the one that stands in the way of another of that name."""
    query = select(role).where(role.c.account_id == account_id, role.c.name_key == name.lower())
    row = connection.execute(query).one_or_none()
    return None if row is None else read_role(row)


def find_role_by_id(connection: Connection, unique_id: str) -> Role | None:
    """Return the role of this unique id, whatever its account."""
    row = connection.execute(select(role).where(role.c.unique_id == unique_id)).one_or_none()
    return None if row is None else read_role(row)


def find_roles_by_id(connection: Connection, unique_ids: Collection[str]) -> tuple[tuple[Role, bool], ...]:
    """Return those of these roles that are there, and whether each is enabled together with its account."""
    query = select(role, account.c.enabled.label("account_enabled")).join(account)
    rows = connection.execute(query.where(is_among(role.c.unique_id, unique_ids)))
    return tuple((read_role(row), row.enabled and row.account_enabled) for row in rows)


def list_roles(
    connection: Connection, account_id: str, path_prefix: str, after: str | None, limit: int
) -> tuple[Role, ...]:
    """Return at most *limit* roles whose path begins with *path_prefix*, by name, from behind the name *after* on."""
    query = select(role).where(
        role.c.account_id == account_id, func.substr(role.c.path, 1, len(path_prefix)) == path_prefix
    )
    if after is not None:
        query = query.where(role.c.name_key > after.lower())
    return tuple(read_role(row) for row in connection.execute(query.order_by(role.c.name_key).limit(limit)))


def count_roles(connection: Connection, account_id: str) -> int:
    """Return how many roles the account has."""
    query = select(func.count()).select_from(role).where(role.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def insert_role(connection: Connection, new: Role) -> None:
    """Keep a new role."""
    connection.execute(insert(role).values(unique_id=new.unique_id, account_id=new.account_id, **_to_columns(new)))


def update_role(connection: Connection, changed: Role) -> None:
    """Keep what is now said of a role that is already there."""
    connection.execute(update(role).where(role.c.unique_id == changed.unique_id).values(_to_columns(changed)))


def delete_role(connection: Connection, unique_id: str) -> None:
    """Forget the role and when it was last used."""
    lock_uses(connection, alone=True)
    connection.execute(delete(role_use).where(role_use.c.role_id == unique_id))
    connection.execute(delete(role).where(role.c.unique_id == unique_id))


def find_role_uses(connection: Connection, role_ids: Collection[str]) -> Mapping[str, tuple[datetime, str]]:
    """Return when and in which region each of these roles was last used; one that never was is not there."""
    rows = connection.execute(select(role_use).where(is_among(role_use.c.role_id, role_ids))) if role_ids else ()
    return {row.role_id: (from_microseconds(row.used_at), row.region) for row in rows}


def _to_columns(noun: Role) -> dict[str, Any]:
    return {
        "name": noun.name,
        "name_key": noun.name.lower(),
        "path": noun.path,
        "description": noun.description,
        "trust_policy": noun.trust_policy,
        "max_session_seconds": int(noun.max_session_duration.total_seconds()),
        "enabled": noun.enabled,
        "created_at": to_microseconds(noun.created_at),
    }


def read_role(row: Row[Any]) -> Role:
    """Return the role that *row* of the table of roles says."""
    return Role(
        unique_id=row.unique_id,
        account_id=share(row.account_id),
        name=row.name,
        path=row.path,
        trust_policy=row.trust_policy,
        description=row.description,
        max_session_duration=timedelta(seconds=row.max_session_seconds),
        created_at=from_microseconds(row.created_at),
        enabled=bool(row.enabled),
    )
