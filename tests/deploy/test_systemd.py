"""The systemd units: verified and weighed by systemd's own programs, and a service that keeps their strictest word."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import boto3
import click
import pytest

from sts.cli.commands import main
from sts.limits import ServerLimits
from sts.settings import SETTINGS
from tests.deploy.places import DEPLOY, ROOT
from tests.faults.processes import Server, wait_until
from tests.ports import find_port
from tests.service import trust

FOLDER = DEPLOY / "systemd"
SERVICES = sorted(path.name for path in FOLDER.glob("*.service"))
TIMERS = sorted(path.name for path in FOLDER.glob("*.timer"))
_MOST_EXPOSED = (
    15  # tenths: "OK" in systemd's own words begins above 10, and a service of the network cannot be below 8
)


@pytest.fixture(scope="module", params=["", "--production"])
def units(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The units as the script installs them, of the service that the tests run."""
    root = tmp_path_factory.mktemp("root")
    prefix = Path(sys.executable).parents[1]
    environment = {**os.environ, "DESTINATION": str(root), "PREFIX": str(prefix)}
    script = ["sh", str(FOLDER / "install.sh"), *filter(None, [request.param])]
    subprocess.run(script, check=True, env=environment)
    return root / "etc" / "systemd" / "system"


def _analyze(units: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    # The colon at the end: and then where systemd looks by itself.
    environment = {**os.environ, "SYSTEMD_UNIT_PATH": f"{units}:"}
    command = ["systemd-analyze", "--no-pager", *words]
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("unit", SERVICES + TIMERS)
def test_systemd_finds_no_fault_with_a_unit(units: Path, unit: str) -> None:
    told = _analyze(units, "verify", "--man=no", unit)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_systemd_finds_a_fault_where_there_is_one(units: Path, tmp_path: Path) -> None:
    (tmp_path / "sts-broken.service").write_text("[Service]\nExecStart=/nowhere/sts\nTimeoutStopSeconds=1\n")
    told = _analyze(units, "verify", "--man=no", str(tmp_path / "sts-broken.service"))
    assert "TimeoutStopSeconds" in told.stderr


@pytest.mark.parametrize("unit", SERVICES)
def test_no_unit_is_more_exposed_than_a_service_of_the_network_must_be(units: Path, unit: str) -> None:
    told = _analyze(units, "security", "--offline=true", f"--threshold={_MOST_EXPOSED}", unit)
    assert told.returncode == 0, told.stdout


def test_a_unit_without_its_hardening_is_told_of(tmp_path: Path) -> None:
    (tmp_path / "bare.service").write_text("[Service]\nExecStart=/bin/true\n")
    assert _analyze(tmp_path, "security", "--offline=true", f"--threshold={_MOST_EXPOSED}", "bare.service").returncode


def test_the_service_is_given_the_time_to_drain_and_to_finish() -> None:
    text = (FOLDER / "sts.service").read_text(encoding="utf-8")
    (seconds,) = re.findall(r"^TimeoutStopSec=(\d+)$", text, re.MULTILINE)
    limits = ServerLimits()
    assert timedelta(seconds=int(seconds)) > limits.drain + limits.finish


def test_units_set_nothing_that_is_no_setting() -> None:
    said = "\n".join(file.read_text(encoding="utf-8") for file in FOLDER.iterdir())
    named = set(re.findall(r"^Environment=(\w+)=", said, re.MULTILINE))
    assert named
    assert named <= {setting.name for setting in SETTINGS}


@pytest.mark.parametrize("unit", SERVICES)
def test_what_a_unit_starts_is_a_command_with_these_options(unit: str) -> None:
    (line,) = re.findall(r"^ExecStart=(.+)$", (FOLDER / unit).read_text(encoding="utf-8"), re.MULTILINE)
    _, called, words = line.partition("/opt/sts/bin/sts ")
    assert called
    command: click.Command = main
    for word in shlex.split(words.removesuffix("'")):
        if isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            assert found is not None, word
            command = found
        elif word.startswith("--"):
            assert any(word in parameter.opts for parameter in command.params), word


@pytest.mark.parametrize("unit", TIMERS)
def test_each_timer_has_its_service_and_each_calendar_is_one(unit: str) -> None:
    assert (FOLDER / unit).with_suffix(".service").is_file()
    (calendar,) = re.findall(r"^OnCalendar=(.+)$", (FOLDER / unit).read_text(encoding="utf-8"), re.MULTILINE)
    assert _analyze(FOLDER, "calendar", calendar).returncode == 0


_HOLD = (
    "import ctypes, os, sys; assert ctypes.CDLL(None).prctl(65, 1, 0, 0, 0) == 0; os.execv(sys.argv[1], sys.argv[1:])"
)
STS = (sys.executable, "-m", "sts")


@pytest.fixture
def held() -> tuple[str, ...]:
    """The command, held to MemoryDenyWriteExecute by the kernel (prctl(2): PR_SET_MDWE, from Linux 6.3 on)."""
    held = (sys.executable, "-c", _HOLD)
    if subprocess.run([*held, "/bin/true"], check=False, stderr=subprocess.DEVNULL).returncode:
        pytest.skip("this kernel has no PR_SET_MDWE (Linux 6.3), by which a test is held to what the unit holds to")
    return (*held, *STS)


@contextmanager
def _serving(home: Path, command: tuple[str, ...]) -> Iterator[Server]:
    port = find_port()
    environment = {**os.environ, "STS_HOME": str(home), "STS_DRAIN_SECONDS": "0"}
    words = [*command, "serve", "--port", str(port), "--log-level", "error"]
    with subprocess.Popen(words, env=environment, cwd=ROOT) as process:
        server = Server(home, port, process)
        try:
            wait_until(lambda: server.is_listening() or process.poll() is not None)
            yield server
        finally:
            server.end()


def test_the_service_needs_no_memory_that_is_written_and_executed(tmp_path: Path, held: tuple[str, ...]) -> None:
    environment = {**os.environ, "STS_HOME": str(tmp_path)}
    begun = subprocess.run([*held, "init", "--json"], env=environment, cwd=ROOT, check=True, capture_output=True)
    made = json.loads(begun.stdout)
    with _serving(tmp_path, held) as server:
        client = {
            "endpoint_url": f"http://127.0.0.1:{server.port}",
            "region_name": "us-east-1",
            "aws_access_key_id": made["access_key_id"],
            "aws_secret_access_key": made["secret_access_key"],
        }
        document = trust(f"arn:aws:iam::{made['account_id']}:root")
        role = boto3.client("iam", **client).create_role(RoleName="reader", AssumeRolePolicyDocument=document)["Role"]
        assumed = boto3.client("sts", **client).assume_role(RoleArn=role["Arn"], RoleSessionName="session")
        assert assumed["AssumedRoleUser"]["Arn"].endswith(":assumed-role/reader/session")
