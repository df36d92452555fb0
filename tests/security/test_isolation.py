"""Z-02, Z-07: with another account's names, ARNs and identifiers nothing of it is reached."""

import re
from collections import Counter
from collections.abc import Callable
from typing import TypeAlias

import pytest

from tests.security.forging import begin_session
from tests.security.lifecycle import BEGUN, BY_TOKEN, ENDED, LISTED, LIVED, Call, populate
from tests.security.stored import Tables, read_tables
from tests.security.wire import as_json, assume, invoke, told
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

AsWhom: TypeAlias = Callable[[Service, Tenant], Key]
_LENT = {"GetSessionToken", "GetFederationToken"}
_OPEN_TO_ALL = _LENT | {"GetCallerIdentity", "GetAccessKeyInfo", "DecodeAuthorizationMessage"}
_OF_THE_ACCOUNT = {f"{verb}AccountPasswordPolicy" for verb in ("Get", "Update", "Delete")}  # which no command names
_OF_ITS_OWN = BY_TOKEN | {
    "CreateAccountAlias": (409, "EntityAlreadyExists"),  # the name of one account alone, and meant to be known
    "DeleteOpenIDConnectProvider": (200, ""),  # one that is not there is not missed, as at AWS
    # Of the caller's own account, which has not enabled it.
    "GetWebIdentityToken": (403, "OutboundWebIdentityFederationDisabledException"),
    "GetOutboundWebIdentityFederationInfo": (404, "FeatureDisabled"),
    "DisableOutboundWebIdentityFederation": (404, "FeatureDisabled"),
}
_NOT_OF_AN_ACCOUNT = {"version", "change"}


def _lost(before: Tables, after: Tables) -> list[object]:
    """Return what stood in *before* and stands no longer."""
    return [
        (name, row)
        for name in before.keys() - _NOT_OF_AN_ACCOUNT
        for row in (Counter(before[name]) - Counter(after[name])).elements()
    ]


def _marks(tables: Tables) -> set[str]:
    """Return the unique ids and key ids of everything in *tables*: what an answer about it would hold."""
    prefixes = ("AIDA", "AGPA", "AROA", "ANPA", "AKIA")
    cells = (cell for rows in tables.values() for row in rows for cell in row if isinstance(cell, str))
    return {cell for cell in cells if cell.startswith(prefixes)}


def _administrator(_service: Service, tenant: Tenant) -> Key:
    return tenant.key


def _root(service: Service, tenant: Tenant) -> Key:
    return service.root_key(tenant)


def _session(service: Service, tenant: Tenant) -> Key:
    return begin_session(service, tenant, "visitor")


@pytest.mark.parametrize("whom", [_administrator, _root, _session])
def test_z_02_z_07_every_operation_with_anothers_names_reaches_nothing(
    service: Service, tenant: Tenant, whom: AsWhom
) -> None:
    theirs = populate(service, tenant)
    marks = _marks(read_tables(service)) - _marks_of_service(service)
    assert len(marks) >= 7
    other = service.tenant()
    key = whom(service, other)
    before = read_tables(service)
    for call in (*LIVED, *ENDED, *LISTED, *BEGUN):
        reply = call.send(service, key, tenant.account_id, theirs.access_key_id)
        assert told_or_done(reply) == _wanted(call, key, whom), (call, reply.body)
        assert not [mark for mark in marks - {theirs.access_key_id} if mark.encode() in reply.body]
    assert _lost(before, read_tables(service)) == []
    assert invoke(service, theirs, "GetCallerIdentity", "sts").status == 200


def _marks_of_service(service: Service) -> set[str]:
    """Return the ids of the managed policies that belong to everyone."""
    return {str(row[0]) for row in read_tables(service)["policy"] if row[1] == "aws"}


def told_or_done(reply: Reply) -> tuple[int, str]:
    return (200, "") if reply.status == 200 else told(reply)


def _wanted(call: Call, key: Key, whom: AsWhom) -> tuple[int, str]:
    if (call.name in _LENT and key.token is not None) or call.name == "AssumeRole":
        return 403, "AccessDenied"
    if call.name in _OF_ITS_OWN:
        return (403, "AccessDenied") if (call.name, whom) == ("GetWebIdentityToken", _root) else _OF_ITS_OWN[call.name]
    if call.name in _OPEN_TO_ALL | _OF_THE_ACCOUNT or call in LISTED:
        return 200, ""
    if call.name == "ChangePassword":  # of the caller, who has none
        return (403, "AccessDenied") if whom is _administrator else (400, "InvalidUserType")
    if call in BEGUN:
        # The names are the other account's, and free in the caller's own; of a trust policy's principal it learns
        # nothing but that it exists, as at AWS.
        return 200, ""
    return 404, "NoSuchEntity"


