"""`sts login`: a person in Chromium lets it in, and the other commands go on by themselves."""

import re
import sys
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sts.client.saved_logins import SavedLogins, open_logins
from sts.client.signin import Login
from sts.clock import SystemClock
from tests.aws.cli import Cli
from tests.service import Service
from tests.signin.chromium import Window
from tests.signin.command_lines import end, logging_in, make_cli, open_browser, sign_in
from tests.signin.people import Person


@pytest.fixture
def cli(real_service: Service, tmp_path: Path) -> Cli:
    return make_cli(str(Path(sys.executable).with_name("sts")), tmp_path, real_service)


def _logins(cli: Cli) -> SavedLogins:
    return open_logins(cli.home / ".cache" / "sts")


def _read_login(cli: Cli, person: Person) -> Login:
    held = _logins(cli).find(person.service.settings.issuer)
    assert held is not None
    return held


def _let_expire(cli: Cli, person: Person) -> Login:
    """Have the command believe that its credentials are over, as they are after fifteen minutes; return the login."""
    held = _read_login(cli, person)
    _logins(cli).save(replace(held, expires_at=SystemClock().now() - timedelta(minutes=1)))
    return held


def test_sts_login_on_this_device_and_its_refresh(cli: Cli, person: Person, window: Window, axe: str) -> None:
    with logging_in(cli) as login:
        sign_in(window, person, open_browser(cli, login))
        assert window.look(axe) == []
        window.press("Let it in")
        assert "You are signed in" in window.page.content()
        assert [each for each in window.complaints if "Content Security Policy" in each] == []
        assert person.user.arn in end(login)
    assert cli.get("whoami", "--json")["arn"] == person.user.arn
    before = _let_expire(cli, person)
    assert cli.get("whoami", "--json")["arn"] == person.user.arn
    after = _read_login(cli, person)
    assert after.refresh_token != before.refresh_token
    assert after.access_key_id != before.access_key_id
    assert cli.get("logout", "--json")["ended"] is True
    assert cli.run("whoami").returncode == 1


def test_sts_login_on_another_device_whose_code_is_typed_in(cli: Cli, person: Person, window: Window, axe: str) -> None:
    with logging_in(cli, "--remote") as login:
        assert login.stderr is not None
        address = next(found[0] for line in login.stderr if (found := re.search(r"http\S+/v1/authorize\S+", line)))
        sign_in(window, person, address)
        assert "Stop if somebody sent you here" in window.page.content()
        window.press("Let it in")
        assert window.look(axe) == []
        code = window.page.get_by_label("Code").inner_text()
        assert person.user.arn in end(login, f"{code}\n")
    assert cli.get("whoami", "--json")["arn"] == person.user.arn


def test_who_declines_ends_sts_login_with_a_fault_and_leaves_nothing(cli: Cli, person: Person, window: Window) -> None:
    with logging_in(cli) as login:
        sign_in(window, person, open_browser(cli, login))
        window.press("Decline")
        assert "You declined it in the browser" in login.communicate(timeout=60)[1]
        assert login.returncode == 1
    assert list(cli.home.rglob("*.json")) == []
