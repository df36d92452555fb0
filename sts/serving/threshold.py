"""What all connections of a server share."""

from dataclasses import dataclass

from sts.audit.events import Outcome
from sts.audit.record import Entry
from sts.audit.sums import Sums
from sts.clock import Clock
from sts.entropy import Entropy
from sts.health.readiness import Readiness
from sts.limits import ServerLimits
from sts.serving.faults import Fault
from sts.telemetry.meters import Meters


@dataclass(frozen=True, slots=True, kw_only=True)
class Threshold:
    """The limits, whether the server drains, and where refused requests are counted."""

    limits: ServerLimits
    readiness: Readiness
    sums: Sums
    meters: Meters
    clock: Clock
    entropy: Entropy

    def note(self, fault: Fault, address: str) -> str:
        """Count a request that was refused before it was one, and return its request id.

        *address* is the peer's own: what a proxy says of its client was perhaps not even read.
        """
        request_id = self.entropy.request_id()
        entry = Entry(request_id=request_id, at=self.clock.now(), address=address, user_agent="")
        entry.outcome, entry.error = Outcome.REFUSED, fault.code
        self.sums.add(entry)
        self.meters.count_refused_early(fault.code)
        return request_id
