"""Second factors on the pages of who is signed in, as a browser sees them."""

from datetime import timedelta

import pytest

from sts.clock import ManualClock
from sts.store import code_failures, recovery_codes
from sts.store.mfa_devices import list_owned
from tests.authenticator import STEP, Authenticator
from tests.service import Service, Tenant, allow
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, change, make_person, opened

FACTORS, ADD, REMOVE, CODES = (f"/ui/factors{rest}" for rest in ("", "/add", "/remove", "/recovery-codes"))
LATER = timedelta(minutes=15)
STEP_SPAN = timedelta(seconds=STEP)


def make(service: Service, tenant: Tenant, *, policy: str | None = allow("*"), with_device: bool = False) -> Person:
    alice = make_person(service, tenant.account_id, with_device=with_device)
    if policy is not None:
        service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=policy)
    return alice


def device_of(page: Seen) -> Authenticator:
    """Return the authenticator that was given the key on the page."""
    return Authenticator(page.html.partition('id="seed">')[2].partition("<")[0].replace(" ", ""))


def add(browser: Browser, clock: ManualClock, name: str = "phone") -> tuple[Authenticator, Seen]:
    page = browser.get(ADD)
    device, now = device_of(page), clock.now()
    seen = browser.go(page, ADD, device=name, first_code=device.code(now, -1), second_code=device.code(now))
    return device, seen


def owned(service: Service, person: Person) -> list[str]:
    with opened(service) as at:
        found = at.database.read_now(lambda c: list_owned(c, person.user.unique_id))
    return [device.name for device in found]


def left(service: Service, person: Person) -> int:
    with opened(service) as at:
        return len(at.database.read_now(lambda c: recovery_codes.list_stamps(c, person.user.unique_id)))


def codes_on(page: Seen) -> list[str]:
    return [part.partition("</code>")[0] for part in page.html.split("<li><code>")[1:]]


