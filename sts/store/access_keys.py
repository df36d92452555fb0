"""Long-term access keys and when they were last used: the queries."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select, update

from sts.model import AccessKey
from sts.store.columns import share
from sts.store.database import from_microseconds, to_microseconds
from sts.store.locks import lock_uses
from sts.store.tables import access_key, access_key_use


@dataclass(frozen=True, slots=True)
class LastUse:
    """When, with which service and in which region an access key was last used."""

    used_at: datetime
    service: str
    region: str


def find_access_key(connection: Connection, access_key_id: str) -> AccessKey | None:
    """Return the access key of this id, active or not."""
    row = connection.execute(select(access_key).where(access_key.c.access_key_id == access_key_id)).one_or_none()
    return None if row is None else read_access_key(row)


def list_access_keys(connection: Connection, account_id: str, user_id: str | None) -> tuple[AccessKey, ...]:
    """Return the keys of the user, or of the account's root when *user_id* is None, by access key id."""
    query = select(access_key).where(access_key.c.account_id == account_id, access_key.c.user_id == user_id)
    return tuple(read_access_key(row) for row in connection.execute(query.order_by(access_key.c.access_key_id)))


def list_after(connection: Connection, after: str, limit: int) -> tuple[AccessKey, ...]:
    """Return up to *limit* keys of all accounts behind the access key id *after*, by access key id."""
    of_all = select(access_key).where(access_key.c.access_key_id > after).order_by(access_key.c.access_key_id)
    return tuple(read_access_key(row) for row in connection.execute(of_all.limit(limit)))


def update_sealed_secret(connection: Connection, access_key_id: str, sealed_secret: bytes) -> None:
    """Keep the same secret sealed under another key."""
    of_key = access_key.c.access_key_id == access_key_id
    connection.execute(update(access_key).where(of_key).values(sealed_secret=sealed_secret))


def insert_access_key(connection: Connection, new: AccessKey) -> None:
    """Keep a new access key."""
    connection.execute(
        insert(access_key).values(
            access_key_id=new.access_key_id,
            account_id=new.account_id,
            user_id=new.user_id,
            active=new.active,
            sealed_secret=new.sealed_secret,
            created_at=to_microseconds(new.created_at),
        )
    )


def update_access_key(connection: Connection, access_key_id: str, *, active: bool) -> None:
    """Make the key active, or not."""
    connection.execute(update(access_key).where(access_key.c.access_key_id == access_key_id).values(active=active))


def delete_access_key(connection: Connection, access_key_id: str) -> None:
    """Remove the key and the note of its last use."""
    lock_uses(connection, alone=True)
    connection.execute(delete(access_key_use).where(access_key_use.c.access_key_id == access_key_id))
    connection.execute(delete(access_key).where(access_key.c.access_key_id == access_key_id))


def find_last_use(connection: Connection, access_key_id: str) -> LastUse | None:
    """Return the last use of the key; None when it never was used."""
    row = connection.execute(
        select(access_key_use).where(access_key_use.c.access_key_id == access_key_id)
    ).one_or_none()
    return None if row is None else LastUse(from_microseconds(row.used_at), row.service, row.region)


def read_access_key(row: Row[Any]) -> AccessKey:
    """Return the access key that *row* of the table of access keys says."""
    return AccessKey(
        access_key_id=row.access_key_id,
        account_id=share(row.account_id),
        user_id=row.user_id,
        active=bool(row.active),
        sealed_secret=row.sealed_secret,
        created_at=from_microseconds(row.created_at),
    )
