"""A walk through administrators' pages."""

from collections.abc import Iterator
from datetime import timedelta

from sts.clock import ManualClock
from tests.api.asking import ask
from tests.service import Service, Tenant, allow, trust
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
    window.follow("Users")
    window.follow("boss")
    window.press("Disable")
    yield "disable-self"


def walk_providers(service: Service, tenant: Tenant, _clock: ManualClock, window: Window) -> Iterator[str]:
    """Look at identity providers, and disable one."""
    head = make_person(service, tenant.account_id, "head")
    service.call(tenant.key, "PutUserPolicy", UserName="head", PolicyName="p", PolicyDocument=allow("*"))
    told = {"name": "builds", "preset": "github", "client_ids": ["sts.amazonaws.com"]}
    assert ask(service, tenant.key, "/api/providers/add", told).status == 200
    cluster = {"Url": "https://cluster.example.com:6443", "ClientIDList.member.1": "sts.amazonaws.com"}
    assert service.call(tenant.key, "CreateOpenIDConnectProvider", **cluster).status == 200
    window.context.clear_cookies()
    window.sign_in(head)
    window.follow("Providers")
    yield "providers"
    window.follow("builds")
    yield "provider"
    window.press("Disable")
    yield "provider-disabled"


def walk_account(service: Service, tenant: Tenant, _clock: ManualClock, window: Window) -> Iterator[str]:
    """Look at groups, roles and policies."""
    chief = make_person(service, tenant.account_id, "chief")
    arn = f"arn:aws:iam::{tenant.account_id}"
    for action, parameters in (
        ("PutUserPolicy", {"UserName": "chief", "PolicyName": "p", "PolicyDocument": allow("*")}),
        ("CreatePolicy", {"PolicyName": "reading", "PolicyDocument": allow("s3:GetObject", "arn:aws:s3:::shelf/*")}),
        ("CreateRole", {"RoleName": "reader", "AssumeRolePolicyDocument": trust(f"{arn}:user/chief")}),
        ("AttachRolePolicy", {"RoleName": "reader", "PolicyArn": f"{arn}:policy/reading"}),
        ("CreateGroup", {"GroupName": "readers"}),
        ("AddUserToGroup", {"GroupName": "readers", "UserName": "chief"}),
        ("AttachGroupPolicy", {"GroupName": "readers", "PolicyArn": f"{arn}:policy/reading"}),
    ):
        assert service.call(tenant.key, action, **parameters).status == 200
    window.context.clear_cookies()
    window.sign_in(chief)
    for page, noun in (("All roles", "reader"), ("Policies", "reading"), ("Groups", "readers")):
        window.follow(page)
        yield page.lower().replace(" ", "-")
        window.follow(noun)
        yield page.lower().replace(" ", "-") + "-one"


def _people(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    erin = make_person(service, tenant.account_id, "erin")
    make_person(service, tenant.account_id, "frank", with_device=True)
    make_person(service, tenant.account_id, "grace", is_first_password=True)
    for action, parameters in (
        ("AttachUserPolicy", {"UserName": "erin", "PolicyArn": "arn:aws:iam::aws:policy/IAMUserChangePassword"}),
        ("CreateGroup", {"GroupName": "builders"}),
        ("PutGroupPolicy", {"GroupName": "builders", "PolicyName": "build", "PolicyDocument": allow("s3:PutObject")}),
        ("AddUserToGroup", {"GroupName": "builders", "UserName": "erin"}),
    ):
        assert service.call(tenant.key, action, **parameters).status == 200
    for name in ("erin", "frank"):
        service.call(tenant.key, "CreateAccessKey", UserName=name)
    clock.tick(timedelta(days=40))
    service.call(tenant.key, "CreateAccessKey", UserName="erin")
    erin.sign_in()
    for _ in range(TRIES):
        Person(service, erin.user, "not her password").enter_password(Browser(service))
