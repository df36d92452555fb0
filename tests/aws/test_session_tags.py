"""Session tags and the source identity: who may set them, where they go on to, and what policies see of them."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.verify import parse_key_set, verify
from tests.service import Reply, Service, Tenant
from tests.signing import Key

TAGGING = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
Conditions = Mapping[str, Mapping[str, Any]]


def statement(action: str | list[str], condition: Conditions | None = None, **more: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, **more} | ({"Condition": condition} if condition else {})


def document(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def make_role(
    service: Service, tenant: Tenant, name: str, *, trusts: list[dict[str, Any]] | None = None, may: str | None = None
) -> str:
    """Make a role that its account trusts, with tags and all, unless *trusts* says otherwise; return its ARN."""
    root = {"AWS": f"arn:aws:iam::{tenant.account_id}:root"}
    statements = trusts or [statement(TAGGING)]
    trust = document(*({"Principal": root} | each for each in statements))
    made = service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trust)
    assert made.status == 200, made.body
    policy = may or document(statement("*", Resource="*"))
    put = service.call(tenant.key, "PutRolePolicy", RoleName=name, PolicyName="may", PolicyDocument=policy)
    assert put.status == 200, put.body
    return made.text("Arn")


def tags(*pairs: tuple[str, str], transitive: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the parameters that pass tags."""
    parameters: dict[str, str] = {}
    for number, (key, value) in enumerate(pairs, 1):
        parameters |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    return parameters | {f"TransitiveTagKeys.member.{n}": key for n, key in enumerate(transitive, 1)}


def read_team(service: Service, key: Key) -> str | None:
    """Return the value that policies see of the caller's tag `team`: the role may read the user of that name only."""
    for user in ("red", "blue", "green"):
        if service.call(key, "GetUser", UserName=user).status == 200:
            return user
    return None


BY_TAG = document(statement("iam:GetUser", Resource="arn:aws:iam::*:user/${aws:PrincipalTag/team}"))


@pytest.fixture
def users(service: Service, tenant: Tenant) -> None:
    for name in ("red", "blue", "green"):
        assert service.call(tenant.key, "CreateUser", UserName=name).status == 200


@pytest.mark.usefixtures("users")
def test_policies_see_a_session_s_tags_whatever_the_case_of_the_key(service: Service, tenant: Tenant) -> None:
    arn = make_role(service, tenant, "worker", may=BY_TAG)
    untagged = service.assume(tenant.key, arn).key()
    assert read_team(service, untagged) is None
    for key in ("team", "Team", "TEAM"):
        tagged = service.assume(tenant.key, arn, **tags((key, "blue"))).key()
        assert read_team(service, tagged) == "blue"


def test_no_character_of_another_alphabet_takes_the_place_of_a_tag_that_a_policy_denies_by(
    service: Service, tenant: Tenant
) -> None:
    trusts = [
        statement(TAGGING),
        statement("sts:TagSession", {"Null": {"aws:RequestTag/access": "false"}}) | {"Effect": "Deny"},
    ]
    denies = statement("iam:*", {"StringEquals": {"aws:PrincipalTag/access": "low"}}, Resource="*") | {"Effect": "Deny"}
    may = document(statement("iam:*", Resource="*"), denies)
    arn = make_role(service, tenant, "worker", trusts=trusts, may=may)
    assert service.call(tenant.key, "TagRole", RoleName="worker", **tags(("access", "low"))).status == 200
    assert service.assume(tenant.key, arn, **tags(("ACCESS", "x"))).status == 403
    begun = service.assume(tenant.key, arn, **tags(("acce\u017fs", "x")))
    assert [service.call(key, "ListUsers").status for key in (begun.key(), service.assume(tenant.key, arn).key())] == [
        403,
        403,
    ]


