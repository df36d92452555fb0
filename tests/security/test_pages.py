"""What must hold of every page in a browser: cookies, headers, forms, and what is left behind."""

import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow, running
from tests.signin.browsing import Browser, Seen
from tests.signin.offered import fill_path, needs_session, read_pages
from tests.signin.people import Person, make_person

COOKIE = re.compile(
    r"__Host-sts-(session|flow|device)=([A-Za-z0-9_-]*); Path=/; Secure; HttpOnly; SameSite=Lax(; Max-Age=\d+)?"
)
POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; "
    "form-action 'self'"
)
SESSION = "__Host-sts-session"


@pytest.fixture
def alice(service: Service, tenant: Tenant) -> Person:
    """Somebody with a password and a device."""
    return make_person(service, tenant.account_id, with_device=True)


def _walk(alice: Person) -> tuple[Browser, list[Seen]]:
    """Sign in, and return the browser with every answer on the way, and one of each page that is shown."""
    browser, seen = Browser(alice.service), []
    first = browser.ask("GET", "/ui/sign-in")
    form = {"account": alice.account_id, "user": alice.name, "password": alice.password}
    seen += [first, browser.send(first, "/ui/sign-in", **form)]
    code = browser.ask("GET", "/ui/sign-in/code")
    seen += [code, browser.send(code, "/ui/sign-in/code", code="000000")]
    seen.append(browser.send(code, "/ui/sign-in/code", code=alice.code()))
    seen += [browser.ask("GET", path) for path in ("/ui/", "/ui/again", "/ui/nowhere", "/ui/signed-out", "/ui/sign-in")]
    return browser, seen


def _is_signed_out(browser: Browser) -> bool:
    return browser.get("/ui/").path.startswith("/ui/sign-in?")


def test_s_13_cookies_are_for_this_host_alone_and_for_no_script(alice: Person) -> None:
    _, seen = _walk(alice)
    cookies = [cookie for each in seen for cookie in each.cookies_set]
    assert {cookie.partition("=")[0] for cookie in cookies} == {
        "__Host-sts-session",
        "__Host-sts-flow",
        "__Host-sts-device",
    }
    for cookie in cookies:
        assert COOKIE.fullmatch(cookie), cookie


def test_s_14_what_cookies_hold_tells_nothing(alice: Person) -> None:
    browser, _ = alice.sign_in()
    other, _ = make_person(alice.service, alice.account_id, "bob").sign_in()
    for name, value in browser.cookies.items():
        assert not any(word in value for word in (alice.name, alice.account_id, alice.user.unique_id, "eyJ"))
        assert value[:4] != other.cookies[name][:4] or name == "__Host-sts-device"


def test_s_07_the_session_cookie_says_no_end_and_the_server_ends_it(alice: Person, clock: ManualClock) -> None:
    browser, seen = _walk(alice)
    set_at = [cookie for each in seen for cookie in each.cookies_set if cookie.startswith(f"{SESSION}=")]
    assert all("Max-Age" not in cookie for cookie in set_at)
    clock.tick(timedelta(hours=1))
    assert _is_signed_out(browser)


def test_s_02_a_planted_value_is_never_a_session(alice: Person) -> None:
    planted = "A" * 65
    browser = Browser(alice.service, {SESSION: planted, "__Host-sts-flow": planted})
    page = alice.enter_password(browser)
    assert browser.cookies["__Host-sts-flow"] != planted
    assert browser.go(page, "/ui/sign-in/code", code=alice.code()).path == "/ui/"
    assert browser.cookies[SESSION] != planted
    assert _is_signed_out(Browser(alice.service, {SESSION: planted}))


def test_s_02_each_step_has_a_value_of_its_own_and_the_one_before_is_dead(alice: Person) -> None:
    browser = Browser(alice.service)
    browser.get("/ui/sign-in")
    before = browser.cookies["__Host-sts-flow"]
    alice.enter_password(browser)
    between = browser.cookies["__Host-sts-flow"]
    assert between != before
    changed = ("B" if between[0] == "A" else "A") + between[1:]
    for old in (before, changed):
        assert Browser(alice.service, {"__Host-sts-flow": old}).get("/ui/sign-in/code").status == 400


def test_s_04_a_session_that_was_left_is_dead_for_every_copy_of_its_cookie(alice: Person) -> None:
    browser, home = alice.sign_in()
    thief = browser.copy()
    left = browser.send(home, "/ui/sign-out")
    assert SESSION not in browser.cookies
    assert left.location == "/ui/signed-out"
    assert _is_signed_out(thief)


