"""A login is refreshed: by the key that it was given to, in turn, for half a day."""

from dataclasses import replace
from datetime import timedelta

from sts.clock import ManualClock
from tests.logins.desk import Answer, LoginDesk
from tests.possession import Holder

ENDED = (401, "AccessDeniedException", "TOKEN_EXPIRED")


def _is_alive(desk: LoginDesk, answer: Answer) -> bool:
    reply = desk.service.call(answer.key, "GetCallerIdentity", "sts")
    if reply.status == 200:
        return True
    assert reply.code == "ExpiredToken"
    return False


def test_each_refresh_gives_other_credentials_and_the_next_token(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    second = command_line.refresh(first.refresh_token)
    assert "idToken" not in second.members
    assert second.refresh_token != first.refresh_token
    assert second.key.access_key_id != first.key.access_key_id
    assert all(_is_alive(desk, each) for each in (first, second))
    assert len(second.refresh_token) <= 2_048


def test_o_11_the_token_that_was_just_replaced_gets_the_present_one(desk: LoginDesk, clock: ManualClock) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    second = command_line.refresh(first.refresh_token)
    clock.tick(timedelta(seconds=60))
    beside = command_line.refresh(first.refresh_token)
    assert beside.refresh_token == second.refresh_token
    assert _is_alive(desk, beside)
    assert command_line.refresh(second.refresh_token).status == 200


def test_o_11_a_replaced_token_after_a_minute_ends_the_login(desk: LoginDesk, clock: ManualClock) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    second = command_line.refresh(first.refresh_token)
    clock.tick(timedelta(seconds=61))
    assert command_line.refresh(first.refresh_token).error == ENDED
    assert command_line.refresh(second.refresh_token).error == ENDED
    assert not _is_alive(desk, second)


def test_o_11_a_token_before_the_last_ends_the_login_at_once(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    second = command_line.refresh(first.refresh_token)
    third = command_line.refresh(second.refresh_token)
    assert command_line.refresh(first.refresh_token).error == ENDED
    assert command_line.refresh(third.refresh_token).error == ENDED
    assert not _is_alive(desk, third)


def test_o_11_a_token_with_another_key_ends_the_login(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    second = command_line.refresh(first.refresh_token)
    thief = replace(command_line, holder=Holder())
    assert thief.refresh(first.refresh_token).error == ENDED
    assert command_line.refresh(second.refresh_token).error == ENDED
    assert not _is_alive(desk, second)


def test_o_21_the_very_same_request_is_answered_again(desk: LoginDesk, clock: ManualClock) -> None:
    command_line = desk.command_line()
    first, proof = desk.log_in(command_line), command_line.prove()
    second = command_line.refresh(first.refresh_token, proof)
    clock.tick(timedelta(seconds=30))
    assert command_line.refresh(first.refresh_token, proof).refresh_token == second.refresh_token


def test_o_12_a_login_ends_after_twelve_hours_whatever_is_done(desk: LoginDesk, clock: ManualClock) -> None:
    command_line = desk.command_line()
    answer = desk.log_in(command_line)
    for _ in range(11):
        clock.tick(timedelta(hours=1))
        answer = command_line.refresh(answer.refresh_token)
    clock.tick(timedelta(minutes=55))
    answer = command_line.refresh(answer.refresh_token)
    assert answer.members["expiresIn"] == 300
    clock.tick(timedelta(minutes=5))
    assert not _is_alive(desk, answer)
    assert command_line.refresh(answer.refresh_token).error == ENDED


def test_o_13_a_token_is_bound_to_its_client(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    other = {"clientId": "arn:aws:signin:::devtools/cross-device"}
    assert command_line.refresh(first.refresh_token, **other).error == ENDED
    assert command_line.refresh(first.refresh_token).status == 200


def _break(token: str) -> list[str]:
    grant_id, generation, stamp = token.split(".")
    return [
        f"{grant_id}.{int(generation) + 1}.{stamp}",
        f"{'A' * 22}.{generation}.{stamp}",
        f"{grant_id}.{generation}.{'A' * 48}",
        f"{grant_id}.0{generation}.{stamp}",
        f"{grant_id}.{generation}.{stamp}A",
        f"{grant_id}.{generation}",
        stamp,
        "x",
    ]


def test_a_token_that_was_never_given_is_refused_and_changes_nothing(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    first = desk.log_in(command_line)
    for broken in _break(first.refresh_token):
        assert command_line.refresh(broken).error == ENDED
    assert command_line.refresh(first.refresh_token).status == 200


def test_a_code_is_no_refresh_token_and_a_session_token_is_neither(desk: LoginDesk) -> None:
    command_line = desk.command_line()
    code = desk.approve(command_line)
    answer = command_line.redeem(code)
    session_token = answer.key.token
    assert session_token is not None
    for other in (code, session_token, answer.members["idToken"]):
        assert command_line.refresh(other).status in {400, 401}
    assert command_line.redeem(answer.refresh_token).error == (401, "AccessDeniedException", "AUTHCODE_EXPIRED")
    assert command_line.refresh(answer.refresh_token).status == 200


def test_two_logins_of_one_user_do_not_know_each_other(desk: LoginDesk) -> None:
    one, two = desk.command_line(), desk.command_line()
    first, second = desk.log_in(one), desk.log_in(two)
    assert two.refresh(first.refresh_token).error == ENDED  # another's token: that login ends
    assert two.refresh(second.refresh_token).status == 200
