"""Queries about tags. Each is kept under what must differ of its key (`key_key`), and is found by that again."""

from collections.abc import Collection, Mapping

from sqlalchemy import Connection, delete, func, insert, select

from sts.store.tables import tag
from sts.tags import Tags


def find_tags(connection: Connection, bearer_id: str) -> Tags:
    """Return all tags of the bearer, by key."""
    query = select(tag.c.key, tag.c.value).where(tag.c.bearer_id == bearer_id).order_by(tag.c.key)
    return {row.key: row.value for row in connection.execute(query)}


def count_other_tags(connection: Connection, bearer_id: str, keys: Collection[str]) -> int:
    """Return how many tags the bearer has under none of *keys*."""
    query = select(func.count()).select_from(tag).where(tag.c.bearer_id == bearer_id, tag.c.key_key.not_in(keys))
    return connection.execute(query).scalar_one()


def put_tags(connection: Connection, bearer_id: str, tags: Mapping[str, tuple[str, str]]) -> None:
    """Keep keys and values in place of those that the bearer has under the same `key_key`."""
    delete_tags(connection, bearer_id, tags.keys())
    rows = [
        {"bearer_id": bearer_id, "key_key": same, "key": key, "value": value} for same, (key, value) in tags.items()
    ]
    if rows:
        connection.execute(insert(tag), rows)


def delete_tags(connection: Connection, bearer_id: str, keys: Collection[str]) -> None:
    """Forget what the bearer has under *keys* (`key_key`)."""
    connection.execute(delete(tag).where(tag.c.bearer_id == bearer_id, tag.c.key_key.in_(keys)))


def delete_all_tags(connection: Connection, bearer_id: str) -> None:
    """Forget all tags of a bearer that is going."""
    connection.execute(delete(tag).where(tag.c.bearer_id == bearer_id))
