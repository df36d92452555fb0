"""People who sign in with a password, all at once, while others go on: `sign_ins.py PORT ACCOUNT SECONDS` is the crowd.

The crowd is a process of its own, of bare sockets: it shares the cores with the server, and takes little of them.
"""

import asyncio
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from statistics import median
from urllib.parse import urlencode

from sts.app import build_accounts
from sts.clock import SystemClock
from sts.crypto.passwords import SALT_LENGTH, Cost, hash_password
from sts.directory.login_profiles import choose_password
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.hashing import PasswordHasher
from sts.settings import read_settings
from sts.store.database import Transaction
from tests.bench.contestants import Contestant
from tests.bench.load import Round
from tests.bench.report import Goal, Row

PEOPLE = 64
OTHERS = 8  # connections
_PASSWORD = "correct horse battery staple"
_HASHES = 20
_FIELD = re.compile(r'<input[^>]*name="([^"]+)"[^>]*value="([^"]*)"')


@dataclass(frozen=True)
class SignIns:
    """What was measured, in turns: others alone, and others beside people who sign in."""

    alone: tuple[Round, ...]
    beside: tuple[Round, ...]
    per_second: float
    cpu_microseconds: float  # of the server, for each sign-in and nothing else
    hash_microseconds: float

    def rows(self) -> tuple[Row, ...]:
        share = self.hash_microseconds / self.cpu_microseconds
        name = f"sign-in with a password, {PEOPLE} people; {share:.0%} of it is the hash"
        return (
            Row(name, str(PEOPLE), self.per_second, cpu=self.cpu_microseconds),
            _row("AssumeRole, while nobody signs in", self.alone),
            _row(f"AssumeRole, while {PEOPLE} people sign in", self.beside),
        )

    def goal(self) -> Goal:
        loaded, unloaded = (median(each.p99_milliseconds for each in rounds) for rounds in (self.beside, self.alone))
        return Goal(f"p99 of others while {PEOPLE} people sign in, over that alone", loaded / unloaded, 2, at_most=True)


def _row(name: str, rounds: tuple[Round, ...]) -> Row:
    rates, slowest = ([getattr(each, name) for each in rounds] for name in ("per_second", "p99_milliseconds"))
    return Row(name, str(OTHERS), median(rates), median(slowest))


def settle_people(environment: Mapping[str, str]) -> str:
    """Put people with a password into the store that *environment* tells of, and return their account."""
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    kept = asyncio.run(PasswordHasher(at.keyring, at.entropy).hash(_PASSWORD))

    def make(tx: Transaction) -> str:
        account_id = build_accounts(at).create(tx).account.account_id
        for number in range(PEOPLE):
            user = Users(at.entropy).create(tx, account_id=account_id, name=f"person-{number}")
            choose_password(tx, owner=user, password=kept)
        return account_id

    account_id, _ = at.database.transact_now(make, at.clock.now())
    at.database.close()
    return account_id


def measure_sign_ins(others: Contestant, account_id: str, rounds: int, seconds: float) -> SignIns:
    """Let *others* run alone and beside the crowd, in turns, and the crowd alone at the end."""
    alone, beside = [], []
    for _ in range(rounds):
        alone.append(others.run(OTHERS, seconds))
        crowd = _begin_crowd(others.server.port, account_id, seconds + 1)
        beside.append(others.run(OTHERS, seconds))
        crowd.wait()
    before, begun = others.server.read_cpu(), time.monotonic()
    crowd = _begin_crowd(others.server.port, account_id, seconds)
    count = int(crowd.communicate()[0])
    spent, took = others.server.read_cpu() - before, time.monotonic() - begun
    return SignIns(tuple(alone), tuple(beside), count / took, spent / count, measure_hash())


def measure_hash() -> float:
    """Return the microseconds of CPU time that a hash at its least cost takes, alone."""
    begun = time.process_time()
    for _ in range(_HASHES):
        hash_password(b"peppered", bytes(SALT_LENGTH), Cost())
    return (time.process_time() - begun) / _HASHES * 1_000_000


def _begin_crowd(port: int, account_id: str, seconds: float) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.bench.sign_ins", str(port), account_id, str(seconds)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


async def _crowd(port: int, account_id: str, seconds: float) -> int:
    """Let everybody sign in again and again, and return how many sign-ins there were."""
    end = time.monotonic() + seconds
    counts = await asyncio.gather(*(_sign_in_again(port, account_id, number, end) for number in range(PEOPLE)))
    return sum(counts)


async def _sign_in_again(port: int, account_id: str, number: int, end: float) -> int:
    count = 0
    while time.monotonic() < end:
        page = await _ask(port, "GET", "", "")
        cookies = "; ".join(re.findall(r"(?im)^set-cookie: ([^;\r]+)", page))
        entered = {"account": account_id, "user": f"person-{number}", "password": _PASSWORD}
        answer = await _ask(port, "POST", cookies, urlencode(dict(_FIELD.findall(page)) | entered))
        if not answer.startswith("HTTP/1.1 303"):
            raise SystemExit(f"A sign-in was not answered with 303:\n{answer}")
        count += 1
    return count


async def _ask(port: int, method: str, cookies: str, body: str) -> str:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    origin = f"http://localhost:{port}"
    head = (
        f"{method} /ui/sign-in HTTP/1.1\r\nhost: localhost:{port}\r\norigin: {origin}\r\nconnection: close\r\n"
        f"content-type: application/x-www-form-urlencoded\r\ncontent-length: {len(body)}\r\n"
        f"sec-fetch-site: same-origin\r\ncookie: {cookies}\r\n\r\n"
    )
    writer.write(head.encode() + body.encode())
    answer = await reader.read(-1)
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()
    return answer.decode("utf-8", "replace")


if __name__ == "__main__":
    print(asyncio.run(_crowd(int(sys.argv[1]), sys.argv[2], float(sys.argv[3]))))
