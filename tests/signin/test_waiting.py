"""Sign-ins that wait at a step while their owner goes on elsewhere, and sessions that another takes the place of."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from sts.clock import ManualClock
from sts.directory import revocations
from sts.directory.accounts import get_account
from tests.api.asking import ask, tell
from tests.authenticator import STEP
from tests.service import Service, Tenant
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, change, make_person
from tests.signin.test_factors import codes_on, device_of, owned
from tests.signin.test_links import NEW, choose, make_link
from tests.signing import Key

_THEIRS = "a phrase of somebody else"
_CODE, _PASSWORD, _AGAIN = "/ui/sign-in/code", "/ui/sign-in/password", "/ui/again"
_RECENT = timedelta(minutes=15)
_STEP = timedelta(seconds=STEP)
_MOMENT = timedelta(milliseconds=1)

Ending = Callable[[Service, Tenant, Person], object]


def _set_by_link(service: Service, _tenant: Tenant, alice: Person) -> None:
    path, browser = make_link(service, alice), Browser(service)
    assert choose(browser, browser.get(path), path).path == _CODE


def _change_password(service: Service, tenant: Tenant, alice: Person) -> None:
    policy = "arn:aws:iam::aws:policy/IAMUserChangePassword"
    service.call(tenant.key, "AttachUserPolicy", UserName=alice.name, PolicyArn=policy)
    made = service.call(tenant.key, "CreateAccessKey", UserName=alice.name)
    key = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    reply = service.call(key, "ChangePassword", OldPassword=alice.password, NewPassword=NEW)
    assert reply.status == 200, reply.body


def _update_profile(service: Service, tenant: Tenant, alice: Person) -> None:
    assert service.call(tenant.key, "UpdateLoginProfile", UserName=alice.name, Password=NEW).status == 200


def _delete_profile(service: Service, tenant: Tenant, alice: Person) -> None:
    assert service.call(tenant.key, "DeleteLoginProfile", UserName=alice.name).status == 200


def _ask(path: str) -> Ending:
    return lambda service, tenant, alice: tell(ask(service, tenant.key, f"/api/users/{path}", {"name": alice.name}))


def _disable_and_enable(service: Service, tenant: Tenant, alice: Person) -> None:
    _ask("disable")(service, tenant, alice)
    _ask("enable")(service, tenant, alice)


def _revoke_principal(service: Service, tenant: Tenant, alice: Person) -> None:
    tell(ask(service, tenant.key, "/api/principals/revoke", {"arn": alice.user.arn}))


def _revoke_account(service: Service, _tenant: Tenant, alice: Person) -> None:
    change(
        service,
        lambda _at, tx: revocations.revoke_principal(tx, principal=get_account(tx.connection, alice.account_id)),
    )


def _end_others(_service: Service, _tenant: Tenant, alice: Person) -> None:
    browser, _ = alice.sign_in(-1)
    page = browser.get("/ui/sessions")  # of one session: the form is not offered, and ends the sign-ins all the same
    own = next(action for action in page.actions() if action.startswith("/ui/sessions/end/"))
    assert browser.ask("POST", "/ui/sessions/end-others", form=page.form(own)).status == 303


def _end(end: Ending, service: Service, tenant: Tenant, alice: Person) -> None:
    """Do what ends a sign-in, a moment after what was done before."""
    service.clock.tick(_MOMENT)  # type: ignore[attr-defined]
    end(service, tenant, alice)


def _is_over(browser: Browser, seen: Seen) -> bool:
    """Say whether *seen* tells that the sign-in is over, and its browser is at the first page again."""
    told = seen.status == 400 and "changed meanwhile" in seen.text
    return told and browser.get("/ui/").path.startswith("/ui/sign-in?")


def test_a_16_a_waiting_change_overwrites_no_password_that_its_owner_chose(service: Service, tenant: Tenant) -> None:
    alice, waiting = make_person(service, tenant.account_id, is_first_password=True), Browser(service)
    page = alice.enter_password(waiting)
    assert page.path == "/ui/sign-in/password"
    path, browser = make_link(service, alice), Browser(service)
    assert choose(browser, browser.get(path), path).path == "/ui/"
    refused = waiting.go(page, page.path, new_password=_THEIRS, new_password_again=_THEIRS)
    assert refused.status >= 400
    assert "changed meanwhile" in refused.text
    assert waiting.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"
    assert Person(service, alice.user, NEW).enter_password(Browser(service)).path == "/ui/"


def test_a_25_a_waiting_enrolment_adds_no_device_beside_the_owners(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, must_enrol=True)
    waiting, browser = Browser(service), Browser(service)
    theirs, own = alice.enter_password(waiting), alice.enter_password(browser)
    now, device, other = clock.now(), device_of(own), device_of(theirs)
    done = browser.send(own, own.path, device="own", first_code=device.code(now, -1), second_code=device.code(now))
    assert codes_on(done)
    before = owned(service, alice)
    refused = waiting.send(
        theirs, theirs.path, device="theirs", first_code=other.code(now, -1), second_code=other.code(now)
    )
    assert refused.status >= 400
    assert not codes_on(refused)
    assert owned(service, alice) == before
    assert waiting.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.get("/ui/").path == "/ui/"


def test_s_02_signing_in_ends_the_session_that_the_browser_had(service: Service, tenant: Tenant) -> None:
    alice, bob = make_person(service, tenant.account_id), make_person(service, tenant.account_id, "bob")
    browser, _ = alice.sign_in()
    former, fresh = browser.copy(), Browser(service)
    page = fresh.get("/ui/sign-in")
    browser.cookies.update(fresh.cookies)
    home = browser.go(page, "/ui/sign-in", account=bob.account_id, user=bob.name, password=bob.password)
    assert bob.user.arn in home.text
    assert former.get("/ui/").path.startswith("/ui/sign-in")


@pytest.mark.parametrize("end", [_set_by_link, _change_password, _update_profile, _delete_profile])
def test_a_16_s_09_a_sign_in_that_waits_at_the_code_ends_with_its_password(
    service: Service, tenant: Tenant, end: Ending
) -> None:
    alice, waiting = make_person(service, tenant.account_id, with_device=True), Browser(service)
    page = alice.enter_password(waiting)
    _end(end, service, tenant, alice)
    assert _is_over(waiting, waiting.go(page, _CODE, code=alice.code()))


@pytest.mark.parametrize(
    "end",
    [
        _ask("end-sessions"),
        _ask("require-password-change"),
        _disable_and_enable,
        _revoke_principal,
        _revoke_account,
        _end_others,
    ],
)
def test_s_08_a_sign_in_that_waits_ends_with_all_that_its_owner_has_begun(
    service: Service, tenant: Tenant, end: Ending
) -> None:
    alice, waiting = make_person(service, tenant.account_id, with_device=True), Browser(service)
    page = alice.enter_password(waiting)
    _end(end, service, tenant, alice)
    assert _is_over(waiting, waiting.go(page, _CODE, code=alice.code()))
    # Ended once more, what waits since then ends too.
    service.clock.tick(2 * _STEP)  # type: ignore[attr-defined]
    page = alice.enter_password(waiting)
    _end(end, service, tenant, alice)
    assert _is_over(waiting, waiting.go(page, page.path, **_answer(alice, page)))


def _answer(alice: Person, page: Seen) -> dict[str, str]:
    return {"code": alice.code()} if page.path == _CODE else {"new_password": _THEIRS, "new_password_again": _THEIRS}


def test_s_08_ending_sessions_keeps_nobody_from_signing_in_again(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    for end in (_ask("end-sessions"), _disable_and_enable, _revoke_principal):
        _end(end, service, tenant, alice)
        service.clock.tick(_STEP)  # type: ignore[attr-defined]
        assert alice.sign_in()


def test_a_25_a_required_enrolment_that_waits_ends_with_its_password(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, must_enrol=True)
    waiting, browser = Browser(service), Browser(service)
    theirs, path = alice.enter_password(waiting), make_link(service, alice)
    clock.tick(_MOMENT)
    own = choose(browser, browser.get(path), path)
    now, device, other = clock.now(), device_of(own), device_of(theirs)
    refused = waiting.send(
        theirs, theirs.path, device="theirs", first_code=other.code(now, -1), second_code=other.code(now)
    )
    assert _is_over(waiting, refused)
    assert owned(service, alice) == []
    done = browser.send(own, own.path, device="own", first_code=device.code(now, -1), second_code=device.code(now))
    assert codes_on(done)  # what the sign-in changed itself, it goes on with
    assert browser.get("/ui/").path == "/ui/"


def test_s_09_a_proof_that_is_renewed_ends_with_its_password(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser, _ = alice.sign_in(-1)
    page = browser.go(browser.get(_AGAIN), _AGAIN, password=alice.password)
    assert page.path == _CODE
    _end(_update_profile, service, tenant, alice)
    assert _is_over(browser, browser.go(page, _CODE, code=alice.code()))


def test_an_expired_password_leads_to_its_change(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    alice, browser = make_person(service, tenant.account_id), Browser(service)
    service.call(tenant.key, "UpdateAccountPasswordPolicy", MaxPasswordAge="1", AllowUsersToChangePassword="true")
    clock.tick(timedelta(days=1))
    page = alice.enter_password(browser)
    assert page.path == _PASSWORD
    assert browser.get("/ui/").path.startswith("/ui/sign-in")
    assert browser.go(page, _PASSWORD, new_password=NEW, new_password_again=NEW).path == "/ui/"
    assert Person(service, alice.user, NEW).sign_in()


def test_a_password_that_expired_in_a_session_is_changed_when_it_is_asked_for_again(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id)
    service.call(tenant.key, "UpdateAccountPasswordPolicy", MaxPasswordAge="1")
    clock.tick(timedelta(days=1) - _RECENT)
    browser, _ = alice.sign_in()
    clock.tick(_RECENT)
    page = browser.go(browser.get(_AGAIN), _AGAIN, password=alice.password)
    assert page.path == _PASSWORD
    assert browser.go(page, _PASSWORD, new_password=NEW, new_password_again=NEW).path == "/ui/"
    assert Person(service, alice.user, NEW).sign_in()
