"""IAM's part of the table of operations: every row, over who changes the nouns by the rules."""

from collections.abc import Iterator

from sts.authn.codes import CodeProof
from sts.authn.passwords import PasswordProof
from sts.aws.iam.access_keys import AccessKeyOperations
from sts.aws.iam.account import AccountOperations, Quotas
from sts.aws.iam.attachments import AttachmentOperations
from sts.aws.iam.authorization_details import AuthorizationDetails
from sts.aws.iam.boundaries import boundary_rows
from sts.aws.iam.credential_report import CredentialReport
from sts.aws.iam.groups import GroupOperations
from sts.aws.iam.inline_policies import InlinePolicyOperations
from sts.aws.iam.instance_profiles import InstanceProfileOperations
from sts.aws.iam.login_profiles import LoginProfileOperations
from sts.aws.iam.mfa_devices import MfaDeviceOperations
from sts.aws.iam.outbound_issuers import OutboundIssuerOperations
from sts.aws.iam.paging import Pager
from sts.aws.iam.password_policies import password_policy_rows
from sts.aws.iam.policies import PolicyOperations
from sts.aws.iam.providers import ProviderOperations
from sts.aws.iam.roles import RoleOperations
from sts.aws.iam.service_linked_roles import ServiceLinkedRoleOperations
from sts.aws.iam.tags import TagOperations
from sts.aws.iam.unoffered import unoffered_rows
from sts.aws.iam.users import UserOperations
from sts.aws.row import Operation
from sts.clock import Clock
from sts.directory.access_keys import AccessKeys
from sts.directory.attachments import Attachments
from sts.directory.groups import Groups
from sts.directory.inline_policies import InlinePolicies
from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.login_profiles import NewPasswords
from sts.directory.mfa_devices import MfaDevices
from sts.directory.outbound_issuers import OutboundIssuers
from sts.directory.policies import Policies
from sts.directory.providers import Providers
from sts.directory.roles import Roles
from sts.directory.service_linked_roles import ServiceLinkedRoles
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring


def build_iam_rows(
    *,
    keyring: Keyring,
    entropy: Entropy,
    clock: Clock,
    codes: CodeProof,
    passwords: NewPasswords,
    proof: PasswordProof,
    issuer: str,
    providers: Providers,
) -> Iterator[Operation]:
    """Return the rows."""
    pager, tagging, made = Pager(keyring), Tagging(), _quotas(keyring, entropy)
    yield from UserOperations(made.users, tagging, pager).rows()
    yield from AccessKeyOperations(made.access_keys, pager).rows()
    yield from MfaDeviceOperations(MfaDevices(entropy, keyring), codes, tagging, issuer, pager).rows()
    yield from LoginProfileOperations(passwords, proof).rows()
    yield from GroupOperations(made.groups, pager).rows()
    yield from RoleOperations(made.roles, tagging, pager).rows()
    yield from ServiceLinkedRoleOperations(ServiceLinkedRoles(made.roles, keyring)).rows()
    yield from InstanceProfileOperations(made.profiles, tagging, pager).rows()
    yield from ProviderOperations(providers, tagging).rows()
    yield from PolicyOperations(made.policies, tagging, pager).rows()
    yield from InlinePolicyOperations(made.inline, pager).rows()
    yield from AttachmentOperations(made.attachments, pager).rows()
    yield from AccountOperations(made, pager).rows()
    yield from OutboundIssuerOperations(OutboundIssuers(entropy), issuer).rows()
    yield from password_policy_rows()
    yield from AuthorizationDetails(pager).rows()
    yield from CredentialReport(clock).rows()
    yield from boundary_rows()
    yield from unoffered_rows(pager)
    yield from TagOperations(tagging, pager).rows()


def _quotas(keyring: Keyring, entropy: Entropy) -> Quotas:
    return Quotas(
        users=Users(entropy),
        access_keys=AccessKeys(entropy, keyring),
        groups=Groups(entropy),
        roles=Roles(entropy),
        profiles=InstanceProfiles(entropy),
        policies=Policies(entropy),
        inline=InlinePolicies(),
        attachments=Attachments(),
    )
