"""Queries about the inline policies of users, groups and roles."""

from sqlalchemy import Connection, delete, func, insert, select, update

from sts.store.tables import inline_policy


def find_inline_policy(connection: Connection, bearer_id: str, name: str) -> str | None:
    """Return the text of the bearer's inline policy called exactly *name*."""
    query = select(inline_policy.c.document).where(inline_policy.c.bearer_id == bearer_id, inline_policy.c.name == name)
    return connection.execute(query).scalar_one_or_none()


def list_inline_policies(connection: Connection, bearer_id: str, after: str | None, limit: int) -> tuple[str, ...]:
    """Return at most *limit* names of the bearer's inline policies, in order, from behind the name *after* on."""
    query = select(inline_policy.c.name).where(inline_policy.c.bearer_id == bearer_id)
    if after is not None:
        query = query.where(inline_policy.c.name > after)
    return tuple(connection.execute(query.order_by(inline_policy.c.name).limit(limit)).scalars())


def count_inline_policies(connection: Connection, bearer_id: str) -> int:
    """Return how many inline policies the bearer has."""
    query = select(func.count()).select_from(inline_policy).where(inline_policy.c.bearer_id == bearer_id)
    return connection.execute(query).scalar_one()


def list_other_documents(connection: Connection, bearer_id: str, name: str) -> tuple[str, ...]:
    """Return the texts of all inline policies of the bearer but the one called *name*."""
    query = select(inline_policy.c.document).where(inline_policy.c.bearer_id == bearer_id, inline_policy.c.name != name)
    return tuple(connection.execute(query).scalars())


def put_inline_policy(connection: Connection, bearer_id: str, name: str, document: str) -> None:
    """Keep *document* under *name*, in place of what was there."""
    changed = connection.execute(
        update(inline_policy)
        .where(inline_policy.c.bearer_id == bearer_id, inline_policy.c.name == name)
        .values(document=document)
    )
    if not changed.rowcount:
        connection.execute(insert(inline_policy).values(bearer_id=bearer_id, name=name, document=document))


def delete_inline_policy(connection: Connection, bearer_id: str, name: str) -> bool:
    """Forget the inline policy; False: there was none of that name."""
    gone = connection.execute(
        delete(inline_policy).where(inline_policy.c.bearer_id == bearer_id, inline_policy.c.name == name)
    )
    return gone.rowcount == 1
