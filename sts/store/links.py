"""Links that let people set a password: the queries. Each owner has one at most."""

from datetime import datetime

from sqlalchemy import Connection, delete, insert, select

from sts.passwords import SignInLink
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import sign_in_link


def find_link(connection: Connection, link_id: str) -> SignInLink | None:
    """Return the link, whether or not it is past its end."""
    row = connection.execute(select(sign_in_link).where(sign_in_link.c.link_id == link_id)).one_or_none()
    if row is None:
        return None
    return SignInLink(
        link_id=row.link_id,
        account_id=row.account_id,
        owner_id=row.owner_id,
        stamp=row.stamp,
        made_at=from_microseconds(row.made_at),
        expires_at=from_microseconds(row.expires_at),
    )


def put_link(connection: Connection, new: SignInLink) -> None:
    """Keep the link in place of what its owner had."""
    delete_link_of(connection, new.owner_id)
    connection.execute(
        insert(sign_in_link).values(
            owner_id=new.owner_id,
            account_id=new.account_id,
            link_id=new.link_id,
            stamp=new.stamp,
            made_at=to_microseconds(new.made_at),
            expires_at=to_microseconds(new.expires_at),
        )
    )


def use_up_link(connection: Connection, link_id: str, now: datetime) -> bool:
    """Use the link up, and say whether it was there to be used: of those who do so at once it is one."""
    live = sign_in_link.c.expires_at > to_microseconds(now)
    return connection.execute(delete(sign_in_link).where(sign_in_link.c.link_id == link_id, live)).rowcount == 1


def delete_link_of(connection: Connection, owner_id: str) -> None:
    """Remove the owner's link, if there is one."""
    connection.execute(delete(sign_in_link).where(sign_in_link.c.owner_id == owner_id))
