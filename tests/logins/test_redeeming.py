"""A code is redeemed: once, in time, by who asked for it."""

from datetime import timedelta

import jwt
import pytest

from sts.clock import ManualClock
from sts.logins.requests import Client
from tests.logins.desk import CALLBACK, LoginDesk
from tests.possession import Holder

AUTHCODE_EXPIRED = (401, "AccessDeniedException", "AUTHCODE_EXPIRED")


def test_credentials_of_a_login_are_the_users_own_for_fifteen_minutes(desk: LoginDesk, clock: ManualClock) -> None:
    answer = desk.log_in(desk.command_line())
    assert (answer.status, answer.members["tokenType"], answer.members["expiresIn"]) == (200, "aws_sigv4", 900)
    assert answer.headers["cache-control"] == "no-store"
    told = desk.service.call(answer.key, "GetCallerIdentity", "sts")
    assert told.text("Arn") == desk.arn
    assert desk.service.call(answer.key, "GetUser").text("UserName") == "alice"
    clock.tick(timedelta(minutes=15))
    assert desk.service.call(answer.key, "GetCallerIdentity", "sts").code == "ExpiredToken"


@pytest.mark.parametrize("client", Client)
def test_the_id_token_says_whose_the_login_is(desk: LoginDesk, client: Client) -> None:
    command_line = desk.command_line(client)
    token = desk.log_in(command_line, with_factor=True).members["idToken"]
    header = jwt.get_unverified_header(token)
    claims = jwt.decode(token, options={"verify_signature": False})
    assert (header["typ"], header["alg"]) == ("sts-login-id+jwt", "ES256")
    assert (claims["sub"], claims["iss"]) == (desk.arn, desk.service.settings.issuer)
    assert (claims["aud"], claims["amr"]) == (f"arn:aws:signin:::devtools/{client}", ["pwd", "otp", "mfa"])


def test_o_07_a_code_is_redeemed_once_and_a_second_time_ends_what_it_gave(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    first = command_line.redeem(code)
    assert desk.service.call(first.key, "GetCallerIdentity", "sts").status == 200
    assert command_line.redeem(code).error == AUTHCODE_EXPIRED
    assert desk.service.call(first.key, "GetCallerIdentity", "sts").code == "ExpiredToken"
    assert command_line.refresh(first.refresh_token).error == (401, "AccessDeniedException", "TOKEN_EXPIRED")


def test_o_21_the_very_same_request_again_is_a_client_that_got_no_answer(desk: LoginDesk, clock: ManualClock) -> None:
    command_line = desk.command_line()
    code, proof = desk.approve(command_line), command_line.prove()
    first = command_line.redeem(code, proof)
    clock.tick(timedelta(seconds=60))
    again = command_line.redeem(code, proof)
    assert again.refresh_token == first.refresh_token
    assert desk.service.call(again.key, "GetCallerIdentity", "sts").status == 200
    clock.tick(timedelta(seconds=1))
    assert command_line.redeem(code, proof).error == AUTHCODE_EXPIRED
    assert desk.service.call(again.key, "GetCallerIdentity", "sts").code == "ExpiredToken"


@pytest.mark.parametrize(
    ("client", "seconds", "status"),
    [
        (Client.SAME_DEVICE, 59, 200),
        (Client.SAME_DEVICE, 60, 401),
        (Client.CROSS_DEVICE, 299, 200),
        (Client.CROSS_DEVICE, 300, 401),
    ],
)
def test_o_08_a_code_lives_for_a_minute_and_where_a_person_types_it_for_five(
    desk: LoginDesk, clock: ManualClock, client: Client, seconds: int, status: int
) -> None:
    command_line = desk.command_line(client)
    code = desk.approve(command_line)
    clock.tick(timedelta(seconds=seconds))
    assert command_line.redeem(code).status == status


@pytest.mark.parametrize(
    "changed",
    [
        {"redirectUri": CALLBACK.replace("49152", "49153")},
        {"codeVerifier": "w" * 64},
        {"clientId": "arn:aws:signin:::devtools/cross-device"},
    ],
)
def test_o_09_a_code_is_bound_to_what_it_was_asked_for_with(desk: LoginDesk, changed: dict[str, str]) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    assert command_line.redeem(code, **changed).error == AUTHCODE_EXPIRED
    assert command_line.redeem(code).status == 200


def test_a_code_that_was_never_given_is_refused(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    for other in (f"{code[:-1]}{'A' if code[-1] != 'A' else 'B'}", "x" * 45, "x", f"{'A' * 22}.{'A' * 22}"):
        assert command_line.redeem(other).error == AUTHCODE_EXPIRED
    assert command_line.redeem(code).status == 200


def test_o_21_a_proof_is_taken_once(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    proof = command_line.prove()
    second = command_line.refresh(first.refresh_token, proof)
    assert command_line.refresh(second.refresh_token, proof).error == (400, "ValidationException", "INVALID_REQUEST")
    assert command_line.refresh(second.refresh_token).status == 200


def test_o_21_a_proof_for_another_address_is_refused(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    for proof in ("", command_line.prove(htu="https://evil.example/v1/token"), command_line.prove(htm="GET")):
        assert command_line.redeem(code, proof).error == (400, "ValidationException", "INVALID_REQUEST")
    host = {"host": "evil.example"}
    proof = command_line.prove(htu="http://evil.example/v1/token")
    assert command_line.send({"grantType": "refresh_token"}, proof, **host).status == 400
    assert command_line.redeem(code).status == 200


def test_o_21_a_code_goes_to_the_key_that_redeems_it_and_no_other_refreshes(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    thief = type(command_line)(desk.service, holder=Holder())
    assert thief.refresh(first.refresh_token).error == (401, "AccessDeniedException", "TOKEN_EXPIRED")
    assert command_line.refresh(first.refresh_token).error == (401, "AccessDeniedException", "TOKEN_EXPIRED")
    assert desk.service.call(first.key, "GetCallerIdentity", "sts").code == "ExpiredToken"
