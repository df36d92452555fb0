"""The whole service while Redis is stopped, hung, flushed, full or talks nonsense: no request is lost by it."""

import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.faults.impostor import NONSENSE, Impostor
from tests.faults.outages import RECOVERY_SECONDS, count_tasks, probe
from tests.redis_servers import RedisServer, redis_server, until
from tests.service import Service, Tenant, allow, running, trust
from tests.signing import Key

pytestmark = pytest.mark.alone

MOST_LINES = 2  # one may be answered while the next is written to; the second comes when it is first needed


@contextmanager
def stopped(server: RedisServer) -> Iterator[None]:
    server.stop()
    yield
    server.start()


@contextmanager
def hung(server: RedisServer) -> Iterator[None]:
    server.hang()
    try:
        yield
    finally:
        server.go_on()


@contextmanager
def flushed(server: RedisServer) -> Iterator[None]:
    server.ask("FLUSHALL")
    yield


@contextmanager
def full(server: RedisServer) -> Iterator[None]:
    server.ask("CONFIG", "SET", "maxmemory", "1")
    yield
    server.ask("CONFIG", "SET", "maxmemory", "0")


def talking(nonsense: bytes) -> Callable[[RedisServer], AbstractContextManager[None]]:
    @contextmanager
    def talking_it(server: RedisServer) -> Iterator[None]:
        server.stop()
        with Impostor(server.port, lambda _: nonsense):
            yield
        server.start()

    return talking_it


STATES = {"stopped": stopped, "hung": hung, "flushed": flushed, "full": full} | {
    f"nonsense: {name}": talking(NONSENSE[name]) for name in ("binary", "nothing", "half", "array", "zero", "moved")
}


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def service(home: Path, clock: ManualClock, server: RedisServer) -> Iterator[Service]:
    with running(home, clock, STS_CACHE_URL=server.url) as started:
        yield started


def make_role(service: Service, tenant: Tenant) -> str:
    policy = trust(f"arn:aws:iam::{tenant.account_id}:root")
    made = service.call(tenant.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=policy)
    service.call(tenant.key, "PutRolePolicy", RoleName="worker", PolicyName="all", PolicyDocument=allow("*"))
    return made.text("Arn")


def count_lines(server: RedisServer) -> int:
    """Count the connections of the service: all but the one that asks."""
    return int(server.info("clients")["connected_clients"]) - 1


def identify(service: Service, key: Key) -> int:
    return service.call(key, "GetCallerIdentity", "sts").status


def is_used_again(service: Service, server: RedisServer, tenant: Tenant, arn: str) -> bool:
    """Say whether what is minted is kept in Redis again, within what is promised, and nothing is degraded any more."""
    end = time.monotonic() + RECOVERY_SECONDS
    while time.monotonic() < end:
        service.assume(tenant.key, arn)
        if server.ask("KEYS", "sts:session:*") and not probe(service).json()["degraded"]:
            return True
    return False


@pytest.mark.parametrize("state", STATES.values(), ids=STATES)
def test_an_outage_of_redis_costs_no_request_and_ends_by_itself(
    service: Service, server: RedisServer, state: Callable[[RedisServer], AbstractContextManager[None]]
) -> None:
    tenant = service.tenant()
    arn = make_role(service, tenant)
    before = service.assume(tenant.key, arn).key()
    tasks = count_tasks()
    with state(server):
        for number in range(3):
            assert probe(service, "/livez").status_code == 200
            ready = probe(service)
            assert (ready.status_code, ready.json()["degraded"].keys()) == (
                200,
                set() if state is flushed else {"cache"},
            )
            assert service.call(tenant.key, "CreateUser", UserName=f"user{number}").status == 200
            begun = service.assume(tenant.key, arn).key()
            assert [identify(service, key) for key in (tenant.key, before, begun)] == [200] * 3
    server.ask("FLUSHALL")
    assert is_used_again(service, server, tenant, arn)
    until(lambda: count_tasks() <= tasks, "an end of the tasks that were begun meanwhile")
    until(lambda: count_lines(server) <= MOST_LINES, "an end of the connections that were made meanwhile")
