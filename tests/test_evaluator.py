"""Each condition key that the service knows is there exactly when AWS has it: callers against keys."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, timezone

import pytest

from sts.evaluator import Circumstances, _context
from sts.model import Caller, CallerKind, Session, role_session_caller
from tests.conftest import BEGINNING
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key, encode

ACCOUNT = "111122223333"
ISSUED = BEGINNING - timedelta(minutes=7)
USER = Caller(
    kind=CallerKind.USER,
    account_id=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:user/team/alice",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:user/team/alice",
    unique_id="AIDAALICE",
    userid="AIDAALICE",
    access_key_id="AKIAALICE",
    user_name="alice",
)
ROOT = Caller(
    kind=CallerKind.ROOT,
    account_id=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:root",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:root",
    unique_id=ACCOUNT,
    userid=ACCOUNT,
)
SESSION = role_session_caller(
    Session(
        jti="jti",
        access_key_id="ASIASESSION",
        account_id=ACCOUNT,
        principal_id="AROAAPP",
        principal_arn=f"arn:aws:iam::{ACCOUNT}:role/far/app",
        session_name="one",
        issued_at=ISSUED,
        expires_at=ISSUED + timedelta(hours=1),
        chain=(),
    )
)
HERE = Circumstances(
    at=BEGINNING, source_ip="192.0.2.7", user_agent="aws-cli/2", secure_transport=True, region="eu-central-1"
)
EVERYONE = {
    "aws:principalaccount": ACCOUNT,
    "aws:sourceip": "192.0.2.7",
    "aws:useragent": "aws-cli/2",
    "aws:securetransport": "true",
    "aws:currenttime": "2026-03-02T12:00:00Z",
    "aws:epochtime": "1772452800",
    "aws:requestedregion": "eu-central-1",
    "aws:principalisawsservice": "false",
    "aws:viaawsservice": "false",
}
# What a caller of each kind has beside what everyone has: IAM User Guide, "AWS global condition context keys", and the
# table of principal key values of "IAM JSON policy elements: Variables and tags".
OWN: dict[str, tuple[Caller, dict[str, str]]] = {
    "root": (
        ROOT,
        {
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:root",
            "aws:principaltype": "Account",
            "aws:userid": ACCOUNT,
        },
    ),
    "user": (
        USER,
        {
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:user/team/alice",
            "aws:principaltype": "User",
            "aws:userid": "AIDAALICE",
            "aws:username": "alice",
        },
    ),
    "role session": (
        SESSION,
        {
            "aws:principalarn": f"arn:aws:iam::{ACCOUNT}:role/far/app",
            "aws:principaltype": "AssumedRole",
            "aws:userid": "AROAAPP:one",
            "aws:tokenissuetime": "2026-03-02T11:53:00Z",
        },
    ),
}


@pytest.mark.pure
@pytest.mark.parametrize("kind", OWN)
def test_a_caller_of_each_kind_has_exactly_its_keys(kind: str) -> None:
    caller, own = OWN[kind]
    assert _context(caller, HERE) == {key: (value,) for key, value in (EVERYONE | own).items()}


@pytest.mark.pure
@pytest.mark.parametrize("kind", OWN)
def test_a_client_that_does_not_name_itself_has_no_user_agent(kind: str) -> None:
    caller, own = OWN[kind]
    assert _context(caller, replace(HERE, user_agent="")).keys() == (EVERYONE | own).keys() - {"aws:useragent"}


@pytest.mark.pure
def test_plain_http_is_said_to_be_plain() -> None:
    assert _context(USER, replace(HERE, secure_transport=False))["aws:securetransport"] == ("false",)


@pytest.mark.pure
def test_times_are_said_in_utc_and_whole_seconds() -> None:
    at = datetime(2026, 3, 2, 13, 0, 0, 999_999, tzinfo=timezone(timedelta(hours=1)))
    said = _context(USER, replace(HERE, at=at))
    assert (said["aws:currenttime"], said["aws:epochtime"]) == (("2026-03-02T12:00:00Z",), ("1772452800",))
    assert at.astimezone(UTC) < BEGINNING + timedelta(seconds=1)


KEYS = (
    "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:username", "aws:SourceIp",
    "aws:UserAgent", "aws:SecureTransport", "aws:CurrentTime", "aws:EpochTime", "aws:TokenIssueTime",
    "aws:RequestedRegion", "sts:ExternalId", "sts:RoleSessionName", "iam:PolicyARN", "iam:PermissionsBoundary",
    "iam:PassedToService", "iam:ResourceTag/team", "aws:ResourceTag/team", "aws:RequestTag/team", "aws:TagKeys",
    "aws:PrincipalTag/team", "aws:ResourceAccount", "aws:PrincipalIsAWSService", "aws:ViaAWSService",
)  # fmt: skip
COMMON = {
    "aws:PrincipalArn", "aws:PrincipalAccount", "aws:PrincipalType", "aws:userid", "aws:SourceIp", "aws:UserAgent",
    "aws:SecureTransport", "aws:CurrentTime", "aws:EpochTime", "aws:RequestedRegion", "aws:ResourceAccount",
    "aws:PrincipalIsAWSService", "aws:ViaAWSService",
}  # fmt: skip


@dataclass
class Stage:
    """A user and a role with the same rights, in a running service."""

    service: Service
    tenant: Tenant
    user: Key
    session: Key
    role_arn: str

    def present(self, action: str, parameters: Mapping[str, str], of: str = "user") -> set[str]:
        """Return the condition keys that the user or the session has when it calls: asked one by one."""
        found = set()
        for key in KEYS:
            statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {"Null": {key: "false"}}}
            document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            put = {"user": ("PutUserPolicy", "UserName", "carol"), "session": ("PutRolePolicy", "RoleName", "app")}[of]
            self.must(put[0], PolicyName="rights", PolicyDocument=document, **{put[1]: put[2]})
            service, name = action.split(":")
            answer = self.service.call(getattr(self, of), name, service, **parameters)
            if answer.status == 403:
                assert answer.code == "AccessDenied"
            else:
                found.add(key)
        return found

    def must(self, action: str, **parameters: str) -> Reply:
        answer = self.service.call(self.tenant.key, action, **parameters)
        assert answer.status == 200, answer.body
        return answer


@pytest.fixture
def stage(service: Service, tenant: Tenant) -> Stage:
    def must(action: str, **parameters: str) -> Reply:
        answer = service.call(tenant.key, action, **parameters)
        assert answer.status == 200, answer.body
        return answer

    must("CreateUser", UserName="carol")
    made = must("CreateAccessKey", UserName="carol")
    carol = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    trusting = trust(f"arn:aws:iam::{tenant.account_id}:root")
    role_arn = must("CreateRole", RoleName="app", AssumeRolePolicyDocument=trusting).text("Arn")
    session = service.assume(tenant.key, role_arn).key()
    return Stage(service, tenant, carol, session, role_arn)


def test_a_user_that_calls_has_its_keys(stage: Stage) -> None:
    assert stage.present("iam:ListUsers", {}) == COMMON | {"aws:username"}


def test_a_session_that_calls_has_its_keys(stage: Stage) -> None:
    assert stage.present("iam:ListUsers", {}, of="session") == COMMON | {"aws:TokenIssueTime"}


@pytest.mark.parametrize(
    ("more", "keys"), [({}, set[str]()), ({"ExternalId": "partner"}, {"sts:ExternalId"})], ids=["without", "with"]
)
def test_who_assumes_a_role_has_the_session_name_and_the_external_id_if_one_is_sent(
    stage: Stage, more: dict[str, str], keys: set[str]
) -> None:
    sent = {"RoleArn": stage.role_arn, "RoleSessionName": "two", **more}
    assert stage.present("sts:AssumeRole", sent) == COMMON | {"aws:username", "sts:RoleSessionName"} | keys


def test_who_attaches_a_policy_has_its_arn(stage: Stage) -> None:
    sent = {"UserName": "carol", "PolicyArn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}
    assert stage.present("iam:AttachUserPolicy", sent) == COMMON | {"aws:username", "iam:PolicyARN"}


TAG = {"Tags.member.1.Key": "Team", "Tags.member.1.Value": "blue"}
RESOURCE_TAG = {"iam:ResourceTag/team", "aws:ResourceTag/team"}


def test_who_calls_about_what_bears_a_tag_has_the_tag(stage: Stage) -> None:
    assert stage.present("iam:GetRole", {"RoleName": "app"}) == COMMON | {"aws:username"}
    stage.must("TagRole", RoleName="app", **TAG)
    assert stage.present("iam:GetRole", {"RoleName": "app"}) == COMMON | {"aws:username"} | RESOURCE_TAG
    sent = {"RoleArn": stage.role_arn, "RoleSessionName": "two"}
    found = stage.present("sts:AssumeRole", sent)
    assert found == COMMON | {"aws:username", "sts:RoleSessionName"} | RESOURCE_TAG


def test_who_bears_a_tag_has_it_as_principal(stage: Stage) -> None:
    stage.must("TagUser", UserName="carol", **TAG)
    assert stage.present("iam:ListUsers", {}) == COMMON | {"aws:username", "aws:PrincipalTag/team"}
    assert stage.present("iam:ListUsers", {}, of="session") == COMMON | {"aws:TokenIssueTime"}
    stage.must("TagRole", RoleName="app", **TAG)
    found = stage.present("iam:ListUsers", {}, of="session")
    assert found == COMMON | {"aws:TokenIssueTime", "aws:PrincipalTag/team"}


def test_who_puts_a_tag_or_takes_it_away_has_its_key(stage: Stage) -> None:
    stage.must("CreateUser", UserName="dora")
    own = COMMON | {"aws:username"}
    # The first call that is allowed puts the tag, and the calls behind it find it there.
    put = stage.present("iam:TagUser", {"UserName": "dora", **TAG})
    assert put == own | RESOURCE_TAG | {"aws:RequestTag/team", "aws:TagKeys"}
    taken = stage.present("iam:UntagUser", {"UserName": "dora", "TagKeys.member.1": "other"})
    assert taken == own | RESOURCE_TAG | {"aws:TagKeys"}


def test_who_changes_the_rights_of_what_is_bounded_has_the_boundary(stage: Stage) -> None:
    stage.must("CreateUser", UserName="dora", PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess")
    sent = {"UserName": "dora", "PolicyName": "p", "PolicyDocument": allow("s3:*")}
    own = COMMON | {"aws:username"}
    assert stage.present("iam:PutUserPolicy", sent) == own | {"iam:PermissionsBoundary"}
    assert stage.present("iam:GetUser", {"UserName": "dora"}) == own
    stage.must(
        "CreateRole",
        RoleName="held",
        AssumeRolePolicyDocument=trust(f"arn:aws:iam::{stage.tenant.account_id}:root"),
        PermissionsBoundary="arn:aws:iam::aws:policy/IAMFullAccess",
    )
    sent = {"RoleName": "held", "Description": "told"}
    assert stage.present("iam:UpdateRole", sent) == own | {"iam:PermissionsBoundary"}


@pytest.mark.parametrize("header", ["aws-username", "x-forwarded-for", "x-forwarded-proto", "x-real-ip", "forwarded"])
def test_no_header_sets_a_condition_key(stage: Stage, header: str) -> None:
    """Nobody but a trusted proxy says from where a request came, and nobody at all who sends it."""
    for key, forged in (
        ("aws:SourceIp", "203.0.113.9"),
        ("aws:SecureTransport", "https"),
        ("aws:SourceIp", "for=203.0.113.9;proto=https"),
    ):
        wanted = {"aws:SourceIp": ("IpAddress", "203.0.113.9"), "aws:SecureTransport": ("Bool", "true")}[key]
        statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {wanted[0]: {key: wanted[1]}}}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        stage.must("PutUserPolicy", UserName="carol", PolicyName="rights", PolicyDocument=document)
        body = encode({"Action": "ListUsers", "Version": "2010-05-08"}).encode()
        answer = stage.service.send(stage.user, body=body, service="iam", headers={header: forged})
        assert (answer.status, answer.code) == (403, "AccessDenied")


def test_a_policy_speaks_for_its_own_caller_only(stage: Stage) -> None:
    stage.must("PutUserPolicy", UserName="carol", PolicyName="rights", PolicyDocument=allow("iam:ListUsers"))
    assert stage.service.call(stage.user, "ListUsers").status == 200
    assert stage.service.call(stage.session, "ListUsers").status == 403


def test_a_request_without_an_address_has_no_source_address() -> None:
    assert "aws:sourceip" in _context(USER, HERE)
    assert "aws:sourceip" not in _context(USER, replace(HERE, source_ip=""))
