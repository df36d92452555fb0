"""An estate that real servers serve, wherever it is kept."""

import subprocess
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import text

from sts.app import build_accounts
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.settings import read_settings
from sts.store.database import open_database
from tests.faults.processes import REPOSITORY, Server, serving
from tests.service import trust
from tests.signing import Key

ROLE = "worker"


@dataclass(frozen=True)
class Estate:
    """A home with an account, and its administrator's key."""

    home: Path
    account_id: str
    key: Key


def found_estate(home: Path, **environment: str) -> Estate:
    """Make an account where *environment* says."""
    at = lay_foundation(read_settings({"STS_HOME": str(home), **environment}), SystemClock(), Entropy())
    begun, _ = at.database.transact_now(lambda tx: build_accounts(at).create(tx), at.clock.now())
    at.database.close()
    key = Key(begun.minted.key.access_key_id, str(begun.minted.secret))
    return Estate(home, begun.account.account_id, key)


@dataclass(frozen=True)
class Stage:
    """An estate, and where its servers keep what they know."""

    estate: Estate
    environment: Mapping[str, str]

    def rows(self, query: str) -> list[tuple[str, ...]]:
        database = open_database(read_settings({"STS_HOME": str(self.estate.home), **self.environment}).database_url)
        try:
            return [tuple(row) for row in database.read_now(lambda connection: connection.execute(text(query)).all())]
        finally:
            database.close()

    def begin(self, stack: ExitStack) -> Server:
        return stack.enter_context(serving(self.estate.home, **self.environment))

    def verify_audit(self) -> None:
        verified = subprocess.run(
            [sys.executable, "-m", "sts", "audit", "verify"],
            env={"STS_HOME": str(self.estate.home), "PATH": "/usr/bin:/bin", **self.environment},
            cwd=REPOSITORY,
            capture_output=True,
            check=False,
        )
        assert verified.returncode == 0, verified.stdout + verified.stderr


def make_role(server: Server, estate: Estate) -> None:
    policy = trust(f"arn:aws:iam::{estate.account_id}:root")
    assert server.call(estate.key, "CreateRole", RoleName=ROLE, AssumeRolePolicyDocument=policy).status == 200
