"""Wrong passwords are counted over all processes, and what is kept of a password is no good to guess from."""

import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Column, select

from sts.authn.passwords import FREE_FAILURES
from sts.store.database import open_database
from sts.store.password_tables import login_profile, password_failure
from tests.faults.processes import Answer, Server, serving
from tests.faults.stages import found_estate
from tests.postgresql_server import PostgresqlServer, find_program
from tests.redis_servers import RedisServer, redis_server
from tests.signing import Key

PASSWORD, OTHER = "correct horse battery staple", "another horse battery staple"
PARALLEL = 200


@dataclass
class Pair:
    """Two processes on one PostgreSQL and one Redis, whose administrator has a password."""

    stack: ExitStack
    home: Path
    settings: dict[str, str]
    redis: RedisServer
    servers: list[Server]
    key: Key

    def change(self, server: Server, old: str, new: str = OTHER) -> Answer:
        return server.call(self.key, "ChangePassword", OldPassword=old, NewPassword=new)

    def restart(self) -> None:
        for server in self.servers:
            server.kill()
        self.servers = [self.stack.enter_context(serving(self.home, **self.settings)) for _ in range(2)]

    def read(self, column: Column[Any]) -> list[Any]:
        database = open_database(self.settings["STS_DATABASE_URL"])
        try:
            return list(database.read_now(lambda c: c.execute(select(column)).scalars().all()))
        finally:
            database.close()


@pytest.fixture
def pair(tmp_path: Path, postgresql: PostgresqlServer) -> Iterator[Pair]:
    with ExitStack() as stack:
        redis = stack.enter_context(redis_server(tmp_path / "redis"))
        settings = {
            "STS_DATABASE_URL": postgresql.url(postgresql.make_database()),
            "STS_CACHE_URL": redis.url,
            "STS_KEYS_DIR": str(tmp_path / "keys"),
        }
        estate = found_estate(tmp_path, **settings)
        servers = [stack.enter_context(serving(tmp_path, **settings)) for _ in range(2)]
        made = servers[0].call(estate.key, "CreateLoginProfile", UserName="admin", Password=PASSWORD)
        assert made.status == 200, made.body
        yield Pair(stack, tmp_path, settings, redis, servers, estate.key)


def test_a_23_a_19_of_many_tries_at_once_on_two_processes_ten_are_looked_at_and_the_count_outlives_all(
    pair: Pair,
) -> None:
    tries = [f"wrong password, number {number}" for number in range(PARALLEL)]
    with ThreadPoolExecutor(PARALLEL) as threads:
        asking = [threads.submit(pair.change, pair.servers[number % 2], old) for number, old in enumerate(tries)]
        said = Counter(str(each.result().find("Code")) for each in asking)
    assert said.keys() <= {"AccessDenied", "Throttling", "ServiceUnavailable"}  # on a host that is busy
    assert said["AccessDenied"] >= FREE_FAILURES
    assert pair.read(password_failure.c.failures) == [FREE_FAILURES]
    pair.redis.ask("FLUSHALL")
    pair.restart()
    for server in pair.servers:
        assert str(pair.change(server, PASSWORD).find("Code")) == "AccessDenied"


def test_a_22_one_address_is_throttled_over_both_processes(pair: Pair) -> None:
    pair.servers[0].call(pair.key, "DeleteLoginProfile", UserName="admin")
    answers = [pair.change(pair.servers[number % 2], PASSWORD) for number in range(101)]
    assert {str(each.find("Code")) for each in answers[:100]} == {"AccessDenied"}
    assert str(answers[100].find("Code")) == "Throttling"


def test_a_39_a_41_a_dump_holds_salted_hashes_and_neither_password_nor_pepper(pair: Pair) -> None:
    pair.servers[0].call(pair.key, "CreateUser", UserName="bob")
    pair.servers[0].call(pair.key, "CreateLoginProfile", UserName="bob", Password=PASSWORD)
    assert pair.change(pair.servers[1], PASSWORD).status == 200
    dump = subprocess.run([find_program("pg_dump"), pair.settings["STS_DATABASE_URL"]], capture_output=True, check=True)
    hashes = pair.read(login_profile.c.password_hash)
    assert len(set(hashes)) == 2
    assert all(str(each).startswith("$argon2id$v=19$m=19456,t=2,p=1$") for each in hashes)
    peppers = list((pair.home / "keys").glob("pepper-*.json"))
    assert len(peppers) == 1
    pepper = peppers[0].read_text().split('"k": "')[1].split('"')[0]
    kept = pair.redis.ask("KEYS", "*")
    for secret in (PASSWORD, OTHER, pepper):
        assert secret.encode() not in dump.stdout
        assert secret not in str(kept)
