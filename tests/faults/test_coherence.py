"""A client changes something through one process and asks another at once: it is never answered from before.

Both processes are real, on one PostgreSQL and one Redis, and take turns at being changed and being asked.
"""

import base64
import http.client
import json
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sts.app import build_accounts
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.settings import read_settings
from tests.faults.processes import Answer, serving, wait_until
from tests.faults.relay import relaying
from tests.faults.stages import Estate
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import RedisServer, redis_server
from tests.service import VERSIONS, allow, trust
from tests.signing import Key, encode, sign


@dataclass
class Line:
    """A process, and the connection to it that is kept."""

    port: int
    connection: http.client.HTTPConnection

    def call(self, key: Key, action: str, service: str = "iam", **parameters: str) -> Answer:
        body = encode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()
        return self._send(key, "/", body, service, "application/x-www-form-urlencoded")

    def tell(self, key: Key, path: str, **parameters: str) -> Answer:
        """Call our own API."""
        return self._send(key, path, json.dumps(parameters).encode(), "sts", "application/json")

    def _send(self, key: Key, path: str, body: bytes, service: str, media_type: str) -> Answer:
        headers = sign(
            key, method="POST", host=f"127.0.0.1:{self.port}", path=path, query="", body=body, at=datetime.now(UTC),
            service=service, region="us-east-1",
        )  # fmt: skip
        self.connection.request("POST", path, body, headers | {"content-type": media_type})
        answer = self.connection.getresponse()
        return Answer(answer.status, answer.read())


def key_in(answer: Answer) -> Key:
    assert answer.status == 200, answer.body
    found = [answer.find(name) for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
    return Key(str(found[0]), str(found[1]), found[2])


@dataclass
class Cast:
    """An account that changes with each round, and what the next round is to find."""

    account_id: str
    admin: Key
    user: Key = field(init=False)
    spare: Key | None = None

    def prepare(self, line: Line) -> None:
        """Make a user with a key, and a role that trusts the user."""
        assert line.call(self.admin, "CreateUser", UserName="ursula").status == 200
        self.user = key_in(line.call(self.admin, "CreateAccessKey", UserName="ursula"))
        made = line.call(self.admin, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=self.trust())
        assert made.status == 200, made.body
        everybody = trust(f"arn:aws:iam::{self.account_id}:root")
        made = line.call(self.admin, "CreateRole", RoleName="steady", AssumeRolePolicyDocument=everybody)
        assert made.status == 200, made.body

    def trust(self, name: str = "ursula") -> str:
        return trust(f"arn:aws:iam::{self.account_id}:user/{name}")

    def assume(self, line: Line) -> Answer:
        return self._become(line, self.user, "worker")

    def begin_session(self, line: Line) -> Key:
        """Begin a session that no disabling ends: ursula's end with her, also those of the same second."""
        return key_in(self._become(line, self.admin, "steady"))

    def chain(self, line: Line, key: Key) -> tuple[Key, Key]:
        """Return a session of `worker` that the key begins, and one of `steady` that is begun from that."""
        policy = {"RoleName": "worker", "PolicyName": "on", "PolicyDocument": allow("sts:AssumeRole")}
        assert line.call(self.admin, "PutRolePolicy", **policy).status == 200
        first = key_in(self._become(line, key, "worker"))
        return first, key_in(self._become(line, first, "steady"))

    def _become(self, line: Line, key: Key, name: str) -> Answer:
        arn = f"arn:aws:iam::{self.account_id}:role/{name}"
        return line.call(key, "AssumeRole", "sts", RoleArn=arn, RoleSessionName="round")


def read_jti(session: Key) -> str:
    payload = str(session.token).split(".")[1]
    jti: str = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))["jti"]
    return jti


def is_me(line: Line, key: Key) -> tuple[int, str | None]:
    """Return the status and error code of the least that a key can ask."""
    answer = line.call(key, "GetCallerIdentity", "sts")  # which needs no permission
    return answer.status, answer.find("Code")


FINE = (200, None)


def a_permission_is_given(cast: Cast, change: Line, ask: Line) -> None:
    policy = {"UserName": "ursula", "PolicyName": "own", "PolicyDocument": allow("iam:GetUser")}
    assert change.call(cast.admin, "PutUserPolicy", **policy).status == 200
    assert ask.call(cast.user, "GetUser", UserName="ursula").status == 200


def a_permission_is_taken(cast: Cast, change: Line, ask: Line) -> None:
    assert change.call(cast.admin, "DeleteUserPolicy", UserName="ursula", PolicyName="own").status == 200
    assert ask.call(cast.user, "GetUser", UserName="ursula").find("Code") == "AccessDenied"


def a_key_is_made(cast: Cast, change: Line, ask: Line) -> None:
    cast.spare = key_in(change.call(cast.admin, "CreateAccessKey", UserName="ursula"))
    assert is_me(ask, cast.spare) == FINE


