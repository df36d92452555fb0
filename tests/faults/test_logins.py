"""Logins of command lines over two processes: whoever asks at once, whatever is down."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.settings import read_settings
from tests.faults.processes import Server, serving, wait_until
from tests.logins.desk import Answer, CommandLine, LoginDesk, open_desk
from tests.ports import find_port
from tests.possession import Holder
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import RedisServer, redis_server
from tests.service import Service

PARALLEL = 100
ENDED = {"TOKEN_EXPIRED", "AUTHCODE_EXPIRED"}


@dataclass
class Pair:
    """Two processes on one PostgreSQL and one Redis, and a user who may log in."""

    desk: LoginDesk
    servers: list[Server]
    redis: RedisServer

    def lines(self, line: CommandLine) -> list[CommandLine]:
        """Return the client as it speaks to one process, and to the other."""
        return [replace(line, node=f"http://127.0.0.1:{server.port}") for server in self.servers]

    def log_in(self) -> tuple[CommandLine, Answer]:
        line, _ = self.lines(self.desk.command_line())
        answer = self.desk.log_in(line)
        assert answer.status == 200, answer.members
        return line, answer


@pytest.fixture
def pair(tmp_path: Path, postgresql: PostgresqlServer) -> Iterator[Pair]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        ports = find_port(), find_port()
        settings = {
            "STS_DATABASE_URL": postgresql.url(postgresql.make_database()),
            "STS_CACHE_URL": redis.url,
            "STS_KEYS_DIR": str(tmp_path / "keys"),
            "STS_ISSUER": f"http://localhost:{ports[0]}",
        }
        servers = [stack.enter_context(serving(tmp_path, port, **settings)) for port in ports]
        read = read_settings({"STS_HOME": str(tmp_path), **settings})
        service = Service(read, SystemClock(), Entropy(), f"http://127.0.0.1:{ports[0]}")
        yield Pair(open_desk(service), servers, redis)


def _at_once(call: Callable[[int], Answer]) -> list[Answer]:
    with ThreadPoolExecutor(PARALLEL) as pool:
        return list(pool.map(call, range(PARALLEL)))


def test_o_07_of_a_hundred_who_redeem_one_code_at_once_one_has_it_and_keeps_nothing(pair: Pair) -> None:
    here, there = pair.lines(pair.desk.command_line())
    code = pair.desk.approve(here)
    lines = [replace((here, there)[number % 2], holder=Holder()) for number in range(PARALLEL)]
    answers = _at_once(lambda number: lines[number].redeem(code))
    (won,) = [number for number, answer in enumerate(answers) if answer.status == 200]
    assert {answer.members["error"] for answer in answers if answer.status != 200} <= ENDED
    assert lines[won].refresh(answers[won].refresh_token).members["error"] == "TOKEN_EXPIRED"
    assert pair.desk.service.call(answers[won].key, "GetCallerIdentity", "sts").code == "ExpiredToken"


def test_o_11_processes_that_share_a_token_and_refresh_at_once_all_go_on(pair: Pair) -> None:
    line, first = pair.log_in()
    here, there = pair.lines(line)
    answers = _at_once(lambda number: (here, there)[number % 2].refresh(first.refresh_token))
    assert [answer.status for answer in answers] == [200] * PARALLEL
    assert len({answer.refresh_token for answer in answers}) == 1
    assert len({answer.key.access_key_id for answer in answers}) == PARALLEL
    assert there.refresh(answers[0].refresh_token).status == 200


def test_o_11_a_thief_among_a_hundred_ends_the_login_for_all(pair: Pair) -> None:
    line, first = pair.log_in()
    here, there = pair.lines(line)
    lines = [here, there] * (PARALLEL // 2)
    lines[PARALLEL // 2] = replace(here, holder=Holder())
    answers = _at_once(lambda number: lines[number].refresh(first.refresh_token))
    assert answers[PARALLEL // 2].status == 401
    for answer in answers:
        if answer.status == 200:
            assert there.refresh(answer.refresh_token).members["error"] == "TOKEN_EXPIRED"
            assert pair.desk.service.call(answer.key, "GetCallerIdentity", "sts").code == "ExpiredToken"


def test_o_21_the_same_request_to_two_processes_at_once_is_one_client_that_repeats_itself(pair: Pair) -> None:
    line, first = pair.log_in()
    here, there = pair.lines(line)
    proof = line.prove()
    answers = _at_once(lambda number: (here, there)[number % 2].refresh(first.refresh_token, proof))
    assert {(answer.status, answer.refresh_token) for answer in answers} == {(200, answers[0].refresh_token)}


def test_without_redis_nothing_is_given_and_nothing_is_used_up(pair: Pair) -> None:
    line, first = pair.log_in()
    code = pair.desk.approve(line)
    pair.redis.stop()
    down = (503, "ServiceUnavailableException", "service_unavailable")
    assert line.refresh(first.refresh_token).error == down
    other = pair.desk.command_line()
    assert replace(other, node=line.node).redeem(code).error == down
    pair.redis.start()
    wait_until(lambda: line.refresh(first.refresh_token).status == 200)
    assert replace(other, node=line.node).redeem(code).status == 200


def test_a_login_outlives_its_process_and_an_emptied_redis(pair: Pair) -> None:
    line, first = pair.log_in()
    _, there = pair.lines(line)
    pair.servers[0].kill()
    pair.redis.ask("FLUSHALL")
    assert there.refresh(first.refresh_token).status == 200
