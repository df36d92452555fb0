"""Z-03: a form sets what its operation offers and nothing else; an answer shows no secret."""

import pytest

from tests.security.lifecycle import BEGUN, EVERY, Call, populate
from tests.security.stored import read_tables
from tests.security.wire import assume, invoke, told
from tests.service import Service, Tenant, trust

# What the tables and the nouns hold beside what a caller may set, and what a framework might bind by name.
MEMBERS = (
    "AccountId",
    "account_id",
    "UserId",
    "RoleId",
    "UniqueId",
    "unique_id",
    "Arn",
    "CreateDate",
    "created_at",
    "Enabled",
    "enabled",
    "Active",
    "IsAdmin",
    "is_admin",
    "Owner",
    "owner",
    "SecretAccessKey",
    "sealed_secret",
    "PasswordHash",
    "IsDefaultVersion",
    "AttachmentCount",
    "__class__",
    "Policy.Document",
    "User.Enabled",
    "bearer_id",
    "boundary_id",
)


def test_z_03_a_member_that_an_operation_does_not_offer_is_refused_by_name(service: Service, tenant: Tenant) -> None:
    populate(service, tenant)
    before = read_tables(service)
    for number, call in enumerate(EVERY):
        member = MEMBERS[number % len(MEMBERS)]
        more = Call(call.service, call.name, {**call.parameters, member: "true"})
        reply = more.send(service, tenant.key, tenant.account_id, tenant.key.access_key_id)
        assert told(reply) == (400, "ValidationError"), (call.name, member)
        assert member.split(".")[0].lower() in reply.message.lower()
    assert read_tables(service) == before


@pytest.mark.parametrize("call", BEGUN, ids=lambda call: call.name)
def test_z_03_nothing_is_made_with_a_member_that_is_not_offered(still: Service, guest: Tenant, call: Call) -> None:
    for member in MEMBERS:
        more = Call(call.service, call.name, {**call.parameters, member: "1"})
        assert told(more.send(still, guest.key, guest.account_id, "")) == (400, "ValidationError"), member
    done = call.send(still, guest.key, guest.account_id, "")
    assert done.status == (404 if call.name in {"CreateAccessKey", "CreateLoginProfile"} else 200)


@pytest.mark.parametrize(
    "parameters",
    [
        {"ProvidedContexts.member.1.ProviderArn": "arn:aws:iam::123456789012:x"},
        {"aws:PrincipalArn": "arn:aws:iam::123456789012:root"},
        {"aws:SourceIp": "127.0.0.1"},
        {"AccountId": "123456789012"},
        {"SecretAccessKey": "known"},
    ],
    ids=lambda parameters: next(iter(parameters)),
)
def test_z_03_a_session_says_nothing_that_its_beginner_made_up(
    still: Service, guest: Tenant, parameters: dict[str, str]
) -> None:
    trusted = trust(f"arn:aws:iam::{guest.account_id}:user/admin")
    invoke(still, guest.key, "CreateRole", RoleName="role", AssumeRolePolicyDocument=trusted)
    arn = f"arn:aws:iam::{guest.account_id}:role/role"
    assert assume(still, guest.key, arn).status == 200
    assert told(assume(still, guest.key, arn, **parameters)) == (400, "ValidationError")


@pytest.mark.parametrize(
    "parameters",
    [{"SourceIdentity": "boss"}, {"Tags.member.1.Key": "a", "Tags.member.1.Value": "b"}],
    ids=lambda parameters: next(iter(parameters)),
)
def test_z_03_nobody_tags_a_session_or_names_its_source_without_the_right_to(
    still: Service, guest: Tenant, parameters: dict[str, str]
) -> None:
    trusted = trust(f"arn:aws:iam::{guest.account_id}:user/admin")
    invoke(still, guest.key, "CreateRole", RoleName="role", AssumeRolePolicyDocument=trusted)
    arn = f"arn:aws:iam::{guest.account_id}:role/role"
    assert told(assume(still, guest.key, arn, **parameters)) == (403, "AccessDenied")


def test_z_03_no_answer_shows_a_secret_but_the_one_that_makes_it(service: Service, tenant: Tenant) -> None:
    user = populate(service, tenant)
    for call in EVERY:
        makes_one = call.name in {"GetSessionToken", "GetFederationToken"}
        if call.name.startswith(("Get", "List", "CreatePolicyVersion")) and not makes_one:
            reply = call.send(service, tenant.key, tenant.account_id, user.access_key_id)
            assert reply.status == call.status, call
            assert user.secret.encode() not in reply.body
            assert b"SecretAccessKey" not in reply.body
            assert b"Seed" not in reply.body
            assert b"sealed" not in reply.body.lower()


@pytest.mark.parametrize(
    "header",
    ["aws-principalarn", "aws-sourceip", "aws-username", "x-forwarded-for", "x-real-ip", "forwarded", "client-ip"],
)
def test_z_03_no_header_sets_what_a_policy_asks(still: Service, guest: Tenant, header: str) -> None:
    arn = f"arn:aws:iam::{guest.account_id}:user/admin"
    trusted = trust(arn, condition={"IpAddress": {"aws:SourceIp": "203.0.113.0/24"}})
    invoke(still, guest.key, "CreateRole", RoleName="role", AssumeRolePolicyDocument=trusted)
    body = (
        f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=session&RoleArn={arn.replace('user/admin', 'role/role')}"
    )
    reply = still.send(guest.key, body=body.encode(), headers={header: "203.0.113.7"})
    assert told(reply) == (403, "AccessDenied")
