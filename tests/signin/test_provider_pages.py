"""Identity providers of an account on administrators' pages, as a browser sees them."""

from datetime import timedelta

import pytest

from sts.clock import ManualClock
from tests.api.asking import ask, tell
from tests.authn.identity_tokens import Issuer
from tests.federation import ISSUER, Realm, register
from tests.service import Service, Tenant, allow
from tests.signin.administrators import make_administrator, records
from tests.signin.browsing import Browser
from tests.signin.people import PASSWORD, make_person
from tests.signin.test_demands import make_boss, narrowed, put

PROVIDERS = "/ui/providers"
LATER = timedelta(minutes=15, seconds=1)


@pytest.fixture
def realm(service: Service, tenant: Tenant) -> Realm:
    return register(service, tenant, ISSUER)


def find_page(realm: Realm) -> str:
    """Return where the page of the realm's provider is."""
    (made,) = tell(realm.service.send(realm.tenant.key, method="GET", path="/api/providers"))["providers"]
    return f"{PROVIDERS}/{made['id']}"


def deed(page: str, verb: str) -> str:
    return page.replace(PROVIDERS, f"{PROVIDERS}/{verb}")


@pytest.fixture
def boss(service: Service, tenant: Tenant) -> Browser:
    return make_administrator(service, tenant)


def test_a_provider_tells_what_it_is_taken_for_and_no_secret(
    boss: Browser, realm: Realm, service: Service, tenant: Tenant
) -> None:
    told = {"name": realm.name, "client_secret": "correct horse", "thumbprints": ["a" * 40], "private_addresses": True}
    made = tell(ask(service, tenant.key, "/api/providers/update", told))
    assert PROVIDERS in boss.get("/ui/").links
    listed = boss.get(PROVIDERS)
    assert find_page(realm) in listed.links
    assert f"{realm.issuer.issuer} Enabled Uploaded" in listed.text
    page = boss.get(find_page(realm))
    for words in (realm.arn, *made["client_ids"], "1 uploaded", "ES384", "a" * 40, "Client secret Set", "Marked"):
        assert words in page.text, words
    assert "correct horse" not in page.html


def test_a_provider_of_iam_without_a_name_is_told_by_its_issuer(
    boss: Browser, service: Service, tenant: Tenant
) -> None:
    assert "There is none." in boss.get(PROVIDERS).text
    service.call(tenant.key, "CreateOpenIDConnectProvider", Url="https://idp.example/realm/")
    (path,) = [link for link in boss.get(PROVIDERS).links if link.startswith(f"{PROVIDERS}/")]
    page = boss.get(path)
    for words in ("idp.example/realm/", "None: no token is taken", "Fetched from where", "the system's CAs"):
        assert words in page.text, words


def test_a_provider_is_disabled_and_enabled_which_ends_what_it_began(
    boss: Browser, realm: Realm, service: Service, tenant: Tenant
) -> None:
    role, page = realm.make_role("worker"), find_page(realm)
    key = realm.assume(role).key()
    assert service.call(key, "GetCallerIdentity", "sts").status == 200
    seen = boss.go(boss.get(page), deed(page, "disable"))
    assert (seen.path, "State Disabled" in seen.text) == (page, True)
    assert service.call(key, "GetCallerIdentity", "sts").status == 403
    assert realm.assume(role).status != 200
    seen = boss.go(seen, deed(page, "enable"))
    assert "State Enabled" in seen.text
    assert realm.assume(role).status == 200
    for verb, action in (("disable", "DisableProvider"), ("enable", "EnableProvider")):
        (record,) = records(service, tenant, action=f"provider.{verb}", limit="1")
        assert record["pairs"] == [[f"sts-admin:{action}", realm.arn]]


def test_z_02_a_plain_user_is_refused_at_each_page_and_told_why(realm: Realm, service: Service, tenant: Tenant) -> None:
    browser, home = make_person(service, tenant.account_id).sign_in()
    page, token = find_page(realm), home.form("/ui/sign-out")["token"]
    assert PROVIDERS not in home.links
    for path in (PROVIDERS, page, f"{PROVIDERS}/AOIPNOBODY"):
        assert browser.get(path).status == 403, path
    for verb in ("disable", "enable"):
        assert browser.ask("POST", deed(page, verb), form={"token": token}).status == 403
    assert realm.assume(realm.make_role("worker")).status == 200


