"""What the rooms above are handed to count with."""

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from sts.telemetry import catalogue
from sts.telemetry.catalogue import Metric
from sts.telemetry.numbers import Numbers, Share, Values, lay_out, open_numbers


@dataclass(frozen=True, slots=True)
class Meters:
    """Counts what happens; each verb takes a microsecond or less."""

    numbers: Numbers

    def count_request(self, operation: str | None, outcome: str, seconds: float) -> None:
        """Count a request that ended as *outcome* (done, refused, failed) after *seconds*."""
        named = operation or catalogue.OTHER
        self._add(catalogue.REQUESTS, (named, outcome))
        self._observe(catalogue.REQUEST_SECONDS, (named,), seconds)

    def count_error(self, code: str) -> None:
        """Count a request that was answered with the error *code*."""
        self._add(catalogue.ERRORS, (code,))

    def count_decision(self, decision: str) -> None:
        """Count a decision: allowed, implicitDeny or explicitDeny."""
        self._add(catalogue.DECISIONS, (decision,))

    def count_minted(self) -> None:
        """Count temporary credentials that were handed out."""
        self._add(catalogue.MINTED, ())

    def count_opened(self, source: str) -> None:
        """Count a session token that was opened from *source*: cache or signature."""
        self._add(catalogue.OPENED, (source,))

    def count_throttled(self, rate: str) -> None:
        """Count a request that was refused by a *rate*: failed_proofs, caller or codes."""
        self._add(catalogue.THROTTLED, (rate,))

    def count_refused_early(self, code: str) -> None:
        """Count what a limit of the server ended with the error *code*."""
        self._add(catalogue.REFUSED_EARLY, (code,))

    def count_cache(self, verb: str, outcome: str, seconds: float) -> None:
        """Count a call of the cache."""
        self._add(catalogue.CACHE_CALLS, (verb, outcome))
        self._observe(catalogue.CACHE_SECONDS, (verb,), seconds)

    def count_store(self, work: str, outcome: str, seconds: float) -> None:
        """Count a transaction of the store."""
        self._add(catalogue.STORE_CALLS, (work, outcome))
        self._observe(catalogue.STORE_SECONDS, (work,), seconds)

    def count_commit(self, records: int, outcome: str, seconds: float) -> None:
        """Count a commit of a group of so many *records*, done or failed."""
        self._add(catalogue.AUDIT_COMMITS, (outcome,))
        self._observe(catalogue.AUDIT_SECONDS, (), seconds)
        self._add(catalogue.AUDIT_RECORDS, (), records)

    def count_notice(self, notice: str) -> None:
        """Count something that an owner of credentials should hear of."""
        self._add(catalogue.NOTICES, (notice,))

    def count_provider_fetch(self, outcome: str) -> None:
        """Count a fetch of an identity provider's keys: done, or the fault that kept them away."""
        self._add(catalogue.PROVIDER_FETCHES, (outcome,))

    def move_connections(self, by: int) -> None:
        """Note that a connection was opened (1) or closed (-1)."""
        self._add(catalogue.CONNECTIONS, (), by)

    def _add(self, metric: Metric, values: Values, by: float = 1) -> None:
        self.numbers.mine[self.numbers.layout.find(metric, values)] += by

    def _observe(self, metric: Metric, values: Values, seconds: float) -> None:
        mine, place, bounds = self.numbers.mine, self.numbers.layout.find(metric, values), metric.bounds
        mine[place + bisect_left(bounds, seconds)] += 1
        mine[place + len(bounds) + 1] += seconds


def open_meters(operations: Sequence[str] = (), codes: Sequence[str] = (), share: Share | None = None) -> Meters:
    """Return meters that tell these operations and error codes apart, for this process alone without a *share*."""
    return Meters(open_numbers(lay_out({"operation": operations, "code": codes}), share))
