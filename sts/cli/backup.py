"""`sts backup` and `sts restore`: store and keys are copied while they are used, and put back where there are none.

A copy of the store is a folder: the copy itself, `backup.json`, which says what it is, and `backup.stamp`, the MAC of
that under the audit key, so that a copy which somebody changed is not put back. Keys are copied to a folder of their
own, since who has both has everything.
"""

import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from sts.cli.output import json_option, print_fields, show_example
from sts.errors import Malformed, SealBroken

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from sts.audit.record import Entry
    from sts.cli.operator import Host
    from sts.keyring.keyring import Keyring
    from sts.settings import Settings
    from sts.store.database import Transaction

_FORMAT = "sts-backup-1"
_LABEL = b"store-backup"
_TOLD, _STAMP = "backup.json", "backup.stamp"
_FOLDER = click.Path(file_okay=False, path_type=Path)


@click.command(
    short_help="Copy the store, and its keys elsewhere.",
    epilog=show_example("sts backup /var/backups/sts/monday --keys /mnt/safe/sts-keys"),
)
@click.argument("folder", type=_FOLDER)
@click.option("--keys", type=_FOLDER, help="Copy the key folder too, to here: keep it apart from the store's copy.")
@json_option
def backup(folder: Path, keys: Path | None, *, as_json: bool) -> None:
    """Copy the store to a new folder, which is its owner's alone, while the service goes on.

    A store without its keys is worth nothing: copy the keys too whenever one was made. PostgreSQL is copied by pg_dump.
    Exits with 3 when the folder, or keys in the other one, are there already.
    """
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    if keys is not None and keys.resolve().is_relative_to(folder.resolve()):
        raise click.UsageError("--keys names the folder of the store's copy, or one within: keep the keys apart.")
    settings = read_settings(os.environ)
    with open_host(settings) as host:
        told = _back_up(host, settings, folder, keys)
    print_fields(told, as_json=as_json)


@click.command(
    short_help="Put a copy back where there is no store.",
    epilog=show_example("sts restore /var/backups/sts/monday --keys /mnt/safe/sts-keys"),
)
@click.argument("folder", required=False, type=_FOLDER)
@click.option("--keys", type=_FOLDER, help="Put the keys back from here too, where there are none.")
@click.option("--here", is_flag=True, help="The store was put back already, by other means: only begin anew.")
@json_option
def restore(folder: Path | None, keys: Path | None, *, here: bool, as_json: bool) -> None:
    """Put a copy back, and begin a new epoch: what processes and Redis remember of the time before is not believed.

    Stop the service first. What was changed since the copy is undone, revocations and deleted access keys too. A store
    that a snapshot of its disk or PostgreSQL's own recovery put back is told of with --here, and nothing is copied.
    Exits with 3 when there is a store already, or with --keys a key.
    """
    if here == (folder is not None):
        raise click.UsageError("Name the folder of a copy, or --here.")
    if here and keys is not None:
        raise click.UsageError("--here copies nothing: put the keys back in the same way as the store.")
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    told = _describe_present() if folder is None else _put_back(settings, folder, keys)
    print_fields({**told, **_begin_anew(settings, told)}, as_json=as_json)


def _back_up(host: "Host", settings: "Settings", folder: Path, keys: Path | None) -> Mapping[str, Any]:
    from sts.audit.events import Event
    from sts.keyring.keyfiles import require_no_keys
    from sts.store.copies import require_copying

    require_copying(settings.database_url)
    if keys is not None:
        require_no_keys(keys)
    with _making(folder):
        asked = {"folder": str(folder), "keys": None if keys is None else str(keys)}
        host.act(Event.STORE_BACKUP, asked, lambda _transaction, _entry: None)  # first: the copy holds its own record
        told = _copy(host, settings, folder)
        with _copying(settings.keys_dir, keys) as copied:  # last: no failure leaves secrets where nobody looks for them
            return {"folder": str(folder), **told, "keys_copied": copied}


def _copy(host: "Host", settings: "Settings", folder: Path) -> Mapping[str, Any]:
    from sts.store.copies import copy_store
    from sts.store.schema import find_revision

    copy = copy_store(settings.database_url, folder)
    told = {
        "format": _FORMAT,
        "made_at": host.at.clock.now().isoformat(timespec="seconds"),
        "store": copy.name,
        "sha256": _digest(copy),
        "revision": host.at.database.read_now(find_revision),
    }
    _sign(folder, told, host.at.keyring)
    return told


