"""The keys of one issuer as a process holds them: how long they serve, and when they may be fetched again."""

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta

from sts.crypto.jwk import KeySet

FRESH = timedelta(minutes=5)  # that keys serve without a look: as long after it was withdrawn a key may be taken
LIMIT = timedelta(hours=24)  # that they serve while no others can be had
# Anybody can make up a kid: after one fetch for a key that is not known, the next has to wait.
_BRAKE = timedelta(seconds=30)
_FIRST_RETRY, _LAST_RETRY = timedelta(seconds=5), timedelta(minutes=5)
_MOST_DOUBLINGS = 6
_SET_BACK = timedelta(minutes=1)


@dataclass(slots=True)
class Held:
    """What is known of an issuer's keys. Instants are the clock's; *fault* says why the last fetch failed."""

    keys: KeySet | None = None
    fetched_at: datetime | None = None
    fault: str | None = None
    failures: int = 0
    retry_at: datetime | None = None
    sought_at: datetime | None = None  # when an unknown key was last fetched for
    fetching: asyncio.Task[None] | None = None

    def serves(self, now: datetime) -> bool:
        """Say whether there are keys that are not too old to be trusted."""
        return self.keys is not None and self._is_within(LIMIT, self.fetched_at, now)

    def is_fresh(self, now: datetime) -> bool:
        """Say whether the keys were fetched lately."""
        return self.keys is not None and self._is_within(FRESH, self.fetched_at, now)

    def knows(self, kid: str | None) -> bool:
        """Say whether a token that names the key *kid* could be verified."""
        return self.keys is not None and any(kid is None or key.kid in {None, kid} for key in self.keys.keys)

    def is_wanting(self, kid: str | None, now: datetime) -> bool:
        """Say whether a fetch would help with a token that names the key *kid*."""
        return not (self.is_fresh(now) and self.knows(kid))

    def may_fetch(self, now: datetime) -> bool:
        """Say whether it may be fetched, for whoever finds the keys wanting."""
        if self.retry_at is not None:
            return now >= self.retry_at
        return not self.is_fresh(now) or not self._is_within(_BRAKE, self.sought_at, now)

    def adopt(self, keys: KeySet, fetched_at: datetime) -> None:
        """Hold *keys*, which were had at *fetched_at*."""
        self.keys, self.fetched_at = keys, fetched_at

    def note_success(self) -> None:
        """Forget the failures."""
        self.fault, self.failures, self.retry_at = None, 0, None

    def note_failure(self, fault: str, now: datetime) -> None:
        """Wait longer from failure to failure."""
        self.retry_at = now + min(_FIRST_RETRY * 2 ** min(self.failures, _MOST_DOUBLINGS), _LAST_RETRY)
        self.fault, self.failures = fault, self.failures + 1

    @staticmethod
    def _is_within(span: timedelta, since: datetime | None, now: datetime) -> bool:
        """Say whether *since* is less than *span* ago, by a clock that may have been set back by a little."""
        return since is not None and -_SET_BACK <= now - since < span
