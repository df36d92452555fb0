"""How users sign in, as administrators arrange it: links, locks, sessions of browsers, second factors."""

import asyncio
import json
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from sts.app import build_links
from sts.directory.factor_requirements import is_factor_required
from sts.directory.links import PATH
from sts.errors import LinkInvalid
from sts.foundation import Foundation, lay_foundation
from sts.sessions import BrowserSessions, Flow, Needs
from sts.store import code_failures, password_failures
from sts.store.browser_sessions import list_open
from sts.store.credential_marks import mark_sign_in
from sts.store.login_profiles import find_login_profile
from sts.store.password_failures import ELSEWHERE
from sts.store.users import find_user
from tests.api.asking import ask, refusal, tell
from tests.service import Service, Tenant, trust


@pytest.fixture
def at(service: Service) -> Any:
    """The service's own store, as another process sees it."""
    opened = lay_foundation(service.settings, service.clock, service.entropy)
    yield opened
    opened.database.close()


def user_id(at: Foundation, tenant: Tenant, name: str = "admin") -> str:
    found = at.database.read_now(lambda c: find_user(c, tenant.account_id, name))
    assert found is not None
    return found.unique_id


def test_a_link_is_made_and_kept_out_of_the_records(service: Service, tenant: Tenant, at: Foundation) -> None:
    told = tell(ask(service, tenant.key, "/api/users/create-link", {"name": "admin"}))
    assert list(told) == ["arn", "url", "expires_at"]
    assert told["arn"] == f"arn:aws:iam::{tenant.account_id}:user/admin"
    issuer, _, token = told["url"].partition(PATH)
    assert issuer == service.settings.issuer
    links = build_links(at, service.settings)
    owner = at.database.read_now(lambda c: links.get_owner(c, token, service.clock.now()))
    assert owner.arn == told["arn"]  # type: ignore[union-attr]
    listed = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    (record,) = [each for each in tell(listed)["records"] if each["event"] == "sign-in-link.create.done"]
    assert record["parameters"] == {"name": "admin"}
    assert not any(part in json.dumps(record) for part in (token, *token.split(".")))


def test_a_16_a_second_link_ends_the_first(service: Service, tenant: Tenant, at: Foundation) -> None:
    first, second = (
        tell(ask(service, tenant.key, "/api/users/create-link", {"name": "admin"}))["url"].partition(PATH)[2]
        for _ in range(2)
    )
    links = build_links(at, service.settings)
    with pytest.raises(LinkInvalid):
        at.database.read_now(lambda c: links.get_owner(c, first, service.clock.now()))
    assert at.database.read_now(lambda c: links.get_owner(c, second, service.clock.now()))


def test_a_locked_user_is_unlocked(service: Service, tenant: Tenant, at: Foundation) -> None:
    owner_id, now = user_id(at, tenant), service.clock.now()

    def lock(tx: Any) -> bool:
        code_failures.begin_count(tx.connection, owner_id)
        password_failures.begin_count(tx.connection, owner_id, now)
        password_failures.count_attempt(tx.connection, owner_id, ELSEWHERE, now, ((1, timedelta(days=1)),))
        return code_failures.count_attempt(tx.connection, owner_id, now, free=1, lock=timedelta(days=1))

    def locked() -> list[bool]:
        finders = (code_failures.find_locked_until, password_failures.find_locked_until)
        found = [at.database.read_now(partial(find, owner_id=owner_id)) for find in finders]
        return [until is not None and until > now for until in found]

    at.database.transact_now(lock, now)
    assert locked() == [True, True]
    tell(ask(service, tenant.key, "/api/users/unlock", {"name": "admin"}))
    assert locked() == [False, False]


