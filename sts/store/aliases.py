"""Account aliases: the queries. An alias is the name of one account, and an account has one at most."""

from sqlalchemy import Connection, delete, insert, select

from sts.store.tables import account_alias


def find_alias(connection: Connection, account_id: str) -> str | None:
    """Return the alias of the account."""
    query = select(account_alias.c.alias).where(account_alias.c.account_id == account_id)
    return connection.execute(query).scalar_one_or_none()


def find_account_of_alias(connection: Connection, alias: str) -> str | None:
    """Return the account that bears this alias."""
    query = select(account_alias.c.account_id).where(account_alias.c.alias == alias)
    return connection.execute(query).scalar_one_or_none()


def put_alias(connection: Connection, account_id: str, alias: str) -> None:
    """Give the account this alias in place of the one that it had."""
    connection.execute(delete(account_alias).where(account_alias.c.account_id == account_id))
    connection.execute(insert(account_alias).values(alias=alias, account_id=account_id))


def delete_alias(connection: Connection, account_id: str, alias: str) -> bool:
    """Take the alias from the account; False: it has not this one."""
    gone = connection.execute(
        delete(account_alias).where(account_alias.c.account_id == account_id, account_alias.c.alias == alias)
    )
    return gone.rowcount == 1
