"""`aws login` of the unmodified AWS CLI: a person in Chromium lets it in, and it and boto3 go on by themselves."""

import json
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import SystemClock
from tests.aws.cli import Cli
from tests.faults.processes import wait_until
from tests.installed import get_installed
from tests.logins.desk import login_service
from tests.service import REGION, Service
from tests.signin.chromium import Window
from tests.signin.people import Person, make_person

ASK = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
"""


@pytest.fixture(scope="module")
def real_service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service in real time: real clients make their proofs by the machine's clock."""
    with login_service(tmp_path_factory.mktemp("logins"), SystemClock()) as started:
        yield started


@pytest.fixture
def person(real_service: Service) -> Person:
    tenant = real_service.tenant()
    made = make_person(real_service, tenant.account_id, with_device=True)
    policy = {"UserName": made.name, "PolicyArn": "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"}
    assert real_service.call(tenant.key, "AttachUserPolicy", **policy).status == 200
    return made


@pytest.fixture
def cli(real_service: Service, tmp_path: Path) -> Cli:
    """The CLI, in a home without a key, whose browser tells where it was sent, and returns at once."""
    browser = tmp_path / "browser"
    browser.write_text(
        f'#!/bin/sh\necho "$1" > {tmp_path}/opened.part && mv {tmp_path}/opened.part {tmp_path}/opened\n'
    )
    browser.chmod(0o755)
    environment = {
        "AWS_ENDPOINT_URL": real_service.settings.issuer,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_PAGER": "",
        "AWS_DEFAULT_OUTPUT": "json",
        "BROWSER": f"{browser} %s &",
    }
    return Cli(get_installed("TEST_AWS_V2"), tmp_path, environment)


@contextmanager
def _logging_in(cli: Cli, *words: str) -> "Iterator[subprocess.Popen[str]]":
    """Run `aws login`, which is ended with the context."""
    with subprocess.Popen(
        [cli.program, "login", *words],
        env={"PATH": "/usr/bin:/bin", "HOME": str(cli.home), **cli.environment},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def _open_browser(cli: Cli, login: "subprocess.Popen[str]") -> str:
    """Return the address that the CLI opened its browser at."""
    opened = cli.home / "opened"
    wait_until(lambda: opened.exists() or login.poll() is not None, seconds=60)
    assert login.poll() is None, login.communicate()
    return opened.read_text(encoding="utf-8").strip()


def _sign_in(window: Window, person: Person, address: str) -> None:
    """Open *address*, and sign in on the pages that it leads to."""
    window.open(address)
    assert window.path == "/ui/sign-in"
    window.fill(Account=person.account_id, User_name=person.name, Password=person.password)
    window.press("Sign in")
    window.fill(Code=person.code())
    window.press("Go on")
    assert window.heading == "Let a command line in?"


def _end(login: "subprocess.Popen[str]", typed: str | None = None) -> str:
    told, fault = login.communicate(typed, timeout=60)
    assert login.returncode == 0, fault
    return told


def _read_cache(cli: Cli) -> tuple[Path, dict[str, Any]]:
    (path,) = (cli.home / ".aws" / "login" / "cache").glob("*.json")
    return path, json.loads(path.read_text(encoding="utf-8"))


def _let_expire(cli: Cli) -> dict[str, Any]:
    """Have the CLI believe that its credentials are over, as they are after fifteen minutes; return what it holds."""
    path, held = _read_cache(cli)
    held["accessToken"]["expiresAt"] = (datetime.now(UTC) - timedelta(minutes=1)).strftime("%Y-%m-%dT%H:%M:%SZ")
    path.write_text(json.dumps(held), encoding="utf-8")
    return held


def test_aws_login_on_this_device_and_its_refresh(cli: Cli, person: Person, window: Window, axe: str) -> None:
    with _logging_in(cli) as login:
        _sign_in(window, person, _open_browser(cli, login))
        assert window.look(axe) == []
        window.press("Let it in")
        assert "/oauth/callback" in window.page.url
        assert [each for each in window.complaints if "Content Security Policy" in each] == []
        assert person.user.arn in _end(login)
    assert cli.get("sts", "get-caller-identity")["Arn"] == person.user.arn
    before = _let_expire(cli)
    assert cli.get("sts", "get-caller-identity")["Arn"] == person.user.arn
    _, after = _read_cache(cli)
    assert after["refreshToken"] != before["refreshToken"]
    assert after["accessToken"]["accessKeyId"] != before["accessToken"]["accessKeyId"]
    assert _ask_boto3(cli) == person.user.arn
    held = _let_expire(cli)
    assert _ask_boto3(cli) == person.user.arn
    _, renewed = _read_cache(cli)
    assert renewed["refreshToken"] not in {held["refreshToken"], before["refreshToken"]}


def _ask_boto3(cli: Cli) -> str:
    """Ask who is calling, with botocore's login provider and AWS's C runtime."""
    done = subprocess.run(
        [get_installed("TEST_BOTO3_CRT"), "-c", ASK],
        env={"PATH": "/usr/bin:/bin", "HOME": str(cli.home), **cli.environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_aws_login_on_another_device_whose_code_is_typed_in(cli: Cli, person: Person, window: Window, axe: str) -> None:
    with _logging_in(cli, "--remote") as login:
        assert login.stdout is not None
        address = next(found[0] for line in login.stdout if (found := re.search(r"http\S+/v1/authorize\S+", line)))
        _sign_in(window, person, address)
        assert "Stop if somebody sent you here" in window.page.content()
        assert window.look(axe) == []
        window.press("Let it in")
        assert window.heading == "Your code"
        assert window.look(axe) == []
        code = window.page.get_by_label("Code").inner_text()
        assert window.complaints == []
        assert person.user.arn in _end(login, f"{code}\n")
    assert cli.get("sts", "get-caller-identity")["Arn"] == person.user.arn


def test_who_declines_ends_aws_login_with_a_fault(cli: Cli, person: Person, window: Window) -> None:
    with _logging_in(cli) as login:
        _sign_in(window, person, _open_browser(cli, login))
        window.press("Decline")
        assert "Failed to retrieve an authorization code" in login.communicate(timeout=60)[1]
        assert login.returncode != 0
    assert list((cli.home / ".aws").rglob("*.json")) == []


def test_the_cli_says_what_to_do_when_the_login_has_ended(cli: Cli, person: Person, window: Window) -> None:
    with _logging_in(cli) as login:
        _sign_in(window, person, _open_browser(cli, login))
        window.press("Let it in")
        _end(login)
    window.open(person.service.settings.issuer + "/ui/")
    window.press("Sign out")
    wait_until(lambda: cli.run("sts", "get-caller-identity").returncode != 0, seconds=60)
    assert "ExpiredToken" in cli.fail("sts", "get-caller-identity")
    _let_expire(cli)
    assert "aws login" in cli.fail("sts", "get-caller-identity")
