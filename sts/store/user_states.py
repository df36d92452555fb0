"""How users stand, as administrators see them: the queries, a fixed number for a page of users."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, select

from sts.model import User
from sts.store.columns import is_among
from sts.store.credential_report import ReportedKey, read_reported_key, select_reported_keys
from sts.store.database import from_microseconds, from_optional_microseconds, to_microseconds
from sts.store.password_tables import login_profile, password_failure
from sts.store.tables import access_key, code_failure, factor_requirement, mfa_device, sign_in_link, user
from sts.store.users import read_user


@dataclass(frozen=True, slots=True, kw_only=True)
class UserState:
    """How a user stands.

    *locked_until* is the latest of passwords' and codes' locks, from any device, None for none. *signed_in_at*
    is when it last signed in, with every factor that was asked for. *link_until* is until when a link works that was
    made and not used.
    """

    user: User
    has_password: bool
    must_change: bool
    signed_in_at: datetime | None
    locked_until: datetime | None
    factors: int
    factor_required: bool  # of the user itself
    link_until: datetime | None
    keys: tuple[tuple[str, ReportedKey], ...]  # by access key id


def list_user_states(
    connection: Connection, account_id: str, now: datetime, *, after: str | None, limit: int, containing: str = ""
) -> tuple[UserState, ...]:
    """Return at most *limit* users of the account by name, past the name *after*, whose names hold *containing*."""
    query = select(user).where(user.c.account_id == account_id)
    if containing:
        query = query.where(user.c.name_key.contains(containing.lower(), autoescape=True))
    if after is not None:
        query = query.where(user.c.name_key > after.lower())
    found = [read_user(row) for row in connection.execute(query.order_by(user.c.name_key).limit(limit))]
    return _describe(connection, found, now) if found else ()


def find_user_state(connection: Connection, found: User, now: datetime) -> UserState:
    """Return how this user stands."""
    return _describe(connection, [found], now)[0]


def _describe(connection: Connection, found: Collection[User], now: datetime) -> tuple[UserState, ...]:
    user_ids = [each.unique_id for each in found]
    profiles = {row.owner_id: row for row in _rows(connection, login_profile.c.owner_id, user_ids)}
    devices = [row.owner_id for row in _rows(connection, mfa_device.c.owner_id, user_ids)]
    required = {row.subject for row in _rows(connection, factor_requirement.c.subject, user_ids)}
    links = {row.owner_id: row.expires_at for row in _rows(connection, sign_in_link.c.owner_id, user_ids)}
    locks, keys = _find_locks(connection, user_ids), _find_keys(connection, user_ids)
    return tuple(
        UserState(
            user=each,
            has_password=each.unique_id in profiles,
            must_change=_must_change(profiles.get(each.unique_id)),
            signed_in_at=from_optional_microseconds(getattr(profiles.get(each.unique_id), "used_at", None)),
            locked_until=_read_future(locks.get(each.unique_id), now),
            factors=devices.count(each.unique_id),
            factor_required=each.unique_id in required,
            link_until=_read_future(links.get(each.unique_id), now),
            keys=tuple(keys.get(each.unique_id, ())),
        )
        for each in found
    )


def _rows(connection: Connection, column: Any, values: Collection[str]) -> Collection[Any]:
    return connection.execute(select(column.table).where(is_among(column, values))).all()


def _find_locks(connection: Connection, user_ids: Collection[str]) -> Mapping[str, int]:
    """Return until when passwords or codes of each are not looked at, wherever that lasts longest."""
    found: dict[str, int] = {}
    for table in (password_failure, code_failure):
        of_table = select(table.c.owner_id, func.max(table.c.locked_until).label("locked_until"))
        for row in connection.execute(of_table.where(is_among(table.c.owner_id, user_ids)).group_by(table.c.owner_id)):
            found[row.owner_id] = max(found.get(row.owner_id, 0), row.locked_until)
    return found


def _find_keys(connection: Connection, user_ids: Collection[str]) -> Mapping[str, list[tuple[str, ReportedKey]]]:
    found: dict[str, list[tuple[str, ReportedKey]]] = {}
    for row in connection.execute(select_reported_keys().where(is_among(access_key.c.user_id, user_ids))):
        found.setdefault(row.user_id, []).append((row.access_key_id, read_reported_key(row)))
    return found


def _must_change(profile: Any) -> bool:
    return profile is not None and (profile.change_required or profile.first_until is not None)


def _read_future(value: int | None, now: datetime) -> datetime | None:
    return None if value is None or value <= to_microseconds(now) else from_microseconds(value)
