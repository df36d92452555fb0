"""Columns that mean the same on SQLite and PostgreSQL: types, names, sets of values, and what many rows repeat."""

from collections.abc import Collection
from functools import lru_cache
from typing import Any

from sqlalchemy import ColumnElement, MetaData, Text

# SQLite compares text by its bytes. PostgreSQL compares by the rules of a language unless told otherwise, and then what
# comes after a name in a list would not be what is greater than it: a page would skip names or repeat them.
TEXT = Text().with_variant(Text(collation="C"), "postgresql")

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def is_among(column: ColumnElement[Any], values: Collection[Any]) -> ColumnElement[bool]:
    """Return the condition that *column* is one of *values*."""
    return column.in_(fill_up(values))


def fill_up(values: Collection[Any]) -> list[Any]:
    """Return *values*, filled up with one of their own to a power of two.

    Each number of values is a statement of its own, which a connection has to prepare, and keeps.
    """
    filled = list(values)
    return filled + filled[-1:] * ((1 << max(0, len(filled) - 1).bit_length()) - len(filled))


@lru_cache(4_096)
def share(text: str) -> str:
    """Return *text* as the object that it was lately: what many rows say, as their account, takes memory once."""
    return text
