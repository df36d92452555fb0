import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from sts.api.operations import OPERATIONS
from sts.clock import ManualClock
from sts.crypto.jwk import generate_signing_key, render_jwk
from tests.api.asking import JSON, ask, refusal, tell
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

PROVIDER: Mapping[str, Any] = {
    "name": "idp",
    "issuer": "https://idp.example/realm",
    "key_set": json.dumps({"keys": [render_jwk(generate_signing_key("ES256").verification_key())]}),
}
JTI = "3q2-7wEjRWeJq83vASNFZw"
POSTED = sorted(path for (method, path), each in OPERATIONS.items() if method == "POST" and each.demands)
STRANGE = (
    b"", b"{}", b"[]", b"null", b"1", b'"x"', b"{", b"\xff", b"[" * 4_000, b'{"\\ud800": "x"}',
    b'{"name": null}', b'{"name": ["admin"]}', b'{"name": "a\\u0000b"}', b'{"name": "\\ud800"}', b'{"name": ""}',
    b'{"name": "two words"}', b'{"jti": 1}', b'{"jti": ""}', b'{"jti": "\\ud800"}', b'{"arn": {"arn": "x"}}',
    b'{"arn": ""}', b'{"arn": "arn:aws:iam::111122223333:user/\\ud800"}', b'{"arn": "arn:aws:iam::1:root"}',
    b'{"arn": "arn:aws:sts::111122223333:assumed-role/r/s"}', b'{"arn": "arn:aws:iam::111122223333:group/g"}',
)  # fmt: skip
NAMED = sorted(path for path in POSTED if path.startswith(("/api/users/", "/api/roles/")))


def user(service: Service, tenant: Tenant, name: str, policy: str | None) -> Key:
    """Return the key of a new user that has *policy* alone."""
    service.call(tenant.key, "CreateUser", UserName=name)
    if policy is not None:
        service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=policy)
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def make_role(service: Service, tenant: Tenant, name: str, *trusted: Tenant, path: str = "/") -> str:
    """Make a role that may do everything; return its ARN."""
    policy = trust(*(f"arn:aws:iam::{each.account_id}:root" for each in (tenant, *trusted)))
    made = service.call(tenant.key, "CreateRole", RoleName=name, Path=path, AssumeRolePolicyDocument=policy)
    service.call(tenant.key, "PutRolePolicy", RoleName=name, PolicyName="all", PolicyDocument=allow("*"))
    return made.text("Arn")


def records(service: Service, tenant: Tenant, event: str) -> list[dict[str, Any]]:
    reply = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    return [record for record in tell(reply)["records"] if record["event"].startswith(event)]


def jti_of(service: Service, tenant: Tenant, key: Key) -> str:
    """Return the jti of a session, as an administrator finds it."""
    made = (record["made"] for record in records(service, tenant, "role.assume.done"))
    return next(str(each["jti"]) for each in made if each["AccessKeyId"] == key.access_key_id)


def look(service: Service, key: Key) -> Reply:
    return service.call(key, "GetCallerIdentity", "sts")


def members(service: Service, tenant: Tenant, path: str) -> dict[str, Any]:
    """Return what an operation is asked about: things of the tenant's that exist."""
    if path == "/api/sessions/revoke":
        return {"jti": JTI}
    if path == "/api/principals/revoke":
        return {"arn": f"arn:aws:iam::{tenant.account_id}:user/admin"}
    if path == "/api/users/require-password-change":
        service.call(tenant.key, "CreateLoginProfile", UserName="admin", Password="four words of a first one")
    if path.startswith("/api/providers/"):
        if not path.endswith("/add"):
            tell(ask(service, tenant.key, "/api/providers/add", PROVIDER))
        return {
            "/api/providers/add": dict(PROVIDER),
            "/api/providers/update": {"name": "idp", "new_name": "other"},
        }.get(path, {"name": "idp"})
    if path.startswith("/api/accounts/"):
        return {"account_id": tenant.account_id}
    if path.startswith("/api/roles/") and service.call(tenant.key, "GetRole", RoleName="rolf").status != 200:
        make_role(service, tenant, "rolf")
    return {"name": "rolf" if path.startswith("/api/roles/") else "admin"}


def test_a_session_ends_with_what_was_begun_from_it_and_no_other(service: Service, tenant: Tenant) -> None:
    first, second = make_role(service, tenant, "first"), make_role(service, tenant, "second")
    parent, sibling = service.assume(tenant.key, first).key(), service.assume(tenant.key, first).key()
    child = service.assume(parent, second).key()
    jti = jti_of(service, tenant, parent)
    told = tell(ask(service, tenant.key, "/api/sessions/revoke", {"jti": jti}))
    assert told == {
        "arn": f"arn:aws:sts-admin::{tenant.account_id}:session/{jti}",
        "ended_at": "2026-03-02T12:00:00Z",
    }
    assert [look(service, key).status for key in (parent, child, sibling)] == [403, 403, 200]
    assert look(service, child).code == "ExpiredToken"


