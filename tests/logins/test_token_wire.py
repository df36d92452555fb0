"""CreateOAuth2Token on the wire: the service model's rules, and its errors as clients read them."""

import gzip
import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import botocore
import httpx2
import msgspec
import pytest

from sts.aws.login.errors import ERRORS
from sts.aws.login.token import TokenInput
from sts.clock import ManualClock
from sts.logins.requests import Client
from tests.logins.desk import CALLBACK, VERIFIER, CommandLine, LoginDesk, login_service, open_desk

INVALID = (400, "ValidationException", "INVALID_REQUEST")
CODE = {
    "clientId": "arn:aws:signin:::devtools/same-device",
    "grantType": "authorization_code",
    "code": "x",
    "codeVerifier": VERIFIER,
    "redirectUri": CALLBACK,
}


@pytest.fixture(scope="module")
def shapes() -> dict[str, Any]:
    path = Path(botocore.__file__).parent / "data" / "signin" / "2023-01-01" / "service-2.json.gz"
    found: dict[str, Any] = json.loads(gzip.decompress(path.read_bytes()))["shapes"]
    return found


def _rules(schema: dict[str, Any]) -> dict[str, Any]:
    """Return the rules of a member that msgspec knows, in the words of the service model."""
    options = schema.get("anyOf", [schema])
    (own,) = [option for option in options if option.get("type") != "null"]
    named = {"minLength": "min", "maxLength": "max", "pattern": "pattern"}
    rules = {named[name]: value for name, value in own.items() if name in named}
    if "pattern" in rules:
        rules["pattern"] = rules["pattern"].removeprefix("^").removesuffix(r"\Z")
    return rules


def test_the_body_is_judged_by_the_rules_of_the_service_model(shapes: dict[str, Any]) -> None:
    described = shapes["CreateOAuth2TokenRequestBody"]
    schema = msgspec.json.schema(TokenInput)["$defs"]["TokenInput"]
    assert schema["required"] == described["required"]
    assert schema["properties"].keys() == described["members"].keys()
    for name, reference in described["members"].items():
        shape = shapes[reference["shape"]]
        wanted = {rule: shape[rule] for rule in ("min", "max", "pattern") if rule in shape}
        assert _rules(schema["properties"][name]) == wanted, name


def test_every_error_is_one_of_the_models_with_a_reason_of_the_models(shapes: dict[str, Any]) -> None:
    reasons = shapes["OAuth2ErrorCode"]["enum"]
    for code, reason, status in ERRORS.values():
        assert reason in reasons
        declared = shapes[code].get("error", {}).get("httpStatusCode")
        assert declared in {None, status} or status == 405


@pytest.mark.parametrize(
    "changed",
    [
        {"clientId": None},
        {"clientId": "arn:aws:signin:::devtools/other"},
        {"clientId": "arn:aws:signin:::devtools/same-device\n"},
        {"clientId": 1},
        {"grantType": None},
        {"grantType": "password"},
        {"grantType": "client_credentials"},
        {"code": None},
        {"code": ""},
        {"code": "x" * 513},
        {"codeVerifier": None},
        {"codeVerifier": "x" * 42},
        {"codeVerifier": "x" * 129},
        {"codeVerifier": "é" * 43},
        {"redirectUri": None},
        {"redirectUri": ["x"]},
        {"more": "x"},
        {"grantType": VERIFIER},
        {"grantType": "refresh_token", "refreshToken": None},
        {"grantType": "refresh_token", "refreshToken": "x" * 2049},
    ],
)
def test_a_body_that_breaks_a_rule_is_told_which(front: LoginDesk, changed: dict[str, Any]) -> None:
    answer = front.command_line().send({**CODE, **changed})
    assert answer.error == INVALID
    assert answer.members["message"]
    assert VERIFIER not in answer.members["message"]


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b'{"clientId": 1, "clientId": 2}',
        b'{"clientId": NaN}',
        json.dumps(CODE).encode("utf-16"),
        b"\xef\xbb\xbf{}",
        b"[" * 5_000,
        b"x" * 9_000,
        b"x" * 2_000_000,
        b'{"\\ud800": 1}',
        json.dumps({**CODE, "grantType": "\ud800"}).encode(),
        json.dumps({**CODE, "clientId": "\ud800"}).encode(),
        json.dumps({**CODE, "codeVerifier": "\ud800" * 43}).encode(),
    ],
)
def test_a_body_that_is_none_is_refused(front: LoginDesk, body: bytes) -> None:
    command_line = front.command_line()
    assert command_line.post(body, {"dpop": command_line.prove()}).error == INVALID


