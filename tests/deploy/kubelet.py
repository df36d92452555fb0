"""A secret as the kubelet mounts it, and a keyring on it: what test_mounted_keys.py runs in a mount namespace.

No kubelet runs on a test machine, so this lays files out as it does (kubernetes, pkg/volume/util/atomic_writer.go and
pkg/volume/volume_linux.go): a tmpfs whose folder is 1777 with the group's bit, files of root's that the pod's fsGroup
may read (0440), links by way of `..data`, which a renaming swaps, and a bind of it that the pod cannot write to.

    python -m tests.deploy.kubelet KEYS ROTATED PLACE MODE

Prints, as JSON, what a keyring of the pod's saw of the folder KEYS and after ROTATED was swapped for it.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import KeysRefused
from sts.keyring.keyring import Keyring, open_keyring

FIRST, SECOND = datetime(2026, 3, 2, 12, tzinfo=UTC), datetime(2026, 3, 3, 13, tzinfo=UTC)
_POD_USER = 10_001
# A user namespace of one who is not root knows no other users: there the pod's user and group are root's names too.
_HAS_USERS = Path("/proc/self/uid_map").read_text(encoding="ascii").split()[2] != "1"
_FS_GROUP = 2_000 if _HAS_USERS else 0


@dataclass(frozen=True)
class Volume:
    """What the kubelet writes to, and where the pod sees it."""

    written: Path
    seen: Path
    times: Iterator[int] = field(default_factory=count)

    def mount(self) -> None:
        for folder in (self.written, self.seen):
            folder.mkdir()
        subprocess.run(["mount", "-t", "tmpfs", "tmpfs", self.written], check=True)
        os.chown(self.written, 0, _FS_GROUP)
        self.written.chmod(0o3777)
        subprocess.run(["mount", "--bind", self.written, self.seen], check=True)
        subprocess.run(["mount", "-o", "remount,bind,ro", self.seen], check=True)

    def write(self, source: Path, mode: int) -> None:
        """Swap the files of *source* for those that are there."""
        data = self.written / "..data"
        before = data.resolve() if data.is_symlink() else None
        present = self.written / f"..2026_03_02_12_00_00.{next(self.times)}"
        _copy(source, present, mode)
        (self.written / "..data_tmp").symlink_to(present.name)
        (self.written / "..data_tmp").rename(data)
        for link in self.written.glob("*.json"):
            link.unlink()
        for file in present.iterdir():
            (self.written / file.name).symlink_to(f"..data/{file.name}")
        if before is not None:
            shutil.rmtree(before)


def _copy(source: Path, present: Path, mode: int) -> None:
    present.mkdir()
    for file in source.glob("*.json"):
        copied = present / file.name
        copied.write_bytes(file.read_bytes())
        os.chown(copied, 0, _FS_GROUP)
        copied.chmod(mode)
    os.chown(present, 0, _FS_GROUP)
    present.chmod(0o2755)


@contextmanager
def _as_pod() -> Iterator[None]:
    """Act as a process of the pod: another user, whose one further group is the volume's."""
    if not _HAS_USERS:
        yield
        return
    os.setgroups([_FS_GROUP])
    os.setegid(_POD_USER)
    os.seteuid(_POD_USER)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def _current(keyring: Keyring) -> list[str]:
    return sorted(f"{key.purpose}-{key.algorithm}-{key.version}" for key in keyring.keys() if key.state == "current")  # noqa: SIM118  a keyring is no mapping


def _observe(volume: Volume, rotated: Path, mode: int) -> dict[str, object]:
    clock = ManualClock(FIRST)
    with _as_pod():
        keyring = open_keyring(volume.seen, clock, Entropy(), create=False)
        first, token = _current(keyring), keyring.sign_token("t", b"{}")
        unchanged = keyring.refresh()
        clock.at = SECOND + timedelta(days=40)  # when a key is due, and another one gone
        tended = keyring.tend()
    volume.write(rotated, mode)
    clock.at = SECOND
    with _as_pod():
        changed = keyring.refresh()
        keyring.verify_token(token, "t")
        return {
            "first": first,
            "unchanged": unchanged,
            "tended": tended,
            "changed": changed,
            "second": _current(keyring),
        }


def main() -> None:
    keys, rotated, place = map(Path, sys.argv[1:4])
    mode = int(sys.argv[4], 8)
    # Some modules are imported when they are first needed, from folders that the pod's user may not enter.
    open_keyring(keys, ManualClock(FIRST), Entropy(), create=False)
    volume = Volume(place / "written", place / "seen")
    volume.mount()
    volume.write(keys, mode)
    try:
        print(json.dumps(_observe(volume, rotated, mode)))  # noqa: T201  read by the test that runs this
    except KeysRefused as refused:
        print(json.dumps({"refused": refused.message}))  # noqa: T201  as above


if __name__ == "__main__":
    main()