def test_a_session_of_another_account_is_not_ended_by_its_jti(service: Service, tenant: Tenant) -> None:
    stranger = service.tenant()
    session = service.assume(tenant.key, make_role(service, tenant, "first")).key()
    jti = jti_of(service, tenant, session)
    told = tell(ask(service, stranger.key, "/api/sessions/revoke", {"jti": jti}))
    assert told["arn"] == f"arn:aws:sts-admin::{stranger.account_id}:session/{jti}"
    assert look(service, session).status == 200
    tell(ask(service, tenant.key, "/api/sessions/revoke", {"jti": jti}))
    assert look(service, session).code == "ExpiredToken"


def test_who_began_a_session_of_another_accounts_role_does_not_own_it(service: Service, tenant: Tenant) -> None:
    owner = service.tenant()
    session = service.assume(tenant.key, make_role(service, owner, "guest", tenant)).key()
    jti = jti_of(service, tenant, session)
    tell(ask(service, tenant.key, "/api/sessions/revoke", {"jti": jti}))
    assert look(service, session).status == 200
    tell(ask(service, tenant.key, "/api/principals/revoke", {"arn": f"arn:aws:iam::{tenant.account_id}:user/admin"}))
    assert look(service, session).code == "ExpiredToken"


@pytest.mark.parametrize("named", ["user/staff/ann", "role/team/first", "root"])
def test_what_a_principal_has_begun_ends_and_it_may_begin_anew(
    named: str, service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    ann = user(service, tenant, "ann", allow("*"))
    service.call(tenant.key, "UpdateUser", UserName="ann", NewPath="/staff/")
    first = make_role(service, tenant, "first", path="/team/")
    session = service.assume(ann, first).key()
    arn = f"arn:aws:iam::{tenant.account_id}:{named}"
    assert tell(ask(service, tenant.key, "/api/principals/revoke", {"arn": arn}))["arn"] == arn
    assert look(service, session).code == "ExpiredToken"
    assert look(service, ann).status == 200
    clock.tick(timedelta(seconds=1))
    assert look(service, service.assume(ann, first).key()).status == 200


def test_sessions_that_a_principal_did_not_begin_stay(service: Service, tenant: Tenant) -> None:
    ann, ben = user(service, tenant, "ann", allow("*")), user(service, tenant, "ben", allow("*"))
    first = make_role(service, tenant, "first")
    of_ann, of_ben = service.assume(ann, first).key(), service.assume(ben, first).key()
    tell(ask(service, tenant.key, "/api/principals/revoke", {"arn": f"arn:aws:iam::{tenant.account_id}:user/ann"}))
    assert (look(service, of_ann).status, look(service, of_ben).status) == (403, 200)


@pytest.mark.parametrize(
    "arn",
    [
        "arn:aws:iam::{account}:user/nobody",
        "arn:aws:iam::{account}:user/other/admin",
        "arn:aws:iam::{account}:user/ADMIN",
        "arn:aws:iam::{account}:role/admin",
        "arn:aws:iam::{account}:user/*",
    ],
)
def test_a_principal_that_is_not_there_is_not_found(arn: str, service: Service, tenant: Tenant) -> None:
    asked = {"arn": arn.replace("{account}", tenant.account_id)}
    assert refusal(ask(service, tenant.key, "/api/principals/revoke", asked)) == (404, "NoSuchEntity")


@pytest.mark.parametrize("resource", ["user/admin", "user/nobody", "root", "role/nobody"])
def test_a_principal_of_another_account_is_refused_whether_or_not_it_is_there(
    resource: str, service: Service, tenant: Tenant
) -> None:
    stranger = service.tenant()
    asked = {"arn": f"arn:aws:iam::{stranger.account_id}:{resource}"}
    reply = ask(service, tenant.key, "/api/principals/revoke", asked)
    assert refusal(reply) == (400, "ValidationError")
    assert b"is not of your account" in reply.body


@pytest.mark.parametrize("path", NAMED)
def test_a_name_is_one_of_the_callers_own_account(path: str, service: Service, tenant: Tenant) -> None:
    stranger = service.tenant()
    user(service, stranger, "sue", None)
    make_role(service, stranger, "sue")
    assert refusal(ask(service, tenant.key, path, {"name": "sue"})) == (404, "NoSuchEntity")
    assert refusal(ask(service, tenant.key, path, {"name": "Admin"})) == (404, "NoSuchEntity")


@pytest.mark.parametrize("path", POSTED)
def test_each_takes_its_own_action_on_its_own_resource(path: str, service: Service, tenant: Tenant) -> None:
    operation = OPERATIONS["POST", path]
    asked = members(service, tenant, path)
    kind = "role" if path.startswith("/api/roles/") else "user"
    resource = f"arn:aws:iam::{tenant.account_id}:{kind}/{asked.get('name', 'admin')}"
    if "jti" in asked:
        resource = f"arn:aws:sts-admin::{tenant.account_id}:session/{JTI}"
    if path.startswith("/api/providers/"):
        resource = f"arn:aws:iam::{tenant.account_id}:oidc-provider/idp.example/realm"
    if "account_id" in asked:
        resource = f"arn:aws:iam::{tenant.account_id}:root"
    policy = allow(f"sts-admin:{operation.name}", resource)
    entitled, other = user(service, tenant, "may", policy), user(service, tenant, "not", allow("iam:*"))
    elsewhere = user(service, tenant, "off", allow(f"sts-admin:{operation.name}", resource + "x"))
    for key in (other, elsewhere):
        assert refusal(ask(service, key, path, asked)) == (403, "AccessDenied")
    tell(ask(service, entitled, path, asked))


@pytest.mark.parametrize("path", POSTED)
def test_who_may_not_does_not_learn_what_there_is(path: str, service: Service, tenant: Tenant) -> None:
    eve = user(service, tenant, "eve", None)
    nobody = {"arn": f"arn:aws:iam::{tenant.account_id}:user/nobody", "name": "nobody"}
    asked = members(service, tenant, path)
    unknown = asked | {member: nobody[member] for member in asked.keys() & nobody.keys()}
    assert refusal(ask(service, eve, path, unknown)) == (403, "AccessDenied")


@pytest.mark.parametrize("path", POSTED)
def test_what_is_done_and_what_is_refused_is_recorded(path: str, service: Service, tenant: Tenant) -> None:
    operation = OPERATIONS["POST", path]
    reader = Tenant(tenant.account_id, service.root_key(tenant))
    eve = user(service, tenant, "eve", None)
    asked = members(service, tenant, path)
    ask(service, eve, path, asked)
    done = ask(service, tenant.key, path, asked)
    tell(done)
    refused, kept = records(service, reader, str(operation.event))
    assert (refused["event"], refused["error"]) == (f"{operation.event}.refused", "AccessDenied")
    assert (kept["event"], kept["request_id"]) == (f"{operation.event}.done", done.headers["x-amzn-requestid"])
    assert kept["operation"] == f"sts-admin:{operation.name}"
    assert kept["parameters"].items() >= asked.items()


@pytest.mark.parametrize("path", [path for path in NAMED if path.endswith("able")])
def test_whether_anything_changed_is_told(path: str, service: Service, tenant: Tenant) -> None:
    admin = service.root_key(tenant)
    asked = members(service, tenant, path)
    enabled = path.endswith("/enable")
    if enabled:
        tell(ask(service, admin, path.replace("/enable", "/disable"), asked))
    answers = [tell(ask(service, admin, path, asked)) for _ in range(2)]
    assert [(told["enabled"], told["changed"]) for told in answers] == [(enabled, True), (enabled, False)]


@pytest.mark.parametrize("path", POSTED)
def test_a_body_that_is_not_of_its_form_is_refused(path: str, service: Service, tenant: Tenant) -> None:
    for body in STRANGE:
        assert refusal(ask(service, tenant.key, path, body)) == (400, "ValidationError"), body


@pytest.mark.parametrize("path", POSTED)
def test_a_member_too_many_or_given_twice_is_refused(path: str, service: Service, tenant: Tenant) -> None:
    asked = members(service, tenant, path)
    whole, name = json.dumps(asked), next(iter(asked))
    for body in (
        f'{{"{name}": "{asked[name]}", {whole[1:]}',
        f'{{"because": "x", {whole[1:]}',
        f"[{whole}]",
    ):
        assert refusal(ask(service, tenant.key, path, body.encode())) == (400, "ValidationError"), body
    assert look(service, tenant.key).status == 200


def test_a_body_has_a_bound_and_a_type_and_no_query_beside_it(service: Service, tenant: Tenant) -> None:
    path, asked = "/api/sessions/revoke", b'{"jti": "%s"}' % JTI.encode()
    assert refusal(ask(service, tenant.key, path, asked + b" " * 4_096)) == (413, "RequestEntityTooLarge")
    assert refusal(ask(service, tenant.key, path, asked, {})) == (415, "UnsupportedMediaType")
    assert tell(ask(service, tenant.key, path, asked, {"content-type": "Application/JSON; charset=utf-8"}))
    queried = service.send(tenant.key, path=path, query="jti=x", body=asked, headers=JSON)
    assert refusal(queried) == (400, "ValidationError")


@pytest.mark.parametrize("path", POSTED)
def test_only_a_signed_post_is_taken(path: str, service: Service, tenant: Tenant) -> None:
    asked = members(service, tenant, path)
    got = service.send(tenant.key, method="GET", path=path)
    assert (refusal(got), got.headers["allow"]) == ((405, "UnsupportedMethod"), "POST")
    assert refusal(ask(service, None, path, asked)) == (403, "MissingAuthenticationToken")
    altered = service.send(Key(tenant.key.access_key_id, "wrong"), path=path, body=b"{}", headers=JSON)
    assert refusal(altered) == (403, "SignatureDoesNotMatch")
