"""Every operation of the table, called once, in an order in which each of them succeeds."""

from collections.abc import Mapping
from dataclasses import dataclass

from tests.authenticator import read_unused_pair
from tests.security.wire import invoke
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key


@dataclass(frozen=True)
class Call:
    """An operation with its parameters; those in braces stand for what only the service knows.

    They are `{account}`, `{key}`, `{receipt}`, and `{unused}` for a code that was not used.

    *status* is that of its answer to who may do everything.
    """

    service: str
    name: str
    parameters: Mapping[str, str]
    status: int = 200

    def send(self, service: Service, key: Key | None, account_id: str, access_key_id: str) -> Reply:
        """Send the call, about what is in *account_id*."""
        filled = {
            name: value.replace("{account}", account_id).replace("{key}", access_key_id)
            for name, value in self.parameters.items()
        }
        if filled.get("EncodedMessage") == "{receipt}":
            filled["EncodedMessage"] = _be_denied(service, key, account_id)
        if "{unused}" in filled.values():
            filled |= read_unused_pair(service, account_id)
        return invoke(service, key, self.name, self.service, **filled)


def _be_denied(service: Service, key: Key | None, account_id: str) -> str:
    """Return the receipt of a denial: of the role that is asked for, whether or not there is one."""
    missing = {"RoleArn": f"arn:aws:iam::{account_id}:role/missing", "RoleSessionName": "missing"}
    reply = invoke(service, key, "AssumeRole", "sts", **missing)
    return (reply.receipt if reply.status == 403 else "") or "none"


def _iam(name: str, **parameters: str) -> Call:
    return Call("iam", name, parameters)


def _missing(name: str, **parameters: str) -> Call:
    return Call("iam", name, parameters, status=404)


def _wrong(name: str, **parameters: str) -> Call:
    return Call("iam", name, parameters, status=403)


_USER, _GROUP, _ROLE = {"UserName": "ursula"}, {"GroupName": "grace"}, {"RoleName": "rolf"}
_PROFILE = {"InstanceProfileName": "irene"}
_ARN = {"PolicyArn": "arn:aws:iam::{account}:policy/paul"}
_PROVIDER = {"OpenIDConnectProviderArn": "arn:aws:iam::{account}:oidc-provider/oscar.example"}
_SERIAL = {"SerialNumber": "arn:aws:iam::{account}:mfa/mary"}
_CODES = {"AuthenticationCode1": "{unused}", "AuthenticationCode2": "{unused}"}
_INLINE = {"PolicyName": "inline"}
_TAG = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"}
_UNTAG = {"TagKeys.member.1": "team"}
_SESSION = {"RoleArn": "arn:aws:iam::{account}:role/rolf", "RoleSessionName": "session"}
_NO_TASK = "task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/" + "0" * 36 + ".1.mac"
_TRUST = trust("arn:aws:iam::{account}:user/admin")

BEGUN: tuple[Call, ...] = (
    _iam("CreateUser", **_USER),
    _iam("CreateGroup", **_GROUP),
    _iam("CreateRole", **_ROLE, AssumeRolePolicyDocument=_TRUST),
    _iam("CreateServiceLinkedRole", AWSServiceName="spot.amazonaws.com"),
    _iam("CreatePolicy", PolicyName="paul", PolicyDocument=allow("s3:*")),
    _iam("CreateVirtualMFADevice", VirtualMFADeviceName="mary"),
    _iam("CreateInstanceProfile", **_PROFILE),
    _iam("CreateAccountAlias", AccountAlias="alias-{account}"),
    _iam("EnableOutboundWebIdentityFederation"),
    _iam("CreateOpenIDConnectProvider", Url="https://oscar.example"),
    _iam("CreateLoginProfile", **_USER, Password="a first one, not for long"),
    _iam("CreateAccessKey", **_USER),
)

