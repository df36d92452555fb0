"""Two nodes with clocks fifty seconds apart refuse nothing that is valid; a clock that is set back does no harm."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from sts.audit.verification import Examination
from sts.clock import ManualClock
from sts.foundation import lay_foundation
from sts.keyring.rotation import Purpose
from tests.api.asking import ask
from tests.conftest import BEGINNING
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import RedisServer, redis_server
from tests.service import VERSIONS, Reply, Service, Tenant, allow, running, trust
from tests.signing import Key, encode

APART = timedelta(seconds=50)
WAYS = pytest.mark.parametrize("way", ["ahead first", "behind first"])


@dataclass
class Pair:
    """A node ahead of the true time and one behind it, on one store and one cache, and a tenant of theirs."""

    true: ManualClock
    ahead: Service
    behind: Service
    redis: RedisServer
    tenant: Tenant

    def arn(self, role: str) -> str:
        return f"arn:aws:iam::{self.tenant.account_id}:role/{role}"

    def ordered(self, way: str) -> tuple[Service, Service]:
        return (self.ahead, self.behind) if way == "ahead first" else (self.behind, self.ahead)

    def call(self, node: Service, key: Key, action: str, service: str = "iam", **parameters: str) -> Reply:
        """Call an operation as a client whose clock is right."""
        body = encode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()
        return node.send(key, body=body, service=service, at=self.true.now())

    def assume(self, node: Service, key: Key, role: str = "worker") -> Reply:
        return self.call(node, key, "AssumeRole", "sts", RoleArn=self.arn(role), RoleSessionName="one")

    def identify(self, node: Service, key: Key) -> Reply:
        return self.call(node, key, "GetCallerIdentity", "sts")

    def change(self, node: Service, path: str, **body: str) -> None:
        """Call an operation of the administration's API, as `sts` on a host of the node's does."""
        assert ask(node, self.tenant.key, path, body).status == 200

    def tick(self, span: timedelta) -> None:
        for clock in (self.true, self.ahead.clock, self.behind.clock):
            assert isinstance(clock, ManualClock)
            clock.tick(span)


@pytest.fixture
def pair(home: Path, clock: ManualClock, postgresql: PostgresqlServer, tmp_path: Path) -> Iterator[Pair]:
    clock.tick(timedelta(days=1))  # the keys were made at the beginning
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        stores = {
            "STS_DATABASE_URL": postgresql.url(postgresql.make_database()),
            "STS_CACHE_URL": redis.url,
            "STS_ISSUER": "http://127.0.0.1:8080",
        }
        ahead, behind = (
            stack.enter_context(running(home, ManualClock(clock.now() + apart), None, **stores))
            for apart in (APART / 2, -APART / 2)
        )
        made = Pair(clock, ahead, behind, redis, ahead.tenant())
        for name in ("worker", "deep"):
            role, policy = {"RoleName": name}, trust(f"arn:aws:iam::{made.tenant.account_id}:root")
            made.call(ahead, made.tenant.key, "CreateRole", **role, AssumeRolePolicyDocument=policy)
            made.call(ahead, made.tenant.key, "PutRolePolicy", **role, PolicyName="all", PolicyDocument=allow("*"))
        yield made


@WAYS
def test_what_the_one_mints_the_other_opens_at_once_with_the_cache_and_without(pair: Pair, way: str) -> None:
    one, other = pair.ordered(way)
    for _ in range(3):
        session = pair.assume(one, pair.tenant.key).key()
        assert pair.identify(other, session).status == 200
        chained = pair.assume(other, session, "deep").key()
        assert pair.identify(one, chained).status == 200
        pair.redis.ask("FLUSHALL")
        for node, key in ((other, session), (one, chained)):
            assert pair.identify(node, key).status == 200


@WAYS
def test_what_is_kept_in_redis_lives_as_long_as_its_session(pair: Pair, way: str) -> None:
    one, other = pair.ordered(way)
    session = pair.assume(one, pair.tenant.key).key()
    (name,) = pair.redis.ask("KEYS", "sts:session:*")
    hour, apart = timedelta(hours=1), APART
    assert hour - apart < timedelta(milliseconds=pair.redis.ask("PTTL", name)) <= hour
    pair.redis.ask("DEL", name)
    assert pair.identify(other, session).status == 200  # puts it there again, by its own clock
    assert hour - 2 * apart < timedelta(milliseconds=pair.redis.ask("PTTL", name)) <= hour + apart


@WAYS
def test_what_the_one_revokes_has_ended_on_both_and_what_is_begun_next_lives(pair: Pair, way: str) -> None:
    one, other = pair.ordered(way)
    for _ in range(2):
        sessions = [pair.assume(node, pair.tenant.key).key() for node in (one, other)]
        chained = pair.assume(other, sessions[0], "deep").key()
        pair.change(one, "/api/principals/revoke", arn=pair.arn("worker"))
        for key in (*sessions, chained):
            assert [pair.identify(node, key).code for node in (other, one)] == ["ExpiredToken"] * 2
        for node in (one, other):
            begun = pair.assume(node, pair.tenant.key).key()
            assert pair.identify(one, begun).status == pair.identify(other, begun).status == 200


@WAYS
def test_what_had_ended_with_a_disabling_stays_so_and_what_is_begun_next_lives(pair: Pair, way: str) -> None:
    one, other = pair.ordered(way)
    sessions = [pair.assume(node, pair.tenant.key).key() for node in (one, other)]
    pair.change(one, "/api/roles/disable", name="worker")
    assert pair.identify(other, sessions[0]).status == 403
    pair.change(other, "/api/roles/enable", name="worker")
    assert pair.assume(one, pair.tenant.key).status == 200
    for node in (one, other):
        begun = pair.assume(node, pair.tenant.key).key()
        assert pair.identify(one, begun).status == pair.identify(other, begun).status == 200
        assert [pair.identify(node, key).code for key in sessions] == ["ExpiredToken"] * 2


def test_a_key_that_works_for_the_one_already_is_known_to_the_other(pair: Pair) -> None:
    at = lay_foundation(pair.ahead.settings, pair.ahead.clock, pair.ahead.entropy)
    for purpose in Purpose:
        at.keyring.rotate(purpose)
    before = pair.assume(pair.behind, pair.tenant.key).key()
    pair.tick(timedelta(days=1) - APART / 2 - timedelta(seconds=1))
    while pair.true.now() < BEGINNING + timedelta(days=2, seconds=30):
        session = pair.assume(pair.ahead, pair.tenant.key).key()
        assert pair.identify(pair.behind, session).status == 200
        pair.tick(timedelta(seconds=5))
    assert pair.identify(pair.behind, before).code == "ExpiredToken"  # an hour is long over


def test_a_node_that_is_behind_starts_on_keys_that_were_made_just_now(home: Path) -> None:
    with running(home, ManualClock(BEGINNING - APART)) as node:
        tenant = node.tenant()
        assert identify(node, tenant.key) == 200
        policy = trust(f"arn:aws:iam::{tenant.account_id}:root")
        node.call(tenant.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=policy)
        assert identify(node, assume(node, tenant)) == 200


def test_records_and_checkpoints_of_both_verify(pair: Pair) -> None:
    for node in (pair.ahead, pair.behind) * 3:
        assert pair.identify(node, pair.tenant.key).status == 200
    at = lay_foundation(pair.ahead.settings, pair.true, pair.ahead.entropy)
    findings = at.database.read_now(lambda c: Examination(c, at.keyring, lambda _behind: None).examine([]))
    assert findings.faults == []
    assert findings.streams == 2


@pytest.fixture
def begun(service: Service, clock: ManualClock) -> Tenant:
    """An account with a role, a day after the keys were made."""
    clock.tick(timedelta(days=1))
    tenant = service.tenant()
    role, policy = {"RoleName": "worker"}, trust(f"arn:aws:iam::{tenant.account_id}:root")
    assert service.call(tenant.key, "CreateRole", **role, AssumeRolePolicyDocument=policy).status == 200
    return tenant


def assume(service: Service, tenant: Tenant) -> Key:
    return service.assume(tenant.key, f"arn:aws:iam::{tenant.account_id}:role/worker").key()


def identify(service: Service, key: Key) -> int:
    return service.call(key, "GetCallerIdentity", "sts").status


@pytest.mark.parametrize("back", [timedelta(seconds=60), timedelta(minutes=10), timedelta(hours=3)])
def test_with_a_clock_that_is_set_back_all_goes_on_and_what_is_had_once_stays_so(
    service: Service, clock: ManualClock, begun: Tenant, back: timedelta
) -> None:
    assert service.call(begun.key, "CreateUser", UserName="carol").status == 200
    for _ in range(2):
        assert service.call(begun.key, "CreateAccessKey", UserName="carol").status == 200
    clock.tick(-back)
    assert service.call(begun.key, "CreateUser", UserName="carol").code == "EntityAlreadyExists"
    assert service.call(begun.key, "CreateAccessKey", UserName="carol").code == "LimitExceeded"
    assert identify(service, assume(service, begun)) == 200
    at = lay_foundation(service.settings, clock, service.entropy)
    findings = at.database.read_now(lambda c: Examination(c, at.keyring, lambda _behind: None).examine([]))
    assert findings.faults == []
    assert findings.records == 8


def test_a_session_outlives_a_clock_that_is_set_back_by_no_more_than_the_skew(
    service: Service, clock: ManualClock, begun: Tenant
) -> None:
    session = assume(service, begun)
    clock.tick(timedelta(seconds=-60))
    assert identify(service, session) == 200
    clock.tick(timedelta(seconds=-1))  # J-06: it says of itself that it is not valid yet
    assert identify(service, session) == 403
    clock.tick(timedelta(seconds=61))
    assert identify(service, session) == 200


@pytest.mark.parametrize("path", ["revoke", "disable"])
def test_what_is_revoked_by_a_clock_that_was_set_back_has_ended_also_when_it_has_caught_up(
    service: Service, clock: ManualClock, begun: Tenant, path: str
) -> None:
    session, arn = assume(service, begun), f"arn:aws:iam::{begun.account_id}:role/worker"
    clock.tick(timedelta(hours=-2))
    if path == "revoke":
        assert ask(service, begun.key, "/api/principals/revoke", {"arn": arn}).status == 200
    else:
        for act in ("disable", "enable"):
            assert ask(service, begun.key, f"/api/roles/{act}", {"name": "worker"}).status == 200
    assert identify(service, assume(service, begun)) == 200
    clock.tick(timedelta(hours=2))
    assert service.call(session, "GetCallerIdentity", "sts").code == "ExpiredToken"
    assert identify(service, assume(service, begun)) == 200


def test_who_was_throttled_is_let_in_though_the_clock_is_set_back(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_CALLER="1/2") as service:
        tenant = service.tenant()
        assert [identify(service, tenant.key) for _ in range(3)] == [200, 200, 400]
        clock.tick(timedelta(hours=-1))
        assert identify(service, tenant.key) == 400
        clock.tick(timedelta(seconds=1))
        assert identify(service, tenant.key) == 200