def test_an_authenticator_is_added_and_asked_for_from_then_on(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make(service, tenant)
    browser, home = alice.sign_in()
    assert FACTORS in home.links
    device, seen = add(browser, clock)
    assert len(set(codes_on(seen))) == 10
    assert owned(service, alice) == ["phone"]
    assert "phone" in browser.get(FACTORS).text
    clock.tick(STEP_SPAN)
    assert Person(service, alice.user, alice.password, device).sign_in()


def test_a_33_recovery_codes_are_shown_once_and_a_second_device_makes_no_others(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    _, first = add(browser, clock)
    codes = codes_on(first)
    _, second = add(browser, clock, "tablet")
    assert second.path == FACTORS
    assert "10 are left" in second.text
    assert not any(code in browser.get(path).html for path in (FACTORS, ADD, "/ui/") for code in codes)
    other = Browser(service)
    alice.enter_password(other)
    assert other.go(other.get("/ui/sign-in/recovery"), "/ui/sign-in/recovery", recovery_code=codes[0]).path == "/ui/"
    assert "9 are left" in browser.get(FACTORS).text


def test_a_34_new_recovery_codes_end_those_before(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    before = codes_on(add(browser, clock)[1])
    after = codes_on(browser.go(browser.get(FACTORS), CODES))
    assert len(after) == 10
    assert not set(before) & set(after)
    other = Browser(service)
    alice.enter_password(other)
    refused = other.go(other.get("/ui/sign-in/recovery"), "/ui/sign-in/recovery", recovery_code=before[0])
    assert refused.status == 403
    assert other.go(refused, "/ui/sign-in/recovery", recovery_code=after[0]).path == "/ui/"


def test_a_34_an_authenticator_is_removed_and_its_codes_are_worth_nothing(service: Service, tenant: Tenant) -> None:
    alice = make(service, tenant, with_device=True)
    browser, _ = alice.sign_in()
    elsewhere, _ = alice.sign_in(1)
    page = browser.go(browser.get(FACTORS), REMOVE)
    assert page.path == FACTORS
    assert "You have none" in page.text
    assert (owned(service, alice), left(service, alice)) == ([], 0)
    assert elsewhere.get("/ui/").path.startswith("/ui/sign-in")  # S-09
    assert browser.get("/ui/").path == "/ui/"
    other = Browser(service)
    assert alice.enter_password(other).path == "/ui/"


def test_a_01_who_removes_the_last_factor_beside_a_short_password_chooses_another(
    service: Service, tenant: Tenant
) -> None:
    alice = make_person(service, tenant.account_id, password="nine char", with_device=True)
    service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=allow("*"))
    browser, _ = alice.sign_in()
    browser.go(browser.get(FACTORS), REMOVE)
    other = Browser(service)
    page = alice.enter_password(other)
    assert page.path == "/ui/sign-in/password"
    assert "fewer than 15" in page.text
    assert other.get("/ui/").path.startswith("/ui/sign-in")
    new = "a phrase of five words"
    assert other.go(page, "/ui/sign-in/password", new_password=new, new_password_again=new).path == "/ui/"


@pytest.mark.parametrize("path", [ADD, REMOVE, CODES])
def test_a_36_a_change_asks_for_a_fresh_proof(service: Service, tenant: Tenant, clock: ManualClock, path: str) -> None:
    alice = make(service, tenant, with_device=True)
    browser, _ = alice.sign_in()
    page = browser.get(ADD) if path == ADD else browser.get(FACTORS)
    clock.tick(LATER)
    seen = browser.send(page, path)
    assert (seen.status, seen.location.partition("?")[0]) == (303, "/ui/again")
    assert owned(service, alice) == ["alice-phone"]
    assert left(service, alice) == 0
    again = browser.get(ADD)
    assert again.path.startswith("/ui/again")
    code = browser.go(again, "/ui/again", password=alice.password)
    assert browser.go(code, "/ui/sign-in/code", code=alice.code()).path == ADD


def test_codes_that_do_not_follow_each_other_add_nothing_and_the_picture_stays(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    page = browser.get(ADD)
    device, now = device_of(page), clock.now()
    refused = browser.go(page, ADD, device="phone", first_code=device.code(now), second_code=device.code(now))
    assert refused.status >= 400
    assert device_of(refused).code(now) == device.code(now)
    assert owned(service, alice) == []
    good = browser.go(refused, ADD, device="phone", first_code=device.code(now, -1), second_code=device.code(now))
    assert len(codes_on(good)) == 10


@pytest.mark.parametrize("name", ["two words", "a/b", "é", "", "n" * 129])
def test_a_name_that_no_device_can_have_is_told(
    service: Service, tenant: Tenant, clock: ManualClock, name: str
) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    _, refused = add(browser, clock, name)
    assert refused.status == 400
    assert 'role="alert"' in refused.html
    assert owned(service, alice) == []


def test_a_key_of_another_session_or_none_is_refused(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    alice = make(service, tenant)
    mine, other = alice.sign_in()[0], alice.sign_in()[0]
    foreign = other.get(ADD)
    device, now = device_of(foreign), clock.now()
    page = mine.get(ADD)
    for sealed in (foreign.form(ADD)["sealed"], "", "AAAA", "é"):
        seen = mine.send(
            page, ADD, device="phone", sealed=sealed, first_code=device.code(now, -1), second_code=device.code(now)
        )
        assert seen.status == 403
    assert owned(service, alice) == []


@pytest.mark.parametrize("policy", [None, allow("iam:ListMFADevices")])
def test_who_may_not_by_policy_changes_no_factor_here_either(
    service: Service, tenant: Tenant, policy: str | None
) -> None:
    alice = make(service, tenant, policy=policy, with_device=True)
    browser, _ = alice.sign_in()
    assert "alice-phone" in browser.get(FACTORS).text
    assert browser.get(ADD).status == 403
    token = browser.get("/ui/").form("/ui/sign-out")["token"]
    serial = f"arn:aws:iam::{tenant.account_id}:mfa/alice-phone"
    refused = browser.ask("POST", REMOVE, form={"token": token, "device": serial})
    assert refused.status == 403
    assert owned(service, alice) == ["alice-phone"]


def test_z_02_nobody_elses_authenticator_is_removed(service: Service, tenant: Tenant) -> None:
    alice, bob = make(service, tenant), make_person(service, tenant.account_id, "bob", with_device=True)
    stranger = make_person(service, service.tenant().account_id, "carol", with_device=True)
    browser, _ = alice.sign_in()
    token = browser.get(FACTORS).form("/ui/sign-out")["token"]
    for person in (bob, stranger):
        serial = f"arn:aws:iam::{person.account_id}:mfa/{person.name}-phone"
        assert browser.ask("POST", REMOVE, form={"token": token, "device": serial}).status == 404
        assert owned(service, person) == [f"{person.name}-phone"]


def test_recovery_codes_are_made_for_who_has_an_authenticator(service: Service, tenant: Tenant) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    page = browser.get(FACTORS)
    assert CODES not in page.actions()
    refused = browser.ask("POST", CODES, form={"token": page.form("/ui/sign-out")["token"]})
    assert refused.status == 409
    assert left(service, alice) == 0


def test_s_19_no_record_holds_a_key_or_a_recovery_code(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    alice = make(service, tenant)
    browser, _ = alice.sign_in()
    seed = browser.get(ADD).html.partition('id="seed">')[2].partition("<")[0].replace(" ", "")
    _, seen = add(browser, clock)
    listed = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000").body.decode()
    assert "mfa-device.enable.done" in listed
    assert not any(secret in listed for secret in (seed, *codes_on(seen)))


def test_the_locked_codes_of_a_person_keep_a_new_authenticator_out(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make(service, tenant, with_device=True)
    browser, _ = alice.sign_in()

    owner_id = alice.user.unique_id
    change(
        service,
        lambda _at, tx: code_failures.count_attempt(tx.connection, owner_id, tx.now, free=1, lock=LATER),
    )
    _, refused = add(browser, clock)
    assert refused.status == 409
    assert owned(service, alice) == ["alice-phone"]
