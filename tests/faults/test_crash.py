"""What holds when processes are starved of disk, held up, ended, or not alone. Server processes are real."""

import json
import resource
import sqlite3
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from tests.faults.processes import Answer, Server, finish, serving, wait_until
from tests.faults.stages import Estate
from tests.service import allow, trust
from tests.signing import Key

SPREAD_SECONDS = 1  # what is changed through one server every other knows then, also without a Redis


def ask(path: Path, query: str, *values: str) -> list[tuple[str, ...]]:
    with closing(sqlite3.connect(path)) as file:
        return file.execute(query, values).fetchall()


def users(path: Path) -> set[str]:
    return {name for (name,) in ask(path, "SELECT name FROM iam_user")} - {"admin"}


def recorded(path: Path) -> dict[str, str]:
    """Return the names of the users whose creation is recorded as done, by request id."""
    rows = ask(path, "SELECT body FROM audit_record WHERE event = 'user.create.done'")
    bodies = [json.loads(body) for (body,) in rows]
    return {body["request_id"]: body["parameters"]["UserName"] for body in bodies}


@contextmanager
def altered(path: Path, before: str, after: str) -> Iterator[None]:
    """Break the store with a statement, and mend it with another."""
    with closing(sqlite3.connect(path, timeout=10)) as file:
        file.execute(before)
        file.commit()
        yield
        file.execute(after)
        file.commit()


def assert_unavailable(answer: Answer) -> None:
    """An error in AWS's form that tells nothing of the store."""
    assert (answer.status, answer.find("Code"), answer.find("Type")) == (503, "ServiceUnavailable", "Receiver")
    assert answer.find("RequestId")
    for told in (b"sqlite", b"audit_record", b"INSERT", b"Traceback"):
        assert told not in answer.body


def test_with_the_audit_broken_nothing_is_done_and_it_recovers_by_itself(estate: Estate) -> None:
    path = estate.home / "sts.db"
    with serving(estate.home) as server:
        assert server.call(estate.key, "CreateUser", UserName="before").status == 200
        with altered(path, "ALTER TABLE audit_record RENAME TO gone", "ALTER TABLE gone RENAME TO audit_record"):
            assert_unavailable(server.call(estate.key, "CreateUser", UserName="during"))
            assert_unavailable(server.call(estate.key, "GetUser", UserName="before"))
            assert_unavailable(server.call(estate.key, "GetCallerIdentity", "sts"))
            assert server.is_listening()
            assert users(path) == {"before"}
        assert server.call(estate.key, "GetUser", UserName="during").status == 404
        assert server.call(estate.key, "CreateUser", UserName="during").status == 200
        assert users(path) == set(recorded(path).values()) == {"before", "during"}


def test_with_a_full_disk_nothing_is_done_and_it_recovers_by_itself(estate: Estate) -> None:
    path = estate.home / "sts.db"
    with serving(estate.home) as server:
        assert server.call(estate.key, "CreateUser", UserName="before").status == 200
        soft, hard = resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (0, hard))
        for _ in range(3):
            assert_unavailable(server.call(estate.key, "CreateUser", UserName="during"))
        assert_unavailable(server.call(estate.key, "GetUser", UserName="before"))
        assert users(path) == {"before"}
        resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (soft, hard))
        assert server.call(estate.key, "CreateUser", UserName="during").status == 200
        assert users(path) == set(recorded(path).values()) == {"before", "during"}
        assert ask(path, "PRAGMA integrity_check") == [("ok",)]


def test_sigterm_answers_what_is_under_way_and_takes_nothing_new(estate: Estate) -> None:
    path = estate.home / "sts.db"
    with serving(estate.home) as server, closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with closing(server.begin(estate.key, "CreateUser", UserName="late")) as waiting:
            assert server.is_listening()  # it has read what came before this
            server.process.terminate()
            wait_until(lambda: not server.is_listening())
            assert users(path) == set()
            other.execute("COMMIT")
            answer = finish(waiting)
        assert answer.status == 200
        assert server.process.wait(30) == 0
        assert recorded(path) == {answer.find("RequestId"): "late"}
        assert users(path) == {"late"}


