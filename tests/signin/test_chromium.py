"""The pages in real Chromium."""

from tests.service import Service, Tenant
from tests.signin.chromium import Window
from tests.signin.people import make_person


def test_somebody_signs_in_with_password_and_code_and_out(
    service: Service, tenant: Tenant, window: Window, axe: str
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    window.enter_password(alice)
    assert window.path == "/ui/sign-in/code"
    assert window.look(axe) == []
    window.fill(Code=alice.code())
    window.press("Go on")
    assert window.path == "/ui/"
    assert alice.user.arn in window.page.content()
    assert window.look(axe) == []
    window.press("Sign out")
    assert window.heading == "Signed out"
    assert window.look(axe) == []
    assert window.complaints == []
