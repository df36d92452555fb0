"""Files in the user's own folder that hold secrets: for their owner alone, written whole or not at all.

One that others can read is not used. Processes that would write the same one take turns.
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sts.errors import Refusal
from sts.privacy import find_exposure

_SUFFIX = ".json"


def find_folder(environment: Mapping[str, str]) -> Path:
    """Return the folder for what can be had anew (XDG Base Directory Specification)."""
    named = environment.get("XDG_CACHE_HOME", "")
    return (Path(named) if Path(named).is_absolute() else Path.home() / ".cache") / "sts"


def parse_instant(text: str) -> datetime:
    """Return the instant that was kept as *text*; raises ValueError or TypeError for what is none, or has no offset."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("an instant without its offset")
    return instant


@dataclass(frozen=True, slots=True)
class PrivateFiles:
    """JSON objects in a folder, each under a name that is any text."""

    folder: Path

    def read(self, name: str) -> Mapping[str, Any] | None:
        """Return what is kept under *name*, None where nothing is; raises Refusal when it is not to be trusted."""
        return self._read(self._path_of(name))

    def read_only(self) -> Mapping[str, Any] | None:
        """Return what is kept where it is one thing alone; None where it is nothing, or several."""
        paths = list(self.folder.glob(f"*{_SUFFIX}"))
        return self._read(paths[0]) if len(paths) == 1 else None

    def write(self, name: str, members: Mapping[str, Any]) -> None:
        """Keep *members* under *name*: a process that is ended meanwhile leaves what was there before."""
        path = self._path_of(name)
        unfinished = path.with_suffix(f".{os.getpid()}")
        with self._telling(), suppress(FileNotFoundError):
            unfinished.unlink()
        with self._telling():
            descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(json.dumps(members))
            unfinished.replace(path)

    def remove(self, name: str) -> bool:
        """Forget what is kept under *name*, and say whether anything was."""
        try:
            with self._telling():
                self._path_of(name).unlink()
        except FileNotFoundError:
            return False
        return True

    def remove_all(self) -> None:
        """Forget everything."""
        with self._telling():
            for path in self.folder.glob(f"*{_SUFFIX}"):
                path.unlink(missing_ok=True)

    @contextmanager
    def turn(self, name: str) -> Iterator[None]:
        """Wait until no other process is at what is kept under *name*."""
        with self._telling():
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self._path_of(name).with_suffix(".lock"), os.O_CREAT | os.O_RDWR, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _read(self, path: Path) -> Mapping[str, Any] | None:
        try:
            with self._telling(), path.open("rb") as file:
                exposure = find_exposure(file.fileno())
                if exposure is not None:
                    raise Refusal(f"{path} {exposure}: remove it and run `sts login`")
                told = json.loads(file.read())
        except FileNotFoundError:
            return None
        except ValueError:
            told = None
        if not isinstance(told, dict):
            raise Refusal(f"{path} is damaged: remove it")
        return told

    @contextmanager
    def _telling(self) -> Iterator[None]:
        try:
            yield
        except FileNotFoundError:
            raise
        except OSError as fault:
            raise Refusal(f"{fault.filename or self.folder} cannot be used: {fault.strerror}") from fault

    def _path_of(self, name: str) -> Path:
        return self.folder / f"{hashlib.sha256(name.encode()).hexdigest()}{_SUFFIX}"
