"""STS through unmodified boto3: role sessions, their length, their limits, and who they say they are."""

import base64
import random
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.aws.clients import document, key_of, make_role, make_user, refused, unchecked
from tests.service import Service, Tenant, allow, trust
from tests.signing import Key

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"
READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
ALL = allow("*")


@pytest.fixture
def role_arn(iam: Any, resident: Tenant) -> str:
    """A role of the account's own that may do everything and trusts the account."""
    return make_role(iam, "any", trust(f"arn:aws:iam::{resident.account_id}:root"), ALL, MaxSessionDuration=7200)


def _begin(sts: Any, role_arn: str, **more: Any) -> dict[str, Any]:
    assumed: dict[str, Any] = sts.assume_role(RoleArn=role_arn, RoleSessionName="session", **more)
    return assumed


def _lasts(assumed: dict[str, Any]) -> timedelta:
    """Return how long the credentials last from now, to the minute."""
    span: timedelta = assumed["Credentials"]["Expiration"] - datetime.now(UTC)
    return timedelta(minutes=round(span / timedelta(minutes=1)))


def test_a_session_says_who_it_is(server: Service, resident: Tenant, sts: Any, iam: Any, role_arn: str) -> None:
    assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName="a+b@c=d,e.f-g")
    role_id = iam.get_role(RoleName="any")["Role"]["RoleId"]
    arn = f"arn:aws:sts::{resident.account_id}:assumed-role/any/a+b@c=d,e.f-g"
    assert assumed["AssumedRoleUser"] == {"AssumedRoleId": f"{role_id}:a+b@c=d,e.f-g", "Arn": arn}
    assert "PackedPolicySize" not in assumed
    assert assumed["Credentials"]["AccessKeyId"].startswith("ASIA")
    assert assumed["Credentials"]["SessionToken"].count(".") == 2
    identity = server.boto("sts", key_of(assumed)).get_caller_identity()
    assert (identity["Arn"], identity["UserId"], identity["Account"]) == (
        arn, f"{role_id}:a+b@c=d,e.f-g", resident.account_id
    )  # fmt: skip


def test_a_session_needs_its_own_token(server: Service, sts: Any, role_arn: str) -> None:
    one, other = key_of(_begin(sts, role_arn)), key_of(_begin(sts, role_arn))
    for token in (None, other.token, f"{one.token}x", "x"):
        with refused("InvalidClientTokenId", 403):
            server.boto("sts", Key(one.access_key_id, one.secret, token)).get_caller_identity()
    with refused("SignatureDoesNotMatch", 403):
        server.boto("sts", Key(one.access_key_id, other.secret, one.token)).get_caller_identity()


def test_a_session_lasts_an_hour_unless_asked_otherwise(sts: Any, role_arn: str) -> None:
    assert _lasts(_begin(sts, role_arn)) == timedelta(hours=1)
    assert _lasts(_begin(sts, role_arn, DurationSeconds=900)) == timedelta(minutes=15)
    assert _lasts(_begin(sts, role_arn, DurationSeconds=7200)) == timedelta(hours=2)


def test_a_session_lasts_no_longer_than_its_role_lets_it(server: Service, resident: Tenant, role_arn: str) -> None:
    sts = unchecked(server, "sts", resident.key)
    with refused("ValidationError", 400, "MaxSessionDuration"):
        _begin(sts, role_arn, DurationSeconds=7201)
    for seconds in (899, 43_201, 0, -1):
        with refused("ValidationError", 400, "durationSeconds"):
            _begin(sts, role_arn, DurationSeconds=seconds)


def test_a_role_assumes_a_role_for_an_hour_at_most(
    server: Service, resident: Tenant, sts: Any, iam: Any, role_arn: str
) -> None:
    further_arn = make_role(iam, "further", trust(role_arn), MaxSessionDuration=43_200)
    first = server.boto("sts", key_of(_begin(sts, role_arn)))
    assumed = _begin(first, further_arn)
    assert _lasts(assumed) == timedelta(hours=1)
    assert _lasts(_begin(first, further_arn, DurationSeconds=3600)) == timedelta(hours=1)
    with refused("ValidationError", 400, "1 hour session limit"):
        _begin(first, further_arn, DurationSeconds=3601)
    identity = server.boto("sts", key_of(assumed)).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/further/session"