def _copying(folder: Path | None, target: Path | None) -> "AbstractContextManager[int | None]":
    """Copy the keys for as long as what follows does not fail; none when either folder is not named."""
    from sts.keyring.keyfiles import copying_keys

    return nullcontext() if folder is None or target is None else copying_keys(folder, target)


def _put_back(settings: "Settings", folder: Path, keys: Path | None) -> Mapping[str, Any]:
    from sts.cli.operator import require_keys, telling_of_store
    from sts.clock import SystemClock
    from sts.entropy import Entropy
    from sts.keyring.keyfiles import require_no_keys
    from sts.keyring.keyring import open_keyring
    from sts.store.copies import put_back, require_none, require_putting_back

    with telling_of_store(settings):
        require_none(settings.database_url)
        if keys is None:
            require_keys(settings, otherwise="name the folder of their copy with --keys, or ")
        else:
            require_no_keys(settings.keys_dir)
        keyring = open_keyring(keys or settings.keys_dir, SystemClock(), Entropy(), create=False)
        told = _verify(folder, keyring)
        require_putting_back(settings.database_url, folder / told["store"])
        with _copying(keys, settings.keys_dir):
            put_back(settings.database_url, folder / told["store"])
    return {"made_at": told["made_at"], "store": told["store"]}


def _describe_present() -> Mapping[str, Any]:
    return {"made_at": None, "store": None}


def _begin_anew(settings: "Settings", told: Mapping[str, Any]) -> Mapping[str, Any]:
    from sts.audit.events import Event
    from sts.cli.operator import open_host
    from sts.foundation import begin_epoch

    with open_host(settings) as host:

        def change(transaction: "Transaction", entry: "Entry") -> Mapping[str, Any]:
            entry.parameters = {**told, "epoch": begin_epoch(host.at, transaction)}
            return {"epoch": entry.parameters["epoch"]}

        return host.act(Event.STORE_RESTORE, told, change)


@contextmanager
def _making(folder: Path) -> Iterator[None]:
    """Make the folder of a copy, and remove it when the copy fails: the next attempt finds no half one in its way."""
    from sts.errors import AlreadyExists

    try:
        folder.mkdir(mode=0o700, parents=True)
    except FileExistsError:
        raise AlreadyExists(f"{folder} is there already: each copy has a folder of its own") from None
    try:
        yield
    except BaseException:
        shutil.rmtree(folder)
        raise


def _sign(folder: Path, told: Mapping[str, Any], keyring: "Keyring") -> None:
    from sts.keyring.rotation import Purpose
    from sts.keyring.stamps import make_stamp

    body = json.dumps(told, indent=2).encode() + b"\n"
    for name, contents in ((_STAMP, make_stamp(keyring, Purpose.AUDIT, _LABEL, body).hex().encode()), (_TOLD, body)):
        with os.fdopen(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
            file.write(contents)
            file.flush()
            os.fsync(file.fileno())


def _verify(folder: Path, keyring: "Keyring") -> Mapping[str, Any]:
    """Return what the copy says of itself; raises Malformed unless it is whole and made under these keys."""
    from sts.keyring.rotation import Purpose
    from sts.keyring.stamps import verify_stamp

    try:
        body = (folder / _TOLD).read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        raise Malformed(f"{folder} holds no copy: there is no {_TOLD} in it") from None
    try:
        verify_stamp(keyring, Purpose.AUDIT, _LABEL, body, bytes.fromhex((folder / _STAMP).read_text("ascii")))
    except (SealBroken, ValueError) as broken:
        raise Malformed(f"{folder} is no copy made under these keys, or was changed since") from broken
    told: Mapping[str, Any] = json.loads(body)
    if told["format"] != _FORMAT:
        raise Malformed(f"{folder} has the format {told['format']}, which this version does not read")
    if _digest(folder / told["store"]) != told["sha256"]:
        raise Malformed(f"{folder / told['store']} is not the file that was copied: it is damaged, or was changed")
    return told


def _digest(file: Path) -> str:
    with file.open("rb") as opened:
        return hashlib.file_digest(opened, "sha256").hexdigest()
