"""ARN: parse, format (IAM User Guide, "Identify AWS resources with Amazon Resource Names")."""

from dataclasses import dataclass

from sts.errors import Malformed

_SEGMENTS = 6
GLOBAL_REGION = "us-east-1"


@dataclass(frozen=True, slots=True)
class ARN:
    """The six segments of an ARN; the resource keeps its own colons and slashes."""

    partition: str
    service: str
    region: str
    account_id: str
    resource: str

    def __str__(self) -> str:
        return f"arn:{self.partition}:{self.service}:{self.region}:{self.account_id}:{self.resource}"


def parse_arn(text: str) -> ARN:
    """Parse *text*; raises Malformed when it has not six segments or no resource."""
    parts = text.split(":", _SEGMENTS - 1)
    if len(parts) != _SEGMENTS or parts[0] != "arn" or not parts[1] or not parts[2] or not parts[5]:
        raise Malformed(f"{text} is not a valid ARN")
    return ARN(*parts[1:])


def iam_arn(account_id: str, resource: str) -> str:
    """Return the ARN of an IAM resource: `iam_arn("123456789012", "user/a/alice")`."""
    return f"arn:aws:iam::{account_id}:{resource}"


def federated_user_arn(account_id: str, name: str) -> str:
    """Return the ARN of the federated user *name*."""
    return f"arn:aws:sts::{account_id}:federated-user/{name}"


def session_arn(account_id: str, role_name: str, session_name: str) -> str:
    """Return the ARN of a role session; the role's path is no part of it."""
    return f"arn:aws:sts::{account_id}:assumed-role/{role_name}/{session_name}"


def self_arn(account_id: str) -> str:
    """Return the ARN by which STS authorizes what a caller of the account is told of themselves."""
    return f"arn:aws:sts::{account_id}:self"


def signin_arn(account_id: str, resource: str) -> str:
    """Return the ARN of something of AWS Sign-In; this service has no regions, so it is the one of all global calls."""
    return f"arn:aws:signin:{GLOBAL_REGION}:{account_id}:{resource}"
