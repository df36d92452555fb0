"""AssumeRoleWithWebIdentity from the wire to the minted session: who may, what comes back, what it is afterwards."""

import json
from datetime import timedelta
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.verify import parse_key_set, verify
from tests.federation import ISSUER, Realm, denied, refused, register
from tests.service import Service, Tenant, allow


@pytest.fixture
def realm(service: Service, tenant: Tenant) -> Realm:
    return register(service, tenant, ISSUER)


def test_a_token_becomes_credentials_of_a_role_that_trusts_its_issuer(realm: Realm) -> None:
    arn = realm.make_role("worker")
    reply = realm.assume(arn, "build-7")
    assert reply.status == 200, reply.body
    session = f"arn:aws:sts::{realm.tenant.account_id}:assumed-role/worker/build-7"
    assert (reply.text("Arn"), reply.text("AssumedRoleId").partition(":")[2]) == (session, "build-7")
    told = ("Provider", "Audience", "SubjectFromWebIdentityToken")
    assert [reply.text(name) for name in told] == [realm.arn, "sts.amazonaws.com", "somebody"]
    assert b"SourceIdentity" not in reply.body
    assert b"PackedPolicySize" not in reply.body
    identity = realm.service.call(reply.key(), "GetCallerIdentity", "sts")
    assert identity.text("Arn") == session


def test_a_signature_beside_the_token_is_not_looked_at(realm: Realm, service: Service) -> None:
    arn = realm.make_role("worker")
    sent = {"RoleArn": arn, "RoleSessionName": "session", "WebIdentityToken": realm.token()}
    for key in (realm.tenant.key, realm.assume(arn).key()):
        assert service.call(key, "AssumeRoleWithWebIdentity", "sts", **sent).status == 200
    forged = {"authorization": "AWS4-HMAC-SHA256 Credential=AKIA0000000000000000/x/x/sts/aws4_request"}
    query = "Action=AssumeRoleWithWebIdentity&Version=2011-06-15&" + "&".join(f"{k}={v}" for k, v in sent.items())
    assert service.send(None, method="GET", query=query, headers=forged).status == 200


@pytest.mark.parametrize(
    ("changes", "code", "saying"),
    [
        ({"iss": "https://other.example.com"}, "InvalidIdentityToken", "No OpenIDConnect provider found"),
        ({"iss": "https://ISSUER.example.com:8443/realm"}, "InvalidIdentityToken", "No OpenIDConnect provider found"),
        ({"aud": "another"}, "InvalidIdentityToken", "Incorrect token audience"),
        ({"sub": ...}, "InvalidIdentityToken", "sub"),
        ({"exp": 1, "iat": 0}, "ExpiredTokenException", "Token expired"),
    ],
)
def test_r_15_a_token_that_is_not_taken_is_refused_with_the_model_s_error(
    realm: Realm, changes: dict[str, Any], code: str, saying: str
) -> None:
    refused(realm.assume(realm.make_role("worker"), token=realm.token(**changes)), code, saying=saying)


def test_r_15_no_other_key_and_nothing_that_is_no_token_opens_a_role(realm: Realm, service: Service) -> None:
    arn = realm.make_role("worker")
    stranger = register(service, service.tenant(), ISSUER)
    session = realm.assume(arn).key()
    for token in (stranger.token(), f"{realm.token()}x", "abcd", "a.b.c", str(session.token)):
        refused(realm.assume(arn, token=token), "InvalidIdentityToken")
    unsigned = service.call(None, "AssumeRoleWithWebIdentity", "sts", RoleArn=arn, RoleSessionName="session")
    refused(unsigned, "ValidationError", saying="webIdentityToken")


def test_keys_that_cannot_be_had_are_a_fault_of_the_issuer(service: Service, tenant: Tenant) -> None:
    realm = register(service, tenant, ISSUER)
    # Loopback, where nobody listens: a provider without uploaded keys is asked for them.
    silent = register(service, tenant, "https://127.0.0.1:9", key_set=None, private_addresses=True)
    refused(realm.assume(realm.make_role("worker"), token=silent.token()), "IDPCommunicationError")


def test_a_role_that_is_missing_and_one_that_does_not_trust_the_issuer_look_alike(
    realm: Realm, service: Service
) -> None:
    account = realm.tenant.account_id
    distrusting = [
        realm.make_role("other-issuer", realm.trusts(whom={"Federated": f"arn:aws:iam::{account}:oidc-provider/x.y"})),
        realm.make_role("other-action", realm.trusts() | {"Action": "sts:AssumeRole"}),
        realm.make_role("account", realm.trusts(whom={"AWS": f"arn:aws:iam::{account}:root"})),
        realm.make_role("refusing", realm.trusts(), realm.trusts() | {"Effect": "Deny"}),
        realm.make_role(
            "asking", realm.trusts(condition={"StringEquals": {f"{realm.locator}:sub": 40 * "a very long subject "}})
        ),
        f"arn:aws:iam::{account}:role/missing",
        f"arn:aws:iam::{account}:role/path/worker",
    ]
    answers = [realm.assume(arn) for arn in distrusting]
    for answer in answers:
        denied(answer)
    assert len({len(answer.body) for answer in answers}) == 1
    refused(realm.assume("worker"), "ValidationError")
    refused(realm.assume(f"arn:aws:iam::{service.tenant().account_id}:role/worker"), "InvalidIdentityToken")


