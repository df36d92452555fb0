"""Instance profiles: the queries. A name is found exactly as it is written, and is unique ignoring case."""

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sts.model import InstanceProfile
from sts.store.columns import is_among
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import instance_profile as table


def find_instance_profile(connection: Connection, account_id: str, name: str) -> InstanceProfile | None:
    """Return the instance profile called exactly *name*."""
    namesake = find_instance_profile_ignoring_case(connection, account_id, name)
    return namesake if namesake is not None and namesake.name == name else None


def find_instance_profile_ignoring_case(connection: Connection, account_id: str, name: str) -> InstanceProfile | None:
    """Return the instance profile whose name is *name* in any case."""
    query = select(table).where(table.c.account_id == account_id, table.c.name_key == name.lower())
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_profile(row)


def list_instance_profiles(
    connection: Connection, account_id: str, path_prefix: str, after: str | None, limit: int
) -> tuple[InstanceProfile, ...]:
    """Return at most *limit* instance profiles under *path_prefix*, by name, from behind the name *after* on."""
    query = select(table).where(
        table.c.account_id == account_id, func.substr(table.c.path, 1, len(path_prefix)) == path_prefix
    )
    if after is not None:
        query = query.where(table.c.name_key > after.lower())
    return tuple(_to_profile(row) for row in connection.execute(query.order_by(table.c.name_key).limit(limit)))


def list_instance_profiles_of(
    connection: Connection, role_id: str, after: str | None, limit: int
) -> tuple[InstanceProfile, ...]:
    """Return at most *limit* instance profiles that hold the role, by name, from behind the name *after* on."""
    query = select(table).where(table.c.role_id == role_id)
    if after is not None:
        query = query.where(table.c.name_key > after.lower())
    return tuple(_to_profile(row) for row in connection.execute(query.order_by(table.c.name_key).limit(limit)))


def find_instance_profiles_of(
    connection: Connection, role_ids: Collection[str]
) -> Mapping[str, Sequence[InstanceProfile]]:
    """Return, by the role's unique id, the instance profiles that hold each of these roles, by name."""
    found: dict[str, list[InstanceProfile]] = {}
    query = select(table).where(is_among(table.c.role_id, role_ids)).order_by(table.c.name_key)
    for row in connection.execute(query) if role_ids else ():
        found.setdefault(row.role_id, []).append(_to_profile(row))
    return found


def count_instance_profiles(connection: Connection, account_id: str) -> int:
    """Return how many instance profiles the account has."""
    query = select(func.count()).select_from(table).where(table.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def insert_instance_profile(connection: Connection, new: InstanceProfile) -> None:
    """Keep a new instance profile."""
    connection.execute(
        insert(table).values(
            unique_id=new.unique_id,
            account_id=new.account_id,
            name=new.name,
            name_key=new.name.lower(),
            path=new.path,
            role_id=new.role_id,
            created_at=to_microseconds(new.created_at),
        )
    )


def put_role(connection: Connection, unique_id: str, role_id: str | None) -> None:
    """Make the role the one that the instance profile holds; None: it holds none."""
    connection.execute(update(table).where(table.c.unique_id == unique_id).values(role_id=role_id))


def delete_instance_profile(connection: Connection, unique_id: str) -> None:
    """Forget the instance profile."""
    connection.execute(delete(table).where(table.c.unique_id == unique_id))


def _to_profile(row: Row[Any]) -> InstanceProfile:
    return InstanceProfile(
        unique_id=row.unique_id,
        account_id=row.account_id,
        name=row.name,
        path=row.path,
        role_id=row.role_id,
        created_at=from_microseconds(row.created_at),
    )
