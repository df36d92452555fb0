"""The only code that touches the key folder.

One JSON file for each key, `signing-ES256-3.json` or `sealing-1.json`, that begins with the mark of its format. The
folder is 0700 and a file 0600. A file that others can read, that is a link, that belongs to someone else or is not of
its form refuses the start, and all such faults are told at once. Files of other kinds (`README`, `.gitignore`) are
left alone. A key file is written whole or not at all, and never over another one.

The folder may be a secret that an orchestrator mounts read-only. In Kubernetes the kubelet lays one out so that all
files change at once: `sealing-1.json` is a link to `..data/sealing-1.json`, and `..data` one to the folder of a time,
`..2026_11_24_10_00_00.123`, which holds the files. These two links, and no others, are followed.
"""

import contextlib
import errno
import fcntl
import json
import os
import re
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from sts.crypto.jsonobject import parse_json_object
from sts.errors import AlreadyExists, KeysRefused, Malformed, Unavailable
from sts.keyring.rotation import KeyLife, Purpose
from sts.privacy import find_exposure, is_read_only

FORMAT = "sts-key-1"
_FILE_MODE, _FOLDER_MODE = 0o600, 0o700
_OTHERS, _OTHERS_WRITE = 0o077, 0o022
_SWAPPED = "..data"  # the kubelet's link to the folder of the present time
_MAXIMUM_SIZE = 64 * 1024
_READINGS = 3  # of a folder that changes while it is read
_NAME = re.compile(r"(?P<purpose>[a-z]+)(?:-(?P<algorithm>[A-Za-z0-9]+))?-(?P<version>[1-9][0-9]{0,8})\.json", re.ASCII)
_MEMBERS = frozenset({"format", "purpose", "algorithm", "version", "made_at", "works_from", "asked", "jwk"})


@dataclass(frozen=True, slots=True)
class StoredKey:
    """A key as its file holds it: its life, and the key itself as a private JWK."""

    life: KeyLife
    jwk: Mapping[str, Any] = field(repr=False)


FolderMark = tuple[int, int, frozenset[str]]


def file_name(life: KeyLife) -> str:
    """Return the name of the key's file."""
    algorithm = f"-{life.algorithm}" if life.algorithm else ""
    return f"{life.purpose}{algorithm}-{life.version}.json"


def make_folder(folder: Path) -> None:
    """Make the folder, private to its owner, when there is none; raises Unavailable when it cannot be made."""
    try:
        folder.mkdir(mode=_FOLDER_MODE, parents=True, exist_ok=True)
    except OSError as fault:
        raise Unavailable(f"The key folder cannot be made: {fault.strerror}", detail=str(folder)) from fault


def mark_folder(folder: Path) -> FolderMark:
    """Return what differs once a file came or went: cheap, no file is opened. Raises KeysRefused without a folder."""
    try:
        status = folder.stat()
        return status.st_ino, status.st_mtime_ns, frozenset(entry.name for entry in folder.iterdir())
    except OSError as fault:
        raise _refuse_unread(folder, fault) from fault


def holds_keys(folder: Path) -> bool:
    """Say whether the folder is there and has the file of any key; raises KeysRefused for one that cannot be read."""
    try:
        return any(entry.suffix == ".json" for entry in folder.iterdir())
    except FileNotFoundError:
        return False
    except OSError as fault:
        raise _refuse_unread(folder, fault) from fault


def is_only_read(folder: Path) -> bool:
    """Say whether the folder stands on a mount through which nobody can write; raises KeysRefused without a folder."""
    try:
        with _opened(folder) as handle:
            return is_read_only(handle)
    except OSError as fault:
        raise _refuse_unread(folder, fault) from fault


def read_keys(folder: Path) -> tuple[StoredKey, ...]:
    """Return every key of the folder; raises KeysRefused, whose message names every fault."""
    for _ in range(_READINGS):
        mark = mark_folder(folder)
        keys, is_whole = _read_named(folder, mark[2])
        # What was missed was taken away, or swapped for another of its name: only the first leaves the folder as it is.
        if is_whole or mark_folder(folder) == mark:
            break
    return keys


