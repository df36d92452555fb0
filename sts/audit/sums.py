"""Requests that proved nobody, in sums: error, address, minute, count, first and last request id.

So a flood of junk costs its parsing and no more. Sums are bounded: past the bound, further addresses share one sum.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime

from sts.audit.events import Event, Outcome
from sts.audit.record import Entry

_LARGEST = 4_096
_OTHERS = "others"


@dataclass(slots=True)
class _Sum:
    first: str
    last: str
    at: datetime
    count: int = 1


@dataclass(slots=True)
class Sums:
    """The sums of the minute under way."""

    _sums: dict[tuple[str, str, datetime], _Sum] = field(default_factory=dict)

    def add(self, entry: Entry) -> None:
        """Count a request that ended as *entry* says."""
        minute = entry.at.replace(second=0, microsecond=0)
        address = entry.address if len(self._sums) < _LARGEST else _OTHERS
        present = self._sums.setdefault(
            (entry.error or "", address, minute), _Sum(entry.request_id, entry.request_id, entry.at, 0)
        )
        present.count += 1
        present.last = entry.request_id

    def put_back(self, entry: Entry) -> None:
        """Count again what *entry*, taken before, could not be recorded of."""
        told = entry.parameters
        first, last, count = told["first_request_id"], told["last_request_id"], told["count"]
        present = self._sums.setdefault(
            (entry.error or "", entry.address, told["minute"]), _Sum(first, last, entry.at, 0)
        )
        present.first, present.count = first, present.count + count

    def take(self) -> Iterator[Entry]:
        """Return a record for each sum, and begin anew."""
        sums, self._sums = self._sums, {}
        for (error, address, minute), present in sums.items():
            yield Entry(
                request_id=present.first,
                at=present.at,
                address=address,
                user_agent="",
                event=Event.REQUEST_REFUSE,
                outcome=Outcome.REFUSED,
                error=error,
                parameters={
                    "minute": minute,
                    "count": present.count,
                    "first_request_id": present.first,
                    "last_request_id": present.last,
                },
            )