LIVED: tuple[Call, ...] = (
    Call("sts", "GetCallerIdentity", {}),
    Call("sts", "GetSessionToken", {}),
    Call("sts", "GetFederationToken", {"Name": "guest"}),
    Call("sts", "GetWebIdentityToken", {"Audience.member.1": "stranger", "SigningAlgorithm": "ES384"}),
    Call("sts", "GetAccessKeyInfo", {"AccessKeyId": "{key}"}),
    Call("sts", "DecodeAuthorizationMessage", {"EncodedMessage": "{receipt}"}),
    _iam("GetUser", **_USER),
    _iam("UpdateUser", **_USER, NewPath="/staff/"),
    _iam("ListAccessKeys", **_USER),
    _iam("UpdateAccessKey", **_USER, AccessKeyId="{key}", Status="Inactive"),
    _iam("GetAccessKeyLastUsed", AccessKeyId="{key}"),
    _iam("EnableMFADevice", **_USER, **_SERIAL, **_CODES),
    _iam("ResyncMFADevice", **_USER, **_SERIAL, **_CODES),
    _iam("GetMFADevice", **_USER, **_SERIAL),
    _iam("ListMFADevices", **_USER),
    _iam("GetGroup", **_GROUP),
    _iam("UpdateGroup", **_GROUP, NewPath="/staff/"),
    _iam("AddUserToGroup", **_USER, **_GROUP),
    _iam("ListGroupsForUser", **_USER),
    _iam("GetRole", **_ROLE),
    _iam("UpdateRole", **_ROLE, Description="told"),
    _iam("UpdateRoleDescription", **_ROLE, Description="told anew"),
    _iam("UpdateAssumeRolePolicy", **_ROLE, PolicyDocument=_TRUST),
    _iam("GetInstanceProfile", **_PROFILE),
    _iam("AddRoleToInstanceProfile", **_PROFILE, **_ROLE),
    _iam("ListInstanceProfilesForRole", **_ROLE),
    _iam("TagInstanceProfile", **_PROFILE, **_TAG),
    _iam("ListInstanceProfileTags", **_PROFILE),
    _iam("GetPolicy", **_ARN),
    _iam("CreatePolicyVersion", **_ARN, PolicyDocument=allow("s3:Get*")),
    _iam("GetPolicyVersion", **_ARN, VersionId="v2"),
    _iam("ListPolicyVersions", **_ARN),
    _iam("SetDefaultPolicyVersion", **_ARN, VersionId="v2"),
    _iam("DeletePolicyVersion", **_ARN, VersionId="v1"),
    _iam("AttachUserPolicy", **_USER, **_ARN),
    _iam("AttachGroupPolicy", **_GROUP, **_ARN),
    _iam("AttachRolePolicy", **_ROLE, **_ARN),
    _iam("ListEntitiesForPolicy", **_ARN),
    _iam("ListAttachedUserPolicies", **_USER),
    _iam("ListAttachedGroupPolicies", **_GROUP),
    _iam("ListAttachedRolePolicies", **_ROLE),
    _iam("PutUserPolicy", **_USER, **_INLINE, PolicyDocument=allow("s3:*")),
    _iam("PutGroupPolicy", **_GROUP, **_INLINE, PolicyDocument=allow("s3:*")),
    _iam("PutRolePolicy", **_ROLE, **_INLINE, PolicyDocument=allow("s3:*")),
    _iam("GetUserPolicy", **_USER, **_INLINE),
    _iam("GetGroupPolicy", **_GROUP, **_INLINE),
    _iam("GetRolePolicy", **_ROLE, **_INLINE),
    _iam("ListUserPolicies", **_USER),
    _iam("ListGroupPolicies", **_GROUP),
    _iam("ListRolePolicies", **_ROLE),
    _iam("ListSSHPublicKeys", **_USER),
    _iam("ListSigningCertificates", **_USER),
    _iam("ListServiceSpecificCredentials", **_USER),
    _missing("GetServiceLinkedRoleDeletionStatus", DeletionTaskId=_NO_TASK),
    _iam("UpdateAccountPasswordPolicy", MinimumPasswordLength="16"),
    _iam("GetAccountPasswordPolicy"),
    _iam("GetOutboundWebIdentityFederationInfo"),
    _iam("GetOpenIDConnectProvider", **_PROVIDER),
    _iam("AddClientIDToOpenIDConnectProvider", **_PROVIDER, ClientID="one"),
    _iam("RemoveClientIDFromOpenIDConnectProvider", **_PROVIDER, ClientID="one"),
    _iam("UpdateOpenIDConnectProviderThumbprint", **_PROVIDER, **{"ThumbprintList.member.1": "a" * 40}),
    _iam("TagOpenIDConnectProvider", **_PROVIDER, **_TAG),
    _iam("ListOpenIDConnectProviderTags", **_PROVIDER),
    _iam("GetLoginProfile", **_USER),
    _iam("UpdateLoginProfile", **_USER, PasswordResetRequired="true"),
    _wrong("ChangePassword", OldPassword="nobody's, for there is none", NewPassword="another, not for long"),
    _iam("PutUserPermissionsBoundary", **_USER, PermissionsBoundary=_ARN["PolicyArn"]),
    _iam("PutRolePermissionsBoundary", **_ROLE, PermissionsBoundary=_ARN["PolicyArn"]),
    _iam("TagMFADevice", **_SERIAL, **_TAG),
    _iam("ListMFADeviceTags", **_SERIAL),
    _iam("UntagMFADevice", **_SERIAL, **_UNTAG),
    _iam("TagUser", **_USER, **_TAG),
    _iam("TagRole", **_ROLE, **_TAG),
    _iam("TagPolicy", **_ARN, **_TAG),
    _iam("ListUserTags", **_USER),
    _iam("ListRoleTags", **_ROLE),
    _iam("ListPolicyTags", **_ARN),
    Call("sts", "AssumeRole", _SESSION),
    Call("sts", "AssumeRoleWithWebIdentity", {**_SESSION, "WebIdentityToken": "none"}, status=400),
)