def _read_named(folder: Path, names: Iterable[str]) -> tuple[tuple[StoredKey, ...], bool]:
    """Return the keys in the files *names*, and whether each was there."""
    faults, keys, missed = _protect_folder(folder), [], 0
    for name in sorted(name for name in names if name.endswith(".json")):
        try:
            keys.append(_read_key(folder, name))
        except FileNotFoundError:
            missed += 1  # the writer took a key away that was gone
        except Malformed as fault:
            faults.append(f"{name} {fault.message}")
    if faults:
        raise KeysRefused("The key folder is refused: " + "; ".join(faults))
    return tuple(keys), not missed


def write_key(folder: Path, key: StoredKey) -> None:
    """Write the file of *key*, durably; raises Unavailable when it is there already or cannot be written."""
    name = file_name(key.life)
    draft = folder / f".{name}.{os.getpid()}"
    try:
        with contextlib.ExitStack() as leaving:
            leaving.callback(draft.unlink, missing_ok=True)
            _write_draft(draft, _render(key))
            os.link(draft, folder / name)  # unlike a rename it never replaces a key that is in use
        _sync_folder(folder)
    except OSError as fault:
        raise Unavailable(f"The key file {name} cannot be written: {fault.strerror}") from fault


def require_no_keys(folder: Path) -> None:
    """Raise AlreadyExists when *folder* has keys."""
    if holds_keys(folder):
        raise AlreadyExists(f"There are keys already in {folder}")


@contextlib.contextmanager
def copying_keys(folder: Path, target: Path) -> Iterator[int]:
    """Copy every key to the folder *target*, made private where there is none, and give how many there are.

    When the copying or what is done within fails, what was written is taken away again: keys left behind would refuse
    the next attempt. Raises AlreadyExists when *target* has keys, KeysRefused as `read_keys` does, Unavailable.
    """
    require_no_keys(target)
    keys = read_keys(folder)
    with contextlib.ExitStack() as undoing:
        if not target.exists():
            undoing.callback(_remove_empty, target)
        make_folder(target)
        for key in keys:
            write_key(target, key)
            undoing.callback(remove_key, target, key.life)
        yield len(keys)
        undoing.pop_all()


def _refuse_unread(folder: Path, fault: OSError) -> KeysRefused:
    return KeysRefused(f"The key folder {folder} cannot be read: {fault.strerror}")


def _remove_empty(folder: Path) -> None:
    with contextlib.suppress(OSError):  # what somebody else put in meanwhile stays
        folder.rmdir()


