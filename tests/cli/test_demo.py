"""`sts demo`, run as a newcomer runs it, with the real AWS CLI; and what it says when something is amiss."""

import json
import os
import re
import signal
import socket
import stat
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from sts.cli.demo import server
from tests.installed import get_installed
from tests.ports import find_port

ROOT = Path(__file__).parents[2]
_STRANGER = "[admin]\naws_access_key_id = AKIAIOSFODNN7EXAMPLE\naws_secret_access_key = nothing\n"


@pytest.fixture
def environment() -> dict[str, str]:
    """What a reader's shell may hold: the AWS CLI on PATH, and settings that the demo must not follow."""
    return {
        **os.environ,
        "PATH": f"{Path(get_installed('TEST_AWS_V1')).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "AWS_PROFILE": "production",
        "AWS_ENDPOINT_URL": "http://127.0.0.1:9",
        "STS_DATABASE_URL": "sqlite:////nowhere/sts.db",
    }


def words(*options: str) -> list[str]:
    """Return the command, on a port that no demo of another test looks at."""
    return [sys.executable, "-m", "sts", "demo", "--port", str(find_port()), *options]


def demo(folder: Path, environment: dict[str, str], *options: str) -> subprocess.CompletedProcess[str]:
    command = words(*options)
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)


def test_a_reader_who_goes_away_is_told_nothing(tmp_path: Path, environment: dict[str, str]) -> None:
    command = [sys.executable, "-m", "sts", "demo", "--once"]  # the only one here that takes the usual port
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as told:
        assert told.stdout is not None
        assert told.stderr is not None
        while "The service starts" not in told.stdout.readline():
            assert told.poll() is None
        told.stdout.close()
        assert told.stderr.read() == ""