LISTED: tuple[Call, ...] = (
    _iam("ListUsers"),
    _iam("ListGroups"),
    _iam("ListRoles"),
    _iam("ListInstanceProfiles"),
    _iam("ListAccountAliases"),
    _iam("GetAccountSummary"),
    _iam("GenerateCredentialReport"),
    _iam("GetCredentialReport"),
    _iam("GetAccountAuthorizationDetails"),
    _iam("ListPolicies", Scope="Local"),
    _iam("ListVirtualMFADevices"),
    _iam("ListServerCertificates"),
    _iam("ListSAMLProviders"),
    _iam("ListOpenIDConnectProviders"),
)

ENDED: tuple[Call, ...] = (
    _iam("DeleteUserPolicy", **_USER, **_INLINE),
    _iam("DeleteGroupPolicy", **_GROUP, **_INLINE),
    _iam("DeleteRolePolicy", **_ROLE, **_INLINE),
    _iam("DetachUserPolicy", **_USER, **_ARN),
    _iam("DetachGroupPolicy", **_GROUP, **_ARN),
    _iam("DetachRolePolicy", **_ROLE, **_ARN),
    _iam("DeleteUserPermissionsBoundary", **_USER),
    _iam("DeleteRolePermissionsBoundary", **_ROLE),
    _iam("UntagInstanceProfile", **_PROFILE, **_UNTAG),
    _iam("RemoveRoleFromInstanceProfile", **_PROFILE, **_ROLE),
    _iam("DeleteInstanceProfile", **_PROFILE),
    _iam("DeleteAccountAlias", AccountAlias="alias-{account}"),
    _iam("UntagUser", **_USER, **_UNTAG),
    _iam("UntagRole", **_ROLE, **_UNTAG),
    _iam("UntagPolicy", **_ARN, **_UNTAG),
    _iam("RemoveUserFromGroup", **_USER, **_GROUP),
    _iam("DeactivateMFADevice", **_USER, **_SERIAL),
    _iam("DeleteVirtualMFADevice", **_SERIAL),
    _iam("DeleteLoginProfile", **_USER),
    _iam("DeleteAccountPasswordPolicy"),
    _iam("DisableOutboundWebIdentityFederation"),
    _iam("UntagOpenIDConnectProvider", **_PROVIDER, **_UNTAG),
    _iam("DeleteOpenIDConnectProvider", **_PROVIDER),
    _iam("DeleteAccessKey", **_USER, AccessKeyId="{key}"),
    _iam("DeletePolicy", **_ARN),
    _iam("DeleteRole", **_ROLE),
    _iam("DeleteServiceLinkedRole", RoleName="AWSServiceRoleForEC2Spot"),
    _iam("DeleteGroup", **_GROUP),
    _iam("DeleteUser", **_USER),
)

# Proven by another issuer's token alone, whoever signs the request; that which is tried is none.
BY_TOKEN = {"AssumeRoleWithWebIdentity": (400, "InvalidIdentityToken")}
EVERY = (*BEGUN, *LIVED, *LISTED, *ENDED)


def populate(service: Service, tenant: Tenant) -> Key:
    """Make one of everything in the account of *tenant*; return the new user's key."""
    key = tenant.key
    for call in BEGUN:
        reply = call.send(service, tenant.key, tenant.account_id, "")
        assert reply.status == 200, reply.body
        if call.name == "CreateAccessKey":
            key = Key(reply.text("AccessKeyId"), reply.text("SecretAccessKey"))
    for call in LIVED:
        if call.name.startswith(("Attach", "Put", "Add", "Enable", "UpdateAccount")):
            assert call.send(service, tenant.key, tenant.account_id, "").status == 200
    return key
