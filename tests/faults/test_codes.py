"""A code is taken once, whatever is asked at the same time, of whichever process, and whatever is lost between."""

import base64
import subprocess
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import pytest

from tests.authenticator import Authenticator
from tests.faults.processes import Answer, Server, serving
from tests.faults.stages import found_estate
from tests.postgresql_server import PostgresqlServer, find_program
from tests.redis_servers import RedisServer, redis_server
from tests.service import trust
from tests.signing import Key

PARALLEL = 50


@dataclass
class Pair:
    """Two processes on one PostgreSQL and one Redis, and a user with a device and a role that asks for it."""

    stack: ExitStack
    home: Path
    settings: dict[str, str]
    redis: RedisServer
    servers: list[Server]
    key: Key
    serial_number: str
    device: Authenticator
    role_arn: str

    def assume(self, server: Server, code: str) -> Answer:
        asked = {"RoleArn": self.role_arn, "RoleSessionName": "session", "SerialNumber": self.serial_number}
        return server.call(self.key, "AssumeRole", "sts", **asked, TokenCode=code)

    def code(self, steps: int = 0) -> str:
        return self.device.code(datetime.now(UTC), steps)

    def restart(self) -> None:
        for server in self.servers:
            server.kill()
        self.servers = [self.stack.enter_context(serving(self.home, **self.settings)) for _ in range(2)]


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
        serial_number, device = enable(servers[0], estate.key)
        present = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
        trusting = trust(f"arn:aws:iam::{estate.account_id}:user/admin", condition=present)
        made = servers[0].call(estate.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=trusting)
        role_arn = str(made.find("Arn"))
        yield Pair(stack, tmp_path, settings, redis, servers, estate.key, serial_number, device, role_arn)


def enable(server: Server, key: Key) -> tuple[str, Authenticator]:
    made = server.call(key, "CreateVirtualMFADevice", VirtualMFADeviceName="phone")
    serial_number = str(made.find("SerialNumber"))
    device = Authenticator(base64.b64decode(str(made.find("Base32StringSeed"))).decode())
    codes = device.pair(datetime.now(UTC), -1)
    done = server.call(key, "EnableMFADevice", UserName="admin", SerialNumber=serial_number, **codes)
    assert done.status == 200, done.body
    return serial_number, device


def test_a_28_of_fifty_uses_of_a_code_at_once_on_two_processes_one_passes(pair: Pair) -> None:
    code = pair.code()
    with ThreadPoolExecutor(PARALLEL) as threads:
        asking = [threads.submit(pair.assume, pair.servers[number % 2], code) for number in range(PARALLEL)]
        answers = [each.result() for each in asking]
    assert sorted(answer.status for answer in answers) == [200, *[403] * (PARALLEL - 1)]
    assert {str(answer.find("Message")) for answer in answers if answer.status == 403} == {
        "MultiFactorAuthentication failed with invalid MFA one time pass code."
    }
    # Nobody was locked out by them, and the next code is taken.
    assert pair.assume(pair.servers[0], pair.code(1)).status == 200


def test_a_28_a_used_code_is_refused_after_redis_was_flushed_and_after_a_restart(pair: Pair) -> None:
    code = pair.code()
    assert pair.assume(pair.servers[0], code).status == 200
    pair.redis.ask("FLUSHALL")
    assert [pair.assume(server, code).status for server in pair.servers] == [403, 403]
    pair.restart()
    assert [pair.assume(server, code).status for server in pair.servers] == [403, 403]


def test_a_30_wrong_codes_on_two_processes_are_counted_together_and_outlive_redis_and_a_restart(pair: Pair) -> None:
    wrong = [pair.code(100 + number) for number in range(PARALLEL)]
    with ThreadPoolExecutor(PARALLEL) as threads:
        asking = [threads.submit(pair.assume, pair.servers[number % 2], code) for number, code in enumerate(wrong)]
        said = [str(each.result().find("Message")) for each in asking]
    assert sum("with invalid MFA" in each for each in said) == 10
    assert sum("too many invalid MFA" in each for each in said) == PARALLEL - 10
    pair.redis.ask("FLUSHALL")
    pair.restart()
    for server in pair.servers:
        assert "too many invalid MFA" in str(pair.assume(server, pair.code()).find("Message"))


def test_a_22_wrong_codes_of_one_address_are_counted_over_both_processes(pair: Pair) -> None:
    wrong = pair.code(100)
    said = [str(pair.assume(pair.servers[number % 2], wrong).find("Code")) for number in range(100)]
    assert set(said) == {"AccessDenied"}
    assert [str(pair.assume(server, wrong).find("Code")) for server in pair.servers] == ["Throttling"] * 2


def test_a_32_neither_a_dump_of_postgresql_nor_one_of_redis_holds_a_seed(pair: Pair) -> None:
    assert pair.assume(pair.servers[0], pair.code()).status == 200
    dump = subprocess.run([find_program("pg_dump"), pair.settings["STS_DATABASE_URL"]], capture_output=True, check=True)
    kept = pair.redis.ask("KEYS", "*")
    assert kept
    held = b"".join(pair.redis.ask("DUMP", key) for key in kept)
    assert pair.serial_number.encode() in dump.stdout  # what is looked for in the right place would be found
    seed = base64.b32decode(pair.device.seed)
    for spelt in (seed, seed.hex().encode(), base64.b64encode(seed), pair.device.seed.encode()):
        assert spelt not in dump.stdout
        assert spelt not in held
