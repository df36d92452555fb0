"""Groups, roles and policies of an account on administrators' pages, as a browser sees them."""

import json
from datetime import timedelta

import pytest

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow, trust
from tests.signin.administrators import make_administrator, records
from tests.signin.browsing import Browser
from tests.signin.people import PASSWORD, make_person

ROLES, POLICIES, GROUPS = "/ui/account/roles", "/ui/policies", "/ui/groups"
PAGES = (
    ROLES,
    f"{ROLES}/app",
    f"{ROLES}/nobody",
    POLICIES,
    f"{POLICIES}/reading",
    f"{POLICIES}/nothing",
    f"{POLICIES}/aws/IAMReadOnlyAccess",
    GROUPS,
    f"{GROUPS}/team",
    f"{GROUPS}/nobody",
)
LATER = timedelta(minutes=15, seconds=1)
POLICY = allow("s3:GetObject", "arn:aws:s3:::shelf/*")


@pytest.fixture
def nouns(service: Service, tenant: Tenant) -> str:
    """A role, a group and a policy; returns the ARN of the role."""
    arn = f"arn:aws:iam::{tenant.account_id}"
    trusted = trust(f"{arn}:user/admin")
    for action, parameters in (
        ("CreateRole", {"RoleName": "app", "AssumeRolePolicyDocument": trusted, "Description": "for <the> app"}),
        ("CreateGroup", {"GroupName": "team"}),
        ("AddUserToGroup", {"GroupName": "team", "UserName": "admin"}),
        ("CreatePolicy", {"PolicyName": "reading", "PolicyDocument": POLICY}),
        ("AttachRolePolicy", {"RoleName": "app", "PolicyArn": f"{arn}:policy/reading"}),
        ("AttachGroupPolicy", {"GroupName": "team", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}),
        ("PutRolePolicy", {"RoleName": "app", "PolicyName": "more", "PolicyDocument": POLICY}),
    ):
        assert service.call(tenant.key, action, **parameters).status == 200
    return f"{arn}:role/app"


@pytest.fixture
def boss(service: Service, tenant: Tenant, nouns: str) -> Browser:
    assert nouns
    return make_administrator(service, tenant)


def test_a_role_tells_who_may_assume_it_what_it_may_do_and_when_it_did(
    boss: Browser, service: Service, tenant: Tenant, nouns: str
) -> None:
    assert "Last used Never Longest session 60 minutes" in boss.get(f"{ROLES}/app").text
    assert "app" in boss.get(ROLES).text
    page = boss.get(f"{ROLES}/app")
    assert f"Allows sts:AssumeRole to the user admin (arn:aws:iam::{tenant.account_id}:user/admin)." in page.text
    assert "for <the> app" in page.text
    assert "<the>" not in page.html
    assert f"{POLICIES}/reading" in page.links
    assert '"s3:GetObject"' in page.text
    session = service.call(tenant.key, "AssumeRole", "sts", RoleArn=nouns, RoleSessionName="me")
    assert session.status == 200
    key = session.key()
    assert service.call(key, "GetCallerIdentity", "sts").status == 200
    boss.go(page, f"{ROLES}/revoke/app")
    assert service.call(key, "GetCallerIdentity", "sts").status == 403
    (record,) = records(service, tenant, action="principal.revoke", limit="1")
    assert record["pairs"] == [["sts-admin:RevokePrincipal", nouns]]


def test_a_policy_tells_what_it_says_and_who_has_it(boss: Browser) -> None:
    page = boss.get(f"{POLICIES}/reading")
    document = page.html.partition('aria-label="Policy">')[2].partition("</pre>")[0].replace("&#34;", '"')
    assert json.loads(document) == json.loads(POLICY)
    assert "\n  " in document
    assert f"{ROLES}/app" in page.links
    of_service = boss.get(f"{POLICIES}/aws/IAMReadOnlyAccess")
    assert f"{GROUPS}/team" in of_service.links
    listed = boss.get(POLICIES).links
    assert {f"{POLICIES}/reading", f"{POLICIES}/aws/IAMReadOnlyAccess"} <= set(listed)


