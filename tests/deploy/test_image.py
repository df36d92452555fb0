"""The image: its Dockerfile linted, its pins complete, its probe tried; a service on a read-only root file system.

No image is built here. What stands in the Dockerfile is checked part by part: what it copies is there, what it pins is
what the package asks for, what it runs is a command of ours, and that command serves without writing outside its home.
"""

import fnmatch
import http.client
import json
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from contextlib import closing, contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from sts.cli.commands import main
from tests.deploy.namespaces import apart
from tests.deploy.places import DEPLOY, ROOT
from tests.faults.processes import Server, wait_until
from tests.ports import find_port
from tests.service import Service

DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
STAGES = [stage.strip() for stage in re.split(r"^(?=FROM )", DOCKERFILE, flags=re.MULTILINE)[1:]]
_PIN = re.compile(
    r"^([a-z0-9._-]+)==(\S+)((?: ;.*)?) \\\n((?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+)", re.MULTILINE
)
# The root as it is, but read-only; what is mounted below it stays as it is. $1: the one folder that may be written to.
_READ_ONLY = """
set -eu
root=$1/root home=$1; shift
mkdir -p "$root"
mount --rbind / "$root"
mount --bind "$home" "$root$home"
mount -o remount,bind,ro "$root"
! touch "$root/usr/written" 2> /dev/null
exec chroot "$root" "$@"
"""


def _instructions(stage: str, name: str) -> list[str]:
    joined = re.sub(r"\\\n\s*", "", stage)
    return re.findall(rf"^\s*{name} (.+)$", joined, re.MULTILINE)


def _read_pins(file: str) -> dict[str, str]:
    return {name: pinned for name, pinned, _, _ in _PIN.findall((DEPLOY / "image" / file).read_text(encoding="utf-8"))}


def test_the_linter_finds_no_fault_with_the_dockerfile() -> None:
    hadolint = Path(sys.executable).with_name("hadolint")
    told = subprocess.run([hadolint, str(ROOT / "Dockerfile")], check=False, capture_output=True, text=True)
    assert (told.returncode, told.stdout, told.stderr) == (0, "", "")


def test_the_service_is_the_last_stage_and_runs_as_a_user_by_number() -> None:
    users = [_instructions(stage, "USER") for stage in STAGES]
    assert users == [[], ["10001:10001"], ["0:0", "10001:10001"], []]
    assert STAGES[-1].startswith("FROM runtime\n")
    assert not _instructions(DOCKERFILE, "VOLUME")


def test_all_that_is_copied_is_let_in_and_there() -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    let_in = [line.removeprefix("!") for line in lines if line.startswith("!")]
    copied = [source for stage in STAGES for line in _instructions(stage, "COPY") if "--from" not in line
              for source in line.split()[:-1]]  # fmt: skip
    assert lines[0] == "*"
    assert copied
    for source in copied:
        assert any(fnmatch.fnmatch(source, pattern) for pattern in let_in), source
        assert (ROOT / source).exists(), source


PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
ASKED = {
    "requirements.lock": [*PROJECT["project"]["dependencies"], *PROJECT["project"]["optional-dependencies"]["traces"]],
    "build.lock": PROJECT["build-system"]["requires"],
}


@pytest.mark.parametrize("file", ASKED)
def test_every_package_is_pinned_by_its_hash_and_fits_what_is_asked_for(file: str) -> None:
    pins = _read_pins(file)
    text = (DEPLOY / "image" / file).read_text(encoding="utf-8")
    assert len(pins) == len(re.findall(r"^[a-z]", text, re.MULTILINE))
    for line in ASKED[file]:
        wanted = Requirement(line)
        pinned = pins.get(canonicalize_name(wanted.name))
        assert pinned is not None, f"{wanted.name} is not in {file}: run deploy/image/lock.sh"
        assert wanted.specifier.contains(pinned), f"{wanted} is pinned to {pinned}: run deploy/image/lock.sh"


def test_the_version_of_the_image_is_that_of_the_package() -> None:
    assert f"ARG VERSION={version('sts')} " in STAGES[-1]


def test_what_it_runs_is_a_command_with_these_options() -> None:
    (words,) = map(json.loads, _instructions(STAGES[-1], "CMD"))
    assert words[:2] == ["sts", "serve"]
    command = main.get_command(click.Context(main), "serve")
    assert command is not None
    context = command.make_context("serve", words[2:])
    assert (context.params["host"], context.params["port"]) == ("0.0.0.0", 8080)  # noqa: S104  within a container


def test_the_probe_of_the_image_knows_a_service_that_answers_from_none(server: Service) -> None:
    (healthcheck,) = _instructions(DOCKERFILE, "HEALTHCHECK")
    words = json.loads(healthcheck.partition("CMD ")[2])
    port = server.url.rpartition(":")[2]
    for chosen, healthy in ((port, True), (str(find_port()), False)):
        probe = [sys.executable, *words[1:-1], words[-1].replace("8080", chosen)]
        done = subprocess.run(probe, check=False, stderr=subprocess.DEVNULL)
        assert (done.returncode == 0) is healthy


@contextmanager
def _serving_read_only(folder: Path) -> Iterator[Server]:
    port = find_port()
    serve = [sys.executable, "-m", "sts", "serve", "--port", str(port), "--log-level", "error"]
    environment = {**os.environ, "STS_HOME": str(folder), "STS_DRAIN_SECONDS": "0", "PYTHONPATH": str(ROOT)}
    command = [*apart(), "sh", "-c", _READ_ONLY, "sh", str(folder), *serve]
    with subprocess.Popen(command, env=environment | {"PYTHONDONTWRITEBYTECODE": "1"}) as process:
        started = Server(folder, port, process)
        try:
            wait_until(lambda: started.is_listening() or process.poll() is not None)
            assert process.poll() is None, "the server ended before it began"
            yield started
        finally:
            started.end()


def test_the_service_writes_to_its_home_alone(tmp_path: Path) -> None:
    with _serving_read_only(tmp_path) as started:
        with closing(http.client.HTTPConnection("127.0.0.1", started.port, timeout=30)) as connection:
            connection.request("GET", "/readyz")
            told: dict[str, Any] = json.loads(connection.getresponse().read())
        assert told["status"] == "ready"
    assert (tmp_path / "sts.db").is_file()
    assert len(list((tmp_path / "keys").glob("*.json"))) == 8
