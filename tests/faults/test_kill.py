"""Killed at random moments (-9) under fifty clients: what was answered holds, and nothing was had twice."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import ExitStack

import pytest

from tests.faults.crowd import Notes, crowding
from tests.faults.processes import Server
from tests.faults.stages import Estate, Stage, make_role
from tests.signing import Key

ROUNDS = pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.longer)])
KEYS_OF_A_USER = 2


def recorded(stage: Stage) -> dict[str, str]:
    """Return the names of the users whose creation is recorded as done, by request id."""
    rows = stage.rows("SELECT body FROM audit_record WHERE event = 'user.create.done'")
    bodies = [json.loads(body) for (body,) in rows]
    return {body["request_id"]: body["parameters"]["UserName"] for body in bodies}


def assert_all_is_there(stage: Stage, answered: Mapping[str, str]) -> None:
    """Each change that was answered is there with its record, and never the one without the other."""
    there = recorded(stage)
    assert answered.items() <= there.items()
    assert sorted(name for (name,) in stage.rows("SELECT name FROM iam_user")) == sorted([*there.values(), "admin"])


def assert_nothing_was_had_twice(notes: Notes) -> None:
    assert not [name for name, given in Counter(notes.contested).items() if given > 1]
    of_users = Counter(name for name, _ in notes.keys)
    assert not [name for name, made in of_users.items() if made > KEYS_OF_A_USER]


def assert_all_verify(server: Server, credentials: Iterable[Key]) -> None:
    for key in credentials:
        answer = server.call(key, "GetCallerIdentity", "sts")
        assert answer.status == 200, answer.body


@ROUNDS
def test_behind_every_200_a_change_and_its_record_outlive_kill_9(estate: Estate, rounds: int) -> None:
    stage = Stage(estate, {})
    everyone: dict[str, str] = {}
    notes = Notes()
    for round_ in range(rounds):
        with ExitStack() as stack:
            server = stage.begin(stack)
            if round_ == 0:
                make_role(server, estate)
            assert_all_verify(server, notes.credentials)  # those of the round before
            with crowding([server], estate, round_) as notes:
                server.kill()
        everyone |= notes.users
        assert_nothing_was_had_twice(notes)
        assert_all_is_there(stage, everyone)
    stage.verify_audit()
    assert len(everyone) >= rounds


@ROUNDS
def test_of_two_processes_the_one_that_is_killed_takes_nothing_with_it(shared: Stage, rounds: int) -> None:
    estate = shared.estate
    everyone: dict[str, str] = {}
    with ExitStack() as stack:
        servers = [shared.begin(stack) for _ in range(2)]
        make_role(servers[0], estate)
        for round_ in range(rounds):
            with crowding(servers, estate, round_) as notes:
                servers[0].kill()
            everyone |= notes.users
            assert_nothing_was_had_twice(notes)
            assert_all_is_there(shared, everyone)
            assert_all_verify(servers[1], notes.credentials)
            servers = [servers[1], shared.begin(stack)]
    shared.verify_audit()
    assert len(everyone) >= rounds
