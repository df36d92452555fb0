"""Root signs in where a setting lets it, with a password that it set by a link made on the host."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from sts.app import build_links
from sts.clock import ManualClock
from sts.directory.accounts import get_account
from tests.service import Service, running
from tests.signin.browsing import Browser, Seen
from tests.signin.people import change

PASSWORD = "root has a phrase of its own"


@pytest.fixture
def lenient(home: Path, clock: ManualClock) -> Iterator[Service]:
    """A service whose settings let root sign in."""
    with running(home, clock, STS_ROOT_SIGN_IN="on") as started:
        yield started


def make_link(service: Service, account_id: str) -> str:
    minted = change(
        service,
        lambda at, tx: build_links(at, service.settings).create(tx, owner=get_account(tx.connection, account_id)),
    )
    return minted.url.removeprefix(service.settings.issuer)


def enter(browser: Browser, account_id: str) -> Seen:
    page = browser.get("/ui/sign-in")
    return browser.go(page, "/ui/sign-in", account=account_id, user=account_id, password=PASSWORD)


def test_root_sets_a_password_by_a_link_and_signs_in(lenient: Service) -> None:
    account_id, browser = lenient.tenant().account_id, Browser(lenient)
    path = make_link(lenient, account_id)
    home = browser.go(browser.get(path), path, new_password=PASSWORD, new_password_again=PASSWORD)
    assert f"arn:aws:iam::{account_id}:root" in home.text
    assert enter(Browser(lenient), account_id).path == "/ui/"


def test_root_does_not_sign_in_while_the_setting_is_off(lenient: Service, home: Path, clock: ManualClock) -> None:
    account_id, browser = lenient.tenant().account_id, Browser(lenient)
    used = make_link(lenient, account_id)
    browser.go(browser.get(used), used, new_password=PASSWORD, new_password_again=PASSWORD)
    left = make_link(lenient, account_id)
    with running(home, clock) as strict:
        assert enter(Browser(strict), account_id).status == 403
        assert Browser(strict).get(left).status == 403