def test_s_11_every_page_of_who_is_signed_in_has_the_way_out(home: Path, alice: Person) -> None:
    browser, _ = alice.sign_in()
    pages = [page for page in read_pages(home) if page.method == "GET" and needs_session(page)]
    assert pages
    for page in pages:
        seen = browser.get(fill_path(page))
        assert "/ui/sign-out" in seen.actions(), page.name


def test_s_15_no_form_is_taken_from_elsewhere(home: Path, alice: Person) -> None:
    browser, seen = alice.sign_in()
    other, elsewhere = make_person(alice.service, alice.account_id, "bob").sign_in()
    token, foreign = seen.form("/ui/sign-out")["token"], elsewhere.form("/ui/sign-out")["token"]
    forms = [page for page in read_pages(home) if page.method == "POST"]
    assert forms
    for page in forms:
        tries = (
            {"form": {"token": token}, "headers": {"origin": "https://evil.example"}},
            {"form": {"token": token}, "headers": {"sec-fetch-site": "cross-site"}},
            {"form": {"token": token}, "headers": {"sec-fetch-site": "same-site"}},
            {"form": {"token": token}, "headers": {"origin": "null"}},
            {"form": {"token": ""}},
            {"form": {"other": token}},
            {"form": {"token": foreign}},
            {"form": {"token": "AAAA"}},
        )
        for each in tries:
            refused = browser.ask("POST", fill_path(page), **each)
            assert refused.status == 403, (page.name, each)
    assert not _is_signed_out(browser)
    assert not _is_signed_out(other)


def test_s_16_nobody_is_signed_in_by_another_site(alice: Person) -> None:
    bob = make_person(alice.service, alice.account_id, "bob")
    form = {"account": bob.account_id, "user": "bob", "password": bob.password, "to": "/ui/"}
    own = Browser(alice.service).get("/ui/sign-in").form("/ui/sign-in")
    for token in ({}, {"token": own["token"]}):
        browser = Browser(alice.service)
        seen = browser.ask("POST", "/ui/sign-in", form=form | token, headers={"origin": "", "sec-fetch-site": ""})
        assert seen.status == 403
        assert SESSION not in browser.cookies


def test_s_20_everything_leads_to_our_own_pages_by_the_same_way(alice: Person) -> None:
    _, seen = _walk(alice)
    for each in seen:
        assert all(link.startswith(("/ui/", "#")) for link in (*each.links, *each.actions())), each.links
        assert each.location == "" or each.location.startswith("/ui/")


def _crawl(home: Path, browser: Browser) -> list[Seen]:
    """Return what every page shows, to who is signed in and to who is not."""
    paths = [fill_path(page) for page in read_pages(home) if page.method == "GET"]
    return [each.ask("GET", path) for path in paths for each in (browser, Browser(browser.service))]


def test_s_21_no_page_is_kept_by_anything(home: Path, tenant: Tenant, alice: Person) -> None:
    alice.service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=allow("*"))
    browser, seen = _walk(alice)
    seen += _crawl(home, browser)
    assert sum(each.status == 200 for each in seen) > 20
    assert {each.headers["cache-control"] for each in seen} == {"no-store"}


def test_pages_are_small(alice: Person) -> None:
    browser, seen = _walk(alice)
    style = re.search(r'href="(/ui/style[^"]+)"', seen[0].html)
    assert style is not None
    looks = browser.ask("GET", style[1])
    assert "immutable" in looks.headers["cache-control"]
    assert max(len(each.html) for each in seen) + len(looks.html) < 30 * 1024


def test_o_28_no_page_is_framed_runs_a_script_or_loads_from_elsewhere(alice: Person) -> None:
    _, seen = _walk(alice)
    for each in seen:
        assert each.headers["content-security-policy"] == POLICY
        assert each.headers["x-frame-options"] == "DENY"
        assert each.headers["referrer-policy"] == "strict-origin"
        assert each.headers["x-content-type-options"] == "nosniff"
        assert not re.search(r"<script|<style| style=| on[a-z]+=|https?://", each.html), each.html


def test_s_22_a_browser_that_was_closed_is_signed_out(alice: Person) -> None:
    browser, seen = _walk(alice)
    kept = {each for answer in seen for each in answer.cookies_set if "Max-Age" in each and "Max-Age=0" not in each}
    names = {cookie.partition("=")[0] for cookie in kept}
    assert names == {"__Host-sts-device"}
    reopened = Browser(alice.service, {name: browser.cookies[name] for name in names})
    assert _is_signed_out(reopened)
    assert alice.enter_password(reopened).path == "/ui/sign-in/code"


