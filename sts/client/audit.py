"""The audit records of the caller's account, read through the administration's API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sts.client.connection import Connection
from sts.errors import Unavailable

_PATH = "/api/audit/records"
_PAGE = 1_000
# A record's time is that of its request's arrival, and it is written when the answer is ready: one that arrived
# earlier may be written later. So each look begins this much before the last record that was seen.
_OVERLAP_MICROSECONDS = 5_000_000
_REMEMBERED = 100_000

Record = Mapping[str, Any]


@dataclass(slots=True)
class Tail:
    """Reads the latest records, then those that follow; the records of its own reading are left out."""

    connection: Connection
    _seen: dict[object, None] = field(default_factory=dict)  # in order, so that the oldest is forgotten first
    _after: int = 0

    def read_latest(self, limit: int) -> list[Record]:
        """Return up to *limit* of the latest records, oldest first; raises Refusal kin."""
        records, _ = self._read({"limit": str(limit)})
        return [record for record in records if self._is_new(record)]

    def follow(self, wait: Callable[[], None]) -> Iterator[Record]:
        """Return records as they come, for ever; *wait* is called before each look. Raises Refusal kin."""
        beginning = self._after
        while True:
            wait()
            full, end = True, max(beginning, self._after - _OVERLAP_MICROSECONDS)
            while full:
                page, end = self._read({"after": str(end), "limit": str(_PAGE)})
                yield from (record for record in page if self._is_new(record))
                full = len(page) >= _PAGE

    def _read(self, query: Mapping[str, str]) -> tuple[list[Record], int]:
        """Return a page, and the instant in microseconds at which it ends."""
        answer = self.connection.get(_PATH, query)
        self._remember(answer.request_id)
        records, end = answer.body.get("records"), answer.body.get("after")
        if not isinstance(records, list) or not isinstance(end, int):
            raise Unavailable("The service answers with something else than records")
        self._after = max(self._after, end)
        return records, end

    def _is_new(self, record: Record) -> bool:
        place = record.get("stream"), record.get("sequence")
        if place in self._seen or record.get("request_id") in self._seen:
            return False
        self._remember(place)
        return True

    def _remember(self, mark: object) -> None:
        self._seen[mark] = None
        if len(self._seen) > _REMEMBERED:
            del self._seen[next(iter(self._seen))]
