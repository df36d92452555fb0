"""Users: the queries. A name is found exactly as it is written, and is unique ignoring case."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, delete, func, insert, select, update

from sts.model import User
from sts.store.accounts import is_enabled
from sts.store.columns import is_among, share
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import account, user


def find_user(connection: Connection, account_id: str, name: str) -> User | None:
    """Return the user called exactly *name*."""
    namesake = find_user_ignoring_case(connection, account_id, name)
    return namesake if namesake is not None and namesake.name == name else None


def find_user_ignoring_case(connection: Connection, account_id: str, name: str) -> User | None:
    """Return the user whose name is *name* in any case: the one that stands in the way of another of that name."""
    row = connection.execute(
        select(user).where(user.c.account_id == account_id, user.c.name_key == name.lower())
    ).one_or_none()
    return None if row is None else read_user(row)


def find_user_by_id(connection: Connection, unique_id: str) -> User | None:
    """Return the user of this unique id (`AIDA…`)."""
    row = connection.execute(select(user).where(user.c.unique_id == unique_id)).one_or_none()
    return None if row is None else read_user(row)


def find_users_by_id(connection: Connection, unique_ids: Collection[str]) -> tuple[tuple[User, bool], ...]:
    """Return those of these users that are there, and whether each is enabled together with its account."""
    query = select(user, account.c.enabled.label("account_enabled")).join(account)
    rows = connection.execute(query.where(is_among(user.c.unique_id, unique_ids)))
    return tuple((read_user(row), row.enabled and row.account_enabled) for row in rows)


def is_principal_enabled(connection: Connection, account_id: str, principal_id: str) -> bool:
    """Say whether the user, or without one the root, is there and enabled together with its account."""
    if principal_id == account_id:
        return is_enabled(connection, account_id)
    return any(enabled for _, enabled in find_users_by_id(connection, [principal_id]))


def list_users(
    connection: Connection, account_id: str, path_prefix: str, after: str | None, limit: int
) -> tuple[User, ...]:
    """Return at most *limit* users under *path_prefix* (case counts), by name, past the name *after*."""
    # LIKE ignores ASCII case on SQLite, so that a prefix would match paths that a policy keeps apart.
    query = select(user).where(
        user.c.account_id == account_id, func.substr(user.c.path, 1, len(path_prefix)) == path_prefix
    )
    if after is not None:
        query = query.where(user.c.name_key > after.lower())
    return tuple(read_user(row) for row in connection.execute(query.order_by(user.c.name_key).limit(limit)))


def count_users(connection: Connection, account_id: str) -> int:
    """Return how many users the account has."""
    return connection.execute(
        select(func.count()).select_from(user).where(user.c.account_id == account_id)
    ).scalar_one()


def insert_user(connection: Connection, new: User) -> None:
    """Keep a new user."""
    connection.execute(
        insert(user).values(
            unique_id=new.unique_id,
            account_id=new.account_id,
            created_at=to_microseconds(new.created_at),
            **_changing(new),
        )
    )


def update_user(connection: Connection, changed: User) -> None:
    """Keep *changed* in place of the user with its unique id."""
    connection.execute(update(user).where(user.c.unique_id == changed.unique_id).values(**_changing(changed)))


def delete_user(connection: Connection, unique_id: str) -> None:
    """Remove the user; the keys, memberships and policies that point to it must be gone."""
    connection.execute(delete(user).where(user.c.unique_id == unique_id))


def read_user(row: Row[Any]) -> User:
    """Return the user that *row* of the table of users says."""
    return User(
        unique_id=row.unique_id,
        account_id=share(row.account_id),
        name=row.name,
        path=row.path,
        enabled=bool(row.enabled),
        created_at=from_microseconds(row.created_at),
    )


def _changing(said: User) -> dict[str, Any]:
    return {
        "name": said.name,
        "name_key": said.name.lower(),
        "path": said.path,
        "enabled": said.enabled,
    }
