"""A store copied while it serves, and put back where there is none: by SQLite itself, or by pg_dump and pg_restore.

A copy is one state of the store, whole. PostgreSQL's programs are told where it is by their environment: what stands
in a list of processes is read by everybody on the host.
"""

import os
import shutil
import sqlite3
import subprocess
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path

from sqlalchemy.engine import make_url

from sts.errors import AlreadyExists, Malformed, Unavailable
from sts.store.address import SQLITE, Address, TlsMode, parse_address
from sts.store.database import open_database
from sts.store.schema import find_revision

_SQLITE_COPY, _POSTGRESQL_COPY = "store.sqlite", "store.pgdump"
_BESIDE = ("", "-wal", "-shm", "-journal")


def name_copy(url: str) -> str:
    """Return the name of the file that a copy of the store at *url* is."""
    return _SQLITE_COPY if url.startswith(SQLITE) else _POSTGRESQL_COPY


def copy_store(url: str, folder: Path) -> Path:
    """Copy the store at *url* into a new file in *folder* and return its path; raises Unavailable."""
    copy = folder / name_copy(url)
    if url.startswith(SQLITE):
        _copy_sqlite(_path_of(url), copy)
    else:
        _run_program(url, "pg_dump", "--format=custom", "--no-owner", "--no-privileges", f"--file={copy}")
    copy.chmod(0o600)
    _sync(copy)
    return copy


def require_copying(url: str) -> None:
    """Raise Unavailable when the program that copies the store at *url* is not installed."""
    if not url.startswith(SQLITE):
        _find_program("pg_dump")


def require_putting_back(url: str, copy: Path) -> None:
    """Raise what `put_back` would, as far as can be told before it: Malformed, AlreadyExists, Unavailable."""
    if copy.name != name_copy(url):
        raise Malformed(f"{copy.name} is a copy of another kind of store than STS_DATABASE_URL names")
    if not url.startswith(SQLITE):
        _find_program("pg_restore")
    require_none(url)


def put_back(url: str, copy: Path) -> None:
    """Make the store at *url* from *copy*; raises AlreadyExists where there is one, Malformed, Unavailable.

    It is made whole or not at all.
    """
    require_putting_back(url, copy)
    if url.startswith(SQLITE):
        _place_sqlite(copy, _path_of(url))
        return
    whole = ("--single-transaction", "--exit-on-error", "--no-owner", "--no-privileges")
    _run_program(url, "pg_restore", *whole, f"--dbname={parse_address(url).database}", str(copy))


def require_none(url: str) -> None:
    """Raise AlreadyExists when there is a store at *url*."""
    if url.startswith(SQLITE):
        path = _path_of(url)
        there = [file for end in _BESIDE if (file := path.with_name(path.name + end)).exists()]
        if there:
            raise AlreadyExists(f"There is a store already: {', '.join(map(str, there))}")
        return
    database = open_database(url)
    revision = database.read_now(find_revision)
    database.close()
    if revision is not None:
        raise AlreadyExists("There is a store already in the database of STS_DATABASE_URL")


def _path_of(url: str) -> Path:
    return Path(make_url(url).database or "")


def _copy_sqlite(path: Path, copy: Path) -> None:
    try:
        with closing(sqlite3.connect(path, isolation_level=None)) as connection:
            # Unlike a copy of the file, it holds what stands in the write-ahead log.
            connection.execute("VACUUM INTO ?", (str(copy),))
    except sqlite3.Error as fault:
        raise Unavailable(f"The store cannot be copied: {fault}") from fault


def _place_sqlite(copy: Path, path: Path) -> None:
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as written, copy.open("rb") as read:
            shutil.copyfileobj(read, written)
        _sync(draft)
        os.link(draft, path)  # unlike a rename it never replaces a store
    finally:
        draft.unlink(missing_ok=True)


def _sync(file: Path) -> None:
    for path, flags in ((file, os.O_RDONLY), (file.parent, os.O_RDONLY | os.O_DIRECTORY)):
        handle = os.open(path, flags)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def _find_program(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        raise Unavailable(f"{program} is not on PATH: install PostgreSQL's client programs, of the server's version")
    return found


def _run_program(url: str, program: str, *words: str) -> None:
    found = _find_program(program)
    environment = {**os.environ, **_tell_place(parse_address(url))}
    done = subprocess.run([found, *words], env=environment, capture_output=True, text=True, check=False)  # noqa: S603  PostgreSQL's own program, with words of ours
    if done.returncode:
        raise Unavailable(f"{program} did not end well: {done.stderr.strip()}")


def _tell_place(address: Address) -> Mapping[str, str]:
    """Return the variables by which libpq finds the store (PostgreSQL manual, "Environment Variables")."""
    told = {
        "PGHOST": ",".join(place.host for place in address.places),
        "PGPORT": ",".join(str(place.port) for place in address.places),
        "PGDATABASE": address.database,
        "PGUSER": address.user,
        "PGPASSWORD": None if address.password is None else str(address.password),
        "PGSSLMODE": address.tls.value,
        # libpq knows the authorities of the system by this word, from 16 on, and takes it for this mode alone.
        "PGSSLROOTCERT": address.ca or ("system" if address.tls is TlsMode.VERIFY_FULL else None),
        "PGSSLCERT": address.certificate,
        "PGSSLKEY": address.key,
        "PGTARGETSESSIONATTRS": "read-write",
    }
    return {name: value for name, value in told.items() if value is not None}