def test_z_07_a_provider_of_another_account_is_not_there(boss: Browser, service: Service) -> None:
    theirs = register(service, service.tenant(), Issuer(service.clock, "https://theirs.example").issuer)
    page, token = find_page(theirs), boss.get("/ui/").form("/ui/sign-out")["token"]
    assert boss.get(page).status == 404
    assert "theirs" not in boss.get(PROVIDERS).text
    assert boss.ask("POST", deed(page, "disable"), form={"token": token}).status == 404


def test_s_12_an_old_session_disables_nothing_before_its_bearer_is_proven_again(
    boss: Browser, realm: Realm, clock: ManualClock
) -> None:
    page = find_page(realm)
    clock.tick(LATER)
    seen = boss.send(boss.get(page), deed(page, "disable"))
    assert seen.location == f"/ui/again?to={page}"
    assert boss.go(boss.get(seen.location), "/ui/again", password=PASSWORD).path == page


def test_s_15_a_form_of_another_site_disables_nothing(
    boss: Browser, realm: Realm, service: Service, tenant: Tenant
) -> None:
    path, own = deed(find_page(realm), "disable"), boss.get("/ui/").form("/ui/sign-out")["token"]
    for token, headers in (
        ("", {}),
        (own, {"origin": "https://evil.example"}),
        (own, {"sec-fetch-site": "cross-site"}),
    ):
        assert boss.ask("POST", path, form={"token": token}, headers=headers).status == 403
    assert records(service, tenant, action="provider.disable", outcome="done") == []


def test_the_list_demands_what_that_of_the_administration_demands(
    realm: Realm, service: Service, tenant: Tenant
) -> None:
    page = find_page(realm)
    browser, own = make_boss(service, tenant)
    every, allowed = f"arn:aws:iam::{tenant.account_id}:oidc-provider/", []
    for policy in narrowed("sts-admin:ListProviders", every):
        put(service, tenant, policy)
        api = service.send(own, method="GET", path="/api/providers").status != 403
        assert (browser.get(PROVIDERS).status != 403, browser.get(page).status != 403) == (api, api), policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]
    put(service, tenant, allow("sts-admin:ListProviders", every))
    assert (browser.get(PROVIDERS).status, browser.get(page).status) == (200, 403)


def test_the_page_of_one_demands_what_iam_demands_of_reading_it(realm: Realm, service: Service, tenant: Tenant) -> None:
    tags = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"}
    tagged = service.call(tenant.key, "TagOpenIDConnectProvider", OpenIDConnectProviderArn=realm.arn, **tags)
    assert tagged.status == 200
    page, allowed = find_page(realm), []
    browser, own = make_boss(service, tenant)
    for policy in narrowed("iam:GetOpenIDConnectProvider", realm.arn):
        put(service, tenant, policy)
        api = service.call(own, "GetOpenIDConnectProvider", OpenIDConnectProviderArn=realm.arn).status == 200
        assert (browser.get(page).status != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, True, False]


@pytest.mark.parametrize(("verb", "operation"), [("disable", "DisableProvider"), ("enable", "EnableProvider")])
def test_a_form_demands_what_the_operation_of_the_administration_demands(
    realm: Realm, service: Service, tenant: Tenant, verb: str, operation: str
) -> None:
    page, allowed = find_page(realm), []
    browser, own = make_boss(service, tenant)
    token = browser.get("/ui/").form("/ui/sign-out")["token"]
    for policy in narrowed(f"sts-admin:{operation}", realm.arn):
        put(service, tenant, policy)
        api = ask(service, own, f"/api/providers/{verb}", {"name": realm.name}).status != 403
        seen = browser.ask("POST", deed(page, verb), form={"token": token}).status
        assert (seen != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]