@pytest.mark.parametrize(("written", "asked"), [("Größe", "GRÖßE"), ("Équipe", "équipe"), ("Команда", "КОМАНДА")])
def test_policies_ignore_the_case_of_a_key_in_every_alphabet(
    service: Service, tenant: Tenant, written: str, asked: str
) -> None:
    may = document(statement("iam:GetUser", Resource=f"arn:aws:iam::*:user/${{aws:PrincipalTag/{asked}}}"),
        statement("iam:ListUsers", {"StringEquals": {f"aws:PrincipalTag/{asked}": "red"}}, Resource="*"))  # fmt: skip
    assert service.call(tenant.key, "CreateUser", UserName="red").status == 200
    key = service.assume(tenant.key, make_role(service, tenant, "worker", may=may), **tags((written, "red"))).key()
    assert service.call(key, "GetUser", UserName="red").status == 200
    assert service.call(key, "ListUsers").status == 200


@pytest.mark.usefixtures("users")
def test_transitive_tags_go_on_along_the_chain_and_others_end_with_their_session(
    service: Service, tenant: Tenant
) -> None:
    arns = [make_role(service, tenant, name, may=None) for name in ("one", "two")]
    last = make_role(service, tenant, "three", may=BY_TAG)
    key = tenant.key
    first = service.assume(key, arns[0], **tags(("team", "blue"), ("shift", "night"), transitive=("TEAM",)))
    second = service.assume(first.key(), arns[1])
    third = service.assume(second.key(), last)
    assert read_team(service, third.key()) == "blue"
    ended = service.assume(first.key(), last, **tags(("shift", "day"), ("team ", "red")))
    assert ended.status == 200  # "shift" ended with the first session, and "team " is another key


@pytest.mark.parametrize("key", ["team", "Team", "TEAM"])
def test_an_inherited_tag_cannot_be_overridden(service: Service, tenant: Tenant, key: str) -> None:
    arn = make_role(service, tenant, "worker")
    first = service.assume(tenant.key, arn, **tags(("team", "blue"), transitive=("team",))).key()
    refused = service.assume(first, arn, **tags((key, "red")))
    assert (refused.status, refused.code) == (400, "InvalidParameterValue")
    assert refused.message.startswith("One of the specified transitive tag keys can't be set")


