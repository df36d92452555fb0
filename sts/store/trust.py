"""Whom trust policies name by unique id: the queries."""

from collections.abc import Collection

from sqlalchemy import Connection, Table, select

from sts.arn import iam_arn
from sts.store.tables import role, user

_AT_ONCE = 500  # of the values that a statement may bind, which are limited


def find_arns(connection: Connection, unique_ids: Collection[str]) -> dict[str, str]:
    """Return the ARNs of those of *unique_ids* that a user or role of any account bears."""
    wanted = sorted(unique_ids)
    found: dict[str, str] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        part = wanted[start : start + _AT_ONCE]
        found |= _find_arns(connection, user, "user", part) | _find_arns(connection, role, "role", part)
    return found


def _find_arns(connection: Connection, table: Table, kind: str, unique_ids: Collection[str]) -> dict[str, str]:
    query = select(table.c.unique_id, table.c.account_id, table.c.path, table.c.name)
    rows = connection.execute(query.where(table.c.unique_id.in_(unique_ids)))
    return {row.unique_id: iam_arn(row.account_id, f"{kind}{row.path}{row.name}") for row in rows}
