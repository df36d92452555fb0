"""One's own pages: roles, access keys, sessions; as a browser sees them."""

import json
import re
from datetime import timedelta

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow, trust
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person
from tests.signing import Key

MINE = "arn:aws:iam::*:user/${aws:username}"
_FORM = re.compile(r"<pre[^>]*>(.*?)</pre>", re.DOTALL)


def grant(service: Service, tenant: Tenant, person: Person, document: str, name: str = "p") -> None:
    done = service.call(tenant.key, "PutUserPolicy", UserName=person.name, PolicyName=name, PolicyDocument=document)
    assert done.status == 200, done.body


def make_role(service: Service, tenant: Tenant, name: str, trust_policy: str) -> str:
    made = service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust_policy)
    return made.text("Arn")


def read_json(page: Seen) -> dict[str, str]:
    """Return the credentials that the page shows as JSON."""
    shown = _FORM.findall(page.html)[-1].replace("&#34;", '"')
    read: dict[str, str] = json.loads(shown)
    return read


def key_of(shown: dict[str, str]) -> Key:
    return Key(shown["AccessKeyId"], shown["SecretAccessKey"], shown["SessionToken"])


def test_a_role_that_trusts_me_is_listed_and_gives_credentials_that_work(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    role = make_role(service, tenant, "deploy", trust(alice.user.arn))
    bob = make_person(service, tenant.account_id, "bob")
    make_role(service, tenant, "other", trust(bob.user.arn))
    browser, _ = alice.sign_in()
    page = browser.get("/ui/roles")
    assert role in page.text
    assert "role/other" not in page.text
    shown = browser.go(page, "/ui/roles", minutes="60")
    assert shown.status == 200, shown.text
    assert shown.headers["cache-control"] == "no-store"
    for form in ("export AWS_ACCESS_KEY_ID=", "$Env:AWS_SESSION_TOKEN = ", "[deploy]", '"Version": 1'):
        assert form in shown.html.replace("&#34;", '"')
    told = service.call(key_of(read_json(shown)), "GetCallerIdentity", service="sts")
    assert told.text("Arn") == f"arn:aws:sts::{tenant.account_id}:assumed-role/deploy/alice"
    expiry = read_json(shown)["Expiration"]
    assert expiry == f"{service.clock.now() + timedelta(hours=1):%Y-%m-%dT%H:%M:%SZ}"


def test_a_role_of_another_account_is_asked_for_by_its_arn_and_external_id(service: Service, tenant: Tenant) -> None:
    alice, other = make_person(service, tenant.account_id), service.tenant()
    condition = {"StringEquals": {"sts:ExternalId": "agreed"}}
    role = make_role(service, other, "shared", trust(alice.user.arn, condition=condition))
    browser, _ = alice.sign_in()
    asked = {"role": role, "minutes": "15"}
    page = browser.get("/ui/roles")
    refused = browser.go(page, "/ui/roles", **asked)
    assert refused.status == 403
    assert "may not" in refused.text or "not authorized" in refused.text
    assert "agreed" not in refused.html
    grant(service, tenant, alice, allow("sts:AssumeRole", role))
    wrong = browser.go(refused, "/ui/roles", **asked, external_id="guess")
    assert wrong.status == 403
    assert browser.go(wrong, "/ui/roles", **asked, external_id="agreed").status == 200


def test_s_10_what_was_begun_from_a_session_ends_when_it_is_ended(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    make_role(service, tenant, "deploy", trust(alice.user.arn))
    browser, _ = alice.sign_in()
    key = key_of(read_json(browser.go(browser.get("/ui/roles"), "/ui/roles", minutes="15")))
    assert service.call(key, "GetCallerIdentity", service="sts").status == 200
    browser.go(browser.get("/ui/"), "/ui/sign-out")
    assert service.call(key, "GetCallerIdentity", service="sts").code == "ExpiredToken"


def test_credentials_never_outlast_the_role_s_maximum_nor_a_form_that_was_tampered_with(
    service: Service, tenant: Tenant
) -> None:
    alice = make_person(service, tenant.account_id)
    make_role(service, tenant, "deploy", trust(alice.user.arn))
    browser, _ = alice.sign_in()
    page = browser.get("/ui/roles")
    assert spans(page)[-1] == "60"
    told = "Credentials are given for 15 to 720 minutes"
    for minutes, said in (("61", "MaxSessionDuration"), ("14", told), ("721", told), ("x", told), ("060", told)):
        refused = browser.go(page, "/ui/roles", minutes=minutes)
        assert (refused.status, said in refused.text) == (400, True), refused.text
    assert browser.go(page, "/ui/roles", session_name="no good").status == 400


def test_credentials_are_offered_up_to_the_role_s_maximum(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    make_role(service, tenant, "deploy", trust(alice.user.arn))
    service.call(tenant.key, "UpdateRole", RoleName="deploy", MaxSessionDuration="5400")
    browser, _ = alice.sign_in()
    page = browser.get("/ui/roles")
    assert spans(page) == ["15", "30", "60", "90"]
    assert browser.go(page, "/ui/roles", minutes="90").status == 200


def spans(page: Seen) -> list[str]:
    """Return for how many minutes the first role's credentials are offered."""
    return re.findall(r'<option value="(\d+)"', page.html.partition("</select>")[0])


def test_an_access_key_is_rotated_on_the_page(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    grant(service, tenant, alice, allow("iam:*AccessKey*", f"arn:aws:iam::{tenant.account_id}:user/alice"))
    browser, _ = alice.sign_in()
    made = browser.go(browser.get("/ui/keys"), "/ui/keys")
    key_id, secret = (re.search(rf'id="{name}"[^>]*>([^<]+)<', made.html) for name in ("key-id", "secret"))
    assert key_id is not None
    assert secret is not None
    key = Key(key_id[1], secret[1].replace("&#43;", "+"))
    assert service.call(key, "GetCallerIdentity", service="sts").text("Arn") == alice.user.arn
    page = browser.get("/ui/keys")
    assert key.secret not in page.html
    page = browser.go(page, f"/ui/keys/deactivate/{key.access_key_id}")
    assert "Inactive" in page.text
    assert service.call(key, "GetCallerIdentity", service="sts").status == 403
    page = browser.go(page, f"/ui/keys/activate/{key.access_key_id}")
    assert service.call(key, "GetCallerIdentity", service="sts").status == 200
    page = browser.go(page, f"/ui/keys/deactivate/{key.access_key_id}")
    page = browser.go(page, f"/ui/keys/delete/{key.access_key_id}")
    assert "You have none" in page.text


def test_a_page_of_keys_asks_the_evaluator_as_the_api_does(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    browser, _ = alice.sign_in()
    refused = browser.get("/ui/keys")
    assert refused.status == 403
    assert "iam:ListAccessKeys" in refused.text
    grant(service, tenant, alice, allow("iam:ListAccessKeys"))
    assert browser.go(browser.get("/ui/keys"), "/ui/keys").status == 403


def test_z_02_nobody_touches_a_key_of_somebody_else_by_its_address(service: Service, tenant: Tenant) -> None:
    alice, bob = make_person(service, tenant.account_id), make_person(service, tenant.account_id, "bob")
    grant(service, tenant, alice, allow("iam:*"))
    key_id = service.call(tenant.key, "CreateAccessKey", UserName=bob.name).text("AccessKeyId")
    browser, _ = alice.sign_in()
    own = browser.go(browser.get("/ui/keys"), "/ui/keys")
    assert own.status == 200
    page = browser.get("/ui/keys")
    for act in ("deactivate", "delete", "activate"):
        refused = browser.ask("POST", f"/ui/keys/{act}/{key_id}", form=page.form("/ui/keys/" + page_act(page)))
        assert refused.status == 404
    listed = service.call(tenant.key, "ListAccessKeys", UserName=bob.name)
    assert listed.text("Status") == "Active"


def page_act(page: Seen) -> str:
    """Return the end of the address of some form of a key on the page."""
    return next(action for action in page.actions() if "/keys/" in action).removeprefix("/ui/keys/")


def test_s_12_a_key_is_made_only_by_who_proved_lately_who_they_are(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id)
    grant(service, tenant, alice, allow("iam:*AccessKey*"))
    browser, _ = alice.sign_in()
    clock.tick(timedelta(minutes=16))
    page = browser.get("/ui/keys")
    asked = browser.go(page, "/ui/keys")
    assert asked.path.startswith("/ui/again")
    back = browser.go(asked, "/ui/again", password=alice.password)
    assert back.path == "/ui/keys"
    assert browser.go(back, "/ui/keys").status == 200


def test_s_10_sessions_are_listed_and_ended_one_by_one_and_all_others_at_once(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id)
    first, _ = alice.sign_in()
    second, _ = alice.sign_in()
    third, _ = alice.sign_in()
    page = first.get("/ui/sessions")
    ends = [action for action in page.actions() if action.startswith("/ui/sessions/end/")]
    assert len(ends) == 3
    page = first.go(page, ends[0])  # the one that began last
    assert third.get("/ui/").path.startswith("/ui/sign-in")
    assert second.get("/ui/").path == "/ui/"
    first.go(page, "/ui/sessions/end-others")
    assert second.get("/ui/").path.startswith("/ui/sign-in")
    page = first.get("/ui/sessions")
    own = next(action for action in page.actions() if action.startswith("/ui/sessions/end/"))
    assert first.go(page, own).path == "/ui/signed-out"


def test_z_02_nobody_ends_a_session_of_somebody_else(service: Service, tenant: Tenant) -> None:
    alice, bob = make_person(service, tenant.account_id), make_person(service, tenant.account_id, "bob")
    hers, _ = alice.sign_in()
    his, _ = bob.sign_in()
    page = his.get("/ui/sessions")
    theirs = next(action for action in page.actions() if action.startswith("/ui/sessions/end/"))
    mine = next(action for action in hers.get("/ui/sessions").actions() if action.startswith("/ui/sessions/end/"))
    assert his.ask("POST", mine, form=page.form(theirs)).status == 404
    assert hers.get("/ui/").path == "/ui/"


def test_nobody_is_told_of_the_sign_ins_of_who_had_their_name_before(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    former = make_person(service, tenant.account_id)
    former.sign_in()
    for action in ("DeleteLoginProfile", "DeleteUser"):
        assert service.call(tenant.key, action, UserName="alice").status == 200
    clock.tick(timedelta(minutes=1))
    browser, _ = make_person(service, tenant.account_id).sign_in()
    assert re.findall(r"<tr><td>(.*?)</td>", browser.get("/ui/sessions").html) == ["2026-03-02 12:01 UTC"]


def test_the_last_sign_ins_tell_of_wrong_passwords_too(service: Service, tenant: Tenant) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    Person(service, alice.user, "not the password").enter_password(Browser(service))
    browser, _ = alice.sign_in()
    page = browser.get("/ui/sessions")
    rows = re.findall(r"<tr><td>(.*?)</td><td>(.*?)</td>", page.html)
    assert [what for _, what in rows] == ["Password and code", "<strong>Refused</strong>"]
