"""The page on which a person lets a command line in: a click, by who is signed in, and nothing else, makes a code."""

import base64
import re
from datetime import timedelta
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx2
import pytest

from sts.client.sending import open_sender
from sts.client.signin import SignIn
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import LoginEnded, Malformed
from sts.logins.requests import Client
from tests.logins.desk import CALLBACK, CHALLENGE, CommandLine, LoginDesk
from tests.service import allow
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person

CONFIRMATION = "/v1/sessions/confirmation"


@pytest.fixture
def person(desk: LoginDesk) -> Person:
    made = make_person(desk.service, desk.tenant.account_id, "bob", with_device=True)
    arn = "arn:aws:iam::aws:policy/SignInLocalDevelopmentAccess"
    assert desk.service.call(desk.tenant.key, "AttachUserPolicy", UserName="bob", PolicyArn=arn).status == 200
    return made


def _ask(desk: LoginDesk, client: Client = Client.SAME_DEVICE) -> str:
    """Return the page that the browser is led to."""
    redirect_uri = CALLBACK if client is Client.SAME_DEVICE else desk.service.settings.issuer + CONFIRMATION
    asked = {
        "response_type": "code",
        "client_id": client.client_id,
        "state": "state",
        "code_challenge_method": "SHA-256",
        "scope": "openid",
        "redirect_uri": redirect_uri,
        "code_challenge": CHALLENGE,
    }
    with httpx2.Client(trust_env=False) as http:
        location: str = http.get(f"{desk.service.url}/v1/authorize?{urlencode(asked)}").headers["location"]
    return location


def _code(seen: Seen) -> str:
    assert seen.status == 303, seen.html
    return parse_qs(urlsplit(seen.location).query)["code"][0]


def test_who_is_not_signed_in_signs_in_first_and_comes_back_to_the_page(desk: LoginDesk, person: Person) -> None:
    page = _ask(desk)
    browser = Browser(desk.service)
    seen = browser.ask("GET", page)
    assert seen.location.startswith("/ui/sign-in?to=")
    seen = person.enter_password(browser, seen.location.partition("?to=")[2])
    seen = browser.go(seen, "/ui/sign-in/code", code=person.code())
    assert seen.path == page
    code = _code(browser.send(seen, page))
    answer = CommandLine(desk.service).redeem(code)
    assert desk.service.call(answer.key, "GetCallerIdentity", "sts").text("Arn") == person.user.arn


