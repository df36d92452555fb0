"""Not too often: failed proofs by address, and requests by access key.

Counted in the memory of this process, by token buckets: a bucket holds *burst* tokens, is refilled at *per_second*, and
who finds it empty is told when to come again. Lost with the process; with several processes each keeps its own count.
What must survive that (wrong passwords and codes) is counted elsewhere as well.
"""

import math
from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv6Address, ip_address

from sts.clock import Clock
from sts.errors import Throttled
from sts.limits import Rate

_MOST_BUCKETS = 65_536
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
        bucket = self._buckets.get(name)
        if bucket is None:
            return
        self._refill(bucket, now)
        if bucket.tokens < 1:
            seconds = math.ceil((1 - bucket.tokens) / self.rate.per_second)
            raise Throttled("Rate exceeded", retry_after_seconds=seconds, rate=self.name, detail=f"the limit of {name}")

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

    def _refill(self, bucket: _Bucket, now: datetime) -> None:
        # A clock that was set back refills nothing, and the bucket goes on from the earlier instant.
        elapsed = max(0, (now - bucket.at).total_seconds())
        bucket.tokens = min(self.rate.burst, bucket.tokens + elapsed * self.rate.per_second)
        bucket.at = now


@dataclass(frozen=True, slots=True)
class Throttle:
    """What every proof asks before it begins and tells when it has ended; None where no limit is set."""

    failures: Buckets | None
    callers: Buckets | None
    clock: Clock

    def admit(self, address: str) -> None:
        """Raise Throttled when too many proofs from *address* have failed: nothing more of the request is looked at."""
        if self.failures is not None:
            self.failures.require(_network(address), self.clock.now())

    def count_failure(self, address: str) -> None:
        """Count a failed proof from *address*."""
        if self.failures is not None:
            self.failures.take(_network(address), self.clock.now())

    def count_caller(self, access_key_id: str) -> None:
        """Count a request that was proven to be signed with the key; raises Throttled when there are too many.

        Only what is proven counts: otherwise a stranger could use up what is another's.
        """
        if self.callers is not None:
            now = self.clock.now()
            self.callers.require(access_key_id, now)
            self.callers.take(access_key_id, now)


def build_throttle(failed_proofs: Rate | None, caller_requests: Rate | None, clock: Clock) -> Throttle:
    """Return a throttle of these rates; None is no limit."""
    failures = None if failed_proofs is None else Buckets("failed_proofs", failed_proofs)
    callers = None if caller_requests is None else Buckets("caller", caller_requests)
    return Throttle(failures, callers, clock)


def _network(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:  # no address: a socket of the file system, or none at all
        return address
    if isinstance(parsed, IPv6Address):
        return f"{IPv6Address(int(parsed) >> _NETWORK_BITS << _NETWORK_BITS)}/{_NETWORK_BITS}"
    return address