def test_a_provider_s_tokens_open_no_role_of_another_account(realm: Realm, service: Service) -> None:
    abroad = register(service, service.tenant(), "https://elsewhere.example.com")
    arn = abroad.make_role("worker", abroad.trusts(whom={"Federated": realm.arn}))
    refused(realm.assume(arn), "InvalidIdentityToken", saying="No OpenIDConnect provider found")
    denied(abroad.assume(arn))


def test_the_receipt_of_a_denial_is_for_the_account_of_the_role(realm: Realm, service: Service) -> None:
    wanted = {"StringEquals": {f"{realm.locator}:sub": "somebody else"}}
    reply = realm.assume(realm.make_role("worker", realm.trusts(condition=wanted)))
    denied(reply)
    opened = service.call(realm.tenant.key, "DecodeAuthorizationMessage", "sts", EncodedMessage=reply.receipt)
    told = json.loads(opened.text("DecodedMessage"))
    assert told["context"]["principal"] == {"id": "somebody", "arn": realm.arn}
    (failure,) = told["failures"]["items"]
    assert (failure["key"], failure["seen"], failure["wanted"]) == (
        f"{realm.locator}:sub", ["somebody"], ["somebody else"]
    )  # fmt: skip
    stranger = service.tenant()
    closed = service.call(stranger.key, "DecodeAuthorizationMessage", "sts", EncodedMessage=reply.receipt)
    refused(closed, "InvalidAuthorizationMessageException")


def test_a_trust_policy_asks_for_any_claim_under_the_issuer_s_address(realm: Realm) -> None:
    def opens(condition: dict[str, Any], name: str, **claims: Any) -> bool:
        arn = realm.make_role(name, realm.trusts(condition=condition))
        return realm.assume(arn, token=realm.token(**claims)).status == 200

    at = realm.locator
    assert at == "issuer.example.com:8443/realm"
    assert opens(
        {"StringLike": {f"{at}:sub": "repo:org/*:ref:refs/heads/main"}}, "a", sub="repo:org/x:ref:refs/heads/main"
    )
    assert not opens({"StringLike": {f"{at}:sub": "repo:org/*:ref:refs/heads/main"}}, "b", sub="repo:other/x")
    assert opens({"ForAnyValue:StringEquals": {f"{at}:groups": "ops"}}, "c", groups=["dev", "ops"])
    assert not opens({"StringEquals": {f"{at}:groups": "ops"}}, "d", groups=["dev", "ops"])
    assert opens({"Bool": {f"{at}:email_verified": "true"}}, "e", email_verified=True)
    assert opens({"NumericLessThan": {f"{at}:level": "3"}}, "f", level=2)
    assert opens({"Null": {f"{at}:groups": "true"}}, "g")
    assert opens({"Null": {f"{at}:groups": "true"}}, "h", groups=[])
    assert opens({"Null": {f"{at}:address": "true"}}, "i", address={"country": "NL"})


def test_no_claim_passes_for_one_of_an_issuer_on_another_port(service: Service, tenant: Tenant, realm: Realm) -> None:
    neighbour = register(service, tenant, "https://issuer.example.com")
    both = {"Federated": [realm.arn, neighbour.arn]}
    arn = realm.make_role(
        "worker", realm.trusts(whom=both, condition={"StringEquals": {f"{realm.locator}:sub": "root"}})
    )
    assert realm.assume(arn, token=realm.token(sub="root")).status == 200
    denied(neighbour.assume(arn, token=neighbour.token(**{"sub": "root", "8443/realm:sub": "root"})))


def test_conditions_see_the_request_and_nothing_of_a_signer(realm: Realm) -> None:
    named = {"StringEquals": {"sts:RoleSessionName": "ann"}, "Null": {"aws:PrincipalArn": "true", "aws:userid": "true"}}
    arn = realm.make_role("worker", realm.trusts(condition={**named, "IpAddress": {"aws:SourceIp": "127.0.0.1"}}))
    assert realm.assume(arn, "ann").status == 200
    denied(realm.assume(arn, "bob"))


