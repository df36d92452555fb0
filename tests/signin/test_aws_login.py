"""`aws login` of the unmodified AWS CLI: a person in Chromium lets it in, and it and boto3 go on by themselves."""

import json
import re
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cli import Cli
from tests.faults.processes import wait_until
from tests.installed import get_installed
from tests.service import Service
from tests.signin.chromium import Window
from tests.signin.command_lines import end, logging_in, make_cli, open_browser, sign_in
from tests.signin.people import Person

ASK = """
import boto3
print(boto3.client("sts").get_caller_identity()["Arn"])
"""


@pytest.fixture
def cli(real_service: Service, tmp_path: Path) -> Cli:
    return make_cli(get_installed("TEST_AWS_V2"), tmp_path, real_service)


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
    with logging_in(cli) as login:
        sign_in(window, person, open_browser(cli, login))
        assert window.look(axe) == []
        window.press("Let it in")
        assert "/oauth/callback" in window.page.url
        assert [each for each in window.complaints if "Content Security Policy" in each] == []
        assert person.user.arn in end(login)
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
    with logging_in(cli, "--remote") as login:
        assert login.stdout is not None
        address = next(found[0] for line in login.stdout if (found := re.search(r"http\S+/v1/authorize\S+", line)))
        sign_in(window, person, address)
        assert "Stop if somebody sent you here" in window.page.content()
        assert window.look(axe) == []
        window.press("Let it in")
        assert window.heading == "Your code"
        assert window.look(axe) == []
        code = window.page.get_by_label("Code").inner_text()
        assert window.complaints == []
        assert person.user.arn in end(login, f"{code}\n")
    assert cli.get("sts", "get-caller-identity")["Arn"] == person.user.arn


def test_who_declines_ends_aws_login_with_a_fault(cli: Cli, person: Person, window: Window) -> None:
    with logging_in(cli) as login:
        sign_in(window, person, open_browser(cli, login))
        window.press("Decline")
        assert "Failed to retrieve an authorization code" in login.communicate(timeout=60)[1]
        assert login.returncode != 0
    assert list((cli.home / ".aws").rglob("*.json")) == []


def test_the_cli_says_what_to_do_when_the_login_has_ended(cli: Cli, person: Person, window: Window) -> None:
    with logging_in(cli) as login:
        sign_in(window, person, open_browser(cli, login))
        window.press("Let it in")
        end(login)
    window.open(person.service.settings.issuer + "/ui/")
    window.press("Sign out")
    wait_until(lambda: cli.run("sts", "get-caller-identity").returncode != 0, seconds=60)
    assert "ExpiredToken" in cli.fail("sts", "get-caller-identity")
    _let_expire(cli)
    assert "aws login" in cli.fail("sts", "get-caller-identity")
