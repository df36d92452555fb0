"""What is recorded of signing in: who, with which factors, from where; and nothing of who only looks."""

import sqlite3
from contextlib import closing
from datetime import timedelta

from sts.authn.codes import FREE_FAILURES
from sts.clock import ManualClock
from tests.authenticator import STEP
from tests.service import Service, Tenant
from tests.signin.browsing import Browser
from tests.signin.people import make_person
from tests.signin.test_notices import records

_WRONG_OF_ONE_ADDRESS = 100
CODE, RECOVERY = "/ui/sign-in/code", "/ui/sign-in/recovery"


def _count_records(service: Service) -> int:
    with closing(sqlite3.connect(service.database_path)) as connection:
        (count,) = connection.execute("SELECT count(*) FROM audit_record").fetchone()
    return int(count)


def test_who_signed_in_is_recorded_with_factors_and_address(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    alice.sign_in()
    (proven,) = records(service, tenant, "password.prove.done")
    (begun,) = records(service, tenant, "browser-session.begin.done")
    assert proven["principal"]["arn"] == begun["principal"]["arn"] == alice.user.arn
    assert begun["parameters"]["methods"] == ["pwd", "otp", "mfa"]
    assert begun["address"] == "127.0.0.1"
    assert begun["session"]["jti"]


def test_a_wrong_password_and_a_wrong_code_of_somebody_are_recorded_one_by_one(
    service: Service, tenant: Tenant
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser = Browser(service)
    page = browser.get("/ui/sign-in")
    browser.send(page, "/ui/sign-in", account=alice.account_id, user="alice", password="some words of no meaning")
    browser.go(alice.enter_password(browser), "/ui/sign-in/code", code="000000")
    for event in ("password.prove.refused", "factor.prove.refused"):
        (refused,) = records(service, tenant, event)
        assert refused["principal"] == {"arn": alice.user.arn, "proven": False}, event
        assert "no meaning" not in str(refused)
        assert "000000" not in str(refused)


def test_who_only_looks_at_the_sign_in_page_is_not_recorded(service: Service) -> None:
    before = _count_records(service)
    for _ in range(3):
        assert Browser(service).get("/ui/sign-in").status == 200
    assert _count_records(service) == before


def test_a_renewed_proof_and_the_way_out_are_recorded(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser, _ = alice.sign_in()
    clock.tick(timedelta(seconds=STEP))
    page = browser.go(browser.get("/ui/again"), "/ui/again", password=alice.password)
    home = browser.go(page, "/ui/sign-in/code", code=alice.code())
    browser.go(home, "/ui/sign-out")
    (begun,) = records(service, tenant, "browser-session.begin.done")
    (renewed,) = records(service, tenant, "browser-session.renew.done")
    (ended,) = records(service, tenant, "browser-session.end.done")
    assert begun["session"]["jti"] == renewed["session"]["jti"] == ended["session"]["jti"]


def test_a_22_an_address_that_guesses_is_told_to_wait(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    browser = Browser(service)
    form = {"account": alice.account_id, "password": "some words of no meaning"}
    page = browser.get("/ui/sign-in")
    for number in range(_WRONG_OF_ONE_ADDRESS):
        assert browser.send(page, "/ui/sign-in", user=f"nobody-{number}", **form).status == 403
    for forged in ("", "192.0.2.9"):  # nobody is believed where they come from
        browser.headers = {"x-forwarded-for": forged}
        seen = browser.send(page, "/ui/sign-in", account=alice.account_id, user="alice", password=alice.password)
        assert seen.status == 429
        assert 0 < int(seen.headers["retry-after"]) <= 15 * 60
        assert "wait" in seen.text


def test_a_22_an_address_that_guesses_codes_is_told_to_wait(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice, bob = (make_person(service, tenant.account_id, name, with_device=True) for name in ("alice", "bob"))
    guesser, browser = Browser(service), Browser(service)
    for person, own in ((alice, guesser), (bob, browser)):
        assert person.enter_password(own).path == CODE
    code, recovery = guesser.get(CODE), guesser.get(RECOVERY)
    for _ in range(_WRONG_OF_ONE_ADDRESS // 2):
        assert guesser.send(code, CODE, code="000000").status == 403
        assert guesser.send(recovery, RECOVERY, recovery_code="0000-0000-0000-0000").status == 403
    for path, shown in ((CODE, {"code": bob.code()}), (RECOVERY, {"recovery_code": "0000-0000-0000-0000"})):
        seen = browser.send(browser.get(path), path, **shown)
        assert seen.status == 429
        assert 0 < int(seen.headers["retry-after"]) <= 15 * 60
        assert "Please wait" in seen.text
    clock.tick(timedelta(minutes=15))
    bob.sign_in()


def test_a_21_who_knows_the_password_and_guesses_codes_locks_nobody_out_of_their_own_browser(
    service: Service, tenant: Tenant
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    own, home = alice.sign_in()
    own.go(home, "/ui/sign-out")
    guesser = Browser(service)
    alice.enter_password(guesser)
    code = guesser.get(CODE)
    for _ in range(FREE_FAILURES):
        assert guesser.send(code, CODE, code="000000").status == 403
    assert guesser.send(guesser.get(CODE), CODE, code=alice.code(1)).status == 403
    assert own.go(alice.enter_password(own), CODE, code=alice.code(1)).path == "/ui/"


def test_a_22_right_codes_do_not_count_by_address(service: Service, tenant: Tenant) -> None:
    alice, bob = (make_person(service, tenant.account_id, name, with_device=True) for name in ("alice", "bob"))
    guesser = Browser(service)
    alice.enter_password(guesser)
    code = guesser.get(CODE)
    for _ in range(_WRONG_OF_ONE_ADDRESS - 1):
        assert guesser.send(code, CODE, code="000000").status == 403
    for steps in (0, 1):
        bob.sign_in(steps)