def test_a_demo_shows_the_main_job_and_a_second_run_uses_what_is_there(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    first = demo(tmp_path, environment, "--once")
    assert first.returncode == 0, first.stderr
    for shown in (
        "$ aws sts get-caller-identity",
        "$ aws sts assume-role --role-arn arn:aws:iam::",
        "because no identity-based policy",
        "with an explicit deny",
        "subject arn:aws:sts::",
    ):
        assert shown in first.stdout
    credentials = tmp_path / "demo" / "credentials"
    assert stat.S_IMODE(credentials.stat().st_mode) == 0o600
    before = credentials.read_text(encoding="utf-8")
    secrets = re.findall(r"aws_secret_access_key = (\S+)", before)
    assert len(secrets) == 2
    assert not [secret for secret in secrets if secret in first.stdout + first.stderr]

    second = demo(tmp_path, environment, "--once", "--json")
    assert second.returncode == 0, second.stderr
    assert "# is there already" in second.stderr
    assert credentials.read_text(encoding="utf-8") == before
    assert json.loads(second.stdout)["credentials_file"] == str(credentials)


@contextmanager
def staying(folder: Path, environment: dict[str, str]) -> Iterator[tuple[subprocess.Popen[str], dict[str, str]]]:
    """Run a demo until it waits, and yield it with the exports that it printed."""
    command = words()
    with subprocess.Popen(command, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        exports: dict[str, str] = {}
        for line in process.stdout:
            if line.startswith("export "):
                name, _, value = line.removeprefix("export ").strip().partition("=")
                exports[name] = value.strip("'")
            if line.startswith("Ctrl-C"):
                break
        try:
            yield process, exports
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_a_demo_stays_up_with_exports_that_work_until_it_is_ended(
    tmp_path: Path, environment: dict[str, str], ending: signal.Signals
) -> None:
    with staying(tmp_path, environment) as (process, exports):
        assert {"AWS_ENDPOINT_URL", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} <= exports.keys()
        pasted = {name: value for name, value in exports.items() if name.startswith("AWS_")}
        asked = subprocess.run(
            [get_installed("TEST_AWS_V1"), "sts", "get-caller-identity", "--query", "Arn", "--output", "text"],
            env={"PATH": os.environ["PATH"], "NO_PROXY": "127.0.0.1", **pasted},
            capture_output=True,
            text=True,
            check=False,
        )
        assert asked.stdout.strip().endswith(":user/dana"), asked.stderr
        process.send_signal(ending)
        assert process.wait(30) == 0
    port = int(exports["AWS_ENDPOINT_URL"].rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0


def test_a_demo_says_that_its_service_ended_by_itself(tmp_path: Path, environment: dict[str, str]) -> None:
    with staying(tmp_path, environment) as (process, _):
        children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text(encoding="ascii").split()
        assert len(children) == 1
        os.kill(int(children[0]), signal.SIGTERM)
        assert process.wait(30) == 1


def test_a_port_that_is_taken_is_refused_before_anything_is_made(tmp_path: Path, environment: dict[str, str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = demo(tmp_path, environment, "--once", "--port", str(port))
    assert done.returncode == 1
    assert f"Port {port} is taken" in done.stderr
    assert not (tmp_path / "demo" / "sts.db").exists()


def test_a_demo_that_is_given_no_port_finds_one_when_the_usual_one_is_taken() -> None:
    with ExitStack() as stack:
        with suppress(OSError):  # it is taken already, by whoever else is on this machine
            stack.enter_context(socket.create_server(("127.0.0.1", 8080)))
        assert server.find_port(None) not in {0, 8080}


def test_a_store_without_its_administrators_credentials_is_left_alone(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "sts.db").write_bytes(b"")
    done = demo(tmp_path, environment, "--once")
    assert done.returncode == 1
    assert "Remove it to begin anew" in done.stderr
    assert (tmp_path / "demo" / "sts.db").read_bytes() == b""


def test_a_service_that_does_not_start_is_told_with_the_end_of_its_log(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    (tmp_path / "demo").mkdir()
    (tmp_path / "demo" / "sts.db").write_bytes(b"this is no database" * 100)
    (tmp_path / "demo" / "credentials").write_text(_STRANGER, encoding="utf-8")
    done = demo(tmp_path, environment, "--once")
    assert done.returncode == 1
    assert "The service did not start." in done.stderr
    assert "The end of demo/serve.log" in done.stderr


def test_credentials_that_the_store_does_not_know_are_told_of(tmp_path: Path, environment: dict[str, str]) -> None:
    folder = tmp_path / "demo"
    plain = {name: value for name, value in environment.items() if not name.startswith("STS_")}
    init = [sys.executable, "-m", "sts", "init"]
    subprocess.run(init, env={**plain, "STS_HOME": str(folder)}, capture_output=True, check=True)
    (folder / "credentials").write_text(_STRANGER, encoding="utf-8")
    done = demo(tmp_path, environment, "--once")
    assert done.returncode == 1
    assert "do not work" in done.stderr
    assert "Traceback" not in done.stderr


def _pretend_aws(folder: Path, version: str) -> dict[str, str]:
    program = folder / "bin" / "aws"
    program.parent.mkdir()
    program.write_text(f"#!/bin/sh\necho '{version}'\n", encoding="utf-8")
    program.chmod(0o755)
    return {**os.environ, "PATH": str(program.parent), "PYTHONPATH": str(ROOT)}


@pytest.mark.parametrize("version", ["aws-cli/2.9.19 Python/3.11.2 Linux/6.1", "aws-cli/1.28.9 Python/3.11", "hello"])
def test_an_aws_cli_that_would_go_to_aws_is_not_used(tmp_path: Path, version: str) -> None:
    done = demo(tmp_path, _pretend_aws(tmp_path, version), "--once")
    assert done.returncode == 1
    assert "does not read AWS_ENDPOINT_URL" in " ".join(done.stderr.split())
    assert not (tmp_path / "demo").exists()


def test_a_missing_boto3_is_told_before_anything_is_made(tmp_path: Path) -> None:
    (tmp_path / "boto3.py").write_text("raise ImportError\n", encoding="utf-8")
    done = demo(tmp_path, {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}"}, "--once")
    assert done.returncode == 1
    assert "boto3 is not installed" in done.stderr
    assert not (tmp_path / "demo").exists()


def test_a_missing_aws_cli_is_told_with_what_installs_it(tmp_path: Path) -> None:
    done = demo(tmp_path, {**os.environ, "PATH": str(tmp_path), "PYTHONPATH": str(ROOT)}, "--once")
    assert done.returncode == 1
    assert "bash deploy/demo.sh" in done.stderr
