"""What the tests through boto3 share: refusals as clients see them, and principals made through IAM itself."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from tests.service import REGION, Service
from tests.signing import Key


@contextmanager
def refused(code: str, status: int = 400, saying: str = "") -> Iterator[None]:
    """Expect a boto3 call to be refused with *code*, *status* and words that hold *saying*, under a request id."""
    with pytest.raises(ClientError) as caught:
        yield
    response = caught.value.response
    told = response["Error"], response["ResponseMetadata"]
    assert (told[0]["Code"], told[1]["HTTPStatusCode"]) == (code, status), caught.value
    assert saying in told[0]["Message"], caught.value
    assert told[1]["RequestId"]


def unchecked(server: Service, name: str, key: Key) -> Any:
    """Return a boto3 client that sends what it is given, so that the service is the one that refuses."""
    return boto3.client(
        name,
        endpoint_url=server.url,
        region_name=REGION,
        aws_access_key_id=key.access_key_id,
        aws_secret_access_key=key.secret,
        aws_session_token=key.token,
        config=Config(retries={"max_attempts": 1}, parameter_validation=False),
    )


def make_key(iam: Any, user_name: str) -> Key:
    """Make an access key of the user."""
    made = iam.create_access_key(UserName=user_name)["AccessKey"]
    return Key(made["AccessKeyId"], made["SecretAccessKey"])


def make_user(iam: Any, user_name: str, *policies: str) -> Key:
    """Make a user with inline *policies* and return its key."""
    iam.create_user(UserName=user_name)
    for number, document in enumerate(policies):
        iam.put_user_policy(UserName=user_name, PolicyName=f"inline-{number}", PolicyDocument=document)
    return make_key(iam, user_name)


def make_role(iam: Any, name: str, trust_policy: str, *policies: str, **more: Any) -> str:
    """Make a role with inline *policies* and return its ARN."""
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=trust_policy, **more)["Role"]
    for number, document in enumerate(policies):
        iam.put_role_policy(RoleName=name, PolicyName=f"inline-{number}", PolicyDocument=document)
    return str(role["Arn"])


def key_of(assumed: dict[str, Any]) -> Key:
    """Return the key in an answer of AssumeRole."""
    credentials = assumed["Credentials"]
    return Key(credentials["AccessKeyId"], credentials["SecretAccessKey"], credentials["SessionToken"])


def document(*statements: dict[str, Any]) -> str:
    """Return a policy of *statements*."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
