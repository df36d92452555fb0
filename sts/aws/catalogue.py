"""Operations of the models that are not offered, each with its reason. What is neither here nor a row fails a test."""

from collections.abc import Mapping
from types import MappingProxyType

_SIMULATE = "policy simulation is not offered yet"
_ACCOUNT = "account preferences are not offered yet"
_TEMPLATE = "role templates are part of AWS's console"
_SAML = "SAML is not offered"
_CERTIFICATE = "server and signing certificates are not offered"
_SSH = "SSH keys are not offered"
_SPECIFIC = "service-specific credentials are not offered"
_DELEGATION = "delegation requests are part of AWS's console"
_ORGANIZATION = "AWS Organizations is not offered"
_ACCESSED = "service last accessed data is not offered"

_BY_REASON: Mapping[str, str] = MappingProxyType(
    {
        _SIMULATE: (
            "GetContextKeysForCustomPolicy GetContextKeysForPrincipalPolicy SimulateCustomPolicy "
            "SimulatePrincipalPolicy"
        ),
        _ACCOUNT: ("GetAccountProperties PutAccountProperties SetSecurityTokenServicePreferences"),
        _TEMPLATE: "AcquireRole GetRoleTemplateVersion",
        _SAML: (
            "AssumeRoleWithSAML CreateSAMLProvider DeleteSAMLProvider GetSAMLProvider ListSAMLProviderTags "
            "TagSAMLProvider UntagSAMLProvider UpdateSAMLProvider"
        ),
        _CERTIFICATE: (
            "DeleteServerCertificate DeleteSigningCertificate GetServerCertificate ListServerCertificateTags "
            "TagServerCertificate UntagServerCertificate UpdateServerCertificate UpdateSigningCertificate "
            "UploadServerCertificate UploadSigningCertificate"
        ),
        _SSH: "DeleteSSHPublicKey GetSSHPublicKey UpdateSSHPublicKey UploadSSHPublicKey",
        _SPECIFIC: (
            "CreateServiceSpecificCredential DeleteServiceSpecificCredential "
            "ResetServiceSpecificCredential UpdateServiceSpecificCredential"
        ),
        _DELEGATION: (
            "AcceptDelegationRequest AssociateDelegationRequest CreateDelegationRequest GetDelegationRequest "
            "GetHumanReadableSummary ListDelegationRequests RejectDelegationRequest SendDelegationToken "
            "UpdateDelegationRequest GetDelegatedAccessToken"
        ),
        _ORGANIZATION: (
            "AssumeRoot DisableOrganizationsRootCredentialsManagement DisableOrganizationsRootSessions "
            "EnableOrganizationsRootCredentialsManagement EnableOrganizationsRootSessions "
            "GenerateOrganizationsAccessReport GetOrganizationsAccessReport ListOrganizationsFeatures"
        ),
        _ACCESSED: (
            "GenerateServiceLastAccessedDetails GetServiceLastAccessedDetails "
            "GetServiceLastAccessedDetailsWithEntities ListPoliciesGrantingServiceAccess"
        ),
    }
)

NOT_OFFERED: Mapping[str, str] = MappingProxyType(
    {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
)
