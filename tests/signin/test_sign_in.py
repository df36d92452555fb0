"""Signing in step by step, in order and out of it: always a page a person understands, never an unearned session."""

import re
from datetime import timedelta

import pytest

from sts.clock import ManualClock
from tests.authenticator import STEP, Authenticator
from tests.service import Service, Tenant
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person

STEPS = (
    "/ui/sign-in/code",
    "/ui/sign-in/recovery",
    "/ui/sign-in/password",
    "/ui/sign-in/device",
)
CHOSEN = "seven green bottles on a wall"


@pytest.fixture
def alice(service: Service, tenant: Tenant) -> Person:
    """Somebody with a password and a device."""
    return make_person(service, tenant.account_id, with_device=True)


def is_signed_out(browser: Browser) -> bool:
    return browser.get("/ui/").path.startswith("/ui/sign-in?")


def test_a_password_alone_signs_in_where_no_factor_is_asked_for(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob")
    browser, home = bob.sign_in()
    assert bob.user.arn in home.text
    assert browser.go(home, "/ui/sign-out").path == "/ui/signed-out"
    assert is_signed_out(browser)


def test_who_has_a_device_is_asked_for_its_code(alice: Person) -> None:
    browser = Browser(alice.service)
    page = alice.enter_password(browser)
    assert page.path == "/ui/sign-in/code"
    wrong = browser.go(page, "/ui/sign-in/code", code="000000")
    assert wrong.status == 403
    assert "wrong" in wrong.text
    assert browser.go(wrong, "/ui/sign-in/code", code=alice.code()).path == "/ui/"


def test_a_code_is_taken_as_an_authenticator_shows_it(alice: Person) -> None:
    browser = Browser(alice.service)
    code = alice.code()
    page = alice.enter_password(browser)
    assert browser.go(page, "/ui/sign-in/code", code=f"{code[:3]} {code[3:]}").path == "/ui/"


def test_a_18_a_refused_sign_in_says_nothing_of_who_there_is(service: Service, alice: Person) -> None:
    answers = set()
    for account, user in ((alice.account_id, "alice"), (alice.account_id, "nobody"), ("210987654321", "alice")):
        browser = Browser(service)
        page = browser.get("/ui/sign-in")
        seen = browser.go(page, "/ui/sign-in", account=account, user=user, password="some words of no meaning")
        answers.add((seen.status, seen.text))
    assert len(answers) == 1
    assert answers.pop()[0] == 403


@pytest.mark.parametrize("path", [*STEPS, "/ui/"])
def test_a_25_no_step_can_be_skipped_by_asking_for_the_page_behind_it(alice: Person, path: str) -> None:
    browser = Browser(alice.service)
    alice.enter_password(browser)
    seen = browser.get(path)
    assert seen.path.startswith(("/ui/sign-in/code", "/ui/sign-in/recovery", "/ui/sign-in?"))
    assert "__Host-sts-session" not in browser.cookies


@pytest.mark.parametrize("path", STEPS)
def test_a_25_no_step_can_be_skipped_by_sending_the_form_behind_it(alice: Person, path: str) -> None:
    browser = Browser(alice.service)
    token = alice.enter_password(browser).form("/ui/sign-in/code")["token"]
    form = {"token": token, "new-password": CHOSEN, "new-password-again": CHOSEN, "device": "x", "code": "000000"}
    seen = browser.ask("POST", path, form=form)
    assert seen.status in {303, 403}
    assert seen.location in {"", "/ui/sign-in/code"}
    assert "__Host-sts-session" not in browser.cookies


def test_a_25_what_a_step_was_given_is_no_session(alice: Person) -> None:
    browser = Browser(alice.service)
    alice.enter_password(browser)
    thief = Browser(alice.service, {"__Host-sts-session": browser.cookies["__Host-sts-flow"]})
    assert is_signed_out(thief)


@pytest.mark.parametrize("path", STEPS)
def test_a_step_without_a_sign_in_under_way_says_so(service: Service, path: str) -> None:
    seen = Browser(service).get(path)
    assert seen.status == 400
    assert "sign in again" in seen.text.lower()
    assert "/ui/sign-in" in seen.links


def test_an_expired_sign_in_says_so_and_begins_anew(alice: Person, clock: ManualClock) -> None:
    browser = Browser(alice.service)
    page = alice.enter_password(browser)
    clock.tick(timedelta(minutes=10))
    seen = browser.go(page, "/ui/sign-in/code", code=alice.code())
    assert seen.status == 400
    assert "expired" in seen.text
    assert alice.enter_password(browser).path == "/ui/sign-in/code"


def test_a_lost_cookie_is_told_and_earns_nothing(alice: Person) -> None:
    browser = Browser(alice.service)
    page = alice.enter_password(browser)
    browser.cookies.clear()
    seen = browser.go(page, "/ui/sign-in/code", code=alice.code())
    assert seen.status == 403
    assert "out of date" in seen.text


def test_a_sign_in_of_another_browser_is_not_gone_on_with(alice: Person) -> None:
    own, other = Browser(alice.service), Browser(alice.service)
    page = alice.enter_password(own)
    alice.enter_password(other)
    seen = other.ask("POST", "/ui/sign-in/code", form=page.form("/ui/sign-in/code") | {"code": alice.code()})
    assert seen.status == 403
    assert own.go(page, "/ui/sign-in/code", code=alice.code()).path == "/ui/"


def test_s_02_two_windows_of_one_browser_end_one_sign_in_once(alice: Person, clock: ManualClock) -> None:
    first = Browser(alice.service)
    page = alice.enter_password(first)
    second = first.copy()
    assert first.go(page, "/ui/sign-in/code", code=alice.code()).path == "/ui/"
    clock.tick(timedelta(seconds=STEP))
    late = second.go(page, "/ui/sign-in/code", code=alice.code())
    assert late.status == 400
    assert "another window" in late.text


def test_a_28_a_code_that_signed_in_once_signs_nobody_in_again(alice: Person) -> None:
    code = alice.code()
    alice.sign_in()
    browser = Browser(alice.service)
    seen = browser.go(alice.enter_password(browser), "/ui/sign-in/code", code=code)
    assert seen.status == 403
    assert is_signed_out(browser)


def test_the_back_button_and_an_old_form_change_nothing(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob")
    browser = Browser(service)
    page = browser.get("/ui/sign-in")
    fields = {"account": bob.account_id, "user": "bob", "password": bob.password}
    assert browser.go(page, "/ui/sign-in", **fields).path == "/ui/"
    assert browser.send(page, "/ui/sign-in", **fields).status == 403
    assert browser.get("/ui/").path == "/ui/"


def test_who_is_signed_in_is_led_on_from_the_sign_in_page(alice: Person) -> None:
    browser, _ = alice.sign_in()
    assert browser.get("/ui/sign-in").path == "/ui/"
    assert browser.get("/ui/sign-in?to=/ui/again").path == "/ui/again"


def test_a_15_a_first_password_reaches_only_the_page_that_changes_it(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob", is_first_password=True)
    browser = Browser(service)
    page = bob.enter_password(browser)
    assert page.path == "/ui/sign-in/password"
    assert is_signed_out(browser.copy())
    for wrong, again in ((CHOSEN, "another"), ("short", "short")):
        refused = browser.go(page, "/ui/sign-in/password", new_password=wrong, new_password_again=again)
        assert (refused.status, refused.path) == (400, "/ui/sign-in/password"), refused.text
    assert browser.go(page, "/ui/sign-in/password", new_password=CHOSEN, new_password_again=CHOSEN).path == "/ui/"
    assert bob.enter_password(Browser(service)).status == 403


def test_a_step_that_is_refused_can_be_tried_again(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    taken = make_person(service, tenant.account_id, "carol", with_device=True)
    bob = make_person(service, tenant.account_id, "bob", must_enrol=True)
    browser = Browser(service)
    page = bob.enter_password(browser)
    key = re.search(r'id="seed">([A-Z2-7 ]+)<', page.html)
    assert key is not None
    device, now = Authenticator(key[1].replace(" ", "")), clock.now()
    codes = {"first_code": device.code(now, -1), "second_code": device.code(now)}
    for wrong in ({**codes, "device": f"{taken.name}-phone"}, {**codes, "device": "no spaces"}):
        page = browser.go(page, "/ui/sign-in/device", **wrong)
        assert page.status in {400, 409}
        assert key[1] in page.html
    page = browser.go(page, "/ui/sign-in/device", **codes, device="bobs-phone")
    assert "They are shown only now" in page.text
    assert not is_signed_out(browser)


def test_s_09_a_changed_password_ends_every_other_session(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob")
    elsewhere, _ = bob.sign_in()
    service.call(tenant.key, "UpdateLoginProfile", UserName="bob", PasswordResetRequired="true")
    browser = Browser(service)
    page = bob.enter_password(browser)
    assert page.path == "/ui/sign-in/password"
    assert browser.go(page, "/ui/sign-in/password", new_password=CHOSEN, new_password_again=CHOSEN).path == "/ui/"
    assert is_signed_out(elsewhere)
    assert not is_signed_out(browser)


def test_s_09_a_device_that_is_taken_away_ends_every_session(service: Service, tenant: Tenant, alice: Person) -> None:
    browser, _ = alice.sign_in()
    serial_number = f"arn:aws:iam::{alice.account_id}:mfa/alice-phone"
    assert service.call(tenant.key, "DeactivateMFADevice", UserName="alice", SerialNumber=serial_number).status == 200
    assert is_signed_out(browser)


def test_whose_session_has_ended_is_told_and_led_back(alice: Person, clock: ManualClock) -> None:
    browser, home = alice.sign_in()
    clock.tick(timedelta(hours=1))
    seen = browser.go(home, "/ui/sign-out")
    assert "session has ended" in seen.text
    assert "session has ended" not in Browser(alice.service).get("/ui/").text
    seen = browser.go(seen, "/ui/sign-in", account=alice.account_id, user=alice.name, password=alice.password)
    assert browser.go(seen, "/ui/sign-in/code", code=alice.code()).path == "/ui/"


def _renew(browser: Browser, alice: Person, to: str = "/ui/") -> Seen:
    page = browser.go(browser.get(f"/ui/again?to={to}"), "/ui/again", password=alice.password)
    return browser.go(page, "/ui/sign-in/code", code=alice.code())


def test_s_02_a_renewed_proof_changes_the_cookie_and_the_old_one_is_dead(alice: Person, clock: ManualClock) -> None:
    browser, _ = alice.sign_in()
    old = browser.copy()
    clock.tick(timedelta(minutes=16))
    assert _renew(browser, alice).path == "/ui/"
    assert browser.cookies["__Host-sts-session"] != old.cookies["__Host-sts-session"]
    assert is_signed_out(old)
    assert not is_signed_out(browser)


def test_a_renewed_proof_needs_the_password_and_then_the_code(alice: Person, clock: ManualClock) -> None:
    browser, _ = alice.sign_in()
    clock.tick(timedelta(minutes=16))
    page = browser.get("/ui/again")
    assert browser.go(page, "/ui/again", password="some words of no meaning").status == 403
    before = browser.cookies["__Host-sts-session"]
    assert browser.go(page, "/ui/again", password=alice.password).path == "/ui/sign-in/code"
    assert browser.cookies["__Host-sts-session"] == before


def test_a_proof_is_not_renewed_for_the_session_of_another_browser(alice: Person, clock: ManualClock) -> None:
    browser, _ = alice.sign_in()
    clock.tick(timedelta(seconds=STEP))
    other, _ = alice.sign_in()
    page = browser.go(browser.get("/ui/again"), "/ui/again", password=alice.password)
    other.cookies["__Host-sts-flow"] = browser.cookies["__Host-sts-flow"]
    clock.tick(timedelta(seconds=STEP))
    assert other.go(page, "/ui/sign-in/code", code=alice.code()).status == 400


def test_o_02_a_sign_in_leads_to_our_own_pages_only(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob")
    for goal in ("//evil.example", "/\\evil", "https:evil", "/ui/%0d%0aX:y", "/ui//evil", "/api/", "/ui/../api"):
        browser = Browser(service)
        page = browser.get("/ui/sign-in")
        form = {"account": bob.account_id, "user": "bob", "password": bob.password, "to": goal}
        seen = browser.send(page, "/ui/sign-in", **form)
        assert (seen.status, seen.location) == (303, "/ui/"), goal