FAULTS: dict[str, tuple[dict[str, str], str]] = {
    "a repeated key": (tags(("team", "a"), ("Team", "b")), "InvalidParameterValue"),
    "a repeated transitive key": (tags(("team", "a"), transitive=("team", "TEAM")), "InvalidParameterValue"),
    "a transitive key without its tag": (tags(("team", "a"), transitive=("shift",)), "InvalidParameterValue"),
    "a reserved key": (tags(("aws:team", "a")), "InvalidParameterValue"),
    "a reserved key in capitals": (tags(("AWS:team", "a")), "InvalidParameterValue"),
    "fifty-one tags": (tags(*((f"k{n}", "") for n in range(51))), "ValidationError"),
    "a long key": (tags(("k" * 129, "a")), "ValidationError"),
    "a long value": (tags(("k", "a" * 257)), "ValidationError"),
    "an empty key": (tags(("", "a")), "ValidationError"),
    "a forbidden character": (tags(("k", "a;b")), "ValidationError"),
    "a source identity of one character": ({"SourceIdentity": "a"}, "ValidationError"),
    "a source identity with a space": ({"SourceIdentity": "a b"}, "ValidationError"),
    "a padded token": ({"MinimumSessionTokenSize": "2048"}, "ValidationError"),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_what_cannot_be_tags_is_refused_by_name(service: Service, tenant: Tenant, fault: str) -> None:
    arn = make_role(service, tenant, "worker")
    parameters, code = FAULTS[fault]
    refused = service.assume(tenant.key, arn, **parameters)
    assert (refused.status, refused.code) == (400, code), refused.body


def test_fifty_tags_of_other_alphabets_fit_and_too_long_ones_are_too_large(service: Service, tenant: Tenant) -> None:
    arn = make_role(service, tenant, "worker")
    fits = service.assume(tenant.key, arn, **tags(*((f"Größe{n}", "漢字") for n in range(50))))
    assert fits.status == 200, fits.body
    assert 0 < int(fits.text("PackedPolicySize")) <= 100
    noise = [(f"k{n}", "".join(chr(0x4E00 + (n * 977 + c * 7919) % 20_000) for c in range(256))) for n in range(20)]
    refused = service.assume(tenant.key, arn, **tags(*noise))
    assert (refused.status, refused.code) == (400, "PackedPolicyTooLarge")


def test_repeated_and_untold_keys_are_told_in_aws_s_words(service: Service, tenant: Tenant) -> None:
    """As recorded of AWS in April 2025 (LocalStack's snapshot `test_assume_role_tag_validation`)."""
    arn = make_role(service, tenant, "worker")
    repeated = service.assume(tenant.key, arn, **tags(("team", "a"), ("Team", "b")))
    assert repeated.message == "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    untold = service.assume(tenant.key, arn, **tags(("team", "a"), transitive=("shift",)))
    assert untold.message == "The specified transitive tag key must be included in the requested tags."


def test_a_session_has_fifty_tags_at_most_with_those_it_inherits(service: Service, tenant: Tenant) -> None:
    arn = make_role(service, tenant, "worker")
    keys = [f"k{n}" for n in range(30)]
    first = service.assume(tenant.key, arn, **tags(*((key, "") for key in keys), transitive=tuple(keys))).key()
    assert service.assume(first, arn, **tags(*((f"more{n}", "") for n in range(20)))).status == 200
    refused = service.assume(first, arn, **tags(*((f"more{n}", "") for n in range(21))))
    assert (refused.status, refused.code) == (400, "InvalidParameterValue")


ONLY_ASSUME = [statement("sts:AssumeRole")]


@pytest.mark.parametrize(
    ("parameters", "action"),
    [(tags(("team", "blue")), "sts:TagSession"), ({"SourceIdentity": "alice"}, "sts:SetSourceIdentity")],
)
def test_tags_and_source_identity_are_demanded_of_the_trust_policy(
    service: Service, tenant: Tenant, parameters: dict[str, str], action: str
) -> None:
    arn = make_role(service, tenant, "worker", trusts=ONLY_ASSUME)
    assert service.assume(tenant.key, arn).status == 200
    refused = service.assume(tenant.key, arn, **parameters)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert f"perform: {action} on resource: {arn}" in refused.message


@pytest.mark.parametrize(
    ("parameters", "action"),
    [
        (tags(("team", "blue"), transitive=("team",)), "sts:TagSession"),
        ({"SourceIdentity": "alice"}, "sts:SetSourceIdentity"),
    ],
)
def test_they_are_demanded_also_where_they_are_inherited(
    service: Service, tenant: Tenant, parameters: dict[str, str], action: str
) -> None:
    first = make_role(service, tenant, "first")
    narrow = make_role(service, tenant, "narrow", trusts=ONLY_ASSUME)
    session = service.assume(tenant.key, first, **parameters).key()
    refused = service.assume(session, narrow)
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert f"perform: {action} on resource: {narrow}" in refused.message


CONDITIONS: dict[str, tuple[Conditions, dict[str, str], dict[str, str]]] = {
    "aws:RequestTag": (
        {"StringEquals": {"aws:RequestTag/team": "blue"}}, tags(("Team", "blue")), tags(("team", "red"))
    ),
    "aws:TagKeys": (
        {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}},
        tags(("team", "a")),
        tags(("team", "a"), ("shift", "b")),
    ),
    "sts:TransitiveTagKeys": (
        {"ForAnyValue:StringEquals": {"sts:TransitiveTagKeys": "team"}},
        tags(("team", "a"), transitive=("team",)),
        tags(("team", "a")),
    ),
    "sts:SourceIdentity": (
        {"StringLike": {"sts:SourceIdentity": "ali*"}}, {"SourceIdentity": "alice"}, {"SourceIdentity": "mallory"}
    ),
}  # fmt: skip


@pytest.mark.parametrize("key", CONDITIONS)
def test_a_trust_policy_sees_what_is_asked_for(service: Service, tenant: Tenant, key: str) -> None:
    condition, right, wrong = CONDITIONS[key]
    arn = make_role(service, tenant, "worker", trusts=[statement(TAGGING, condition)])
    assert service.assume(tenant.key, arn, **right).status == 200
    assert service.assume(tenant.key, arn, **wrong).code == "AccessDenied"
    assert service.assume(tenant.key, arn).code == "AccessDenied"  # absent, not empty


