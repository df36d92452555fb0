"""A walk through administrators' pages."""

from collections.abc import Iterator
from datetime import timedelta

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow
from tests.signin.browsing import Browser
from tests.signin.chromium import Window
from tests.signin.people import Person, make_person

TRIES = 12  # more wrong passwords than are looked at


def walk_users(service: Service, tenant: Tenant, clock: ManualClock, window: Window) -> Iterator[str]:
    """Look at users of each kind, and do something about one of them."""
    _people(service, tenant, clock)
    boss = make_person(service, tenant.account_id, "boss")
    service.call(tenant.key, "PutUserPolicy", UserName="boss", PolicyName="p", PolicyDocument=allow("*"))
    window.context.clear_cookies()
    window.sign_in(boss)
    window.follow("Users")
    yield "users"
    window.fill(**{"Name,_or_a_part_of_it": "erin"})
    window.press("Find")
    window.follow("erin")
    yield "user"
    window.press("Give a link")
    yield "user-link"
    window.follow("I have handed it over")
    window.press("Unlock")
    window.press("Require a second factor")
    window.press("Disable")
    yield "user-disabled"


def _people(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    erin = make_person(service, tenant.account_id, "erin")
    make_person(service, tenant.account_id, "frank", with_device=True)
    make_person(service, tenant.account_id, "grace", is_first_password=True)
    for name in ("erin", "frank"):
        service.call(tenant.key, "CreateAccessKey", UserName=name)
    clock.tick(timedelta(days=40))
    service.call(tenant.key, "CreateAccessKey", UserName="erin")
    erin.sign_in()
    for _ in range(TRIES):
        Person(service, erin.user, "not her password").enter_password(Browser(service))
