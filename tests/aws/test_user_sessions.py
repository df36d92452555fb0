"""GetSessionToken and GetFederationToken: whose rights they lend, for how long, and what their bearers cannot call."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from sts.verify import parse_key_set, verify
from tests.aws.test_session_tags import BY_TAG, document, read_team, statement, tags
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key


def make_user(service: Service, tenant: Tenant, name: str, policy: str) -> Key:
    assert service.call(tenant.key, "CreateUser", UserName=name).status == 200
    put = service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="own", PolicyDocument=policy)
    assert put.status == 200, put.body
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def begin(service: Service, key: Key, **parameters: str) -> Reply:
    return service.call(key, "GetSessionToken", "sts", **parameters)


def federate(service: Service, key: Key, name: str = "guest", **parameters: str) -> Reply:
    return service.call(key, "GetFederationToken", "sts", Name=name, **parameters)


def identify(service: Service, key: Key) -> Reply:
    return service.call(key, "GetCallerIdentity", "sts")


def lasts(service: Service, reply: Reply) -> timedelta:
    assert reply.status == 200, reply.body
    ends_at = datetime.strptime(reply.text("Expiration"), "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return ends_at - service.clock.now()


def test_a_session_token_makes_its_bearer_the_user_and_needs_no_permission(service: Service, tenant: Tenant) -> None:
    key = make_user(service, tenant, "ursula", allow("*", effect="Deny"))
    own, lent = identify(service, key), identify(service, begin(service, key).key())
    assert [(r.text("Arn"), r.text("UserId"), r.text("Account")) for r in (own, lent)] == [
        (f"arn:aws:iam::{tenant.account_id}:user/ursula", own.text("UserId"), tenant.account_id)
    ] * 2


def test_a_federation_token_makes_its_bearer_a_federated_user(service: Service, tenant: Tenant) -> None:
    begun = federate(service, tenant.key, "Bob.Smith@x")
    arn, userid = f"arn:aws:sts::{tenant.account_id}:federated-user/Bob.Smith@x", f"{tenant.account_id}:Bob.Smith@x"
    assert (begun.text("FederatedUserId"), begun.text("Arn")) == (userid, arn)
    told = identify(service, begun.key())
    assert (told.text("Arn"), told.text("UserId")) == (arn, userid)


DURATIONS = {
    "the usual": ({}, timedelta(hours=12), timedelta(hours=1)),
    "the least": ({"DurationSeconds": "900"}, timedelta(minutes=15), timedelta(minutes=15)),
    "the most": ({"DurationSeconds": "129600"}, timedelta(hours=36), timedelta(hours=1)),
}


@pytest.mark.parametrize("asked", DURATIONS)
@pytest.mark.parametrize("call", [begin, federate])
def test_they_last_as_long_as_is_asked_and_root_s_an_hour_at_most(
    service: Service, tenant: Tenant, asked: str, call: object
) -> None:
    assert callable(call)
    parameters, users, roots = DURATIONS[asked]
    assert lasts(service, call(service, tenant.key, **parameters)) == users
    assert lasts(service, call(service, service.root_key(tenant), **parameters)) == roots


@pytest.mark.parametrize("seconds", ["899", "129601"])
@pytest.mark.parametrize("call", [begin, federate])
def test_other_durations_are_refused(service: Service, tenant: Tenant, seconds: str, call: object) -> None:
    assert callable(call)
    assert call(service, tenant.key, DurationSeconds=seconds).code == "ValidationError"


def make_role(service: Service, tenant: Tenant, name: str = "worker") -> str:
    root = f"arn:aws:iam::{tenant.account_id}:root"
    made = service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust(root))
    put = service.call(tenant.key, "PutRolePolicy", RoleName=name, PolicyName="all", PolicyDocument=allow("*"))
    assert (made.status, put.status) == (200, 200)
    return made.text("Arn")


def credentials_of(service: Service, tenant: Tenant) -> dict[str, Key]:
    return {
        "session": begin(service, tenant.key).key(),
        "federation": federate(service, tenant.key, Policy=allow("*")).key(),
        "role": service.assume(tenant.key, make_role(service, tenant)).key(),
    }


# What each kind of temporary credentials gets, of operations that its administrator may all call.
TAKEN = {
    "GetCallerIdentity": {"session": None, "federation": None, "role": None},
    "AssumeRole": {"session": None, "federation": "AccessDenied", "role": None},
    "GetSessionToken": {"session": "AccessDenied", "federation": "AccessDenied", "role": "AccessDenied"},
    "GetFederationToken": {"session": "AccessDenied", "federation": "AccessDenied", "role": "AccessDenied"},
    "GetAccessKeyInfo": {"session": "AccessDenied", "federation": "AccessDenied", "role": None},
    "ListUsers": {"session": "InvalidClientTokenId", "federation": "InvalidClientTokenId", "role": None},
}


def test_each_kind_of_credentials_calls_what_aws_lets_it(service: Service, tenant: Tenant) -> None:
    keys = credentials_of(service, tenant)
    parameters = {
        "AssumeRole": {"RoleArn": f"arn:aws:iam::{tenant.account_id}:role/worker", "RoleSessionName": "one"},
        "GetFederationToken": {"Name": "guest"},
        "GetAccessKeyInfo": {"AccessKeyId": tenant.key.access_key_id},
    }
    found = {
        name: {
            kind: None if (reply := call(service, key, name, parameters.get(name, {}))).status == 200 else reply.code
            for kind, key in keys.items()
        }
        for name in TAKEN
    }
    assert found == TAKEN
    refused = call(service, keys["role"], "GetSessionToken", {})
    assert refused.message == "Cannot call GetSessionToken with session credentials"


def test_a_denial_that_no_policy_decided_has_no_receipt(service: Service, tenant: Tenant) -> None:
    keys = credentials_of(service, tenant)
    wrong = {"SerialNumber": f"arn:aws:iam::{tenant.account_id}:mfa/none", "TokenCode": "123456"}
    for refused in (
        call(service, keys["role"], "GetSessionToken", {}),
        call(service, keys["federation"], "AssumeRole", {"RoleArn": "arn:aws:iam::1:role/x", "RoleSessionName": "one"}),
        call(service, tenant.key, "GetSessionToken", wrong),
    ):
        assert (refused.status, refused.code, refused.receipt) == (403, "AccessDenied", "")
    answer = service.send(keys["session"], method="GET", path="/api/audit/records")
    told = json.loads(answer.body)
    assert (answer.status, told["__type"]) == (403, "AccessDenied")
    assert "Encoded authorization failure message" not in told["message"]


def call(service: Service, key: Key, name: str, parameters: dict[str, str]) -> Reply:
    return service.call(key, name, "iam" if name == "ListUsers" else "sts", **parameters)


def test_what_was_lent_without_a_second_factor_administers_nothing(service: Service, tenant: Tenant) -> None:
    keys = credentials_of(service, tenant)
    statuses = {kind: service.send(key, method="GET", path="/api/audit/records").status for kind, key in keys.items()}
    assert statuses == {"session": 403, "federation": 403, "role": 200}


def test_a_role_assumed_with_a_session_token_is_no_chained_one(service: Service, tenant: Tenant) -> None:
    root = trust(f"arn:aws:iam::{tenant.account_id}:root")
    service.call(tenant.key, "CreateRole", RoleName="long", AssumeRolePolicyDocument=root, MaxSessionDuration="43200")
    arn = f"arn:aws:iam::{tenant.account_id}:role/long"
    lent = begin(service, tenant.key).key()
    assert lasts(service, service.assume(lent, arn, DurationSeconds="43200")) == timedelta(hours=12)


def claims(service: Service, reply: Reply) -> dict[str, object]:
    token = reply.key().token
    assert token is not None
    keys = parse_key_set(service.send(None, method="GET", path="/.well-known/jwks.json").body)
    issuer = service.settings.issuer
    return dict(verify(token, keys, issuer=issuer, audience=issuer, now=service.clock.now()).claims)


def test_the_token_says_whose_session_it_is(service: Service, tenant: Tenant) -> None:
    user = f"arn:aws:iam::{tenant.account_id}:user/admin"
    own, guest = claims(service, begin(service, tenant.key)), claims(service, federate(service, tenant.key))
    assert (own["sub"], own["user"], own.get("rsn")) == (user, user, None)
    assert (guest["sub"], guest["user"], guest["rsn"]) == (
        f"arn:aws:sts::{tenant.account_id}:federated-user/guest", user, "guest"
    )  # fmt: skip
    for each in (own, guest):
        assert "role" not in each
        assert "amr" not in each


def test_z_06_a_session_lent_stands_in_the_chain_of_what_is_begun_with_it(service: Service, tenant: Tenant) -> None:
    arn = make_role(service, tenant)
    chain = claims(service, service.assume(begin(service, tenant.key).key(), arn))["chain"]
    assert isinstance(chain, list | tuple)
    user = f"arn:aws:iam::{tenant.account_id}:user/admin"
    assert [hop[0] for hop in chain] == [user, user, arn]


def refused_soon(service: Service, key: Key) -> str | None:
    for _ in range(2_000):
        reply = identify(service, key)
        if reply.status != 200:
            return reply.code
    return None


@pytest.mark.parametrize("call", [begin, federate])
def test_s_08_a_disabled_user_s_lent_sessions_end_with_what_was_begun_from_them(
    service: Service, tenant: Tenant, call: object
) -> None:
    assert callable(call)
    key = make_user(service, tenant, "ursula", allow("sts:*"))
    lent = call(service, key).key()
    assert identify(service, lent).status == 200
    body = b'{"name": "ursula"}'
    told = service.send(tenant.key, path="/api/users/disable", body=body, headers={"content-type": "application/json"})
    assert told.status == 200
    assert refused_soon(service, lent) == "ExpiredToken"


@pytest.mark.parametrize("call", [begin, federate])
def test_s_08_a_deleted_user_s_lent_sessions_are_refused(service: Service, tenant: Tenant, call: object) -> None:
    assert callable(call)
    key = make_user(service, tenant, "ursula", allow("sts:*"))
    lent = call(service, key).key()
    deletions: dict[str, dict[str, str]] = {
        "DeleteAccessKey": {"AccessKeyId": key.access_key_id},
        "DeleteUserPolicy": {"PolicyName": "own"},
        "DeleteUser": {},
    }
    for name, more in deletions.items():
        assert service.call(tenant.key, name, UserName="ursula", **more).status == 200
    assert refused_soon(service, lent) in {"InvalidClientTokenId", "ExpiredToken"}


def test_a_federation_token_takes_its_permission(service: Service, tenant: Tenant) -> None:
    one = f"arn:aws:sts::{tenant.account_id}:federated-user/guest"
    key = make_user(service, tenant, "ursula", allow("sts:GetFederationToken", one))
    assert federate(service, key).status == 200
    other = federate(service, key, "other")
    assert other.code == "AccessDenied"
    assert f"sts:GetFederationToken on resource: {one.replace('guest', 'other')}" in other.message
    tagged = federate(service, key, **tags(("team", "blue")))
    assert tagged.code == "AccessDenied"
    assert "sts:TagSession" in tagged.message


def test_a_federated_user_s_tags_are_never_transitive(service: Service, tenant: Tenant) -> None:
    begun = federate(service, tenant.key, **tags(("team", "blue")))
    assert begun.status == 200
    assert 0 < int(begun.text("PackedPolicySize")) < 100
    refused = federate(service, tenant.key, **tags(("team", "blue"), transitive=("team",)))
    assert refused.code == "ValidationError"


@pytest.mark.parametrize("repeated", [("team", "Team"), ("aws:a", "b")])
def test_a_federated_user_s_tags_keep_the_rules(service: Service, tenant: Tenant, repeated: tuple[str, str]) -> None:
    refused = federate(service, tenant.key, **tags(*((key, "x") for key in repeated)))
    assert refused.code == "InvalidParameterValue"


def test_session_policies_of_a_federated_user_keep_the_rules(service: Service, tenant: Tenant) -> None:
    assert federate(service, tenant.key, Policy="{").code == "MalformedPolicyDocument"
    assert federate(service, tenant.key, Policy=json.dumps({"x": "y" * 3_000})).code == "ValidationError"
    foreign = {"PolicyArns.member.1.arn": "arn:aws:iam::111122223333:policy/none"}
    assert federate(service, tenant.key, **foreign).code == "MalformedPolicyDocument"


def test_neither_says_who_is_more_than_it_is(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="blue")
    arn = make_role(service, tenant, "by-tag")
    service.call(tenant.key, "PutRolePolicy", RoleName="by-tag", PolicyName="all", PolicyDocument=BY_TAG)
    lent = begin(service, tenant.key, **tags(("team", "blue")))
    assert lent.code == "ValidationError"  # GetSessionToken takes no tags
    session = service.assume(begin(service, tenant.key).key(), arn).key()
    assert read_team(service, session) is None


MFA_CONDITIONS = {
    "present and false": ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, {"key": False, "lent": True}),
    "present and true": ({"Bool": {"aws:MultiFactorAuthPresent": "true"}}, {"key": False, "lent": False}),
    "absent": ({"Null": {"aws:MultiFactorAuthPresent": "true"}}, {"key": True, "lent": False}),
    "age absent": ({"Null": {"aws:MultiFactorAuthAge": "true"}}, {"key": True, "lent": True}),
}


@pytest.mark.parametrize("condition", MFA_CONDITIONS)
def test_the_mfa_keys_are_there_exactly_when_aws_has_them(service: Service, tenant: Tenant, condition: str) -> None:
    wanted, expected = MFA_CONDITIONS[condition]
    root = {"AWS": f"arn:aws:iam::{tenant.account_id}:root"}
    trusted = document(statement("sts:AssumeRole", wanted, Principal=root))
    service.call(tenant.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=trusted)
    arn = f"arn:aws:iam::{tenant.account_id}:role/worker"
    keys = {"key": tenant.key, "lent": begin(service, tenant.key).key()}
    assert {name: service.assume(key, arn).status == 200 for name, key in keys.items()} == expected


def test_an_assumed_role_s_credentials_never_carry_the_mfa_keys(service: Service, tenant: Tenant) -> None:
    absent = {"Null": {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "true"}}
    arn = make_role(service, tenant)
    only = document(statement("iam:ListUsers", absent, Resource="*"))
    service.call(tenant.key, "PutRolePolicy", RoleName="worker", PolicyName="all", PolicyDocument=only)
    session = service.assume(begin(service, tenant.key).key(), arn).key()
    assert service.call(session, "ListUsers").status == 200