def read_source_identity(service: Service, reply: Reply) -> str | None:
    token = reply.key().token
    assert token is not None
    keys = parse_key_set(service.send(None, method="GET", path="/.well-known/jwks.json").body)
    issuer = service.settings.issuer
    return verify(token, keys, issuer=issuer, audience=issuer, now=service.clock.now()).source_identity


def test_z_06_the_source_identity_is_set_once_and_goes_with_the_chain(service: Service, tenant: Tenant) -> None:
    one, two, three = (make_role(service, tenant, name) for name in ("one", "two", "three"))
    plain = service.assume(tenant.key, one)
    assert read_source_identity(service, plain) is None
    first = service.assume(plain.key(), two, SourceIdentity="alice")
    assert first.text("SourceIdentity") == "alice"
    second = service.assume(first.key(), three)
    assert (second.text("SourceIdentity"), read_source_identity(service, second)) == ("alice", "alice")
    assert service.assume(second.key(), one, SourceIdentity="alice").status == 200
    changed = service.assume(second.key(), one, SourceIdentity="mallory")
    assert (changed.status, changed.code) == (400, "ValidationError")
    assert changed.message == "The source identity is already set for this assume role session"


def test_z_06_each_session_of_a_chain_ends_at_its_own_time(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    arn = make_role(service, tenant, "worker")
    assert service.call(tenant.key, "UpdateRole", RoleName="worker", MaxSessionDuration="7200").status == 200
    keys = [tenant.key]
    for wish in ({"DurationSeconds": "7200"}, {}, {"DurationSeconds": "900"}):
        keys.append(service.assume(keys[-1], arn, **wish).key())
    spans = [timedelta(minutes=15), timedelta(minutes=45), timedelta(hours=1)]
    for ended, span in enumerate(spans, 1):
        clock.tick(span - timedelta(seconds=1))
        standing, ending = keys[1 : 5 - ended], keys[4 - ended]
        assert {service.call(key, "GetCallerIdentity", "sts").status for key in standing} == {200}
        clock.tick(timedelta(seconds=1))
        assert service.call(ending, "GetCallerIdentity", "sts").code == "ExpiredToken"


def test_z_06_policies_see_the_source_identity_of_the_caller_s_session(service: Service, tenant: Tenant) -> None:
    condition = {"StringEquals": {"aws:SourceIdentity": "alice"}}
    arn = make_role(service, tenant, "worker", may=document(statement("iam:ListUsers", condition, Resource="*")))
    statuses = {
        name: service.call(service.assume(tenant.key, arn, **more).key(), "ListUsers").status
        for name, more in {"alice": {"SourceIdentity": "alice"}, "bob": {"SourceIdentity": "bob"}, "none": {}}.items()
    }
    assert statuses == {"alice": 200, "bob": 403, "none": 403}


def test_z_06_the_record_tells_the_source_identity(service: Service, tenant: Tenant) -> None:
    arn = make_role(service, tenant, "worker")
    session = service.assume(tenant.key, arn, SourceIdentity="alice").key()
    assert service.call(session, "ListUsers").status == 200
    records = json.loads(service.send(tenant.key, method="GET", path="/api/audit/records").body)["records"]
    told = next(each["session"] for each in records if each["event"] == "user.list.done")
    assert told["source_identity"] == "alice"


def test_what_a_caller_writes_into_a_tag_is_no_wildcard(service: Service, tenant: Tenant) -> None:
    own = document(statement("iam:GetUser", Resource="arn:aws:iam::*:user/${aws:PrincipalTag/team}"))
    arn = make_role(service, tenant, "worker", may=own)
    service.call(tenant.key, "CreateUser", UserName="red")
    for value in ("r+d", "red/", "${aws:username}"):
        answer = service.assume(tenant.key, arn, **tags(("team", value)))
        if answer.status == 200:
            assert service.call(answer.key(), "GetUser", UserName="red").code == "AccessDenied"
        else:
            assert answer.code == "ValidationError"
