"""What `/readyz` names, whatever is down or hangs, and that `/livez` asks nobody."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request

from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.health.probes import Probes
from sts.health.readiness import Readiness
from sts.settings import read_settings
from tests.faults.processes import wait_until
from tests.health.scraping import scrape
from tests.redis_servers import RedisServer, redis_server
from tests.service import Service, running

LOST = "sign-ins of more than one step and logins of command lines are refused until it is back"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def shared(home: Path, clock: ManualClock, redis: RedisServer) -> Iterator[Service]:
    with running(home, clock, STS_CACHE_URL=redis.url) as started:
        yield started


@pytest.fixture
def at(home: Path, clock: ManualClock) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    yield foundation
    foundation.database.close()


def _ready(service: Service) -> tuple[int, Any]:
    reply = service.send(None, method="GET", path="/readyz")
    return reply.status, json.loads(reply.body)


def _is_degraded(service: Service) -> bool:
    status, told = _ready(service)
    return status == 200 and told["degraded"].keys() == {"cache"} and told["degraded"]["cache"].endswith(LOST)


def _is_whole(service: Service) -> bool:
    return _ready(service) == (200, {"status": "ready", "degraded": {}})


def test_nothing_is_degraded_in_a_service_whose_parts_work(service: Service, shared: Service) -> None:
    assert _is_whole(service)
    assert _is_whole(shared)


def test_without_redis_the_service_is_ready_and_says_what_that_costs(shared: Service, redis: RedisServer) -> None:
    redis.stop()
    status, told = _ready(shared)
    assert (status, told["status"]) == (200, "ready")
    assert told["degraded"]["cache"].startswith("The cache is not available: ")
    assert str(redis.port) not in json.dumps(told)  # anyone may ask: where the parts are is for the log
    redis.start()
    wait_until(lambda: _is_whole(shared))


def test_a_redis_that_hangs_is_named_and_found_again(shared: Service, redis: RedisServer) -> None:
    redis.hang()
    assert [_is_degraded(shared) for _ in range(5)] == [True] * 5
    redis.go_on()
    wait_until(lambda: _is_whole(shared))


def test_a_redis_that_takes_nothing_is_named(shared: Service, redis: RedisServer) -> None:
    redis.ask("CONFIG", "SET", "maxmemory", "1")
    assert _is_degraded(shared)
    redis.ask("CONFIG", "SET", "maxmemory", "0")
    assert _is_whole(shared)


def test_a_commit_that_does_not_end_is_a_service_that_is_down(service: Service) -> None:
    tenant = service.tenant()
    answers: list[int] = []

    def identify() -> None:
        answers.append(service.call(tenant.key, "GetCallerIdentity", "sts").status)

    first, second = threading.Thread(target=identify), threading.Thread(target=identify)
    with closing(sqlite3.connect(service.database_path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")  # another process that writes, and has stopped
        first.start()
        wait_until(lambda: _ready(service)[0] == 503)
        assert _ready(service)[1]["down"].keys() == {"audit"}
        second.start()
        wait_until(lambda: scrape(service).sum("sts_audit_queue") == 1)
        other.execute("ROLLBACK")
    first.join()
    second.join()
    assert answers == [200, 200]
    assert scrape(service).sum("sts_audit_queue") == 0
    assert _is_whole(service)


class _Hung:
    """A part that never answers: no real one can be trusted to hang for ever in every version of it."""

    def __init__(self) -> None:
        self.asked = 0

    async def check(self) -> None:
        self.asked += 1
        await asyncio.get_running_loop().create_future()


def _ask(probes: Probes, path: str) -> tuple[int, Any]:
    request = Request({"type": "http", "method": "GET", "path": path, "headers": []})
    answer = asyncio.run(probes.ready(request) if path == "/readyz" else probes.live(request))
    return answer.status_code, json.loads(bytes(answer.body))


def test_whatever_hangs_is_waited_for_within_a_bound(at: Foundation) -> None:
    probes = Probes(at.database, at.cache, at.journal, Readiness())
    status, told = _ask(replace(probes, cache=_Hung()), "/readyz")  # type: ignore[arg-type]
    assert (status, told["degraded"]["cache"].partition(":")[0]) == (200, "No answer within the time for it")
    status, told = _ask(replace(probes, database=_Hung(), cache=_Hung()), "/readyz")  # type: ignore[arg-type]
    assert (status, told["down"]) == (503, {"store": "No answer within the time for it"})


def test_a_service_that_drains_asks_nobody(at: Foundation) -> None:
    store, cache = _Hung(), _Hung()
    probes = Probes(store, cache, at.journal, Readiness(draining=True))  # type: ignore[arg-type]
    assert _ask(probes, "/readyz") == (503, {"status": "draining"})
    assert (store.asked, cache.asked) == (0, 0)


def test_whether_the_process_is_up_is_asked_of_nobody(shared: Service, redis: RedisServer) -> None:
    assert shared.send(None, method="GET", path="/livez").status == 200
    assert redis.ask("EXISTS", "sts:check") == 0
    assert _is_whole(shared)
    assert redis.ask("EXISTS", "sts:check") == 1
    redis.hang()
    assert shared.send(None, method="GET", path="/livez").status == 200