def test_a_form_is_refused_as_are_another_method_and_a_query(front: LoginDesk) -> None:
    command_line = front.command_line()
    form = {"content-type": "application/x-www-form-urlencoded", "dpop": command_line.prove()}
    assert command_line.post(b"grantType=refresh_token", form).error == INVALID
    with httpx2.Client(trust_env=False) as client:
        got = client.get(f"{front.service.url}/v1/token")
        assert (got.status_code, got.headers["allow"]) == (405, "POST")
        other = client.post(f"{front.service.url}/v1/token?x-amz-client-auth-method=iam", json=CODE)
        assert (other.status_code, other.json()["error"]) == (400, "INVALID_REQUEST")


def test_a_code_and_an_address_that_no_text_can_hold_are_those_of_nobody(front: LoginDesk) -> None:
    command_line = front.command_line()
    code = front.approve(command_line)
    for changed in ({"code": "\ud800"}, {"code": code, "redirectUri": "\ud800"}):
        body = json.dumps({**CODE, **changed}).encode()
        refused = command_line.post(body, {"dpop": command_line.prove()})
        assert refused.error == (401, "AccessDeniedException", "AUTHCODE_EXPIRED")
    assert command_line.redeem(code).status == 200


def test_o_21_of_two_proofs_none_is_taken(front: LoginDesk) -> None:
    command_line = front.command_line()
    code = front.approve(command_line)
    headers = [("content-type", "application/json"), *[("dpop", command_line.prove()) for _ in range(2)]]
    with httpx2.Client(trust_env=False) as client:
        answer = client.post(
            f"{front.service.url}/v1/token", content=json.dumps({**CODE, "code": code}), headers=headers
        )
    assert (answer.status_code, answer.json()["error"]) == (400, "INVALID_REQUEST")
    assert command_line.redeem(code).status == 200


def test_o_36_no_answer_may_be_kept(front: LoginDesk) -> None:
    command_line = front.command_line()
    for answer in (front.log_in(command_line), command_line.send(CODE)):
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["x-amzn-requestid"]


def test_o_34_nothing_is_taken_from_the_query_and_no_bearer_token(front: LoginDesk) -> None:
    command_line = front.command_line()
    answer = front.log_in(command_line)
    bearer = {"authorization": f"Bearer {answer.key.token}"}
    assert command_line.post(b"{}", bearer).error == INVALID


def test_a_flood_of_failures_is_slowed_with_the_models_error(home: Path, clock: ManualClock) -> None:
    with login_service(home, clock, STS_RATE_FAILED_PROOFS="1/3") as service:
        command_line = CommandLine(service)
        assert [command_line.send(CODE, "no proof").status for _ in range(3)] == [400, 400, 400]
        last = command_line.send(CODE)
    assert last.error == (429, "TooManyRequestsError", "rate_exceeded")
    assert last.headers["retry-after"] == "1"


def test_a_38_guesses_at_a_code_are_limited_and_far_from_all_that_there_are(home: Path, clock: ManualClock) -> None:
    with login_service(home, clock, STS_RATE_FAILED_PROOFS="1/20") as service:
        desk = open_desk(service)
        command_line = desk.command_line(Client.CROSS_DEVICE)
        code = desk.approve(command_line)
        named, _, secret = code.partition(".")
        guesses = [command_line.redeem(f"{named}.{number:022}").status for number in range(200)]
        assert guesses == [401] * 20 + [429] * 180
        assert command_line.redeem(code).status == 429
        clock.tick(timedelta(seconds=1))
        assert command_line.redeem(code).status == 200
    assert 64 ** len(secret) > 2**128


def test_a_38_of_two_hundred_guesses_at_codes_from_one_address_a_hundred_are_looked_at(
    desk: LoginDesk, clock: ManualClock
) -> None:
    command_line = desk.command_line(Client.CROSS_DEVICE)
    code = desk.approve(command_line)
    named, _, _ = code.partition(".")
    guesses = [command_line.redeem(f"{named}.{number:022}").status for number in range(200)]
    assert guesses == [401] * 100 + [429] * 100
    assert command_line.redeem(code).status == 429
    clock.tick(timedelta(minutes=15))
    later = desk.command_line(Client.CROSS_DEVICE)
    assert later.redeem(desk.approve(later)).status == 200


def test_a_38_right_codes_do_not_count(desk: LoginDesk) -> None:
    for _ in range(101):
        command_line = desk.command_line()
        assert command_line.redeem(desk.approve(command_line)).status == 200
