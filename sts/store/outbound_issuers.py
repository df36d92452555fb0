"""Outbound issuers: the queries. An account has one at most, for ever."""

from collections.abc import Collection
from typing import Any

from sqlalchemy import Connection, Row, insert, or_, select, update

from sts.outbound import OutboundIssuer
from sts.store.columns import is_among
from sts.store.tables import account, outbound_issuer

NOUN = "outbound-issuer"  # of a change; its key is the account or the identifier: both are asked for


def find_issuer(connection: Connection, account_id: str) -> OutboundIssuer | None:
    """Return the issuer of the account, enabled or not, whatever the account is."""
    query = select(outbound_issuer).where(outbound_issuer.c.account_id == account_id)
    row = connection.execute(query).one_or_none()
    return None if row is None else _issuer(row, enabled=row.enabled)


def find_issuers(connection: Connection, keys: Collection[str]) -> tuple[OutboundIssuer, ...]:
    """Return the issuers of these accounts and identifiers; *enabled* says of issuer and account together."""
    query = (
        select(outbound_issuer, account.c.enabled.label("account_enabled"))
        .join(account, account.c.account_id == outbound_issuer.c.account_id)
        .where(or_(is_among(outbound_issuer.c.account_id, keys), is_among(outbound_issuer.c.issuer_id, keys)))
    )
    rows = connection.execute(query)
    return tuple(_issuer(row, enabled=bool(row.enabled and row.account_enabled)) for row in rows)


def insert_issuer(connection: Connection, new: OutboundIssuer) -> None:
    """Keep a new issuer."""
    connection.execute(
        insert(outbound_issuer).values(issuer_id=new.issuer_id, account_id=new.account_id, enabled=new.enabled)
    )


def update_issuer(connection: Connection, changed: OutboundIssuer) -> None:
    """Keep what is now said of an issuer that is already there."""
    connection.execute(
        update(outbound_issuer).where(outbound_issuer.c.issuer_id == changed.issuer_id).values(enabled=changed.enabled)
    )


def _issuer(row: Row[Any], *, enabled: bool) -> OutboundIssuer:
    return OutboundIssuer(issuer_id=row.issuer_id, account_id=row.account_id, enabled=enabled)
