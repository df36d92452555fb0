"""The managed policies of the account `aws`: kept by the service, they belong to every account and nobody changes them.

They mean what AWS's policies of the same names mean (AWS Managed Policy Reference Guide).
"""

from dataclasses import dataclass

from sts.model import Policy
from sts.store.database import Transaction
from sts.store.policies import SERVICE_ACCOUNT, find_policy, insert_policy


@dataclass(frozen=True, slots=True)
class ManagedPolicy:
    """A policy of the account `aws`: its fixed id, its name, what it is for, its text."""

    policy_id: str
    name: str
    description: str
    document: str


ADMINISTRATOR = ManagedPolicy(
    "ANPA34SN6YCLNSZWWPS7E",
    "AdministratorAccess",
    "Everything: every action on every resource.",
    """{
  "Version": "2012-10-17",
  "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]
}""",
)

POWER_USER = ManagedPolicy(
    "ANPALHG27PL3YBRYSN4HT",
    "PowerUserAccess",
    "Everything but the management of identities, of the account and of the organization.",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "NotAction": ["account:*", "iam:*", "organizations:*", "sts-admin:*"], "Resource": "*"},
    {
      "Effect": "Allow",
      "Action": [
        "account:GetAccountInformation",
        "account:GetGovCloudAccountInformation",
        "account:GetPrimaryEmail",
        "account:ListRegions",
        "iam:CreateServiceLinkedRole",
        "iam:DeleteServiceLinkedRole",
        "iam:ListRoles",
        "organizations:DescribeEffectivePolicy",
        "organizations:DescribeOrganization"
      ],
      "Resource": "*"
    }
  ]
}""",
)

IAM_FULL = ManagedPolicy(
    "ANPATMJ5T63DJOLG2WPDQ",
    "IAMFullAccess",
    "All of identity management, and a view of the organization.",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "iam:*",
        "organizations:DescribeAccount",
        "organizations:DescribeOrganization",
        "organizations:DescribeOrganizationalUnit",
        "organizations:DescribePolicy",
        "organizations:ListChildren",
        "organizations:ListParents",
        "organizations:ListPolicies",
        "organizations:ListPoliciesForTarget",
        "organizations:ListRoots",
        "organizations:ListTargetsForPolicy"
      ],
      "Resource": "*"
    }
  ]
}""",
)

IAM_READ_ONLY = ManagedPolicy(
    "ANPALX6RHJC5OXFALFNF6",
    "IAMReadOnlyAccess",
    "Reading all of identity management, its reports and simulations.",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": [
        "iam:GenerateCredentialReport",
        "iam:GenerateServiceLastAccessedDetails",
        "iam:Get*",
        "iam:List*",
        "iam:SimulateCustomPolicy",
        "iam:SimulatePrincipalPolicy"
      ],
      "Resource": "*"
    }
  ]
}""",
)

CHANGE_PASSWORD = ManagedPolicy(
    "ANPAHZ5YXBTNYEK4C6QPP",
    "IAMUserChangePassword",
    "Users may change their own password and read the rules for passwords.",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {"Effect": "Allow", "Action": "iam:ChangePassword", "Resource": "arn:aws:iam::*:user/${aws:username}"},
    {"Effect": "Allow", "Action": "iam:GetAccountPasswordPolicy", "Resource": "*"}
  ]
}""",
)

LOCAL_DEVELOPMENT = ManagedPolicy(
    "ANPAM7WGBRMVTXUCXLQHY",
    "SignInLocalDevelopmentAccess",
    "Signing developer tools in, as `aws login` does.",
    """{
  "Version": "2012-10-17",
  "Statement": [
    {
      "Effect": "Allow",
      "Action": ["signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"],
      "Resource": "arn:aws:signin:*:*:oauth2/public-client/*"
    }
  ]
}""",
)

MANAGED = (ADMINISTRATOR, POWER_USER, IAM_FULL, IAM_READ_ONLY, CHANGE_PASSWORD, LOCAL_DEVELOPMENT)


def install(tx: Transaction) -> None:
    """Keep those of the policies that the store has not yet; what it has stays as it is."""
    for managed in MANAGED:
        new = _policy(tx, managed)
        if find_policy(tx.connection, new.arn) is None:
            insert_policy(tx.connection, new, managed.document)
            tx.touch("policy", new.policy_id)
            tx.touch("policy-arn", new.arn)


def _policy(tx: Transaction, managed: ManagedPolicy) -> Policy:
    return Policy(
        policy_id=managed.policy_id,
        account_id=SERVICE_ACCOUNT,
        name=managed.name,
        path="/",
        description=managed.description,
        default_version_id="v1",
        attachment_count=0,
        boundary_count=0,
        created_at=tx.now,
        updated_at=tx.now,
    )
