"""Whichever way somebody comes in, the same is asked of them: a password alone opens nothing where a factor is due."""

from collections.abc import Callable

import pytest

from sts.logins.requests import CONFIRMATION_PATH, Client
from tests.service import Service, Tenant
from tests.signin.browsing import Browser, Seen
from tests.signin.offered import fill_path, needs_session, read_pages
from tests.signin.people import Person, make_person
from tests.signin.test_links import choose, make_link
from tests.signin.walk import ask_page

CODE, ENROLMENT, SESSION = "/ui/sign-in/code", "/ui/sign-in/device", "__Host-sts-session"
Enter = Callable[[Person, Browser], Seen]


def to_home(alice: Person, browser: Browser) -> Seen:
    return alice.enter_password(browser)


def to_keys(alice: Person, browser: Browser) -> Seen:
    return _through(alice, browser, "/ui/keys")


def to_change_the_password(alice: Person, browser: Browser) -> Seen:
    return _through(alice, browser, "/ui/password")


def to_let_a_command_line_in(alice: Person, browser: Browser) -> Seen:
    return _through(alice, browser, _page(alice, browser, Client.SAME_DEVICE, "http://127.0.0.1:49152/oauth/callback"))


def to_let_one_of_another_device_in(alice: Person, browser: Browser) -> Seen:
    return _through(alice, browser, _page(alice, browser, Client.CROSS_DEVICE, browser.origin + CONFIRMATION_PATH))


def by_a_link(alice: Person, browser: Browser) -> Seen:
    path = make_link(alice.service, alice)
    return choose(browser, browser.get(path), path)


def by_a_required_change(alice: Person, browser: Browser) -> Seen:
    page = alice.enter_password(browser)
    assert page.path in {CODE, ENROLMENT}  # before the change is looked at, where there is a device
    return page


WAYS: list[Enter] = [
    to_home,
    to_keys,
    to_change_the_password,
    to_let_a_command_line_in,
    to_let_one_of_another_device_in,
    by_a_link,
    by_a_required_change,
]


def _page(alice: Person, browser: Browser, client: Client, redirect_uri: str) -> str:
    return ask_page(alice, client, redirect_uri).removeprefix(browser.origin)


def _through(alice: Person, browser: Browser, path: str) -> Seen:
    """Ask for the page at *path*, and sign in where that leads."""
    page = browser.get(path)
    assert page.path.startswith("/ui/sign-in?to="), page.path
    return browser.go(page, "/ui/sign-in", account=alice.account_id, user=alice.name, password=alice.password)


def _require_shut(browser: Browser, shown: Seen, service: Service) -> None:
    """Confirm that what was shown so far opens no page and answers no command line."""
    assert SESSION not in browser.cookies
    token = shown.form(shown.path)["token"]
    for page in read_pages(service.settings.home):
        if needs_session(page):
            form = {"token": token} if page.method == "POST" else None
            seen = browser.copy().ask(page.method, fill_path(page), form=form)
            assert seen.status in {303, 403}, page.name
            assert seen.status == 403 or seen.location.startswith("/ui/sign-in"), page.name


@pytest.mark.parametrize("enter", WAYS)
def test_a_26_by_every_way_the_code_is_asked_for_behind_the_password(
    service: Service, tenant: Tenant, enter: Enter
) -> None:
    alice, browser = make_person(service, tenant.account_id, with_device=True), Browser(service)
    if enter is by_a_required_change:
        service.call(tenant.key, "UpdateLoginProfile", UserName="alice", PasswordResetRequired="true")
    page = enter(alice, browser)
    assert page.path == CODE
    _require_shut(browser, page, service)
    assert browser.send(page, CODE, code="000000").status == 403
    assert SESSION not in browser.cookies
    browser.send(page, CODE, code=alice.code())
    assert (SESSION in browser.cookies) is (enter is not by_a_required_change)


@pytest.mark.parametrize("enter", [way for way in WAYS if way is not by_a_required_change])
def test_a_26_by_every_way_whose_factor_is_missing_sets_one_up_first(
    service: Service, tenant: Tenant, enter: Enter
) -> None:
    alice, browser = make_person(service, tenant.account_id, must_enrol=True), Browser(service)
    page = enter(alice, browser)
    assert page.path == ENROLMENT
    _require_shut(browser, page, service)


def test_a_26_a_proof_that_is_renewed_is_renewed_with_every_factor(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser, _ = alice.sign_in()
    before = browser.cookies[SESSION]
    page = browser.go(browser.get("/ui/again"), "/ui/again", password=alice.password)
    assert page.path == CODE
    assert browser.cookies[SESSION] == before
    assert browser.go(page, CODE, code=alice.code(1)).path == "/ui/"
    assert browser.cookies[SESSION] != before
