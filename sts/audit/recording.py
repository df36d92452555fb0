"""From here on a request is recorded, whatever becomes of it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from types import TracebackType
from typing import Protocol, Self, TypeVar

from sts.audit.events import Outcome
from sts.audit.journal import note_refusal, outcome_of
from sts.audit.record import Entry
from sts.audit.sums import Sums
from sts.errors import Refusal, Throttled
from sts.store.database import Transaction
from sts.telemetry.meters import Meters

_T = TypeVar("_T")


class Recorder(Protocol):
    """What makes entries durable: the journal, or whoever stands before it."""

    @property
    def code_of(self) -> Callable[[Refusal], str]:
        """What tells the wire's code for a refusal."""
        ...

    async def record(self, entry: Entry) -> None:
        """Record *entry*; raises Unavailable when it cannot be."""
        ...

    async def change(self, entry: Entry, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Make *change* and record *entry* in the same transaction; returns what *change* returned.

        Raises the Refusal that *change* raised, or returned with its changes kept.
        """
        ...


@dataclass(slots=True)
class Recording:
    """An asynchronous context: nothing that was raised or returned in it leaves before its record is durable.

    What happened before a caller was proven, or a known principal's proof failed, goes into the sums. How it ended is
    counted too, and in what time.
    """

    journal: Recorder
    sums: Sums
    meters: Meters
    entry: Entry
    recorded: bool = False
    left_out: bool = False
    _began: float = field(default_factory=perf_counter)

    async def change(self, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Make *change* and record the entry in one transaction; raises the Refusal that it raises or returns."""
        self.recorded = True
        result: _T = await self.journal.change(self.entry, change)
        return result

    def leave_out(self) -> None:
        """Record nothing of what is done: it tells nothing of anybody. A refusal is recorded all the same."""
        self.left_out = True

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        try:
            await self._record(error)
        except Refusal as unavailable:
            self._count(unavailable)
            raise
        self._count(error)

    async def _record(self, error: BaseException | None) -> None:
        if self.recorded or (self.left_out and error is None):
            return
        self._note(error)
        if self.entry.caller is None and self.entry.claimed is None and self.entry.outcome is Outcome.REFUSED:
            self.sums.add(self.entry)
        else:
            await self.journal.record(self.entry)

    def _note(self, error: BaseException | None) -> None:
        if error is None:
            self.entry.outcome = Outcome.DONE
        elif isinstance(error, Refusal):
            note_refusal(self.entry, error, self.journal.code_of)
        else:
            self.entry.detail = type(error).__name__

    def _count(self, error: BaseException | None) -> None:
        self.meters.count_request(self.entry.operation, outcome_of(error), perf_counter() - self._began)
        for decision in self.entry.decisions:
            self.meters.count_decision(decision["outcome"])
        if error is not None:
            # What is no Refusal has no row in the table of errors, like a Refusal of a kind that nobody knows.
            self.meters.count_error(self.journal.code_of(error if isinstance(error, Refusal) else Refusal("")))
        if isinstance(error, Throttled):
            self.meters.count_throttled(error.rate)
