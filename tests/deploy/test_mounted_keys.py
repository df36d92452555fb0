"""The key folder as a secret that an orchestrator mounts: read as it is, followed when it is swapped, else refused."""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import KeysRefused
from sts.keyring.keyfiles import read_keys
from sts.keyring.keyring import open_keyring
from sts.keyring.rotation import Purpose
from tests.deploy.kubelet import FIRST
from tests.deploy.namespaces import apart
from tests.deploy.places import ROOT


@pytest.fixture
def keys(home: Path) -> Path:
    """Keys that were made at the first instant that the pod looks at."""
    return home / "keys"


@pytest.fixture
def rotated(keys: Path, tmp_path: Path) -> Path:
    """The same keys, and one more of signing that works a day later."""
    folder = Path(shutil.copytree(keys, tmp_path / "rotated"))
    open_keyring(folder, ManualClock(FIRST), Entropy(), create=False).rotate(Purpose.SIGNING, "ES256")
    return folder


@pytest.fixture
def place() -> Iterator[Path]:
    """A folder that another user may enter, unlike a test's own."""
    with tempfile.TemporaryDirectory(prefix="sts-kubelet-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


def _observe(keys: Path, rotated: Path, place: Path, mode: str) -> dict[str, Any]:
    pod = [sys.executable, "-m", "tests.deploy.kubelet", str(keys), str(rotated), str(place), mode]
    done = subprocess.run([*apart(), *pod], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_a_secret_of_the_kubelet_is_read_and_a_swap_of_it_is_a_rotation(keys: Path, rotated: Path, place: Path) -> None:
    told = _observe(keys, rotated, place, "440")
    assert "signing-ES256-1" in told["first"]
    assert len(told["first"]) == 8
    assert not told["unchanged"]
    assert told["tended"] == []
    assert told["changed"]
    assert set(told["second"]) == set(told["first"]) - {"signing-ES256-1"} | {"signing-ES256-2"}


def test_a_secret_that_everybody_in_the_pod_may_read_is_refused(keys: Path, rotated: Path, place: Path) -> None:
    told = _observe(keys, rotated, place, "444")
    assert "sealing-1.json can be used by others (mode 0444, wanted 0440)" in told["refused"]


@pytest.mark.parametrize("target", ["../outside", "..data/../../outside", "..data/sealing-2.json", "/etc/hostname"])
def test_links_that_no_kubelet_makes_are_refused(keys: Path, target: str) -> None:
    (keys / "sealing-1.json").unlink()
    (keys / "sealing-1.json").symlink_to(target)
    with pytest.raises(KeysRefused, match=r"sealing-1\.json is a link"):
        read_keys(keys)


@pytest.mark.parametrize("present", ["..", "../other", "/var", "other", "..2026/inner"])
def test_a_swapped_link_that_leads_elsewhere_is_refused(keys: Path, present: str) -> None:
    (keys / "sealing-1.json").unlink()
    (keys / "sealing-1.json").symlink_to("..data/sealing-1.json")
    (keys / "..data").symlink_to(present)
    with pytest.raises(KeysRefused, match=r"sealing-1\.json is a link to \.\.data"):
        read_keys(keys)


def test_a_time_folder_that_is_itself_a_link_is_refused(keys: Path, tmp_path: Path) -> None:
    (keys / "sealing-1.json").rename(tmp_path / "sealing-1.json")
    (keys / "sealing-1.json").symlink_to("..data/sealing-1.json")
    (keys / "..2026").symlink_to(tmp_path)
    (keys / "..data").symlink_to("..2026")
    with pytest.raises(KeysRefused, match=r"sealing-1\.json is a link to \.\.data, which cannot be read"):
        read_keys(keys)


def test_links_of_the_kubelet_do_not_make_a_file_private_that_is_not(keys: Path) -> None:
    (keys / "..2026").mkdir()
    (keys / "sealing-1.json").rename(keys / "..2026" / "sealing-1.json")
    (keys / "sealing-1.json").symlink_to("..data/sealing-1.json")
    (keys / "..data").symlink_to("..2026")
    assert len(read_keys(keys)) == 8
    (keys / "..2026" / "sealing-1.json").chmod(0o440)
    with pytest.raises(KeysRefused, match=r"sealing-1\.json can be used by others \(mode 0440, wanted 0600\)"):
        read_keys(keys)
