"""What a credential report is made of: all keys of an account with their last uses, and whose codes protect them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, Select, select

from sts.store.database import from_microseconds, from_optional_microseconds
from sts.store.tables import access_key, access_key_use, mfa_device


@dataclass(frozen=True, slots=True)
class ReportedKey:
    """An access key and its last use; None: it was never used."""

    active: bool
    created_at: datetime
    used_at: datetime | None
    region: str | None
    service: str | None


def list_reported_keys(connection: Connection, account_id: str) -> Mapping[str | None, Sequence[ReportedKey]]:
    """Return the keys of the account by the unique id of whose they are (None: root's), the oldest first."""
    found: dict[str | None, list[ReportedKey]] = {}
    for row in connection.execute(select_reported_keys().where(access_key.c.account_id == account_id)):
        found.setdefault(row.user_id, []).append(read_reported_key(row))
    return found


def select_reported_keys() -> Select[Any]:
    """Return the query of all keys with their last uses, the oldest first."""
    query = select(access_key, access_key_use.c.used_at, access_key_use.c.region, access_key_use.c.service).outerjoin(
        access_key_use, access_key_use.c.access_key_id == access_key.c.access_key_id
    )
    return query.order_by(access_key.c.created_at, access_key.c.access_key_id)


def read_reported_key(row: Row[Any]) -> ReportedKey:
    """Return the key that *row* of that query says."""
    used_at = from_optional_microseconds(row.used_at)
    return ReportedKey(row.active, from_microseconds(row.created_at), used_at, row.region, row.service)


def find_device_owners(connection: Connection, account_id: str) -> frozenset[str]:
    """Return who of the account has an MFA device enabled: users by unique id, root by the account's digits."""
    query = select(mfa_device.c.owner_id).where(
        mfa_device.c.account_id == account_id, mfa_device.c.owner_id.is_not(None)
    )
    return frozenset(connection.execute(query).scalars())