def test_a_session_named_in_a_trust_policy_is_the_only_one_that_is_trusted(
    server: Service, resident: Tenant, sts: Any, iam: Any, role_arn: str
) -> None:
    named = f"arn:aws:sts::{resident.account_id}:assumed-role/any/session"
    further_arn = make_role(iam, "further", trust(named))
    assert _begin(server.boto("sts", key_of(_begin(sts, role_arn))), further_arn)
    another = key_of(sts.assume_role(RoleArn=role_arn, RoleSessionName="another"))
    with refused("AccessDenied", 403, "because no role trust policy allows"):
        _begin(server.boto("sts", another), further_arn)


@pytest.mark.parametrize("name", ["x", "x" * 65, "a b", "a/b", "a:b", "ä", "", "a\n", "сессия"])
def test_a_session_name_breaks_no_rule(server: Service, resident: Tenant, role_arn: str, name: str) -> None:
    with refused("ValidationError", 400, "roleSessionName"):
        unchecked(server, "sts", resident.key).assume_role(RoleArn=role_arn, RoleSessionName=name)


def test_session_policies_take_away_and_add_nothing(
    server: Service, resident: Tenant, sts: Any, iam: Any, role_arn: str
) -> None:
    narrow_arn = make_role(iam, "narrow", trust(f"arn:aws:iam::{resident.account_id}:root"), allow("iam:ListUsers"))
    limited = server.boto("iam", key_of(_begin(sts, role_arn, Policy=allow("iam:ListUsers"))))
    assert limited.list_users()["Users"]
    with refused("AccessDenied", 403, "because no session policy allows the iam:ListGroups action"):
        limited.list_groups()
    widened = server.boto("iam", key_of(_begin(sts, narrow_arn, Policy=ALL, PolicyArns=[{"arn": ADMINISTRATOR}])))
    assert widened.list_users()["Users"]
    with refused("AccessDenied", 403, "because no identity-based policy allows the iam:ListGroups action"):
        widened.list_groups()


def test_inline_and_managed_session_policies_hold_together(server: Service, sts: Any, role_arn: str) -> None:
    deny = document(
        {"Effect": "Deny", "Action": "iam:ListGroups", "Resource": "*"},
        {"Effect": "Allow", "Action": "iam:CreateGroup", "Resource": "*"},
    )
    assumed = _begin(sts, role_arn, Policy=deny, PolicyArns=[{"arn": READ_ONLY}])
    assert 0 < assumed["PackedPolicySize"] <= 100
    limited = server.boto("iam", key_of(assumed))
    assert limited.list_users()["Users"]
    limited.create_group(GroupName="group")
    with refused("AccessDenied", 403, "with an explicit deny in a session policy"):
        limited.list_groups()
    with refused("AccessDenied", 403, "because no session policy allows"):
        limited.delete_group(GroupName="group")


def test_a_session_policy_that_was_deleted_allows_nothing_any_more(
    server: Service, resident: Tenant, sts: Any, iam: Any, role_arn: str
) -> None:
    arn = iam.create_policy(PolicyName="p", PolicyDocument=allow("iam:ListUsers"))["Policy"]["Arn"]
    limited = server.boto("iam", key_of(_begin(sts, role_arn, PolicyArns=[{"arn": arn}])))
    assert limited.list_users()["Users"]
    iam.delete_policy(PolicyArn=arn)
    with refused("AccessDenied", 403, f"User: arn:aws:sts::{resident.account_id}:assumed-role/any/session"):
        limited.list_users()


def test_a_session_policy_has_2048_characters_at_most(sts: Any, role_arn: str) -> None:
    fitting = ALL + " " * (2_048 - len(ALL))
    assert _begin(sts, role_arn, Policy=fitting)["PackedPolicySize"] < 100
    with refused("ValidationError", 400, "2048"):
        _begin(sts, role_arn, Policy=fitting + " ")


def test_ten_managed_policies_can_be_session_policies(server: Service, sts: Any, iam: Any, role_arn: str) -> None:
    texts = [allow("iam:ListUsers"), *[allow("sts:*")] * 10]
    arns = [
        {"arn": iam.create_policy(PolicyName=f"p{number}", PolicyDocument=text)["Policy"]["Arn"]}
        for number, text in enumerate(texts)
    ]
    assumed = _begin(sts, role_arn, PolicyArns=arns[:10])
    assert server.boto("iam", key_of(assumed)).list_users()["Users"]
    with refused("ValidationError", 400, "10"):
        _begin(sts, role_arn, PolicyArns=arns)


