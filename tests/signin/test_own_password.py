"""The page on which whoever is signed in changes their password."""

import json
from dataclasses import replace
from datetime import timedelta

import pytest

from sts.authn.passwords import FREE_FAILURES
from sts.clock import ManualClock
from tests.service import Service, Tenant, allow
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person
from tests.signin.test_notices import records
from tests.signin.test_own_pages import grant

PAGE = "/ui/password"
OTHER = "seven green bottles on a wall"


@pytest.fixture
def alice(service: Service, tenant: Tenant) -> Person:
    made = make_person(service, tenant.account_id)
    grant(service, tenant, made, allow("iam:ChangePassword", made.user.arn))
    return made


def choose(browser: Browser, present: str, chosen: str = OTHER, again: str | None = None) -> Seen:
    """Fill in the page, and return what it answers."""
    form = {"password": present, "new_password": chosen, "new_password_again": chosen if again is None else again}
    return browser.go(browser.get(PAGE), PAGE, **form)


def test_a_password_is_changed_on_the_page_that_home_leads_to(alice: Person) -> None:
    browser, home = alice.sign_in()
    assert PAGE in home.links
    changed = choose(browser, alice.password)
    assert (changed.status, "Your password is changed" in changed.text) == (200, True)
    assert alice.enter_password(Browser(alice.service)).status == 403
    replace(alice, password=OTHER).sign_in()


def test_a_10_a_live_session_alone_changes_no_password(alice: Person) -> None:
    browser, _ = alice.sign_in()
    for present in ("", OTHER, alice.password.upper(), f"{alice.password} "):
        refused = choose(browser, present)
        assert (refused.status, "The current password is wrong" in refused.text) == (403, True)
    alice.sign_in()


def test_a_19_wrong_present_passwords_count_as_those_of_a_sign_in(alice: Person) -> None:
    browser, _ = alice.sign_in()
    browser.cookies.pop("__Host-sts-device")  # whoever has the session alone
    for _ in range(FREE_FAILURES):
        assert choose(browser, "some words of no meaning").status == 403
    assert choose(browser, alice.password).status == 403
    assert alice.enter_password(Browser(alice.service)).status == 403


def test_a_08_the_page_tells_the_rules_and_refuses_with_the_reason(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    asked = {"MinimumPasswordLength": "20", "RequireNumbers": "true", "PasswordReusePrevention": "3"}
    wanted = service.call(tenant.key, "UpdateAccountPasswordPolicy", AllowUsersToChangePassword="true", **asked)
    assert wanted.status == 200, wanted.body
    browser, _ = alice.sign_in()  # whom no policy allows it: the account does
    page = browser.get(PAGE)
    assert "At least 20 characters, among them at least one number." in page.text
    assert "None of your last 3" in page.text
    for chosen, reason in (
        ("nineteen characters", "at least 20 characters, as the account"),
        ("a phrase without a digit", "at least one number"),
        (alice.password, "at least one number"),
    ):
        refused = choose(browser, alice.password, chosen)
        assert (refused.status, reason in refused.text) == (400, True), refused.text
    assert "not the same" in choose(browser, alice.password, f"{OTHER} 7", OTHER).text
    assert choose(browser, alice.password, f"{OTHER} 7").status == 200


def test_a_17_the_new_password_is_not_the_present_one(alice: Person) -> None:
    browser, _ = alice.sign_in()
    refused = choose(browser, alice.password, alice.password)
    assert (refused.status, "should not be the present one" in refused.text) == (400, True)


def test_a_36_after_a_quarter_of_an_hour_every_factor_is_asked_for_first(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    grant(service, tenant, alice, allow("iam:ChangePassword"))
    browser, _ = alice.sign_in()
    page = browser.get(PAGE)
    clock.tick(timedelta(minutes=16))
    form = {"password": alice.password, "new_password": OTHER, "new_password_again": OTHER}
    asked = browser.go(page, PAGE, **form)
    assert asked.path.startswith("/ui/again?to=")
    code = browser.go(asked, "/ui/again", password=alice.password)
    assert code.path == "/ui/sign-in/code"
    assert browser.go(code, "/ui/sign-in/code", code=alice.code()).path == PAGE
    assert choose(browser, alice.password).status == 200


def test_s_09_a_change_on_the_page_ends_the_other_sessions_and_not_this_one(alice: Person) -> None:
    (browser, _), (other, _) = alice.sign_in(), alice.sign_in()
    assert choose(browser, alice.password).status == 200
    assert other.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"


def test_a_27_the_change_is_recorded_and_told_and_holds_no_password(
    service: Service, tenant: Tenant, alice: Person, capsys: pytest.CaptureFixture[str]
) -> None:
    browser, _ = alice.sign_in()
    choose(browser, "some words of no meaning")
    choose(browser, alice.password)
    (done,) = records(service, tenant, "password.change.done")
    (refused,) = records(service, tenant, "password.change.refused")
    assert done["principal"]["arn"] == refused["principal"]["arn"] == alice.user.arn
    assert done["pairs"] == [["iam:ChangePassword", alice.user.arn]]
    said = capsys.readouterr().out
    assert "notice.password-changed" in said
    for secret in (OTHER, alice.password, "no meaning"):
        assert secret not in json.dumps([done, refused]) + said


def test_whom_no_policy_allows_it_changes_nothing_and_is_told_why(service: Service, tenant: Tenant) -> None:
    bob = make_person(service, tenant.account_id, "bob")
    browser, home = bob.sign_in()
    refused = browser.get(PAGE)
    assert (refused.status, "iam:ChangePassword" in refused.text) == (403, True)
    form = {"token": home.form("/ui/sign-out")["token"], "password": bob.password}
    sent = browser.ask("POST", PAGE, form={**form, "new-password": OTHER, "new-password-again": OTHER})
    assert sent.status == 403
    bob.sign_in()