def test_a_group_tells_who_is_in_it(boss: Browser) -> None:
    assert f"{GROUPS}/team" in boss.get(GROUPS).links
    assert {"/ui/users/admin", f"{POLICIES}/aws/IAMReadOnlyAccess"} <= set(boss.get(f"{GROUPS}/team").links)


def test_lists_come_in_pages(boss: Browser, service: Service, tenant: Tenant) -> None:
    for number in range(26):
        service.call(tenant.key, "CreateGroup", GroupName=f"group-{number:02}")
        service.call(tenant.key, "CreatePolicy", PolicyName=f"p-{number:02}", PolicyDocument=POLICY)
    for path in (GROUPS, POLICIES):
        first = boss.get(path)
        assert len(first.html.encode()) < 30_000
        (more,) = [link for link in first.links if "after=" in link]
        second = boss.get(more)
        own = [x for page in (first, second) for x in page.links if x.startswith(f"{path}/") and "/aws/" not in x]
        assert len(own) == len(set(own)) == 27
        assert boss.get(f"{path}?after=%20").status == 400


@pytest.mark.usefixtures("nouns")
def test_z_02_a_plain_user_is_refused_at_each_page_and_told_why(service: Service, tenant: Tenant) -> None:
    browser, home = make_person(service, tenant.account_id).sign_in()
    assert not {ROLES, POLICIES, GROUPS} & set(home.links)
    for path in PAGES:
        page = browser.get(path)
        assert (page.status, "may not iam:" in page.text) == (403, True), path
    token = home.form("/ui/sign-out")["token"]
    refused = browser.ask("POST", f"{ROLES}/revoke/app", form={"token": token})
    assert refused.status == 403
    assert "may not sts-admin:RevokePrincipal" in refused.text


def test_z_07_nothing_of_another_account_is_found_by_name(boss: Browser, service: Service) -> None:
    other = service.tenant()
    trusted = trust(f"arn:aws:iam::{other.account_id}:user/admin")
    service.call(other.key, "CreateRole", RoleName="theirs", AssumeRolePolicyDocument=trusted)
    service.call(other.key, "CreateGroup", GroupName="theirs")
    service.call(other.key, "CreatePolicy", PolicyName="theirs", PolicyDocument=POLICY)
    for path in (ROLES, POLICIES, GROUPS):
        assert boss.get(f"{path}/theirs").status == 404
        assert "theirs" not in boss.get(path).text
    token = boss.get("/ui/").form("/ui/sign-out")["token"]
    assert boss.ask("POST", f"{ROLES}/revoke/theirs", form={"token": token}).status == 404


def test_s_12_an_old_session_revokes_nothing_before_its_bearer_is_proven_again(
    boss: Browser, clock: ManualClock
) -> None:
    clock.tick(LATER)
    seen = boss.send(boss.get(f"{ROLES}/app"), f"{ROLES}/revoke/app")
    assert seen.location == f"/ui/again?to={ROLES}/app"
    again = boss.get(seen.location)
    assert boss.go(again, "/ui/again", password=PASSWORD).path == f"{ROLES}/app"


def test_s_15_a_form_of_another_site_or_session_revokes_nothing(
    boss: Browser, service: Service, tenant: Tenant
) -> None:
    path, own = f"{ROLES}/revoke/app", boss.get("/ui/").form("/ui/sign-out")["token"]
    for token, headers in (
        ("", {}),
        (own, {"origin": "https://evil.example"}),
        (own, {"sec-fetch-site": "cross-site"}),
    ):
        assert boss.ask("POST", path, form={"token": token}, headers=headers).status == 403
    assert records(service, tenant, action="principal.revoke", outcome="done") == []
