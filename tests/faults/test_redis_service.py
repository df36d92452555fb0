"""What an outage of Redis costs the service: time, and no request."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sts.clock import ManualClock
from tests.faults.relay import relaying
from tests.health.scraping import scrape
from tests.redis_servers import RedisServer, redis_server
from tests.service import Service, Tenant, allow, running, trust
from tests.signing import Key

_CHORE = b"NX"  # of the mark that is kept there, beside all requests
_REQUESTS = 100


@pytest.fixture
def server(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def shared(home: Path, clock: ManualClock, server: RedisServer) -> Iterator[Service]:
    with running(home, clock, STS_CACHE_URL=server.url) as started:
        yield started


def _make_role(service: Service, tenant: Tenant) -> str:
    root = f"arn:aws:iam::{tenant.account_id}:root"
    made = service.call(tenant.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=trust(root))
    assert made.status == 200
    policy = {"RoleName": "worker", "PolicyName": "all", "PolicyDocument": allow("*")}
    assert service.call(tenant.key, "PutRolePolicy", **policy).status == 200
    return made.text("Arn")


def _identity(service: Service, key: Key) -> int:
    return service.call(key, "GetCallerIdentity", "sts").status


def test_without_redis_sessions_are_minted_and_opened(shared: Service, server: RedisServer) -> None:
    tenant = shared.tenant()
    arn = _make_role(shared, tenant)
    before = shared.assume(tenant.key, arn).key()
    with capture_logs() as logs:
        server.stop()
        after = shared.assume(tenant.key, arn).key()
        assert [_identity(shared, key) for key in (before, after) * 20] == [200] * 40
    assert [entry["event"] for entry in logs if entry["event"].startswith("cache")] == ["cache.down"]


def test_with_a_redis_that_is_full_sessions_are_minted_and_opened(shared: Service, server: RedisServer) -> None:
    tenant = shared.tenant()
    arn = _make_role(shared, tenant)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    assert _identity(shared, shared.assume(tenant.key, arn).key()) == 200


def test_a_session_is_opened_where_it_was_not_minted_in_one_round_trip(
    shared: Service, server: RedisServer, home: Path, clock: ManualClock
) -> None:
    tenant = shared.tenant()
    key = shared.assume(tenant.key, _make_role(shared, tenant)).key()
    with (
        relaying(server.port) as relay,
        running(home, clock, STS_CACHE_URL=f"redis://127.0.0.1:{relay.listening}") as other,
    ):
        assert _identity(other, key) == 200  # what its account may is read from SQL once
        relay.heard.clear()
        assert [_identity(other, key) for _ in range(20)] == [200] * 20
        asked = [said for said in relay.heard if _CHORE not in said]
    assert len(asked) == 20
    assert all(said.count(b"GET") == 2 and b"sts:session:" in said and b"sts:version" in said for said in asked)


def test_a_session_is_opened_where_it_was_not_minted_without_the_store_and_without_its_signature(
    shared: Service, server: RedisServer, home: Path, clock: ManualClock
) -> None:
    tenant = shared.tenant()
    key = shared.assume(tenant.key, _make_role(shared, tenant)).key()
    with (
        relaying(server.port) as relay,
        running(home, clock, STS_CACHE_URL=f"redis://127.0.0.1:{relay.listening}") as other,
    ):
        assert _identity(other, key) == 200  # what its account may is read from SQL once
        before = scrape(other)
        assert [_identity(other, key) for _ in range(_REQUESTS)] == [200] * _REQUESTS
        after = scrape(other)
        assert not [said for said in relay.heard if b"SET" in said and b"sts:session:" in said]  # who verifies puts
    opened, looks = "sts_sessions_opened_total", "sts_snapshot_looks_total"
    assert after.find(opened, source="signature") == 0
    assert after.find(opened, source="cache") == 1 + _REQUESTS
    assert after.sum(looks, outcome="hit") > before.sum(looks, outcome="hit")
    assert after.sum(looks, outcome="miss") == before.sum(looks, outcome="miss")  # a miss is a read of the store
    reads = [told.sum("sts_store_calls_total", work="read") for told in (before, after)]
    assert reads[1] - reads[0] < _REQUESTS / 2  # the store is followed twice a second, however many requests there are


def test_what_somebody_wrote_into_redis_is_not_believed(shared: Service, server: RedisServer) -> None:
    tenant = shared.tenant()
    arn = _make_role(shared, tenant)
    one, two = (shared.assume(tenant.key, arn, name).key() for name in ("one", "two"))
    names = server.ask("KEYS", "sts:session:*")
    values = [server.ask("GET", name) for name in names]
    for name, value in zip(names, reversed(values), strict=True):  # each session's under the other's token
        server.ask("SET", name, value)
    for key, name in ((one, "one"), (two, "two")):
        assert shared.call(key, "GetCallerIdentity", "sts").text("Arn").endswith(f"/{name}")
    assert not any(key.secret.encode() in value for key in (one, two) for value in values)