def test_a_session_lasts_as_long_as_asked_within_what_the_role_allows(realm: Realm, clock: ManualClock) -> None:
    arn = realm.make_role("worker")
    for seconds, lasts in (("900", 900), ("3600", 3600), (None, 3600)):
        asked = {} if seconds is None else {"DurationSeconds": seconds}
        expires = realm.assume(arn, **asked).text("Expiration")
        assert expires == (clock.now() + timedelta(seconds=lasts)).strftime("%Y-%m-%dT%H:%M:%SZ")
    refused(realm.assume(arn, DurationSeconds="3601"), "ValidationError", saying="MaxSessionDuration")
    refused(realm.assume(arn, DurationSeconds="899"), "ValidationError")
    refused(realm.assume(arn, "a b"), "ValidationError")


def test_z_06_a_session_of_a_token_chains_for_an_hour_and_keeps_its_beginning(realm: Realm, service: Service) -> None:
    account = realm.tenant.account_id
    first = realm.make_role("first")
    second = realm.make_role(
        "second", {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "sts:AssumeRole"}
    )
    service.call(realm.tenant.key, "UpdateRole", RoleName="first", MaxSessionDuration="43200")
    service.call(realm.tenant.key, "UpdateRole", RoleName="second", MaxSessionDuration="43200")
    begun = realm.assume(first, DurationSeconds="43200")
    assert begun.status == 200, begun.body
    refused(service.assume(begun.key(), second, DurationSeconds="3601"), "ValidationError", saying="1 hour")
    chained = service.assume(begun.key(), second, DurationSeconds="3600").key()
    claims = verify(
        str(chained.token),
        parse_key_set(service.send(None, method="GET", path="/.well-known/jwks.json").body),
        issuer=service.settings.issuer,
        audience=service.settings.issuer,
        now=service.clock.now(),
    ).claims
    hops = [(hop[0], hop[1]) for hop in claims["chain"]]
    assert hops == [(realm.arn, "somebody"), (first, "session"), (second, "session")]


def test_session_policies_narrow_what_a_token_opens(realm: Realm, service: Service) -> None:
    arn = realm.make_role("worker")
    reply = realm.assume(arn, Policy=allow("iam:ListUsers"))
    assert 0 < int(reply.text("PackedPolicySize")) < 100
    assert service.call(reply.key(), "ListUsers").status == 200
    assert service.call(reply.key(), "ListRoles").code == "AccessDenied"
    read_only = realm.assume(arn, **{"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"})
    assert service.call(read_only.key(), "ListRoles").status == 200
    assert service.call(read_only.key(), "CreateUser", UserName="x").code == "AccessDenied"
    refused(realm.assume(arn, Policy="{}"), "MalformedPolicyDocument")


def test_a_parameter_that_is_not_offered_is_refused_by_name(realm: Realm) -> None:
    for name, value in (("ProviderId", "graph.facebook.com"), ("MinimumSessionTokenSize", "1024")):
        refused(realm.assume(realm.make_role(name), **{name: value}), "ValidationError", saying="not offered yet")


def test_it_never_sets_the_mfa_keys(realm: Realm, service: Service) -> None:
    absent = {"Null": {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "true"}}
    arn = realm.make_role("worker", realm.trusts(condition=absent), may=_list_users(absent))
    reply = realm.assume(arn, token=realm.token(amr=["mfa", "otp"], acr="2", auth_time=int(realm.issuer.now)))
    assert reply.status == 200, reply.body
    assert service.call(reply.key(), "ListUsers").status == 200


def _list_users(condition: dict[str, Any]) -> str:
    statement = {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*", "Condition": condition}
    return json.dumps({"Version": "2012-10-17", "Statement": statement})


def test_policies_see_of_a_session_by_whose_token_it_was_begun(realm: Realm, service: Service) -> None:
    account, at = realm.tenant.account_id, realm.locator
    seen = {
        "StringEquals": {
            "aws:FederatedProvider": realm.arn,
            f"{at}:sub": "ann",
            f"{at}:aud": "sts.amazonaws.com",
        },
        "ForAnyValue:StringEquals": {f"{at}:amr": "pwd"},
        "Null": {f"{at}:email": "true"},
    }
    first = realm.make_role("first", may=_list_users(seen))
    key = realm.assume(first, token=realm.token(sub="ann", amr=["pwd", "x"], email="ann@example.com")).key()
    assert service.call(key, "ListUsers").status == 200
    assert service.call(realm.assume(first, token=realm.token(sub="bob", amr=["pwd"])).key(), "ListUsers").status == 403
    root = {"AWS": f"arn:aws:iam::{account}:root"}
    unseen = {"Null": {"aws:FederatedProvider": "true", f"{at}:sub": "true", f"{at}:aud": "true"}}
    second = realm.make_role("second", realm.trusts(whom=root) | {"Action": "sts:AssumeRole"}, may=_list_users(unseen))
    middle = realm.assume(realm.make_role("middle")).key()
    assert service.call(service.assume(middle, second).key(), "ListUsers").status == 200
