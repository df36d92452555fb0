"""Operations of AWS's Security Token Service, called as any SDK calls them."""

from collections.abc import Mapping
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError
from botocore.session import Session

from sts.client.connection import Connection
from sts.errors import Malformed, Unavailable


def call_sts(connection: Connection, operation: str, parameters: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the answer to an operation (`assume_role`); raises Malformed for parameters that are none, Refusal kin."""
    credentials = connection.credentials.get_frozen_credentials()
    client = Session().create_client(
        "sts",
        endpoint_url=connection.endpoint,
        region_name=connection.region,
        aws_access_key_id=credentials.access_key,
        aws_secret_access_key=credentials.secret_key,
        aws_session_token=credentials.token,
        verify=connection.bundle,
        config=Config(retries={"total_max_attempts": 1}),
    )
    try:
        answer: Mapping[str, Any] = getattr(client, operation)(**parameters)
    except ClientError as refused:
        error, status = refused.response["Error"], refused.response["ResponseMetadata"]["HTTPStatusCode"]
        raise connection.refuse(status, error["Code"], error["Message"]) from refused
    except ParamValidationError as fault:
        raise Malformed(str(fault.kwargs["report"])) from fault
    except BotoCoreError as fault:
        raise Unavailable(f"{connection.endpoint} does not answer: {fault}") from fault
    return answer