def test_s_19_no_log_and_no_record_holds_what_a_cookie_holds(alice: Person, capfd: pytest.CaptureFixture[str]) -> None:
    browser, seen = _walk(alice)
    values = [
        value for each in seen for cookie in each.cookies_set if (value := cookie.partition(";")[0].partition("=")[2])
    ]
    written = capfd.readouterr()
    stored = alice.service.database_path.read_bytes()
    stored += Path(f"{alice.service.database_path}-wal").read_bytes()
    assert len(values) > 3
    for value in [*values, *browser.cookies.values()]:
        secret = value[22:] if len(value) == 65 else value  # the first part of a session's is its id
        assert secret not in written.out + written.err
        assert secret.encode() not in stored
        assert all(secret not in each.html and secret not in each.location for each in seen)


def test_a_11_password_managers_and_pasting_work(alice: Person) -> None:
    browser = Browser(alice.service)
    inputs = {each["name"]: each for each in browser.get("/ui/sign-in").inputs}
    assert (inputs["password"]["type"], inputs["password"]["autocomplete"]) == ("password", "current-password")
    assert inputs["user"]["autocomplete"] == "username"
    (code,) = [each for each in alice.enter_password(browser).inputs if each["name"] == "code"]
    assert code["autocomplete"] == "one-time-code"
    assert all("maxlength" not in each and "onpaste" not in each for each in inputs.values())
    bob = make_person(alice.service, alice.account_id, "bob", is_first_password=True)
    new = [each for each in bob.enter_password(Browser(alice.service)).inputs if each["name"].startswith("new-")]
    assert [(each["type"], each["autocomplete"]) for each in new] == [("password", "new-password")] * 2


def test_a_14_nothing_is_asked_that_others_may_know(home: Path, tenant: Tenant, alice: Person) -> None:
    alice.service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=allow("*"))
    browser, walked = _walk(alice)
    asked = {each["name"] for answer in walked for each in answer.inputs}
    assert asked == {"token", "to", "account", "user", "password", "code"}
    every = {each["name"] for answer in _crawl(home, browser) for each in answer.inputs}
    assert {"password", "new-password", "first-code", "device"} <= every  # forms behind the sign-in too
    told = [*every, *(page.path for page in read_pages(home))]
    assert not [each for each in told if re.search("question|hint|remind|answer|birth|maiden", each)]


def test_s_12_keys_and_factors_are_changed_only_by_who_proved_lately_who_they_are(home: Path) -> None:
    sensitive = re.compile(
        r"(access-key|mfa-device|recovery-code|user|role|sign-in-link)s?\.(?!list|read|assume)|password\.change$"
    )
    for page in read_pages(home):
        if page.event is not None and sensitive.match(page.event) and needs_session(page):
            assert page.proof == "recent", page.name


@pytest.mark.parametrize("size", [20_000, 1_000_000])
def test_a_42_a_password_of_a_megabyte_is_refused_by_a_page_and_never_hashed(alice: Person, size: int) -> None:
    browser = Browser(alice.service)
    page = browser.get("/ui/sign-in")
    seen = browser.send(page, "/ui/sign-in", account=alice.account_id, user=alice.name, password="x" * size)
    assert seen.status == 413
    assert "too long" in seen.text
    assert alice.enter_password(browser).path == "/ui/sign-in/code"


@pytest.fixture
def proxied(home: Path, clock: ManualClock) -> Iterator[Service]:
    """A service behind a proxy on this host that says how its clients come."""
    with running(home, clock, STS_TRUSTED_PROXIES="127.0.0.1/32") as started:
        yield started


def test_a_43_nothing_is_read_that_came_by_plain_http(proxied: Service) -> None:
    browser = Browser(proxied, headers={"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "http"})
    assert browser.get("/ui/sign-in").status == 403
    # Half a form: whoever reads it to its end waits for the rest, and answers nothing.
    port = int(proxied.url.rpartition(":")[2])
    with socket.create_connection(("127.0.0.1", port), timeout=10) as line:
        line.sendall(
            b"POST /ui/sign-in HTTP/1.1\r\nHost: sts.example.com\r\nX-Forwarded-For: 192.0.2.7\r\n"
            b"X-Forwarded-Proto: http\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 1000\r\n\r\npassword="
        )
        assert line.recv(65_536).startswith(b"HTTP/1.1 403 ")


def test_a_43_by_https_pages_are_shown_and_browsers_told_to_stay_with_it(proxied: Service) -> None:
    browser = Browser(proxied, headers={"x-forwarded-for": "192.0.2.7", "x-forwarded-proto": "https"})
    seen = browser.get("/ui/sign-in")
    assert seen.status == 200
    assert seen.headers["strict-transport-security"] == "max-age=31536000"


@pytest.mark.parametrize("host", ["sts.example.com", "evil.localhost.example", ""])
def test_a_43_a_proxy_that_says_nothing_is_not_taken_for_this_host(service: Service, host: str) -> None:
    assert Browser(service, headers={"host": host or "10.0.0.1"}).ask("GET", "/ui/sign-in").status == 403
