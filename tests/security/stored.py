"""What a service has stored, read beside it."""

import json
import sqlite3
from contextlib import closing
from typing import Any

from tests.service import Service

# What a request may leave behind whatever becomes of it: its record, and when its key or role was last used.
_OF_EVERY_REQUEST = frozenset({"audit_record", "audit_stream", "audit_checkpoint", "access_key_use", "role_use"})

Tables = dict[str, list[tuple[Any, ...]]]


def read_tables(service: Service) -> Tables:
    """Return every row of every table but those that every request may write to."""
    with closing(sqlite3.connect(service.database_path)) as connection:
        names = [name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        assert set(names) >= _OF_EVERY_REQUEST
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608  the schema's own names
            for name in names
            if name not in _OF_EVERY_REQUEST
        }


def read_records(service: Service) -> list[dict[str, Any]]:
    """Return the bodies of all audit records, in the order in which they were written."""
    with closing(sqlite3.connect(service.database_path)) as connection:
        rows = connection.execute("SELECT body FROM audit_record ORDER BY at, stream, sequence")
        return [json.loads(body) for (body,) in rows]


def find_record(service: Service, request_id: str) -> dict[str, Any]:
    """Return the record of the request *request_id*."""
    (found,) = [record for record in read_records(service) if record["request_id"] == request_id]
    return found
