"""The audit records, the heads of their streams, the checkpoints, and when each access key was last used."""

from collections.abc import Collection, Iterator, Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, func, insert, select, tuple_

from sts.store.locks import lock_uses
from sts.store.tables import audit_checkpoint, audit_record, audit_stream

_PAGE = 1_000
# Of records that are inserted to see whether there is room: two pages of PostgreSQL, in rows that it does not compress.
_PROBE_ROWS, _PROBE_CHARACTERS = 8, 1_900


class Row(NamedTuple):
    """A row of the table `audit_record`."""

    stream: str
    sequence: int
    at: int
    event: str
    account_id: str | None
    body: str
    mac: bytes
    principal: str | None


class Head(NamedTuple):
    """The last record of a stream."""

    stream: str
    sequence: int
    mac: bytes


class CheckpointRow(NamedTuple):
    """A row of the table `audit_checkpoint`."""

    checkpoint_id: str
    at: int
    body: str
    mac: bytes


class Use(NamedTuple):
    """A row of the table `access_key_use`."""

    access_key_id: str
    used_at: int
    service: str
    region: str


class RoleUse(NamedTuple):
    """A row of the table `role_use`."""

    role_id: str
    used_at: int
    region: str


def _put_text(table: str, fields: Sequence[str]) -> str:
    kept = ",".join(f"{name}=excluded.{name}" for name in fields[1:])
    return (
        f"INSERT INTO {table} ({','.join(fields)}) VALUES {{}} "  # noqa: S608  only names
        f"ON CONFLICT ({fields[0]}) DO UPDATE SET {kept}"
    )


_MOVE_TEXT = (
    "INSERT INTO audit_stream (stream,sequence,mac,moved_at) VALUES {} "
    "ON CONFLICT (stream) DO UPDATE SET sequence=excluded.sequence,mac=excluded.mac,moved_at=excluded.moved_at"
)
_PUT_KEYS_TEXT = _put_text("access_key_use", Use._fields)
_PUT_ROLES_TEXT = _put_text("role_use", RoleUse._fields)
_INSERT_TEXT = f"INSERT INTO audit_record ({','.join(Row._fields)}) VALUES {{}}"  # noqa: S608  only names


def _execute(connection: Connection, text: str, rows: Sequence[tuple[Any, ...]]) -> None:
    """Execute *text* for *rows*, in one exchange with either store.

    SQLite's driver lets go of the interpreter's lock once a statement: one for each row would make the writer wait for
    the event loop's turn at every one of them. PostgreSQL's sends one statement and all the rows together.
    """
    if connection.dialect.name == "sqlite":
        values = tuple(value for row in rows for value in row)
        connection.exec_driver_sql(text.format(_places(len(rows), len(rows[0]))), values)
    else:
        numbered = f"({','.join(f'${number}' for number in range(1, len(rows[0]) + 1))})"
        connection.exec_driver_sql(text.format(numbered), [tuple(row) for row in rows])


@lru_cache(1024)
def _places(rows: int, columns: int) -> str:
    return ",".join(["(" + ",".join("?" * columns) + ")"] * rows)


def insert_records(connection: Connection, rows: Sequence[Row]) -> None:
    """Insert *rows*."""
    _execute(connection, _INSERT_TEXT, rows)


def probe_records(connection: Connection, stream: str, sequence: int) -> None:
    """Insert more than fits into the room that the table has already, and undo it: raises what any record would."""
    bodies = ("." * _PROBE_CHARACTERS,) * _PROBE_ROWS
    rows = [Row(stream, sequence + n, 0, "", None, body, b"", None) for n, body in enumerate(bodies, 1)]
    savepoint = connection.begin_nested()
    try:
        insert_records(connection, rows)
    finally:
        savepoint.rollback()


def move_head(connection: Connection, head: Head, moved_at: int) -> None:
    """Say that the last record of its stream is now *head*."""
    _execute(connection, _MOVE_TEXT, [(*head, moved_at)])


def find_heads(connection: Connection, moved_since: int = 0) -> list[Head]:
    """Return the heads of the streams that have moved since (microseconds of the epoch), by name."""
    moved = select(audit_stream).where(audit_stream.c.moved_at >= moved_since)
    rows = connection.execute(moved.order_by(audit_stream.c.stream))
    return [Head(row.stream, row.sequence, row.mac) for row in rows]


