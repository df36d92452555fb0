"""Presigned URLs of GetCallerIdentity, made by botocore and fetched by plain HTTP."""

import re
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from botocore.auth import SigV4QueryAuth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from tests.aws.clients import key_of, make_role
from tests.service import REGION, Service, Tenant, trust
from tests.signing import Key


class _WithoutEnd(SigV4QueryAuth):  # type: ignore[misc]  # botocore publishes no types
    """Signs as the SDK for Go does: without X-Amz-Expires."""

    def _modify_request_before_signing(self, request: Any) -> None:
        super()._modify_request_before_signing(request)
        request.url = re.sub(r"&X-Amz-Expires=[0-9]+", "", request.url)


def _get(url: str) -> httpx2.Response:
    with httpx2.Client(trust_env=False) as client:
        return client.get(url)


def _presign(server: Service, key: Key, seconds: int = 60) -> str:
    sts = server.boto("sts", key)
    return str(sts.generate_presigned_url("get_caller_identity", ExpiresIn=seconds, HttpMethod="GET"))


def test_a_presigned_url_says_who_signed_it(server: Service, resident: Tenant, iam: Any, sts: Any) -> None:
    role_arn = make_role(iam, "role", trust(f"arn:aws:iam::{resident.account_id}:root"))
    session = key_of(sts.assume_role(RoleArn=role_arn, RoleSessionName="session"))
    for key, arn in (
        (resident.key, f"arn:aws:iam::{resident.account_id}:user/admin"),
        (session, f"arn:aws:sts::{resident.account_id}:assumed-role/role/session"),
    ):
        answer = _get(_presign(server, key))
        assert answer.status_code == 200
        assert f"<Arn>{arn}</Arn>" in answer.text
        assert answer.headers["x-amzn-requestid"] in answer.text


def test_every_part_of_a_presigned_url_is_signed(server: Service, resident: Tenant) -> None:
    query = dict(parse_qsl(urlsplit(_presign(server, resident.key)).query))
    assert _get(f"{server.url}/?{urlencode(query)}").status_code == 200
    for name, value in query.items():
        changed = value[:-1] + ("1" if value[-1] != "1" else "2")
        answer = _get(f"{server.url}/?{urlencode(query | {name: changed})}")
        assert answer.status_code in {400, 403}, (name, answer.text)


def test_a_presigned_url_takes_no_more_parameters_than_were_signed(server: Service, resident: Tenant) -> None:
    answer = _get(f"{_presign(server, resident.key)}&More=1")
    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text


@pytest.mark.parametrize("seconds", [0, 604_801])
def test_a_presigned_url_lasts_a_second_at_least_and_a_week_at_most(
    server: Service, resident: Tenant, seconds: int
) -> None:
    answer = _get(_presign(server, resident.key, seconds))
    assert answer.status_code in {400, 403}
    assert "X-Amz-Expires" in answer.text


def test_a_presigned_url_without_an_end_is_good_as_go_makes_it(server: Service, resident: Tenant) -> None:
    request = AWSRequest("GET", f"{server.url}/?Action=GetCallerIdentity&Version=2011-06-15")
    credentials = Credentials(resident.key.access_key_id, resident.key.secret)
    _WithoutEnd(credentials, "sts", REGION).add_auth(request)
    assert "X-Amz-Expires" not in request.url
    answer = _get(request.url)
    assert answer.status_code == 200
    assert f"<Account>{resident.account_id}</Account>" in answer.text
