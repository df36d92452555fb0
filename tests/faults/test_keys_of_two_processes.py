"""J-18: keys are rotated and removed under two processes at work, which share a store, a key folder and Redis."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import SystemClock
from sts.crypto.base64url import parse_base64url
from sts.crypto.sealing import parse_sealed
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from sts.keyring.rotation import Purpose, Schedule
from tests.faults.processes import REPOSITORY, Answer, Server, serving, wait_until
from tests.faults.stages import Estate
from tests.keyring.aging import age_keys
from tests.redis_servers import redis_server
from tests.service import allow, trust
from tests.signing import Key

# As in real life a key is published, and read by every process, before it works; but in seconds, not in hours.
AHEAD = timedelta(seconds=2)
HASTY = Schedule(publish_ahead=AHEAD, soon_ahead=AHEAD, lead=AHEAD)
CLIENTS = 3
# A running service knows of a removed key within a second; the rest is for the requests that ask and a busy machine.
REFUSED_SECONDS = 2


@dataclass(frozen=True)
class Pair:
    """Two processes of one service, an account, and a role that may do everything."""

    nodes: tuple[Server, Server]
    estate: Estate

    @property
    def role(self) -> str:
        return f"arn:aws:iam::{self.estate.account_id}:role/worker"

    def assume(self, node: Server) -> Key:
        answer = node.call(self.estate.key, "AssumeRole", "sts", RoleArn=self.role, RoleSessionName="session")
        return done(answer, "AccessKeyId", "SecretAccessKey", "SessionToken")

    def create_key(self, node: Server, user: str) -> Key:
        return done(node.call(self.estate.key, "CreateAccessKey", UserName=user), "AccessKeyId", "SecretAccessKey")

    def delete_key(self, node: Server, user: str, key: Key) -> None:
        done(node.call(self.estate.key, "DeleteAccessKey", UserName=user, AccessKeyId=key.access_key_id))


def done(answer: Answer, *names: str) -> Key:
    """Return the credentials of an answer, which must be 200; without names none are looked for."""
    assert answer.status == 200, answer.body
    found = [answer.find(name) or "" for name in names] or ["", ""]
    return Key(*found)


def identify(node: Server, key: Key) -> Answer:
    return node.call(key, "GetCallerIdentity", "sts")


@pytest.fixture
def pair(estate: Estate, tmp_path: Path) -> Iterator[Pair]:
    with (
        redis_server(tmp_path / "redis") as redis,
        serving(estate.home, STS_CACHE_URL=redis.url) as first,
        serving(estate.home, STS_CACHE_URL=redis.url) as second,
    ):
        started = Pair((first, second), estate)
        trusted = trust(f"arn:aws:iam::{estate.account_id}:root")
        done(first.call(estate.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=trusted))
        policy = {"RoleName": "worker", "PolicyName": "all", "PolicyDocument": allow("*")}
        done(first.call(estate.key, "PutRolePolicy", **policy))
        for name in ("sealed", *(f"client-{number}" for number in range(CLIENTS))):
            done(first.call(estate.key, "CreateUser", UserName=name))
        wait_until(lambda: second.call(estate.key, "GetRole", RoleName="worker").status == 200)
        yield started


def header(key: Key) -> dict[str, Any]:
    return _part(key, 0)


def _part(key: Key, place: int) -> dict[str, Any]:
    assert key.token is not None
    part: dict[str, Any] = json.loads(parse_base64url(key.token.split(".")[place].encode()))
    return part


def signed_with(pair: Pair, node: Server) -> str:
    return str(header(pair.assume(node))["kid"])


def derived_with(pair: Pair, node: Server) -> str:
    return str(_part(pair.assume(node), 1)["dkv"])


def list_users(pair: Pair, node: Server, **parameters: str) -> Answer:
    answer = node.call(pair.estate.key, "ListUsers", MaxItems="1", **parameters)
    done(answer)
    return answer


def begin_list(pair: Pair, node: Server) -> str:
    return list_users(pair, node).find("Marker") or ""


def marked_with(pair: Pair, node: Server) -> str:
    return begin_list(pair, node).split(".")[1]


def published(node: Server) -> set[str]:
    with urllib.request.urlopen(f"http://127.0.0.1:{node.port}/.well-known/jwks.json", timeout=30) as answer:
        return {key["kid"] for key in json.load(answer)["keys"]}


def sts(pair: Pair, *words: str) -> Any:
    """Run a command on the host of the processes; it must succeed."""
    ran = subprocess.run(
        [sys.executable, "-m", "sts", *words, "--json"],
        env={**os.environ, "STS_HOME": str(pair.estate.home)},
        cwd=REPOSITORY,
        capture_output=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)


def refused_on_both(pair: Pair, key: Key) -> None:
    for node in pair.nodes:
        wait_until(lambda node=node: identify(node, key).status != 200, REFUSED_SECONDS)  # type: ignore[misc]  # bound now
        answer = identify(node, key)
        assert (answer.status, answer.find("Code")) == (403, "InvalidClientTokenId")


@pytest.mark.alone
def test_j_18_everything_signed_by_a_removed_key_is_refused_by_every_process_at_once(pair: Pair) -> None:
    sessions = [pair.assume(node) for node in pair.nodes]
    for node in pair.nodes:
        for session in sessions:
            done(identify(node, session))
    (removed,) = sts(pair, "keys", "remove", "1", "--purpose", "signing", "--algorithm", "ES256")["removed"]
    assert {header(session)["kid"] for session in sessions} == {removed["kid"]}
    for session in sessions:
        refused_on_both(pair, session)
    for node in pair.nodes:
        assert removed["kid"] not in published(node)
        again = pair.assume(node)
        for other in pair.nodes:
            done(identify(other, again))


@pytest.mark.alone
def test_every_session_derived_from_a_removed_key_is_refused_by_every_process_at_once(pair: Pair) -> None:
    sessions = [pair.assume(node) for node in pair.nodes]
    sts(pair, "keys", "remove", "1", "--purpose", "derivation")
    for session in sessions:
        refused_on_both(pair, session)
    for node in pair.nodes:
        again = pair.assume(node)
        for other in pair.nodes:
            done(identify(other, again))


def recorded_with(pair: Pair, node: Server) -> str:
    request_id = identify(node, pair.estate.key).find("RequestId")
    mac = _select(pair, "mac FROM audit_record WHERE json_extract(body, '$.request_id') = ?", request_id)
    return str(int.from_bytes(mac[:4], "big"))


def sealed_with(pair: Pair, node: Server) -> str:
    made = pair.create_key(node, "sealed")
    sealed = _select(pair, "sealed_secret FROM access_key WHERE access_key_id = ?", made.access_key_id)
    pair.delete_key(node, "sealed", made)
    return str(parse_sealed(sealed).version)


def peppered_with(pair: Pair, node: Server) -> str:
    profile = {"UserName": "sealed", "Password": "a phrase that nobody knows"}
    done(node.call(pair.estate.key, "CreateLoginProfile", **profile))
    with closing(sqlite3.connect(pair.estate.home / "sts.db", timeout=30)) as connection:
        ((version,),) = connection.execute("SELECT pepper_version FROM login_profile").fetchall()
    done(node.call(pair.estate.key, "DeleteLoginProfile", UserName="sealed"))
    return str(version)


def _select(pair: Pair, what: str, *values: str | None) -> bytes:
    with closing(sqlite3.connect(pair.estate.home / "sts.db", timeout=30)) as connection:
        ((found,),) = connection.execute(f"SELECT {what}", values).fetchall()
    return bytes(found)


IN_USE: Mapping[Purpose, Callable[[Pair, Server], str]] = {
    Purpose.SIGNING: signed_with,
    Purpose.DERIVATION: derived_with,
    Purpose.SEALING: sealed_with,
    Purpose.AUDIT: recorded_with,
    Purpose.MARKER: marked_with,
    Purpose.PEPPER: peppered_with,
}


@dataclass(frozen=True)
class Past:
    """What was made before any rotation: a session, a marker, and an access key whose secret was sealed."""

    session: Key
    marker: str

    def still_holds(self, pair: Pair, node: Server) -> None:
        done(identify(node, self.session))
        list_users(pair, node, Marker=self.marker)
        done(identify(node, pair.estate.key))


def work(pair: Pair, past: Past, user: str, ended: threading.Event) -> int:
    """Make things on one node and use them on the other, over and over; every answer is 200. Returns how many turns."""
    turns = 0
    while not ended.is_set():
        here, there = pair.nodes if turns % 2 else reversed(pair.nodes)
        session = pair.assume(here)
        assert header(session)["kid"] in published(there)
        done(identify(there, session))
        list_users(pair, there, Marker=begin_list(pair, here))
        made = pair.create_key(here, user)
        done(identify(there, made))
        pair.delete_key(here, user, made)
        past.still_holds(pair, there)
        turns += 1
    return turns


@contextmanager
def at_work(pair: Pair, past: Past) -> Iterator[None]:
    """Keep clients at work on both nodes until the context ends; a refusal fails it."""
    ended = threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(work, pair, past, f"client-{number}", ended) for number in range(CLIENTS)]
        try:
            yield
        finally:
            ended.set()
        assert all(client.result() > 0 for client in clients)


def rotate(pair: Pair, purpose: Purpose) -> None:
    keyring = open_keyring(pair.estate.home / "keys", SystemClock(), Entropy(), create=False, schedule=HASTY)
    assert keyring.rotate(purpose, soon=purpose is Purpose.SIGNING)


def rotate_until_used(pair: Pair, purpose: Purpose) -> None:
    """Rotate, and return when both processes use the new key."""
    ask = IN_USE[purpose]
    before = [ask(pair, node) for node in pair.nodes]
    rotate(pair, purpose)
    for node, old in zip(pair.nodes, before, strict=True):
        wait_until(lambda node=node, old=old: ask(pair, node) != old)  # type: ignore[misc]  # bound now


def test_while_an_old_sealing_key_is_removed_no_process_refuses_a_request(pair: Pair) -> None:
    past = Past(pair.assume(pair.nodes[0]), begin_list(pair, pair.nodes[0]))
    kept = pair.create_key(pair.nodes[0], "sealed")
    for node in pair.nodes:
        done(identify(node, kept))  # each remembers its secret as it was sealed
    with at_work(pair, past):
        rotate_until_used(pair, Purpose.SEALING)
        age_keys(pair.estate.home / "keys", "sealing", timedelta(hours=1))
        told = sts(pair, "keys", "remove", "1", "--purpose", "sealing")
        assert [key["state"] for key in told["removed"]] == ["old"]
        for _ in range(50):
            for node in pair.nodes:
                done(identify(node, kept))
    sealed = _select(pair, "sealed_secret FROM access_key WHERE access_key_id = ?", kept.access_key_id)
    assert parse_sealed(sealed).version == 2


def test_j_18_while_keys_of_every_purpose_rotate_no_process_refuses_a_request(pair: Pair) -> None:
    past = Past(pair.assume(pair.nodes[0]), begin_list(pair, pair.nodes[0]))
    assert IN_USE.keys() == set(Purpose)
    with at_work(pair, past):
        for purpose in Purpose:
            rotate_until_used(pair, purpose)
    for node in pair.nodes:
        past.still_holds(pair, node)
    assert sts(pair, "audit", "verify")["faults"] == []
