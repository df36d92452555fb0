"""What a person changes in a browser ends the command lines that they let in with that same browser, too."""

import json
from collections.abc import Callable
from urllib.parse import parse_qs, urlsplit

import pytest

from sts.logins.requests import LoginRequests
from tests.logins.desk import Answer, CommandLine, LoginDesk
from tests.service import allow
from tests.signin.administrators import records
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person
from tests.signin.test_factors import device_of
from tests.signing import Key

OTHER = "seven green bottles on a wall"
Change = Callable[[Person, Browser], Seen]


@pytest.fixture
def carol(desk: LoginDesk) -> Person:
    made = make_person(desk.service, desk.tenant.account_id, "carol", with_device=True)
    put = {"UserName": "carol", "PolicyName": "p", "PolicyDocument": allow("*")}
    assert desk.service.call(desk.tenant.key, "PutUserPolicy", **put).status == 200
    return made


def log_in(desk: LoginDesk, browser: Browser) -> tuple[CommandLine, Answer]:
    """Let a command line in with *browser*."""
    command_line = desk.command_line()
    with desk.foundation() as at:
        page = f"/ui/authorize/{LoginRequests(at.keyring, at.clock).render(command_line.request())}"
    sent_on = browser.send(browser.get(page), page)
    return command_line, command_line.redeem(parse_qs(urlsplit(sent_on.location).query)["code"][0])


def assume(desk: LoginDesk, key: Key) -> Key:
    """Return credentials of a role that trusts who showed a second factor."""
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    allowed = {"Effect": "Allow", "Principal": {"AWS": desk.tenant.account_id}, "Action": "sts:AssumeRole"}
    trust = json.dumps({"Version": "2012-10-17", "Statement": {**allowed, "Condition": condition}})
    made = desk.service.call(desk.tenant.key, "CreateRole", RoleName="deploy", AssumeRolePolicyDocument=trust)
    given = desk.service.call(key, "AssumeRole", "sts", RoleArn=made.text("Arn"), RoleSessionName="carol")
    assert given.status == 200, given.body
    return Key(given.text("AccessKeyId"), given.text("SecretAccessKey"), given.text("SessionToken"))


def change_password(person: Person, browser: Browser) -> Seen:
    form = {"password": person.password, "new_password": OTHER, "new_password_again": OTHER}
    return browser.go(browser.get("/ui/password"), "/ui/password", **form)


def remove_authenticator(_: Person, browser: Browser) -> Seen:
    return browser.go(browser.get("/ui/factors"), "/ui/factors/remove")


def add_authenticator(person: Person, browser: Browser) -> Seen:
    page, now = browser.get("/ui/factors/add"), person.service.clock.now()
    device = device_of(page)
    codes = {"first_code": device.code(now, -1), "second_code": device.code(now)}
    return browser.go(page, "/ui/factors/add", device="tablet", **codes)


def sign_out_everywhere_else(_: Person, browser: Browser) -> Seen:
    return browser.go(browser.get("/ui/sessions"), "/ui/sessions/end-others")


@pytest.mark.parametrize("change", [change_password, remove_authenticator, add_authenticator, sign_out_everywhere_else])
def test_s_09_a_change_ends_what_was_let_in_by_the_very_session_that_makes_it(
    desk: LoginDesk, carol: Person, change: Change
) -> None:
    browser, _ = carol.sign_in()
    command_line, answer = log_in(desk, browser)
    of_role = assume(desk, answer.key)
    copied = browser.copy()
    assert change(carol, browser).status == 200
    for key in (answer.key, of_role):
        told = desk.service.call(key, "GetCallerIdentity", "sts")
        assert (told.status, told.code) == (403, "ExpiredToken")
    assert command_line.refresh(answer.refresh_token).status in {401, 403}
    assert browser.get("/ui/").path == "/ui/"  # S-02: under another id; a copy of the former one is worth nothing
    assert copied.get("/ui/").path.startswith("/ui/sign-in")
    _, later = log_in(desk, browser)
    assert desk.service.call(later.key, "GetCallerIdentity", "sts").status == 200


def test_a_change_is_on_record_with_the_session_that_follows(desk: LoginDesk, carol: Person) -> None:
    browser, _ = carol.sign_in()
    change_password(carol, browser)
    browser.get("/ui/sessions")
    (changed,) = records(desk.service, desk.tenant, action="password.change", limit="1")
    (after,) = records(desk.service, desk.tenant, action="browser-session.read", limit="1")
    assert changed["made"] == {"jti": after["session"]["jti"]}
    assert changed["session"]["jti"] != after["session"]["jti"]
