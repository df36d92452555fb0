"""No traces: every part stays as it is, so that they cost nothing."""

from collections.abc import Iterable
from dataclasses import dataclass

from starlette.middleware import Middleware

from sts.access import Decider
from sts.audit.recording import Recorder
from sts.authn.signature import Prover
from sts.aws.endpoint import Identifier
from sts.aws.row import Operation
from sts.cache import Cache
from sts.store.database import Database


@dataclass(frozen=True, slots=True)
class Untraced:
    """Puts nothing around anything."""

    def around_requests(self) -> list[Middleware]:
        """Return what stands before the application."""
        return []

    def around_database(self, database: Database) -> Database:
        """Return *database*."""
        return database

    def around_cache(self, cache: Cache) -> Cache:
        """Return *cache*."""
        return cache

    def around_proof(self, proof: Prover) -> Prover:
        """Return *proof*."""
        return proof

    def around_web_identities(self, proof: Identifier) -> Identifier:
        """Return *proof*."""
        return proof

    def around_access(self, access: Decider) -> Decider:
        """Return *access*."""
        return access

    def around_journal(self, journal: Recorder) -> Recorder:
        """Return *journal*."""
        return journal

    def around_rows(self, rows: Iterable[Operation]) -> Iterable[Operation]:
        """Return *rows*."""
        return rows

    async def close(self) -> None:
        """Do nothing."""