def test_o_26_a_session_alone_makes_no_code_but_a_click_does(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    seen = browser.get(page)
    assert (seen.status, seen.path) == (200, page)
    for told in (
        "A command line ( aws login or sts login )",
        "bob",
        desk.tenant.account_id,
        person.user.arn,
        "http://127.0.0.1:49152",
        "12 hours",
    ):
        assert told in seen.text
    answer = browser.send(seen, page)
    address, _, query = answer.location.partition("?")
    assert (address, parse_qs(query)["state"]) == (CALLBACK, ["state"])
    assert parse_qs(query)["iss"] == [desk.service.settings.issuer]


def test_the_form_may_lead_to_the_clients_address_and_no_other(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    policy = browser.get(_ask(desk)).headers["content-security-policy"]
    assert "form-action 'self' http://127.0.0.1:49152" in policy.split("; ")
    assert "form-action 'self'" in browser.get("/ui/").headers["content-security-policy"].split("; ")


@pytest.mark.parametrize(
    "headers", [{"origin": "https://evil.example"}, {"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"}]
)
def test_s_15_another_site_cannot_click(desk: LoginDesk, person: Person, headers: dict[str, str]) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    form = browser.get(page).form(page)
    assert browser.ask("POST", page, form=form, headers=headers).status == 403
    assert browser.ask("POST", page, form={"token": ""}).status == 403
    other, _ = person.sign_in(steps=1)
    assert other.ask("POST", page, form=form).status == 403
    assert browser.ask("POST", page, form=form).status == 303


def test_who_declines_sends_the_command_line_away(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    seen = browser.get(page)
    declined = browser.send(seen, page.replace("/authorize/", "/decline/"))
    told = parse_qs(urlsplit(declined.location).query)
    assert (told["error"], told["state"], "code" in told) == (["access_denied"], ["state"], False)


def test_the_evaluator_decides_before_the_click_and_at_it(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    seen = browser.get(page)
    remote = f"arn:aws:signin:us-east-1:{desk.tenant.account_id}:oauth2/public-client/localhost"
    denial = allow("signin:AuthorizeOAuth2Access", remote, effect="Deny")
    put = {"UserName": "bob", "PolicyName": "no", "PolicyDocument": denial}
    assert desk.service.call(desk.tenant.key, "PutUserPolicy", **put).status == 200
    assert browser.send(seen, page).status == 403
    assert browser.ask("GET", page).status == 403
    assert browser.ask("GET", _ask(desk, Client.CROSS_DEVICE)).status == 200


def test_a_request_that_is_too_old_or_was_altered_is_told_as_such(
    desk: LoginDesk, person: Person, clock: ManualClock
) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    assert "start again at the command line" in browser.get(page[:-2]).text
    clock.tick(timedelta(minutes=10, seconds=1))
    seen = browser.get(page)
    assert (seen.status, "too old" in seen.text) == (404, True)


def test_the_page_for_another_device_warns_and_gives_a_code_to_type_in(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk, Client.CROSS_DEVICE)
    seen = browser.get(page)
    assert "Stop if somebody sent you here" in seen.text
    moved = browser.send(seen, page)
    assert moved.location.startswith(desk.service.settings.issuer + CONFIRMATION)
    shown = browser.get(moved.location.removeprefix(desk.service.settings.issuer))
    found = re.search(r"<pre[^>]*>([^<]+)</pre>", shown.html)
    assert found is not None, shown.html
    told = parse_qs(base64.b64decode(found[1]).decode())
    assert told == {"state": ["state"], "code": [_code(moved)]}
    line = CommandLine(desk.service, Client.CROSS_DEVICE)
    redirect = {"redirectUri": desk.service.settings.issuer + CONFIRMATION}
    assert line.redeem(told["code"][0], **redirect).status == 200


def test_a_37_a_code_is_of_use_for_the_request_that_was_approved_and_for_no_other(
    desk: LoginDesk, person: Person
) -> None:
    issuer = desk.service.settings.issuer
    command_line = SignIn(issuer, open_sender(issuer, None), desk.service.clock, Entropy())
    first, second = command_line.ask(None), command_line.ask(None)
    browser, _ = person.sign_in()
    with httpx2.Client(trust_env=False) as http:
        page = http.get(first.render_url()).headers["location"]
    seen = browser.get(page)
    for told in (
        "A command line ( aws login or sts login ), on another device",
        "aws login --remote or sts login --remote",
        person.user.arn,
        "All that you may do",
    ):
        assert told in seen.text
    shown = browser.get(browser.send(seen, page).location.removeprefix(issuer))
    assert "aws login --remote or sts login --remote" in shown.text
    found = re.search(r"<pre[^>]*>([^<]+)</pre>", shown.html)
    assert found is not None, shown.html
    with pytest.raises(Malformed):
        second.read_typed_answer(found[1])
    code = first.read_typed_answer(found[1])
    with pytest.raises(LoginEnded):
        command_line.redeem(second, code)
    assert command_line.redeem(first, code).arn == person.user.arn


def test_a_code_of_somebody_else_is_shown_to_nobody(desk: LoginDesk, person: Person) -> None:
    attacker, _ = person.sign_in()
    page = _ask(desk, Client.CROSS_DEVICE)
    moved = attacker.send(attacker.get(page), page)
    link = moved.location.removeprefix(desk.service.settings.issuer)
    victim, _ = make_person(desk.service, desk.tenant.account_id, "carol").sign_in()
    for browser, path in ((victim, link), (attacker, link.replace("code=", "code=A")), (attacker, CONFIRMATION)):
        seen = browser.ask("GET", path)
        assert (seen.status, "<pre" in seen.html) == (404, False)
    assert Browser(desk.service).ask("GET", link).location.startswith("/ui/sign-in")
    assert attacker.ask("GET", link).status == 200
    assert "No command line was let in" in victim.ask("GET", f"{CONFIRMATION}?error=access_denied").text


def test_o_45_no_code_and_no_token_stands_in_a_record(desk: LoginDesk, person: Person) -> None:
    browser, _ = person.sign_in()
    page = _ask(desk)
    command_line = CommandLine(desk.service)
    code = _code(browser.send(browser.get(page), page))
    answer = command_line.redeem(code)
    assert command_line.redeem(code).status == 401
    records = desk.service.send(desk.tenant.key, method="GET", path="/api/audit/records", query="limit=1000").body
    assert b"login.authorize.done" in records
    assert b"login.redeem.done" in records
    assert b"login.redeem.refused" in records
    for secret in (code, answer.refresh_token, answer.key.secret, str(answer.key.token), answer.members["idToken"]):
        assert secret.encode() not in records
