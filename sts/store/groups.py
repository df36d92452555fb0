"""Groups and who is in them: the queries. A name is found exactly as it is written, and is unique ignoring case."""

from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sts.model import Group, User
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import group, membership, user
from sts.store.users import read_user


def find_group(connection: Connection, account_id: str, name: str) -> Group | None:
    """Return the group called exactly *name*."""
    namesake = find_group_ignoring_case(connection, account_id, name)
    return namesake if namesake is not None and namesake.name == name else None


def find_group_ignoring_case(connection: Connection, account_id: str, name: str) -> Group | None:
    """Return the group whose name is *name* in any case: the one that stands in the way of another of that name."""
    row = connection.execute(
        select(group).where(group.c.account_id == account_id, group.c.name_key == name.lower())
    ).one_or_none()
    return None if row is None else _group(row)


def find_group_by_id(connection: Connection, unique_id: str) -> Group | None:
    """Return the group of this unique id (`AGPA…`)."""
    row = connection.execute(select(group).where(group.c.unique_id == unique_id)).one_or_none()
    return None if row is None else _group(row)


def list_groups(
    connection: Connection, account_id: str, path_prefix: str, after: str | None, limit: int
) -> tuple[Group, ...]:
    """Return at most *limit* groups under *path_prefix* (case counts), by name, past the name *after*."""
    # LIKE ignores ASCII case on SQLite, so that a prefix would match paths that a policy keeps apart.
    query = select(group).where(
        group.c.account_id == account_id, func.substr(group.c.path, 1, len(path_prefix)) == path_prefix
    )
    if after is not None:
        query = query.where(group.c.name_key > after.lower())
    return tuple(_group(row) for row in connection.execute(query.order_by(group.c.name_key).limit(limit)))


def count_groups(connection: Connection, account_id: str) -> int:
    """Return how many groups the account has."""
    return connection.execute(
        select(func.count()).select_from(group).where(group.c.account_id == account_id)
    ).scalar_one()


def insert_group(connection: Connection, new: Group) -> None:
    """Keep a new group."""
    connection.execute(
        insert(group).values(
            unique_id=new.unique_id,
            account_id=new.account_id,
            created_at=to_microseconds(new.created_at),
            **_changing(new),
        )
    )


def update_group(connection: Connection, changed: Group) -> None:
    """Keep *changed* in place of the group with its unique id."""
    connection.execute(update(group).where(group.c.unique_id == changed.unique_id).values(**_changing(changed)))


def delete_group(connection: Connection, unique_id: str) -> None:
    """Remove the group; the memberships and policies that point to it must be gone."""
    connection.execute(delete(group).where(group.c.unique_id == unique_id))


def list_members(connection: Connection, group_id: str, after: str | None, limit: int) -> tuple[User, ...]:
    """Return at most *limit* users of the group, by name, past the name *after*."""
    query = select(user).join(membership, membership.c.user_id == user.c.unique_id)
    query = query.where(membership.c.group_id == group_id)
    if after is not None:
        query = query.where(user.c.name_key > after.lower())
    return tuple(read_user(row) for row in connection.execute(query.order_by(user.c.name_key).limit(limit)))


def list_groups_of(connection: Connection, user_id: str, after: str | None, limit: int) -> tuple[Group, ...]:
    """Return at most *limit* groups that the user is in, by name, past the name *after*."""
    query = select(group).join(membership, membership.c.group_id == group.c.unique_id)
    query = query.where(membership.c.user_id == user_id)
    if after is not None:
        query = query.where(group.c.name_key > after.lower())
    return tuple(_group(row) for row in connection.execute(query.order_by(group.c.name_key).limit(limit)))


def find_group_ids(connection: Connection, user_id: str) -> tuple[str, ...]:
    """Return the unique ids of the groups that the user is in."""
    rows = connection.execute(select(membership.c.group_id).where(membership.c.user_id == user_id))
    return tuple(row.group_id for row in rows)


def insert_membership(connection: Connection, group_id: str, user_id: str) -> None:
    """Put the user into the group; it must not be in it."""
    connection.execute(insert(membership).values(group_id=group_id, user_id=user_id))


def delete_membership(connection: Connection, group_id: str, user_id: str) -> None:
    """Take the user out of the group."""
    connection.execute(delete(membership).where(membership.c.group_id == group_id, membership.c.user_id == user_id))


def _group(row: Row[Any]) -> Group:
    return Group(
        unique_id=row.unique_id,
        account_id=row.account_id,
        name=row.name,
        path=row.path,
        created_at=from_microseconds(row.created_at),
    )


def _changing(said: Group) -> dict[str, Any]:
    return {
        "name": said.name,
        "name_key": said.name.lower(),
        "path": said.path,
    }
