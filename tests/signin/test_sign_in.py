"""Signing in, step by step, as a browser sees it."""

from tests.service import Service, Tenant
from tests.signin.browsing import Browser
from tests.signin.people import make_person


def test_a_password_alone_signs_in_where_no_factor_is_asked_for(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    browser, home = alice.sign_in()
    assert alice.user.arn in home.text
    gone = browser.go(home, "/ui/sign-out")
    assert gone.path == "/ui/signed-out"
    assert browser.get("/ui/").path.startswith("/ui/sign-in")


def test_who_has_a_device_is_asked_for_its_code(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser = Browser(service)
    page = alice.enter_password(browser)
    assert page.path == "/ui/sign-in/code"
    wrong = browser.go(page, "/ui/sign-in/code", code="000000")
    assert wrong.status == 403
    assert "wrong" in wrong.text
    assert browser.go(wrong, "/ui/sign-in/code", code=alice.code()).path == "/ui/"
