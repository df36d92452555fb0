"""Chains of roles, second factors, federation and receipts: the same stories through every client."""

import base64
import json
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.verify import SessionClaims, parse_key_set, verify
from tests.authenticator import Authenticator
from tests.aws.clients import document, key_of, make_role, make_user
from tests.aws.every_client import NAMES, Client, make_client, read_instant
from tests.service import Service, Tenant, allow, trust
from tests.signing import Key

PACK_BUDGET = 2_400  # characters (DESIGN, section 5)


@pytest.fixture(params=NAMES)
def client(request: pytest.FixtureRequest, server: Service, tmp_path: Path) -> Client:
    return make_client(request.param, server, tmp_path)


@dataclass(frozen=True)
class Begun:
    """An answer that holds credentials, with what its token says, verified by the keys that the service shows."""

    answer: Mapping[str, Any]
    key: Key
    claims: SessionClaims

    @property
    def tags(self) -> Mapping[str, str]:
        pack = self.claims.claims["pack"]
        tags: Mapping[str, str] = json.loads(zlib.decompress(base64.urlsafe_b64decode(pack + "==")))["tags"]
        return tags

    def require_told_truly(self, lasts: timedelta) -> None:
        """Compare what the answer says of the session with what the token says."""
        said, claims = self.answer, self.claims
        assert claims.expires_at - claims.issued_at == lasts
        assert read_instant(said["Credentials"]["Expiration"]) == claims.expires_at
        assert said["PackedPolicySize"] == -(-100 * len(claims.claims["pack"]) // PACK_BUDGET)
        assert said.get("SourceIdentity") == claims.source_identity


def begin(client: Client, server: Service, key: Key, operation: str, **parameters: Any) -> Begun:
    answer = client.call(key, operation, **parameters)
    lent = key_of(dict(answer))
    keys = parse_key_set(server.send(None, method="GET", path="/.well-known/jwks.json").body)
    issuer = server.settings.issuer
    claims = verify(lent.token or "", keys, issuer=issuer, audience=issuer, now=datetime.now(UTC))
    return Begun(answer, lent, claims)


def as_members(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


# Of other alphabets, of two and of four bytes, with blanks of both kinds and all that an encoder may take for its own.
TRANSITIVE = {"Größe": "漢字 ß", "команда": "синие+белые=где/что", "𠮷\u00a0野": "-_.:/=+@ عربى"}
PASSING = {"shift": "night", "empty": ""}
SOURCE_IDENTITY = "alice+x=,.@-_1"
# Whoever has the transitive tags lists users; whoever has the passing ones, groups.
BY_TAGS = document(
    {"Effect": "Allow", "Action": "iam:ListUsers", "Resource": "*",
     "Condition": {"StringEquals": {f"aws:PrincipalTag/{key}": value for key, value in TRANSITIVE.items()}}},
    {"Effect": "Allow", "Action": "iam:ListGroups", "Resource": "*",
     "Condition": {"StringEquals": {f"aws:PrincipalTag/{key}": value for key, value in PASSING.items()}}},
    {"Effect": "Allow", "Action": "iam:ListRoles", "Resource": "*",
     "Condition": {"StringEquals": {"aws:SourceIdentity": SOURCE_IDENTITY}}},
    {"Effect": "Allow", "Action": "sts:*", "Resource": "*"},
)  # fmt: skip


def find_rights(server: Service, key: Key) -> set[str]:
    """Return which lists *key* may read."""
    statuses = {name: server.call(key, name).status for name in ("ListUsers", "ListGroups", "ListRoles")}
    assert set(statuses.values()) <= {200, 403}
    return {name for name, status in statuses.items() if status == 200}


def trust_with_tags(principal: str) -> str:
    action = ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]
    return document({"Effect": "Allow", "Principal": {"AWS": principal}, "Action": action})


def test_z_06_a_chain_of_three_roles_keeps_who_began_and_what_is_transitive(
    client: Client, server: Service, resident: Tenant, iam: Any
) -> None:
    roles, trusted = [], f"arn:aws:iam::{resident.account_id}:user/admin"
    for name in ("one", "two", "three"):
        roles.append(make_role(iam, name, trust_with_tags(trusted), BY_TAGS, MaxSessionDuration=7200))
        trusted = roles[-1]
    wishes: list[dict[str, Any]] = [
        {"DurationSeconds": 7200, "Tags": as_members(TRANSITIVE | PASSING), "TransitiveTagKeys": list(TRANSITIVE),
         "SourceIdentity": SOURCE_IDENTITY},
        {"Tags": as_members({"shift": "day"})},
        {"DurationSeconds": 900},
    ]  # fmt: skip
    spans = [timedelta(hours=2), timedelta(hours=1), timedelta(minutes=15)]
    tags = [TRANSITIVE | PASSING, TRANSITIVE | {"shift": "day"}, TRANSITIVE]
    hops: list[Begun] = []
    for number, (arn, wish) in enumerate(zip(roles, wishes, strict=True)):
        key = hops[-1].key if hops else resident.key
        hop = begin(client, server, key, "sts.AssumeRole", RoleArn=arn, RoleSessionName=f"hop-{number}", **wish)
        hops.append(hop)
        hop.require_told_truly(spans[number])
        assert hop.claims.source_identity == SOURCE_IDENTITY
        assert hop.tags == tags[number]
        require_chain(hops, roles, resident)
        assert find_rights(server, hop.key) == {"ListUsers", "ListRoles"} | (set() if number else {"ListGroups"})
    told = client.call(hops[-1].key, "sts.GetCallerIdentity")
    assert told["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/three/hop-2"
    over = client.refuse(hops[1].key, "sts.AssumeRole", RoleArn=roles[2], RoleSessionName="me", DurationSeconds=3601)
    assert over.code == "ValidationError"
    assert "1 hour session limit" in over.message


def require_chain(hops: list[Begun], roles: list[str], tenant: Tenant) -> None:
    """Compare the `chain` of the last hop with who began and with the tokens of all hops."""
    first, *rest = hops[-1].claims.claims["chain"]
    arn, session_name, _, _, jti, access_key_id = first
    assert (arn, session_name, jti) == (f"arn:aws:iam::{tenant.account_id}:user/admin", "", "")
    assert access_key_id == tenant.key.access_key_id
    assert [(link[0], link[1], link[3], link[4]) for link in rest] == [
        (roles[number], f"hop-{number}", hop.claims.principal_id, hop.claims.jti) for number, hop in enumerate(hops)
    ]
    instants = [link[2] for link in (first, *rest)]
    assert instants == sorted(instants)


def test_z_06_no_hop_changes_what_the_chain_began_with(
    client: Client, resident: Tenant, iam: Any, server: Service
) -> None:
    root = f"arn:aws:iam::{resident.account_id}:root"
    arn = make_role(iam, "any", trust_with_tags(root), allow("*"))
    asked = {"RoleArn": arn, "RoleSessionName": "me"}
    wish = {"Tags": as_members(TRANSITIVE), "TransitiveTagKeys": ["GRÖßE", *list(TRANSITIVE)[1:]]}
    first = begin(client, server, resident.key, "sts.AssumeRole", **asked, **wish, SourceIdentity=SOURCE_IDENTITY)
    said = "the source identity is already set"
    assert said in client.refuse(first.key, "sts.AssumeRole", **asked, SourceIdentity="mallory").message.lower()
    for key in ("größe", "GRÖßE", "Größe"):
        changed = client.refuse(first.key, "sts.AssumeRole", **asked, Tags=as_members({key: "x"}))
        assert changed.code.startswith("InvalidParameterValue")
        assert "conflicts with a transitive tag key" in changed.message


def enable_device(client: Client, key: Key, name: str) -> tuple[str, Authenticator]:
    """Make a device and enable it for the administrator; the code of the next step is left, whenever this one ends."""
    serial_number, seed = client.make_device(key, name)
    device = Authenticator(seed)
    codes = device.pair(datetime.now(UTC))
    client.call(key, "iam.EnableMFADevice", UserName="admin", SerialNumber=serial_number, **codes)
    return serial_number, device


def show(serial_number: str, device: Authenticator) -> dict[str, str]:
    return {"SerialNumber": serial_number, "TokenCode": device.code(datetime.now(UTC), 1)}


def test_a_second_factor_is_shown_with_a_code_that_its_device_shows(
    client: Client, server: Service, resident: Tenant, iam: Any
) -> None:
    phone, tablet = (enable_device(client, resident.key, name) for name in ("phone", "tablet"))
    user = f"arn:aws:iam::{resident.account_id}:user/admin"
    present = {"Bool": {"aws:MultiFactorAuthPresent": "true"}, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}
    arn = make_role(iam, "guarded", trust(user, condition=present), allow("iam:ListUsers"))
    asked = {"RoleArn": arn, "RoleSessionName": "me"}
    assert client.refuse(resident.key, "sts.AssumeRole", **asked).code == "AccessDenied"
    strange = {"SerialNumber": phone[0], "TokenCode": show(*tablet)["TokenCode"]}
    for operation, more in (("sts.AssumeRole", asked), ("sts.GetSessionToken", {})):
        refused = client.refuse(resident.key, operation, **more, **strange)
        assert refused.code == "AccessDenied"
        assert "with invalid MFA one time pass code" in refused.message
    begun = client.call(resident.key, "sts.AssumeRole", **asked, **show(*phone))
    assert find_rights(server, key_of(dict(begun))) == {"ListUsers"}
    shown = show(*tablet)
    lent = begin(client, server, resident.key, "sts.GetSessionToken", **shown, DurationSeconds=900)
    assert lent.claims.expires_at - lent.claims.issued_at == timedelta(minutes=15)
    assert lent.claims.authentication_methods == ("mfa", "otp")
    assert client.call(lent.key, "iam.ListMFADevices")["MFADevices"]
    assert client.call(lent.key, "sts.AssumeRole", **asked)["AssumedRoleUser"]
    assert "invalid MFA" in client.refuse(resident.key, "sts.GetSessionToken", **shown).message
    plain = key_of(dict(client.call(resident.key, "sts.GetSessionToken")))
    assert client.refuse(plain, "iam.ListMFADevices").code == "InvalidClientTokenId"


def test_a_federated_user_is_whom_the_user_vouches_for(client: Client, server: Service, resident: Tenant) -> None:
    wish = {"Name": "Bob.Smith@x", "Policy": allow("sts:*"), "DurationSeconds": 900, "Tags": as_members(TRANSITIVE)}
    managed = [{"arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}]
    guest = begin(client, server, resident.key, "sts.GetFederationToken", **wish, PolicyArns=managed)
    guest.require_told_truly(timedelta(minutes=15))
    arn = f"arn:aws:sts::{resident.account_id}:federated-user/Bob.Smith@x"
    assert guest.answer["FederatedUser"] == {"Arn": arn, "FederatedUserId": f"{resident.account_id}:Bob.Smith@x"}
    assert client.call(guest.key, "sts.GetCallerIdentity")["Arn"] == arn
    assert guest.tags == TRANSITIVE
    user = f"arn:aws:iam::{resident.account_id}:user/admin"
    assert [link[:2] for link in guest.claims.claims["chain"]] == [[user, ""], [user, "Bob.Smith@x"]]
    role = {"RoleArn": f"arn:aws:iam::{resident.account_id}:role/any", "RoleSessionName": "me"}
    assert client.refuse(guest.key, "sts.AssumeRole", **role).code == "AccessDenied"
    assert client.refuse(guest.key, "sts.GetFederationToken", **wish).code == "AccessDenied"
    assert client.refuse(guest.key, "iam.ListUsers").code == "InvalidClientTokenId"


def test_a_role_that_is_linked_to_a_service_is_made_and_deleted_by_a_task(client: Client, resident: Tenant) -> None:
    asked = {"AWSServiceName": "autoscaling.amazonaws.com", "Description": "Größe"}
    made = client.call(resident.key, "iam.CreateServiceLinkedRole", **asked)["Role"]
    path = "/aws-service-role/autoscaling.amazonaws.com/"
    name = "AWSServiceRoleForAutoScaling"
    assert made["Arn"] == f"arn:aws:iam::{resident.account_id}:role{path}{name}"
    assert (made["Path"], made["RoleName"], made["Description"]) == (path, name, "Größe")
    again = client.refuse(resident.key, "iam.CreateServiceLinkedRole", **asked)
    assert again.code.startswith("InvalidInput")
    assert client.refuse(resident.key, "iam.DeleteRole", RoleName=name).code.startswith("UnmodifiableEntity")
    task = client.call(resident.key, "iam.DeleteServiceLinkedRole", RoleName=name)["DeletionTaskId"]
    told = client.call(resident.key, "iam.GetServiceLinkedRoleDeletionStatus", DeletionTaskId=task)
    assert told["Status"] == "SUCCEEDED"
    assert client.refuse(resident.key, "iam.GetRole", RoleName=name).code.startswith("NoSuchEntity")


def test_an_administrator_reads_the_receipt_of_a_denial_and_mends_the_policy(
    client: Client, server: Service, resident: Tenant, iam: Any
) -> None:
    """The user may read who bears the tag `team`, but the policy wants it of another colour than it is."""
    iam.create_user(UserName="bob", Tags=as_members({"team": "синие"}))
    key = make_user(iam, "ann", permit("красные"))
    denied = client.refuse(key, "iam.GetUser", UserName="bob")
    assert denied.code == "AccessDenied"
    assert "красные" not in denied.message
    message = client.call(resident.key, "sts.DecodeAuthorizationMessage", EncodedMessage=denied.receipt)
    told = json.loads(message["DecodedMessage"])
    (failure,) = told["failures"]["items"]
    assert failure["statement"]["sid"] == "ByTeam"
    assert (failure["key"], failure["wanted"], failure["seen"]) == ("aws:ResourceTag/team", ["красные"], ["синие"])
    _, policy, _, bearer = failure["statement"]["policy"].split()
    assert bearer == "user/ann"
    mended = {"UserName": "ann", "PolicyName": json.loads(policy), "PolicyDocument": permit(*failure["seen"])}
    client.call(resident.key, "iam.PutUserPolicy", **mended)
    assert client.call(key, "iam.GetUser", UserName="bob")["User"]["UserName"] == "bob"
    assert client.refuse(key, "sts.DecodeAuthorizationMessage", EncodedMessage=denied.receipt).code == "AccessDenied"
    stranger = server.tenant().key
    for reader, receipt in ((stranger, denied.receipt), (resident.key, denied.receipt[:-8])):
        refused = client.refuse(reader, "sts.DecodeAuthorizationMessage", EncodedMessage=receipt)
        assert refused.code == "InvalidAuthorizationMessageException"


def permit(team: str) -> str:
    condition = {"StringEquals": {"aws:ResourceTag/team": team}}
    statement = {"Sid": "ByTeam", "Effect": "Allow", "Action": "iam:GetUser", "Resource": "*"}
    return document(statement | {"Condition": condition})
