"""Not too often: failed proofs by address, and requests by access key.

Counted in the memory of this process, by token buckets: a bucket holds *burst* tokens, is refilled at *per_second*, and
who finds it empty is told when to come again. Lost with the process; with several processes each keeps its own count.
What must survive that (wrong passwords and codes) is counted elsewhere as well.

Behind one address may be many clients, and one of them may be a stranger who floods. Beyond the rate of an address its
strangers are refused unseen; but who named an access key, or one of an account, by which a proof from there held
within the hour is looked at, and has a count of failures of their own. So is who comes to an account with a token, as
others did. So a flood costs that rate once for each key and account that it can name, and keeps nobody out whose key
and account it cannot.
"""

import math
from collections import OrderedDict
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import lru_cache
from ipaddress import IPv6Address, ip_address
from typing import TypeAlias

from sts.clock import Clock
from sts.entropy import find_account_of_access_key
from sts.errors import Throttled
from sts.limits import Rate

Names: TypeAlias = tuple[str, ...]

_MOST_BUCKETS = 65_536
_MOST_KNOWN = 65_536
_KNOWN_FOR = timedelta(hours=1)
_NETWORK_BITS = 64  # of IPv6, what one customer is given: whoever has one address there has them all


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: datetime


@dataclass(slots=True)
class Buckets:
    """The buckets of one rate; of more than a bound, those longest unused are forgotten, as if they were full again."""

    name: str
    rate: Rate
    _buckets: OrderedDict[str, _Bucket] = field(default_factory=OrderedDict)

    def require(self, name: str, now: datetime) -> None:
        """Raise Throttled when the bucket *name* is empty; nothing is taken."""
        tokens = self._count(name, now)
        if tokens < 1:
            seconds = math.ceil((1 - tokens) / self.rate.per_second)
            raise Throttled("Rate exceeded", retry_after_seconds=seconds, rate=self.name, detail=f"the limit of {name}")

    def holds(self, name: str, now: datetime) -> bool:
        """Say whether a token is in the bucket *name*."""
        return self._count(name, now) >= 1

    def take(self, name: str, now: datetime) -> None:
        """Take a token from the bucket *name*, if there is one."""
        bucket = self._buckets.get(name)
        if bucket is None:
            bucket = self._buckets[name] = _Bucket(self.rate.burst, now)
            if len(self._buckets) > _MOST_BUCKETS:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(name)
        self._refill(bucket, now)
        bucket.tokens = max(0, bucket.tokens - 1)

    def _count(self, name: str, now: datetime) -> float:
        bucket = self._buckets.get(name)
        if bucket is None:
            return self.rate.burst
        self._refill(bucket, now)
        return bucket.tokens

    def _refill(self, bucket: _Bucket, now: datetime) -> None:
        # A clock that was set back refills nothing, and the bucket goes on from the earlier instant.
        elapsed = max(0, (now - bucket.at).total_seconds())
        bucket.tokens = min(self.rate.burst, bucket.tokens + elapsed * self.rate.per_second)
        bucket.at = now


@dataclass(slots=True)
class Known:
    """What was proven lately, and when; of more than a bound, what was proven longest ago is forgotten."""

    _proven_at: OrderedDict[str, datetime] = field(default_factory=OrderedDict)

    def holds(self, name: str, now: datetime) -> bool:
        """Say whether *name* was proven within the hour."""
        proven_at = self._proven_at.get(name)
        return proven_at is not None and now - proven_at < _KNOWN_FOR

    def learn(self, name: str, now: datetime) -> None:
        """Note that *name* was proven."""
        self._proven_at[name] = now
        self._proven_at.move_to_end(name)
        if len(self._proven_at) > _MOST_KNOWN:
            self._proven_at.popitem(last=False)


@dataclass(frozen=True, slots=True)
class Throttle:
    """What every proof asks before it begins and tells when it has ended; None where no limit is set."""

    failures: Buckets | None
    callers: Buckets | None
    clock: Clock
    known: Known = field(default_factory=Known)

    def admit(self, address: str, claim: Callable[[], Names]) -> str:
        """Return the name that a failure of this proof is counted under; raises Throttled when too many have failed.

        *claim* returns the names of what the request claims, the closest first; it is asked beyond the address's rate.
        """
        network, now = find_network(address), self.clock.now()
        if self.failures is None:
            return network
        try:
            self.failures.require(network, now)
        except Throttled:
            return self._admit_known(self.failures, network, claim(), now)
        return network

    def _admit_known(self, failures: Buckets, network: str, claimed: Names, now: datetime) -> str:
        for name in _names(network, claimed):
            if self.known.holds(name, now) and failures.holds(name, now):
                return name
        failures.require(network, now)
        return network

    def count_failure(self, name: str) -> None:
        """Count a failed proof under the name that it was admitted by."""
        if self.failures is not None:
            self.failures.take(name, self.clock.now())

    def learn(self, address: str, claimed: Names) -> None:
        """Note that a proof held of what was *claimed*, from *address*."""
        if self.failures is not None:
            now = self.clock.now()
            for name in _names(find_network(address), claimed):
                self.known.learn(name, now)

    def count_caller(self, beginner_id: str) -> None:
        """Count a request that was proven to be a caller's; raises Throttled when there are too many.

        Callers are told apart by who began with a long-term key: whoever mints sessions gets no more by minting others.
        Only what is proven counts: otherwise a stranger could use up what is another's.
        """
        if self.callers is not None:
            now = self.clock.now()
            self.callers.require(beginner_id, now)
            self.callers.take(beginner_id, now)


def build_throttle(failed_proofs: Rate | None, caller_requests: Rate | None, clock: Clock) -> Throttle:
    """Return a throttle of these rates; None is no limit."""
    failures = None if failed_proofs is None else Buckets("failed_proofs", failed_proofs)
    callers = None if caller_requests is None else Buckets("caller", caller_requests)
    return Throttle(failures, callers, clock)


def name_access_key(access_key_id: str) -> Names:
    """Return what an access key id claims: itself and its account, for its new sessions; nothing if it is none."""
    account_id = find_account_of_access_key(access_key_id)
    return () if account_id is None else (access_key_id, account_id)


def _names(network: str, claimed: Names) -> Iterator[str]:
    """Return what is claimed as it is known in a network."""
    return (f"{network} {name}" for name in claimed)


@lru_cache(4_096)
def find_network(address: str) -> str:
    """Return what a client with *address* is counted under: the address, or of IPv6 the network that it is in."""
    try:
        parsed = ip_address(address)
    except ValueError:  # no address: a socket of the file system, or none at all
        return address
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> _NETWORK_BITS << _NETWORK_BITS)}/{_NETWORK_BITS}"
    return address