def remove_key(folder: Path, life: KeyLife) -> None:
    """Remove the file of a key, durably; raises Unavailable when the folder cannot be written."""
    name = file_name(life)
    try:
        (folder / name).unlink(missing_ok=True)
        _sync_folder(folder)
    except OSError as fault:
        raise Unavailable(f"The key file {name} cannot be removed: {fault.strerror}") from fault


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Hold the folder alone while it is read, judged and changed: a command and a server may both want to rotate."""
    try:
        handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except OSError as fault:
        raise _refuse_unread(folder, fault) from fault
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _protect_folder(folder: Path) -> list[str]:
    """Make the folder private; on one that cannot be changed only others' writing is a fault.

    On a read-only mount nobody writes, whatever its mode says: the kubelet's folders are 1777.
    """
    if stat.S_IMODE(folder.stat().st_mode) & _OTHERS:
        with contextlib.suppress(OSError):  # judged by what it left
            folder.chmod(_FOLDER_MODE)
    with _opened(folder) as handle:
        if stat.S_IMODE(os.fstat(handle).st_mode) & _OTHERS_WRITE and not is_read_only(handle):
            return ["the folder can be written by others"]
    return []


def _read_key(folder: Path, name: str) -> StoredKey:
    """Return the key in the file *name*; raises Malformed, whose message goes after the name."""
    parts = _NAME.fullmatch(name)
    if parts is None:
        raise Malformed("is not the name of a key file")
    key = _parse(_read_private_file(folder, name))
    if file_name(key.life) != name:
        raise Malformed("holds another key than its name says")
    return key


def _read_private_file(folder: Path, name: str) -> bytes:
    """Return the contents of a file that is its reader's alone.

    The file that was judged is the one that is read: it is opened once, and never through a link of a stranger's.
    """
    with _holding(folder, name) as place:
        try:
            handle = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=place)
        except FileNotFoundError:
            raise
        except OSError as fault:
            told = "is a link" if fault.errno == errno.ELOOP else f"cannot be read: {fault.strerror}"
            raise Malformed(told) from None
    with os.fdopen(handle, "rb") as file:
        if not stat.S_ISREG(os.fstat(handle).st_mode):
            raise Malformed("is not a regular file")
        if exposure := find_exposure(handle):
            raise Malformed(exposure)
        return file.read(_MAXIMUM_SIZE)


@contextlib.contextmanager
def _holding(folder: Path, name: str) -> Iterator[int]:
    """Open the folder that holds the file *name*: *folder* itself, or the one of a time that the kubelet made in it."""
    with _opened(folder) as handle:
        if _read_link(name, handle) != f"{_SWAPPED}/{name}":
            yield handle
            return
        present = _read_link(_SWAPPED, handle)
        # Another name of that form leads out of the folder, or deeper into it than a kubelet's does.
        if not present.startswith("..") or present == ".." or "/" in present:
            raise Malformed(f"is a link to {_SWAPPED}, which no kubelet made")
        inner = _open_inner(present, handle)
        try:
            yield inner
        finally:
            os.close(inner)


def _open_inner(name: str, place: int) -> int:
    try:
        return os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=place)
    except FileNotFoundError:
        raise
    except OSError as fault:
        raise Malformed(f"is a link to {_SWAPPED}, which cannot be read: {fault.strerror}") from None


def _read_link(name: str, place: int) -> str:
    """Return where the link *name* leads; empty when it is none."""
    try:
        return os.readlink(name, dir_fd=place)
    except FileNotFoundError:
        raise
    except OSError:
        return ""


@contextlib.contextmanager
def _opened(folder: Path) -> Iterator[int]:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield handle
    finally:
        os.close(handle)


def _parse(raw: bytes) -> StoredKey:
    try:
        stored = parse_json_object(raw)
    except Malformed:
        raise Malformed("is not a JSON object") from None
    if stored.get("format") != FORMAT:
        raise Malformed(f"has an unknown format, not {FORMAT}")
    if stored.keys() != _MEMBERS or not isinstance(stored["jwk"], dict):
        raise Malformed("lacks a member, or has one too many")
    version, asked = stored["version"], stored["asked"]
    if type(version) is not int or type(asked) is not bool:
        raise Malformed("has a member of a wrong type")
    algorithm = stored["algorithm"]
    try:
        life = KeyLife(
            purpose=Purpose(stored["purpose"]),
            algorithm=None if algorithm is None else str(algorithm),
            version=version,
            made_at=_parse_instant(stored["made_at"]),
            works_from=_parse_instant(stored["works_from"]),
            asked=asked,
        )
    except (ValueError, TypeError):
        raise Malformed("has an unknown purpose, or a broken instant") from None
    if (life.algorithm is None) == (life.purpose is Purpose.SIGNING):
        raise Malformed("names an algorithm where none belongs, or none where one does")
    return StoredKey(life, stored["jwk"])


def _parse_instant(text: str) -> datetime:
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError("an instant names its offset")
    return at.astimezone(UTC)


def _render(key: StoredKey) -> bytes:
    members = {
        "format": FORMAT,
        "purpose": key.life.purpose,
        "algorithm": key.life.algorithm,
        "version": key.life.version,
        "made_at": key.life.made_at.isoformat(),
        "works_from": key.life.works_from.isoformat(),
        "asked": key.life.asked,
        "jwk": dict(key.jwk),
    }
    return json.dumps(members, indent=2).encode() + b"\n"


def _write_draft(draft: Path, contents: bytes) -> None:
    handle = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, _FILE_MODE)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, _FILE_MODE)  # whatever the umask took or an earlier draft left
        file.write(contents)
        file.flush()
        os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    with _opened(folder) as handle:
        os.fsync(handle)
