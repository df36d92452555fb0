"""Killed at random moments (-9) under fifty clients: what was answered holds, and nothing was had twice."""

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from sqlalchemy import text

from sts.settings import read_settings
from sts.store.database import open_database
from tests.faults.conftest import Estate, found_estate
from tests.faults.crowd import ROLE, Notes, crowding
from tests.faults.processes import REPOSITORY, Server, serving
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import redis_server
from tests.service import trust
from tests.signing import Key

ROUNDS = pytest.mark.parametrize("rounds", [20, pytest.param(200, marks=pytest.mark.longer)])
KEYS_OF_A_USER = 2


@dataclass(frozen=True)
class Stage:
    """An estate, and where its servers keep what they know."""

    estate: Estate
    environment: Mapping[str, str]

    def rows(self, query: str) -> list[tuple[str, ...]]:
        database = open_database(read_settings({"STS_HOME": str(self.estate.home), **self.environment}).database_url)
        try:
            return [tuple(row) for row in database.read_now(lambda connection: connection.execute(text(query)).all())]
        finally:
            database.close()

    def begin(self, stack: ExitStack) -> Server:
        return stack.enter_context(serving(self.estate.home, **self.environment))

    def verify_audit(self) -> None:
        verified = subprocess.run(
            [sys.executable, "-m", "sts", "audit", "verify"],
            env={"STS_HOME": str(self.estate.home), "PATH": "/usr/bin:/bin", **self.environment},
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr


def make_role(server: Server, estate: Estate) -> None:
    policy = trust(f"arn:aws:iam::{estate.account_id}:root")
    assert server.call(estate.key, "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=policy).status == 200


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


@pytest.fixture
def shared(postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[Stage]:
    """An estate in PostgreSQL and Redis."""
    environment = {"STS_DATABASE_URL": postgresql.url(postgresql.make_database())}
    with redis_server(tmp_path / "redis") as redis:
        environment["STS_CACHE_URL"] = redis.url
        yield Stage(found_estate(tmp_path / "home", **environment), environment)


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