def find_head(connection: Connection, stream: str) -> Head | None:
    """Return the head of *stream*, None before its first record."""
    row = connection.execute(select(audit_stream).where(audit_stream.c.stream == stream)).one_or_none()
    return None if row is None else Head(row.stream, row.sequence, row.mac)


def find_records(connection: Connection, stream: str) -> Iterator[Row]:
    """Return the records of *stream* in order, a page at a time."""
    of_stream = select(audit_record).where(audit_record.c.stream == stream).order_by(audit_record.c.sequence)
    page = connection.execute(of_stream.limit(_PAGE)).all()
    while page:
        yield from (Row(*row) for row in page)
        later = audit_record.c.sequence > page[-1].sequence
        page = connection.execute(of_stream.where(later).limit(_PAGE)).all()


def count_later(connection: Connection, stream: str, sequence: int) -> int:
    """Return how many records of *stream* stand behind the place *sequence*."""
    later = (audit_record.c.stream == stream) & (audit_record.c.sequence > sequence)
    return connection.execute(select(func.count()).select_from(audit_record).where(later)).scalar_one()


def find_mac(connection: Connection, stream: str, sequence: int) -> bytes | None:
    """Return the MAC of the record at this place."""
    here = (audit_record.c.stream == stream) & (audit_record.c.sequence == sequence)
    mac: bytes | None = connection.execute(select(audit_record.c.mac).where(here)).scalar()
    return mac


def find_body(connection: Connection, stream: str, sequence: int) -> str | None:
    """Return the body of the record at this place."""
    here = (audit_record.c.stream == stream) & (audit_record.c.sequence == sequence)
    body: str | None = connection.execute(select(audit_record.c.body).where(here)).scalar()
    return body


def find_streams(connection: Connection) -> list[str]:
    """Return the names of all streams that have records or a head."""
    recorded = select(audit_record.c.stream).distinct()
    return sorted(connection.execute(recorded.union(select(audit_stream.c.stream))).scalars())


def find_last_instant(connection: Connection, account_id: str) -> int | None:
    """Return the latest time of all records of the account, in microseconds of the epoch."""
    of_account = select(func.max(audit_record.c.at)).where(audit_record.c.account_id == account_id)
    last: int | None = connection.execute(of_account).scalar()
    return last


def insert_checkpoint(connection: Connection, row: CheckpointRow) -> None:
    """Keep a checkpoint."""
    connection.execute(insert(audit_checkpoint).values(row._asdict()))


def find_last_checkpoint(connection: Connection) -> CheckpointRow | None:
    """Return the latest checkpoint."""
    newest = select(audit_checkpoint).order_by(audit_checkpoint.c.at.desc(), audit_checkpoint.c.checkpoint_id.desc())
    row = connection.execute(newest.limit(1)).one_or_none()
    return None if row is None else CheckpointRow(*row)


def has_checkpoint(connection: Connection, checkpoint_id: str) -> bool:
    """Say whether the checkpoint is there."""
    found = select(audit_checkpoint.c.at).where(audit_checkpoint.c.checkpoint_id == checkpoint_id)
    return connection.execute(found).first() is not None


def find_checkpoints(connection: Connection) -> Iterator[CheckpointRow]:
    """Return all checkpoints, oldest first, a page at a time."""
    order = tuple_(audit_checkpoint.c.at, audit_checkpoint.c.checkpoint_id)
    oldest = select(audit_checkpoint).order_by(audit_checkpoint.c.at, audit_checkpoint.c.checkpoint_id)
    page = connection.execute(oldest.limit(_PAGE)).all()
    while page:
        yield from (CheckpointRow(*row) for row in page)
        later = order > tuple_(page[-1].at, page[-1].checkpoint_id)
        page = connection.execute(oldest.where(later).limit(_PAGE)).all()


def put_uses(connection: Connection, keys: Collection[Use], roles: Collection[RoleUse]) -> None:
    """Note that access keys and roles were used, each at most once."""
    lock_uses(connection, alone=False)
    for text, uses in ((_PUT_KEYS_TEXT, sorted(keys)), (_PUT_ROLES_TEXT, sorted(roles))):
        if uses:  # in one order everywhere, so that no two wait for each other
            _execute(connection, text, uses)
