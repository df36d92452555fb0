"""The audit records of the caller's account, read through the administration's API."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sts.client.connection import Connection
from sts.errors import Unavailable
from sts.parameters import LARGEST_PAGE

_PATH = "/api/audit/records"
# A record's time is that of its request's arrival, and it is written when the answer is ready: one that arrived
# earlier may be written later. So each look begins this much before the last record that was seen.
_OVERLAP = timedelta(seconds=5)
_LEAST = timedelta(microseconds=1)
_OF_FIRST_PAGE = frozenset({"from", "to"})  # they come with the marker from then on
_REMEMBERED = 100_000

Record = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Page:
    """Some records, the marker of those that follow (None: none do), and the id of the request that asked for them."""

    records: list[Record]
    marker: str | None
    request_id: str


def read_page(connection: Connection, query: Mapping[str, str]) -> Page:
    """Return a page of the records that *query* asks for; raises Refusal kin."""
    answer = connection.get(_PATH, query)
    records, marker = answer.body.get("records"), answer.body.get("marker")
    if not isinstance(records, list) or not (marker is None or isinstance(marker, str)):
        raise Unavailable("The service answers with something else than records")
    return Page(records, marker, answer.request_id)


def read_pages(connection: Connection, query: Mapping[str, str], limit: int | None = None) -> Iterator[Page]:
    """Return the pages of *query* until *limit* records are read, or all; raises Refusal kin.

    A page may be empty while others follow.
    """
    asked, left = dict(query), limit
    while left is None or left > 0:
        page = read_page(connection, asked | {"limit": str(min(left or LARGEST_PAGE, LARGEST_PAGE))})
        yield page
        if page.marker is None:
            return
        asked = {name: value for name, value in asked.items() if name not in _OF_FIRST_PAGE} | {"marker": page.marker}
        left = None if left is None else left - len(page.records)


@dataclass(slots=True)
class Tail:
    """Reads the latest records, then those that follow; the records of its own reading are left out."""

    connection: Connection
    _seen: dict[object, None] = field(default_factory=dict)  # in order, so that the oldest is forgotten first
    _last: datetime | None = None

    def read_latest(self, limit: int) -> list[Record]:
        """Return up to *limit* of the latest records, oldest first; raises Refusal kin."""
        records = list(self._read({"order": "newest"}, limit))[::-1]
        return [record for record in records if self._is_new(record)]

    def follow(self, wait: Callable[[], None]) -> Iterator[Record]:
        """Return records as they come, for ever; *wait* is called before each look. Raises Refusal kin."""
        beginning = None if self._last is None else self._last + _LEAST
        while True:
            wait()
            query = {"order": "oldest"}
            if beginning is not None and self._last is not None:
                query["from"] = max(beginning, self._last - _OVERLAP).isoformat()
            yield from (record for record in self._read(query) if self._is_new(record))

    def _read(self, query: Mapping[str, str], limit: int | None = None) -> Iterator[Record]:
        for page in read_pages(self.connection, query, limit):
            self._remember(page.request_id)
            for record in page.records:
                at = datetime.fromisoformat(record["at"])
                self._last = at if self._last is None else max(self._last, at)
                yield record

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