def test_a_server_that_ended_keeps_a_checkpoint_of_its_records(estate: Estate) -> None:
    path = estate.home / "sts.db"
    with serving(estate.home) as server:
        assert server.call(estate.key, "CreateUser", UserName="one").status == 200
        assert server.end() == 0
    ((body,),) = ask(path, "SELECT body FROM audit_checkpoint")
    heads = {(head["stream"], head["sequence"]) for head in json.loads(body)["heads"]}
    assert heads == set(ask(path, "SELECT stream, sequence FROM audit_stream"))


@pytest.fixture
def pair(estate: Estate) -> Iterator[tuple[Server, Server]]:
    """Two servers on one file."""
    with serving(estate.home) as one, serving(estate.home) as other:
        yield one, other


@pytest.mark.alone
def test_what_is_changed_through_one_server_the_other_sees(estate: Estate, pair: tuple[Server, Server]) -> None:
    one, other = pair

    def must(action: str, **parameters: str) -> Answer:
        answer = one.call(estate.key, action, **parameters)
        assert answer.status == 200, answer.body
        return answer

    def seen(status: int, key: Key, action: str, service: str = "iam", **parameters: str) -> bool:
        return other.call(key, action, service, **parameters).status == status

    must("CreateUser", UserName="carol")
    made = must("CreateAccessKey", UserName="carol")
    carol = Key(made.find("AccessKeyId") or "", made.find("SecretAccessKey") or "")
    assert seen(403, carol, "ListUsers")
    assert seen(200, carol, "GetCallerIdentity", "sts")
    must("PutUserPolicy", UserName="carol", PolicyName="rights", PolicyDocument=allow(["iam:ListUsers", "sts:*"]))
    wait_until(lambda: seen(200, carol, "ListUsers"), SPREAD_SECONDS)
    role = {"RoleArn": f"arn:aws:iam::{estate.account_id}:role/app", "RoleSessionName": "one"}
    assert seen(403, carol, "AssumeRole", "sts", **role)  # that there is none is remembered
    trusting = trust(f"arn:aws:iam::{estate.account_id}:root")
    must("CreateRole", RoleName="app", AssumeRolePolicyDocument=trusting)
    wait_until(lambda: seen(200, carol, "AssumeRole", "sts", **role), SPREAD_SECONDS)
    must("UpdateAccessKey", UserName="carol", AccessKeyId=carol.access_key_id, Status="Inactive")
    wait_until(lambda: seen(403, carol, "GetCallerIdentity", "sts"), SPREAD_SECONDS)


@pytest.mark.alone
def test_a_session_of_one_server_is_opened_by_the_other_and_outlives_both(
    estate: Estate, pair: tuple[Server, Server]
) -> None:
    one, other = pair
    trusting = trust(f"arn:aws:iam::{estate.account_id}:root")
    arn = one.call(estate.key, "CreateRole", RoleName="app", AssumeRolePolicyDocument=trusting).find("Arn") or ""
    wait_until(lambda: other.call(estate.key, "GetRole", RoleName="app").status == 200, SPREAD_SECONDS)
    made = one.call(estate.key, "AssumeRole", "sts", RoleArn=arn, RoleSessionName="one")
    session = Key(*(made.find(name) or "" for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))
    assert other.call(session, "GetCallerIdentity", "sts").status == 200
    one.kill()
    other.kill()
    with serving(estate.home) as third:
        answer = third.call(session, "GetCallerIdentity", "sts")
        assert (answer.status, answer.find("Arn")) == (
            200,
            f"arn:aws:sts::{estate.account_id}:assumed-role/app/one",
        )


def test_two_servers_that_write_at_once_lose_nothing(estate: Estate, pair: tuple[Server, Server]) -> None:
    def create(number: int) -> int:
        return pair[number % 2].call(estate.key, "CreateUser", UserName=f"user{number}").status

    with ThreadPoolExecutor(8) as pool:
        assert set(pool.map(create, range(60))) == {200}
    path = estate.home / "sts.db"
    assert users(path) == set(recorded(path).values()) == {f"user{number}" for number in range(60)}
    assert len(ask(path, "SELECT stream FROM audit_stream")) == 2


def test_of_two_servers_that_take_one_name_at_once_one_gets_it(estate: Estate, pair: tuple[Server, Server]) -> None:
    def create(number: int) -> int:
        return pair[number % 2].call(estate.key, "CreateUser", UserName=f"same{number // 2}").status

    with ThreadPoolExecutor(8) as pool:
        answered = list(pool.map(create, range(40)))
    assert sorted(answered) == [200] * 20 + [409] * 20