def test_s_10_an_administrator_ends_all_browser_sessions_of_a_user(
    service: Service, tenant: Tenant, at: Foundation
) -> None:
    owner_id, now = user_id(at, tenant), service.clock.now()
    sessions = BrowserSessions(at.database, at.snapshot, at.coherence, at.keyring, at.clock, at.entropy)
    flow = Flow(
        account_id=tenant.account_id,
        principal_id=owner_id,
        arn=f"arn:aws:iam::{tenant.account_id}:user/admin",
        name="admin",
        goal="/ui/",
        needs=Needs(has_factor=False, must_enrol=False, must_change=False),
        mark=at.database.read_now(lambda c: mark_sign_in(c, tenant.account_id, owner_id)),
        password_at=now,
    )
    for _ in range(2):
        beginning = asyncio.run(sessions.prepare(flow, "192.0.2.1", "a browser"))
        at.database.transact_now(partial(sessions.begin, beginning=beginning), now)
    ended = [tell(ask(service, tenant.key, "/api/users/end-sessions", {"name": "admin"}))["ended"] for _ in range(2)]
    assert ended == [2, 0]
    assert list(at.database.read_now(lambda c: list_open(c, owner_id, now))) == []


def test_a_second_factor_is_required_of_a_user_and_of_an_account(
    service: Service, tenant: Tenant, at: Foundation
) -> None:
    owner_id = user_id(at, tenant)

    def required() -> bool:
        return at.database.read_now(lambda c: is_factor_required(c, account_id=tenant.account_id, owner_id=owner_id))

    of_user = ("users", {"name": "admin"})
    of_account = ("accounts", {"account_id": tenant.account_id})
    for noun, named in (of_user, of_account):
        for verb, stands in (("require", True), ("release", False)):
            path = f"/api/{noun}/{verb}-factor"
            told = [tell(ask(service, tenant.key, path, named)) for _ in range(2)]
            assert [(each["required"], each["changed"]) for each in told] == [(stands, True), (stands, False)]
            assert required() is stands


def test_another_account_is_refused_whether_or_not_it_is_there(service: Service, tenant: Tenant) -> None:
    for other in (service.tenant().account_id, "999999999999"):
        reply = ask(service, tenant.key, "/api/accounts/require-factor", {"account_id": other})
        assert refusal(reply) == (400, "ValidationError")


def test_a_13_a_change_of_password_is_required_and_what_was_begun_ends(
    service: Service, tenant: Tenant, at: Foundation
) -> None:
    reply = ask(service, tenant.key, "/api/users/require-password-change", {"name": "admin"})
    assert refusal(reply) == (404, "NoSuchEntity")
    service.call(tenant.key, "CreateLoginProfile", UserName="admin", Password="four words of a first one")
    policy = trust(f"arn:aws:iam::{tenant.account_id}:root")
    role = service.call(tenant.key, "CreateRole", RoleName="r", AssumeRolePolicyDocument=policy).text("Arn")
    session = service.assume(tenant.key, role).key()
    assert service.call(session, "GetCallerIdentity", "sts").status == 200
    tell(ask(service, tenant.key, "/api/users/require-password-change", {"name": "admin"}))
    profile = at.database.read_now(lambda c: find_login_profile(c, user_id(at, tenant)))
    assert profile is not None
    assert profile.change_required
    assert service.call(session, "GetCallerIdentity", "sts").code == "ExpiredToken"


def test_how_users_stand_is_listed_in_pages(service: Service, tenant: Tenant) -> None:
    for name in ("bob", "Carla", "dora"):
        service.call(tenant.key, "CreateUser", UserName=name)
    tell(ask(service, tenant.key, "/api/users/require-factor", {"name": "bob"}))
    tell(ask(service, tenant.key, "/api/users/create-link", {"name": "dora"}))

    def page(query: str) -> Any:
        return tell(service.send(tenant.key, method="GET", path="/api/users", query=query))

    first = page("limit=3")
    assert ([each["name"] for each in first["users"]], first["after"]) == (["admin", "bob", "Carla"], "Carla")
    second = page("after=Carla&limit=3")
    assert ([each["name"] for each in second["users"]], second["after"]) == (["dora"], None)
    assert second["users"][0]["link_until"] == "2026-03-02T16:00:00Z"
    assert [each["factor_required"] for each in first["users"]] == [False, True, False]
    assert len(first["users"][0]["keys"]) == 1
    assert [each["name"] for each in page("containing=car")["users"]] == ["Carla"]


@pytest.mark.parametrize("query", ["limit=0", "limit=1001", "limit=x", "after=a%00b", "containing=%20", "name=bob"])
def test_a_query_that_breaks_a_rule_is_refused(service: Service, tenant: Tenant, query: str) -> None:
    reply = service.send(tenant.key, method="GET", path="/api/users", query=query)
    assert refusal(reply) == (400, "ValidationError")