def a_key_is_made_inactive(cast: Cast, change: Line, ask: Line) -> None:
    assert cast.spare is not None
    named = {"UserName": "ursula", "AccessKeyId": cast.spare.access_key_id, "Status": "Inactive"}
    assert change.call(cast.admin, "UpdateAccessKey", **named).status == 200
    assert is_me(ask, cast.spare) == (403, "InvalidClientTokenId")


def a_key_is_made_active(cast: Cast, change: Line, ask: Line) -> None:
    assert cast.spare is not None
    named = {"UserName": "ursula", "AccessKeyId": cast.spare.access_key_id, "Status": "Active"}
    assert change.call(cast.admin, "UpdateAccessKey", **named).status == 200
    assert is_me(ask, cast.spare) == FINE


def a_key_is_deleted(cast: Cast, change: Line, ask: Line) -> None:
    assert cast.spare is not None
    named = {"UserName": "ursula", "AccessKeyId": cast.spare.access_key_id}
    assert change.call(cast.admin, "DeleteAccessKey", **named).status == 200
    assert is_me(ask, cast.spare) == (403, "InvalidClientTokenId")


def trust_is_taken(cast: Cast, change: Line, ask: Line) -> None:
    named = {"RoleName": "worker", "PolicyDocument": cast.trust("admin")}
    assert change.call(cast.admin, "UpdateAssumeRolePolicy", **named).status == 200
    assert cast.assume(ask).find("Code") == "AccessDenied"


def trust_is_given(cast: Cast, change: Line, ask: Line) -> None:
    named = {"RoleName": "worker", "PolicyDocument": cast.trust()}
    assert change.call(cast.admin, "UpdateAssumeRolePolicy", **named).status == 200
    assert cast.assume(ask).status == 200


def a_session_is_revoked(cast: Cast, change: Line, ask: Line) -> None:
    session = cast.begin_session(change)
    assert is_me(ask, session) == FINE
    assert change.tell(cast.admin, "/api/sessions/revoke", jti=read_jti(session)).status == 200
    assert is_me(ask, session) == (403, "ExpiredToken")


def a_user_is_disabled(cast: Cast, change: Line, ask: Line) -> None:
    assert change.tell(cast.admin, "/api/users/disable", name="ursula").status == 200
    assert is_me(ask, cast.user) == (403, "InvalidClientTokenId")


def a_user_is_enabled(cast: Cast, change: Line, ask: Line) -> None:
    assert change.tell(cast.admin, "/api/users/enable", name="ursula").status == 200
    assert is_me(ask, cast.user) == FINE


def a_role_is_made_anew(cast: Cast, change: Line, ask: Line) -> None:
    assert change.call(cast.admin, "DeleteRole", RoleName="worker").status == 200
    assert cast.assume(ask).find("Code") == "AccessDenied"
    made = change.call(cast.admin, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=cast.trust())
    assert made.status == 200
    assert cast.assume(ask).status == 200


# In this order: each finds what the one before it left.
ROUNDS: tuple[Callable[[Cast, Line, Line], None], ...] = (
    a_permission_is_given,
    a_key_is_made,
    a_key_is_made_inactive,
    trust_is_taken,
    a_permission_is_taken,
    a_key_is_made_active,
    trust_is_given,
    a_session_is_revoked,
    a_user_is_disabled,
    a_user_is_enabled,
    a_key_is_deleted,
    a_role_is_made_anew,
)


@dataclass(frozen=True)
class Stack:
    """What two processes share: a home with keys, a store, and a cache."""

    home: Path
    database_url: str
    redis: RedisServer


@dataclass(frozen=True)
class Pair:
    """Two processes on one store and one cache."""

    lines: tuple[Line, Line]
    redis: RedisServer
    at: Foundation

    def make_cast(self) -> Cast:
        begun, _ = self.at.database.transact_now(lambda tx: build_accounts(self.at).create(tx), self.at.clock.now())
        cast = Cast(begun.account.account_id, Key(begun.minted.key.access_key_id, str(begun.minted.secret)))
        cast.prepare(self.lines[0])
        return cast


@contextmanager
def paired(stack: Stack, *caches: str) -> Iterator[Pair]:
    """Run a process for each address of the one cache in *caches*."""
    settings = {"STS_DATABASE_URL": stack.database_url, "STS_KEYS_DIR": str(stack.home / "keys")}
    environment = {"STS_HOME": str(stack.home), "STS_CACHE_URL": stack.redis.url, **settings}
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    with ExitStack() as running, closing(at.database):
        lines = []
        for cache in caches:
            server = running.enter_context(serving(stack.home, **settings, STS_CACHE_URL=cache))
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=30)
            lines.append(Line(server.port, running.enter_context(closing(connection))))
        yield Pair((lines[0], lines[1]), stack.redis, at)