def test_what_does_not_fit_into_a_token_is_refused(sts: Any, iam: Any, role_arn: str) -> None:
    noise = random.Random(4)  # noqa: S311  noise that does not shrink, the same each time
    words = base64.b64encode(noise.randbytes(1_350)).decode().replace("/", "-")
    loud = allow("iam:ListUsers", f"arn:aws:iam::111122223333:user/{words}")
    assert 50 < _begin(sts, role_arn, Policy=loud)["PackedPolicySize"] <= 100
    path = "/" + base64.b64encode(noise.randbytes(300)).decode().replace("/", "-") + "/"
    long_arn = iam.create_policy(PolicyName="p", PolicyDocument=ALL, Path=path)["Policy"]["Arn"]
    with pytest.raises(sts.exceptions.PackedPolicyTooLargeException, match="percent"):
        _begin(sts, role_arn, Policy=loud, PolicyArns=[{"arn": long_arn}])


@pytest.mark.parametrize("text", ["{}", "not JSON", '{"Statement":{"Effect":"Allow","Action":"*"}}'])
def test_a_session_policy_that_is_none_is_refused(sts: Any, role_arn: str, text: str) -> None:
    with pytest.raises(sts.exceptions.MalformedPolicyDocumentException):
        _begin(sts, role_arn, Policy=text)


def test_a_session_policy_of_another_account_is_refused(server: Service, sts: Any, role_arn: str) -> None:
    theirs = server.boto("iam", server.tenant().key)
    arn = theirs.create_policy(PolicyName="p", PolicyDocument=ALL)["Policy"]["Arn"]
    with refused("MalformedPolicyDocument"):
        _begin(sts, role_arn, PolicyArns=[{"arn": arn}])


@pytest.mark.parametrize(
    "member",
    [
        {"MinimumSessionTokenSize": 2048},
        {"ProvidedContexts": [{"ProviderArn": "arn:aws:iam::aws:contextProvider/x", "ContextAssertion": "none"}]},
    ],
    ids=lambda member: next(iter(member)),
)
def test_what_a_session_cannot_carry_yet_is_refused_by_name(sts: Any, role_arn: str, member: dict[str, Any]) -> None:
    with refused("ValidationError", 400, next(iter(member))):
        _begin(sts, role_arn, **member)


def test_tags_and_a_source_identity_go_into_the_session(resident: Tenant, sts: Any, iam: Any) -> None:
    trusts = trust(f"arn:aws:iam::{resident.account_id}:root").replace("sts:AssumeRole", "sts:*")
    tenant_role = make_role(iam, "tagged", trusts, ALL)
    tags = [{"Key": "Größe", "Value": "ä +=/:@ 漢"}, {"Key": "team", "Value": ""}]
    begun = _begin(sts, tenant_role, Tags=tags, TransitiveTagKeys=["team"], SourceIdentity="alice")
    assert begun["SourceIdentity"] == "alice"
    assert 0 < begun["PackedPolicySize"] < 100


def test_an_external_id_with_a_space_is_no_external_id(sts: Any, role_arn: str) -> None:
    with refused("ValidationError", 400, "externalId"):
        _begin(sts, role_arn, ExternalId="a b+c")


def test_anybody_may_ask_who_is_calling(server: Service, resident: Tenant, iam: Any) -> None:
    key = make_user(iam, "mute", allow("*", effect="Deny"))
    identity = server.boto("sts", key).get_caller_identity()
    assert identity["Arn"] == f"arn:aws:iam::{resident.account_id}:user/mute"
    assert identity["UserId"] == iam.get_user(UserName="mute")["User"]["UserId"]


def test_an_access_key_tells_its_account_by_itself(server: Service, resident: Tenant, sts: Any, role_arn: str) -> None:
    stranger = server.boto("sts", server.tenant().key)
    for key in (resident.key, key_of(_begin(sts, role_arn))):
        answer = stranger.get_access_key_info(AccessKeyId=key.access_key_id)
        assert answer["Account"] == resident.account_id
    with refused("ValidationError"):
        stranger.get_access_key_info(AccessKeyId="AKIA0000000000000000")


def test_who_may_not_ask_about_keys_is_told(server: Service, resident: Tenant, iam: Any) -> None:
    with refused("AccessDenied", 403, "sts:GetAccessKeyInfo"):
        server.boto("sts", make_user(iam, "bare")).get_access_key_info(AccessKeyId=resident.key.access_key_id)
