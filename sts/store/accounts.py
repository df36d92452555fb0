"""Accounts: the queries."""

from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from sts.model import Account
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import account


def find_account(connection: Connection, account_id: str) -> Account | None:
    """Return the account of these twelve digits."""
    row = connection.execute(select(account).where(account.c.account_id == account_id)).one_or_none()
    return None if row is None else _account(row)


def is_enabled(connection: Connection, account_id: str) -> bool:
    """Say whether the account exists and is enabled."""
    found = find_account(connection, account_id)
    return found is not None and found.enabled


def list_accounts(connection: Connection) -> tuple[Account, ...]:
    """Return all accounts, by their digits."""
    return tuple(_account(row) for row in connection.execute(select(account).order_by(account.c.account_id)))


def insert_account(connection: Connection, new: Account) -> None:
    """Keep a new account."""
    connection.execute(
        insert(account).values(
            account_id=new.account_id, name=new.name, enabled=new.enabled, created_at=to_microseconds(new.created_at)
        )
    )


def update_account(connection: Connection, changed: Account) -> None:
    """Keep what is now said of an account that is already there."""
    connection.execute(
        update(account)
        .where(account.c.account_id == changed.account_id)
        .values(name=changed.name, enabled=changed.enabled)
    )


def _account(row: Row[Any]) -> Account:
    return Account(
        account_id=row.account_id, name=row.name, enabled=row.enabled, created_at=from_microseconds(row.created_at)
    )
