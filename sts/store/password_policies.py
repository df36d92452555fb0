"""What an account asks of its passwords beside the service's own rules: the queries."""

from typing import Any

from sqlalchemy import Connection, Row, delete, insert, select

from sts.passwords import PasswordPolicy
from sts.store.password_tables import password_policy


def find_password_policy(connection: Connection, account_id: str) -> PasswordPolicy | None:
    """Return the account's policy; None: the service's rules alone hold."""
    row = connection.execute(select(password_policy).where(password_policy.c.account_id == account_id)).one_or_none()
    return None if row is None else _policy(row)


def put_password_policy(connection: Connection, account_id: str, said: PasswordPolicy) -> None:
    """Keep *said* in place of what the account asked for before."""
    delete_password_policy(connection, account_id)
    columns = {name: getattr(said, name) for name in PasswordPolicy.__dataclass_fields__}
    connection.execute(insert(password_policy).values(account_id=account_id, **columns))


def delete_password_policy(connection: Connection, account_id: str) -> bool:
    """Forget the account's policy, and say whether it had one."""
    gone = connection.execute(delete(password_policy).where(password_policy.c.account_id == account_id))
    return gone.rowcount == 1


def _policy(row: Row[Any]) -> PasswordPolicy:
    return PasswordPolicy(**{name: getattr(row, name) for name in PasswordPolicy.__dataclass_fields__})
