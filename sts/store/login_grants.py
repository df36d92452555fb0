"""Logins of command lines: the queries. Each step that may be made once is one conditional update."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, or_, select, update

from sts.login_grants import LoginGrant
from sts.store.database import from_microseconds, from_optional_microseconds, to_microseconds, to_optional_microseconds
from sts.store.tables import login_grant


def find_grant(connection: Connection, grant_id: str) -> LoginGrant | None:
    """Return the grant, ended or not."""
    row = connection.execute(select(login_grant).where(_is(grant_id))).one_or_none()
    return None if row is None else _grant(row)


def list_open(connection: Connection, principal_id: str, now: datetime) -> Sequence[LoginGrant]:
    """Return the principal's grants that nobody has ended, whose time is not over and whose code was, or may be, used.

    The first begun first. Among them are those that a change of the principal has ended.
    """
    at, table = to_microseconds(now), login_grant.c
    goes_on = (table.principal_id == principal_id, table.ended_at.is_(None), table.ends_at > at)
    redeemable = or_(table.redemption.is_not(None), table.code_ends_at > at)
    found = select(login_grant).where(*goes_on, redeemable).order_by(table.began_at)
    return tuple(map(_grant, connection.execute(found)))


def insert_grant(connection: Connection, new: LoginGrant) -> None:
    """Keep a new grant, which nobody has redeemed."""
    factor_at = new.authenticated_at
    connection.execute(
        insert(login_grant).values(
            grant_id=new.grant_id,
            account_id=new.account_id,
            principal_id=new.principal_id,
            principal_arn=new.principal_arn,
            browser_session_id=new.browser_session_id,
            browser_session_at=to_microseconds(new.browser_session_at),
            began_at=to_microseconds(new.began_at),
            authenticated_at=to_optional_microseconds(factor_at),
            amr=" ".join(new.amr),
            credentials_mark=new.credentials_mark,
            client=new.client,
            redirect_uri=new.redirect_uri,
            challenge=new.challenge,
            code_stamp=new.code_stamp,
            code_ends_at=to_microseconds(new.code_ends_at),
            address=new.address,
            ends_at=to_microseconds(new.ends_at),
            generation=new.generation,
            replaced_at=to_microseconds(new.replaced_at),
        )
    )


def redeem_grant(
    connection: Connection, grant_id: str, *, redemption: bytes, key_thumbprint: str, now: datetime
) -> bool:
    """Redeem the grant's code, and say whether nobody had: of all who come at once, one hears yes."""
    unused = update(login_grant).where(
        _is(grant_id), login_grant.c.redemption.is_(None), login_grant.c.code_ends_at > to_microseconds(now)
    )
    redeemed = unused.values(
        redemption=redemption, key_thumbprint=key_thumbprint, generation=1, replaced_at=to_microseconds(now)
    )
    return connection.execute(redeemed).rowcount == 1


def replace_token(connection: Connection, grant_id: str, generation: int, now: datetime) -> bool:
    """Put the next refresh token in the place of the one of *generation*, and say whether that was in force."""
    current = update(login_grant).where(_is(grant_id), login_grant.c.generation == generation)
    replaced = current.values(generation=generation + 1, replaced_at=to_microseconds(now))
    return connection.execute(replaced).rowcount == 1


def end_grant(connection: Connection, grant_id: str, now: datetime) -> bool:
    """End the grant, and say whether it had not ended."""
    live = update(login_grant).where(_is(grant_id), login_grant.c.ended_at.is_(None))
    return connection.execute(live.values(ended_at=to_microseconds(now))).rowcount == 1


def delete_past(connection: Connection, before: datetime) -> int:
    """Delete the grants whose end was before *before*; returns how many."""
    return connection.execute(delete(login_grant).where(login_grant.c.ends_at < to_microseconds(before))).rowcount


def _is(grant_id: str) -> ColumnElement[bool]:
    return login_grant.c.grant_id == grant_id


def _grant(row: Row[Any]) -> LoginGrant:
    return LoginGrant(
        grant_id=row.grant_id,
        account_id=row.account_id,
        principal_id=row.principal_id,
        principal_arn=row.principal_arn,
        browser_session_id=row.browser_session_id,
        browser_session_at=from_microseconds(row.browser_session_at),
        began_at=from_microseconds(row.began_at),
        authenticated_at=from_optional_microseconds(row.authenticated_at),
        amr=tuple(row.amr.split()),
        credentials_mark=row.credentials_mark,
        client=row.client,
        redirect_uri=row.redirect_uri,
        challenge=row.challenge,
        code_stamp=row.code_stamp,
        code_ends_at=from_microseconds(row.code_ends_at),
        address=row.address,
        ends_at=from_microseconds(row.ends_at),
        redemption=row.redemption,
        key_thumbprint=row.key_thumbprint,
        generation=row.generation,
        replaced_at=from_microseconds(row.replaced_at),
        ended_at=from_optional_microseconds(row.ended_at),
    )
