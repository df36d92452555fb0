"""The page that a link leads to, as a browser sees it."""

from datetime import timedelta

import pytest

from sts.app import build_links
from sts.directory import revocations
from sts.directory.links import PATH
from sts.store import password_failures
from tests.api.asking import ask, tell
from tests.service import Service, Tenant
from tests.signin.browsing import Browser, Seen
from tests.signin.people import PASSWORD, Person, change, make_person

NEW = "another phrase nobody knows"


def make_link(service: Service, person: Person) -> str:
    """Return the path of a new link, as an administrator makes it."""
    minted = change(service, lambda at, tx: build_links(at, service.settings).create(tx, owner=person.user))
    return minted.url.removeprefix(service.settings.issuer)


def choose(browser: Browser, page: Seen, path: str, password: str = NEW, again: str | None = None) -> Seen:
    return browser.go(page, path, new_password=password, new_password_again=password if again is None else again)


def test_a_16_a_link_sets_a_password_and_signs_in_who_has_no_second_factor(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    path = make_link(service, alice)
    for _ in range(2):  # whoever looks at it, a scanner of mail too, does not use it up
        page = browser.get(path)
        assert page.status == 200
        assert alice.name in page.text
    home = choose(browser, page, path)
    assert home.path == "/ui/"
    assert alice.user.arn in home.text
    assert Person(service, alice.user, NEW).sign_in()
    assert alice.enter_password(Browser(service)).status == 403


def test_a_16_a_link_of_the_api_activates_a_user_without_a_password(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="new")
    url = tell(ask(service, tenant.key, "/api/users/create-link", {"name": "new"}))["url"]
    path, browser = url.removeprefix(service.settings.issuer), Browser(service)
    assert choose(browser, browser.get(path), path).path == "/ui/"


def test_a_16_a_link_does_not_skip_the_second_factor(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id, with_device=True), Browser(service)
    path = make_link(service, alice)
    page = choose(browser, browser.get(path), path)
    assert page.path == "/ui/sign-in/code"
    assert browser.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get(page.path).path == "/ui/sign-in/code"


def test_a_16_a_link_leads_into_enrolment_where_a_factor_is_required(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id, must_enrol=True), Browser(service)
    path = make_link(service, alice)
    assert choose(browser, browser.get(path), path).path == "/ui/sign-in/device"


def test_a_15_a_used_link_and_a_replaced_one_and_an_old_one_are_refused_alike(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    used = make_link(service, alice)
    choose(browser, browser.get(used), used)
    replaced, old = make_link(service, alice), make_link(service, alice)
    service.clock.tick(timedelta(hours=4))  # type: ignore[attr-defined]
    never = PATH + f"{'a' * 22}.{'b' * 22}"
    seen = [Browser(service).get(path) for path in (used, replaced, old, never)]
    assert {(page.status, page.text.partition("Request id")[0]) for page in seen} == {
        (403, seen[0].text.partition("Request id")[0])
    }
    assert "ask for a new one" in seen[0].text


def test_a_15_a_link_that_was_used_meanwhile_sets_nothing(service: Service, tenant: Tenant) -> None:
    alice, first, second = make_person(service, tenant.account_id), Browser(service), Browser(service)
    path = make_link(service, alice)
    pages = first.get(path), second.get(path)
    assert choose(first, pages[0], path).path == "/ui/"
    assert choose(second, pages[1], path, "a third phrase that is long").status == 403
    assert Person(service, alice.user, NEW).sign_in()


def test_a_16_a_link_dies_when_the_password_is_changed(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, is_first_password=True)
    path, browser = make_link(service, alice), Browser(service)
    page = alice.enter_password(browser)
    assert page.path == "/ui/sign-in/password"
    assert choose(browser, page, "/ui/sign-in/password").path == "/ui/"
    assert Browser(service).get(path).status == 403


@pytest.mark.parametrize(
    ("password", "again", "told"),
    [
        ("short", None, "15"),
        (NEW, NEW + "x", "not the same"),
        ("", None, "15"),
        (PASSWORD, "", "not the same"),
    ],
)
def test_what_is_no_good_is_told_and_the_link_is_still_good(
    service: Service, tenant: Tenant, password: str, again: str | None, told: str
) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    path = make_link(service, alice)
    page = choose(browser, browser.get(path), path, password, again)
    assert page.status in {400, 403, 409}
    assert told in page.text
    assert choose(browser, page, path).path == "/ui/"


def test_a_disabled_users_link_is_refused(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    path = make_link(service, alice)
    change(service, lambda _at, tx: revocations.disable(tx, principal=alice.user))
    assert Browser(service).get(path).status == 403


def test_s_09_a_password_that_is_set_by_a_link_ends_every_session(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    elsewhere, _ = alice.sign_in()
    path, browser = make_link(service, alice), Browser(service)
    choose(browser, browser.get(path), path)
    assert elsewhere.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"


def test_who_was_locked_out_signs_in_with_the_password_that_they_set(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    locks = ((1, timedelta(hours=1)),)
    owner_id = alice.user.unique_id
    change(service, lambda _at, tx: password_failures.count_attempt(tx.connection, owner_id, "", tx.now, locks))
    assert alice.enter_password(Browser(service)).status == 403
    path = make_link(service, alice)
    choose(browser, browser.get(path), path)
    assert Person(service, alice.user, NEW).sign_in()


def test_s_15_a_link_is_not_redeemed_from_another_site(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    path = make_link(service, alice)
    fields = browser.get(path).form(path) | {"new-password": NEW, "new-password-again": NEW}
    assert browser.ask("POST", path, form=fields, headers={"origin": "https://evil.example"}).status == 403
    assert browser.ask("POST", path, form=fields, headers={"sec-fetch-site": "cross-site"}).status == 403
    assert browser.ask("POST", path, form=fields | {"token": ""}).status == 403
    assert Browser(service).ask("POST", path, form=fields).status == 403
    assert Browser(service).get(path).status == 200


def test_s_19_no_record_holds_what_a_link_is(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    path = make_link(service, alice)
    choose(browser, browser.get(path), path)
    listed = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    secret = path.removeprefix(PATH).partition(".")[2]
    assert secret.encode() not in listed.body
    events = [(each["event"], (each["principal"] or {}).get("arn")) for each in tell(listed)["records"]]
    assert ("password.change.done", alice.user.arn) in events
    assert ("browser-session.begin.done", alice.user.arn) in events


def test_a_22_guesses_of_links_are_limited_by_address(service: Service, tenant: Tenant) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    path = make_link(service, alice)
    statuses = [browser.ask("GET", f"{PATH}{number:022}.{number:022}").status for number in range(100)]
    assert set(statuses) == {403}
    slowed = browser.ask("GET", path)
    assert slowed.status == 429
    assert int(slowed.headers["retry-after"]) > 0