@pytest.fixture
def stack(first_estate: Estate, tmp_path: Path, postgresql: PostgresqlServer) -> Iterator[Stack]:
    shutil.copytree(first_estate.home / "keys", tmp_path / "keys")
    with redis_server(tmp_path / "redis") as redis:
        yield Stack(tmp_path, postgresql.url(postgresql.make_database()), redis)


@pytest.fixture
def pair(stack: Stack) -> Iterator[Pair]:
    with paired(stack, stack.redis.url, stack.redis.url) as started:
        yield started


A_CAST = 2_000  # rounds: an account has no more than a thousand revoked sessions at a time


@pytest.mark.parametrize("rounds", [2_000, pytest.param(20_000, marks=pytest.mark.longer)])
def test_z_05_who_asks_another_process_at_once_is_answered_from_after_the_change(pair: Pair, rounds: int) -> None:
    for number in range(rounds):
        if number % A_CAST == 0:
            cast = pair.make_cast()
        again, which = divmod(number % A_CAST, len(ROUNDS))
        change, ask = pair.lines if (again + which) % 2 else reversed(pair.lines)
        ROUNDS[which](cast, change, ask)


def test_s_08_what_was_begun_from_what_is_deleted_is_refused_by_another_process_at_once(pair: Pair) -> None:
    cast = pair.make_cast()
    one, other = pair.lines
    a_key_is_made(cast, one, other)
    assert cast.spare is not None
    begun = cast.chain(one, cast.spare)
    assert [is_me(other, session) for session in begun] == [FINE, FINE]
    a_key_is_deleted(cast, one, other)
    assert [is_me(other, session) for session in begun] == [(403, "ExpiredToken")] * 2
    begun = cast.chain(one, cast.user)
    assert [is_me(other, session) for session in begun] == [FINE, FINE]
    assert one.call(cast.admin, "DeleteRolePolicy", RoleName="worker", PolicyName="on").status == 200
    a_role_is_made_anew(cast, one, other)
    assert [is_me(other, session)[1] for session in begun] == ["InvalidClientTokenId", "ExpiredToken"]


BREAKS: dict[str, Callable[[RedisServer], object]] = {
    "stopped": RedisServer.stop,
    "hung": RedisServer.hang,
    "flushed": lambda redis: redis.ask("FLUSHALL"),
    "full": lambda redis: redis.ask("CONFIG", "SET", "maxmemory", "1"),
}


@pytest.mark.parametrize("state", BREAKS)
def test_s_08_with_redis_gone_what_is_revoked_disabled_or_deleted_is_refused_at_once(pair: Pair, state: str) -> None:
    cast = pair.make_cast()
    one, other = pair.lines
    a_key_is_made(cast, one, other)
    BREAKS[state](pair.redis)
    for change in (a_session_is_revoked, a_user_is_disabled, a_user_is_enabled, a_key_is_deleted, a_role_is_made_anew):
        change(cast, one, other)


@pytest.mark.alone
def test_s_08_with_redis_gone_backwards_what_is_disabled_is_refused_within_a_second(pair: Pair) -> None:
    cast = pair.make_cast()
    one, other = pair.lines
    assert is_me(other, cast.user) == FINE
    before = pair.redis.ask("GET", "sts:version")
    assert one.tell(cast.admin, "/api/users/disable", name="ursula").status == 200
    pair.redis.ask("SET", "sts:version", before)
    is_refused_within_a_second(other, cast.user)


def is_refused_within_a_second(line: Line, key: Key) -> None:
    late_at = time.monotonic() + 1
    while time.monotonic() < late_at:
        is_me(line, key)  # so that the process has reason to believe what it knows
    assert is_me(line, key) == (403, "InvalidClientTokenId")


@pytest.mark.alone
def test_s_08_what_a_process_that_is_cut_off_from_redis_disables_is_refused_by_the_others_within_a_second(
    stack: Stack,
) -> None:
    with (
        relaying(stack.redis.port) as relay,
        paired(stack, f"redis://127.0.0.1:{relay.listening}", stack.redis.url) as pair,
    ):
        cast = pair.make_cast()
        cut, whole = pair.lines
        assert is_me(cut, cast.user) == is_me(whole, cast.user) == FINE
        relay.swallows = True  # it cannot tell that anything changes, and the other's Redis shows what it showed
        for _ in range(3):
            assert cut.tell(cast.admin, "/api/users/disable", name="ursula").status == 200
            is_refused_within_a_second(whole, cast.user)
            assert cut.tell(cast.admin, "/api/users/enable", name="ursula").status == 200
            wait_until(lambda: is_me(whole, cast.user) == FINE, 1)
        for change in (a_user_is_disabled, a_user_is_enabled):
            change(cast, whole, cut)  # at once: it asks the store each time
