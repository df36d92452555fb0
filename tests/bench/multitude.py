"""A multitude of users and roles, put into PostgreSQL by COPY, and who of them assumes what by Zipf's law."""

import asyncio
import base64
import hashlib
import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Any

import asyncpg

from sts.app import build_accounts
from sts.arn import iam_arn
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.keyring.keyring import Keyring
from sts.settings import read_settings
from sts.store.database import to_microseconds
from sts.store.policies import find_policy
from tests.bench.population import Assumption
from tests.signing import Key

_PER_ACCOUNT = 1_000
_READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"
_COLUMNS = {
    "iam_user": ("unique_id", "account_id", "name", "name_key", "path", "enabled", "created_at"),
    "iam_role": (
        "unique_id", "account_id", "name", "name_key", "path", "description", "trust_policy", "max_session_seconds",
        "enabled", "created_at",
    ),
    "access_key": ("access_key_id", "account_id", "user_id", "active", "sealed_secret", "created_at"),
    "inline_policy": ("bearer_id", "name", "document"),
    "attachment": ("bearer_id", "policy_id", "account_id", "attached_at"),
}  # fmt: skip


@dataclass(frozen=True)
class Multitude:
    """Users with a key, a policy and a role of their own each: as many roles as users."""

    access_key_ids: Sequence[str]
    accounts: Sequence[str]
    _weights: Sequence[float] = field(repr=False)

    def draw(self, source: random.Random, count: int) -> tuple[Assumption, ...]:
        """Draw who assumes a role: the user of rank *n* comes up in proportion to 1/n (Zipf's law, exponent 1)."""
        ranks = source.choices(range(len(self.access_key_ids)), cum_weights=self._weights, k=count)
        return tuple(map(self._assumption, ranks))

    def _assumption(self, number: int) -> Assumption:
        key_id = self.access_key_ids[number]
        return Assumption(Key(key_id, _secret(key_id)), _role_arn(self.accounts[number // _PER_ACCOUNT], number))


def settle_multitude(environment: Mapping[str, str], size: int) -> Multitude:
    """Put *size* users and as many roles into the PostgreSQL that *environment* tells of."""
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    accounts = _begin_accounts(at, -(-size // _PER_ACCOUNT))
    policy = at.database.read_now(lambda connection: find_policy(connection, _READ_ONLY))
    assert policy is not None
    numbers = range(size)
    key_ids = [at.entropy.access_key_id("AKIA", accounts[number // _PER_ACCOUNT]) for number in numbers]
    rows = _Rows(at.keyring, accounts, key_ids, policy.policy_id, to_microseconds(at.clock.now()))
    asyncio.run(_copy(environment["STS_DATABASE_URL"], rows, numbers))
    at.database.close()
    return Multitude(key_ids, accounts, list(accumulate(1 / rank for rank in range(1, size + 1))))


def _begin_accounts(at: Foundation, count: int) -> list[str]:
    verbs = build_accounts(at)
    made, _ = at.database.transact_now(
        lambda tx: [verbs.create(tx).account.account_id for _ in range(count)], at.clock.now()
    )
    return made


@dataclass(frozen=True)
class _Rows:
    """The rows of the tables: the user of a number has the key and assumes the role of the same number."""

    keyring: Keyring
    accounts: Sequence[str]
    key_ids: Sequence[str]
    policy_id: str
    made_at: int

    def make(self, table: str, number: int) -> tuple[Any, ...]:
        row: tuple[Any, ...] = getattr(self, f"_{table}")(number, self.accounts[number // _PER_ACCOUNT])
        return row

    def _iam_user(self, number: int, account_id: str) -> tuple[Any, ...]:
        name = f"user-{number}"
        return _identify("AIDA", number), account_id, name, name, "/", True, self.made_at

    def _iam_role(self, number: int, account_id: str) -> tuple[Any, ...]:
        name = f"role-{number}"
        trust = _policy({"Principal": {"AWS": _identify("AIDA", number)}, "Action": "sts:AssumeRole"})
        return _identify("AROA", number), account_id, name, name, "/", "", trust, 3600, True, self.made_at

    def _access_key(self, number: int, account_id: str) -> tuple[Any, ...]:
        key_id = self.key_ids[number]
        sealed = self.keyring.seal(_secret(key_id).encode(), key_id.encode())
        return key_id, account_id, _identify("AIDA", number), True, sealed, self.made_at

    def _inline_policy(self, number: int, account_id: str) -> tuple[Any, ...]:
        own = _policy({"Action": "sts:AssumeRole", "Resource": _role_arn(account_id, number)})
        return _identify("AIDA", number), "own", own

    def _attachment(self, number: int, account_id: str) -> tuple[Any, ...]:
        return _identify("AROA", number), self.policy_id, account_id, self.made_at


async def _copy(url: str, rows: _Rows, numbers: range) -> None:
    connection = await asyncpg.connect(url)
    try:
        for table, columns in _COLUMNS.items():
            records = (rows.make(table, number) for number in numbers)
            await connection.copy_records_to_table(table, records=records, columns=columns)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def _identify(prefix: str, number: int) -> str:
    return prefix + base64.b32encode(hashlib.sha256(number.to_bytes(8, "big")).digest()).decode()[:17]


def _secret(key_id: str) -> str:
    return base64.b64encode(hashlib.sha256(key_id.encode()).digest()).decode()[:40]


def _role_arn(account_id: str, number: int) -> str:
    return iam_arn(account_id, f"role/role-{number}")


def _policy(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
