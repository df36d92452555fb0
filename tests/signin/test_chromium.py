"""The pages in real Chromium: what people go through, what axe finds, and what a browser is left with."""

from dataclasses import replace

from playwright.sync_api import Browser, expect

from sts.clock import ManualClock
from tests.authenticator import read_qr_code
from tests.service import Service, Tenant, allow
from tests.signin.chromium import Window, open_window, origin_of
from tests.signin.people import Person, make_person
from tests.signin.walk import enrol, read_device, walk, walk_audit, walk_factors, walk_home


def test_axe_finds_nothing_on_any_page_at_either_width_light_or_dark(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 17
    assert [each for each in window.complaints if "status of 40" not in each] == []


def test_axe_finds_nothing_on_the_pages_of_links_and_second_factors(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_factors(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 8
    assert [each for each in window.complaints if "status of 40" not in each] == []


def test_axe_finds_nothing_on_the_page_of_records(service: Service, tenant: Tenant, window: Window, axe: str) -> None:
    found = {name: window.look(axe) for name in walk_audit(service, tenant, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 2
    assert [each for each in window.complaints if "status of 40" not in each] == []


def test_s_19_nothing_is_left_in_the_browsers_stores_or_addresses(
    service: Service, tenant: Tenant, window: Window
) -> None:
    visited: list[str] = []
    window.page.on("framenavigated", lambda frame: visited.append(frame.url))
    window.sign_in(make_person(service, tenant.account_id, with_device=True))
    assert window.path == "/ui/"
    kept = "[localStorage.length, sessionStorage.length, document.cookie, history.state]"
    assert window.page.evaluate(kept) == [0, 0, "", None]
    cookies = window.context.cookies()
    assert {(each["name"], each["httpOnly"], each["secure"], each["sameSite"]) for each in cookies} == {
        ("__Host-sts-session", True, True, "Lax"),
        ("__Host-sts-device", True, True, "Lax"),
    }
    assert len(visited) >= 3
    assert not [url for url in visited for cookie in cookies if cookie["value"][:22] in url]


def test_a_11_a_password_can_be_pasted(service: Service, tenant: Tenant, window: Window) -> None:
    alice = make_person(service, tenant.account_id)
    window.open(origin_of(alice) + "/ui/sign-in")
    window.fill(Account=alice.account_id, User_name=alice.password)
    user = window.page.get_by_label("User name")
    user.press("Control+a")
    user.press("Control+x")
    window.page.get_by_label("Password").press("Control+v")
    user.fill(alice.name)
    window.press("Sign in")
    assert window.path == "/ui/"


def test_signing_in_needs_no_script_and_no_mouse(
    service: Service, tenant: Tenant, chromium: Browser, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    with open_window(chromium, java_script_enabled=False) as window:
        window.open(origin_of(alice) + "/ui/")
        expect(window.page.get_by_label("Account")).to_be_focused()  # by the browser, a moment later
        for word in (alice.account_id, alice.name, alice.password):
            window.page.keyboard.type(word)
            window.page.keyboard.press("Tab")
        with window.page.expect_navigation():
            window.page.keyboard.press("Enter")
        expect(window.page.get_by_label("Code")).to_be_focused()
        window.page.keyboard.type(alice.device.code(clock.now()) if alice.device else "")
        with window.page.expect_navigation():
            window.page.keyboard.press("Enter")
        assert window.path == "/ui/"


def test_s_11_the_qr_code_is_the_key_below_it_and_the_codes_behind_it_can_be_left(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window
) -> None:
    alice = make_person(service, tenant.account_id, must_enrol=True)
    window.enter_password(alice)
    device = read_device(window)
    picture = window.page.get_by_role("img").screenshot()
    assert f"secret={device.seed}" in read_qr_code(picture)
    enrol(window, device, clock)
    assert window.heading == "Your recovery codes"
    window.press("Sign out")  # S-11: the session has begun, and can be left from here too
    assert window.heading == "Signed out"


def test_s_15_another_site_that_sends_the_form_gets_nowhere(service: Service, tenant: Tenant, window: Window) -> None:
    alice = make_person(service, tenant.account_id)
    window.sign_in(alice)
    # The same server by another name is another site.
    elsewhere = service.url
    window.page.route(f"{elsewhere}/attack", lambda route: route.fulfill(body=_attack(alice), content_type="text/html"))
    window.open(f"{elsewhere}/attack")
    window.press("Win")
    assert window.heading == "This page is out of date"
    window.open(origin_of(alice) + "/ui/")
    assert window.path == "/ui/"


def _attack(alice: Person) -> str:
    return f'<form method="post" action="{origin_of(alice)}/ui/sign-out"><button>Win</button></form>'


def test_axe_finds_nothing_on_the_pages_about_oneself(
    service: Service, tenant: Tenant, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_home(service, tenant, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 10
    assert [each for each in window.complaints if "status of 403" not in each] == []


def test_a_password_is_changed_without_script_or_mouse(service: Service, tenant: Tenant, chromium: Browser) -> None:
    alice, another = make_person(service, tenant.account_id), "seven green bottles on a wall"
    service.call(
        tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=allow("iam:ChangePassword")
    )
    with open_window(chromium, java_script_enabled=False) as window:
        window.sign_in(alice)
        window.follow("Password")
        expect(window.page.get_by_label("Current password")).to_be_focused()
        for word in (alice.password, another, another):
            window.page.keyboard.type(word)
            window.page.keyboard.press("Tab")
        with window.page.expect_navigation():
            window.page.keyboard.press("Enter")
        assert window.heading == "Your password is changed"
        window.follow("Go on")
        assert window.path == "/ui/"
        window.press("Sign out")
        window.sign_in(replace(alice, password=another))
        assert window.path == "/ui/"