def test_z_02_an_arn_in_place_of_a_name_is_no_name(still: Service, guest: Tenant) -> None:
    other = still.tenant()
    kinds = {"UserName": "user/ursula", "GroupName": "group/grace", "RoleName": "role/rolf"}
    for call in (*LIVED, *ENDED):
        named = {
            name: f"arn:aws:iam::{guest.account_id}:{kinds[name]}" if name in kinds else value
            for name, value in call.parameters.items()
        }
        if kinds.keys() & named.keys():
            reply = Call(call.service, call.name, named).send(still, other.key, guest.account_id, "AKIA" + "A" * 16)
            assert told(reply) == (400, "ValidationError")


def test_z_07_a_policy_that_allows_everything_allows_it_in_its_own_account(service: Service, tenant: Tenant) -> None:
    populate(service, tenant)
    other = service.tenant()
    arns = [f"arn:aws:iam::{tenant.account_id}:{kind}/*" for kind in ("user", "group", "role", "policy", "mfa")]
    invoke(service, other.key, "CreateUser", UserName="reaching")
    invoke(service, other.key, "PutUserPolicy", UserName="reaching", PolicyName="far", PolicyDocument=allow("*", arns))
    made = invoke(service, other.key, "CreateAccessKey", UserName="reaching")
    reaching = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    before = read_tables(service)
    for call in (*LIVED, *ENDED):
        if call.name in _OPEN_TO_ALL | BY_TOKEN.keys():
            continue
        reply = call.send(service, reaching, tenant.account_id, tenant.key.access_key_id)
        assert reply.status in {403, 404}, (call, reply.body)
    assert read_tables(service) == before


def test_z_07_the_lists_of_an_account_hold_its_own_alone(service: Service, tenant: Tenant) -> None:
    populate(service, tenant)
    other = service.tenant()
    for call in LISTED:
        body = call.send(service, other.key, other.account_id, "").body.decode()
        assert tenant.account_id not in body
        assert not re.search(r"\b(ursula|grace|rolf|paul|mary|irene|oscar)\b", body)
    records = as_json(service.send(other.key, method="GET", path="/api/audit/records"))["records"]
    assert records
    assert {record["principal"]["account_id"] for record in records} == {other.account_id}


def test_z_07_a_marker_of_one_account_leads_nowhere_in_another(service: Service, tenant: Tenant) -> None:
    for name in ("anna", "berta"):
        invoke(service, tenant.key, "CreateUser", UserName=name)
    marker = invoke(service, tenant.key, "ListUsers", MaxItems="1").text("Marker")
    assert invoke(service, tenant.key, "ListUsers", MaxItems="1", Marker=marker).status == 200
    assert told(invoke(service, service.tenant().key, "ListUsers", Marker=marker)) == (400, "ValidationError")


def test_z_07_a_policy_of_another_account_cannot_be_attached(service: Service, tenant: Tenant) -> None:
    populate(service, tenant)
    other = service.tenant()
    invoke(service, other.key, "CreateUser", UserName="own")
    arn = f"arn:aws:iam::{tenant.account_id}:policy/paul"
    assert told(invoke(service, other.key, "AttachUserPolicy", UserName="own", PolicyArn=arn)) == (404, "NoSuchEntity")


def test_z_07_an_external_id_keeps_a_deputy_from_being_confused(service: Service, tenant: Tenant) -> None:
    deputy = service.tenant()
    trusted = trust(
        f"arn:aws:iam::{deputy.account_id}:root", condition={"StringEquals": {"sts:ExternalId": "customer-7"}}
    )
    invoke(service, tenant.key, "CreateRole", RoleName="served", AssumeRolePolicyDocument=trusted)
    arn = f"arn:aws:iam::{tenant.account_id}:role/served"
    assert assume(service, deputy.key, arn, ExternalId="customer-7").status == 200
    # A victim's role named by somebody else comes with that somebody's own external id, or none.
    for wrong in (
        {},
        {"ExternalId": "customer-8"},
        {"ExternalId": "CUSTOMER-7"},
        {"ExternalId": "customer-7,customer-8"},
    ):
        assert told(assume(service, deputy.key, arn, **wrong)) == (403, "AccessDenied")
    assert told(assume(service, deputy.key, arn, ExternalId="customer-*")) == (400, "ValidationError")
    bystander = service.tenant()
    assert told(assume(service, bystander.key, arn, ExternalId="customer-7")) == (403, "AccessDenied")
