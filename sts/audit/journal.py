"""The one writer of this process's stream.

Everything that waits is committed together: changes, each in a savepoint of its own, then all records, then the head
of the stream. An answer leaves only after that. When the commit fails, every answer that waited for it is an error and
nothing has changed.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter
from typing import Any, TypeVar

import structlog
from sqlalchemy.exc import DBAPIError, IntegrityError

from sts.audit.checkpoints import Checkpoint, append_checkpoint
from sts.audit.events import CHECKPOINT_LOGGER, Outcome
from sts.audit.notices import tell_owner
from sts.audit.record import LABEL, Entry, accounts_of, bind, find_principal, render_body
from sts.audit.uses import Uses
from sts.clock import Clock
from sts.coherence import Coherence
from sts.errors import Refusal, Unavailable
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp
from sts.store import audit as table
from sts.store.database import Database, Transaction, to_microseconds
from sts.store.versions import probe
from sts.telemetry.meters import Meters

_T = TypeVar("_T")
_LARGEST_GROUP = 256
_CHECKPOINT_RECORDS = 1_000
_UNAVAILABLE = "The audit record cannot be written, so nothing was done"

_log = structlog.get_logger("sts.audit")
_exported = structlog.get_logger(CHECKPOINT_LOGGER)

Change = Callable[[Transaction], Any]


@dataclass(slots=True)
class _Waiting:
    """An entry on its way into the store, with the change that goes with it, if any."""

    entry: Entry
    change: Change | None = None
    done: asyncio.Future[Any] | None = None  # None: nobody waits for it
    result: Any = None
    refusal: Exception | None = None


@dataclass(slots=True)
class Journal:
    """The stream of records of this process; *stream* is made anew at each start."""

    database: Database
    coherence: Coherence
    keyring: Keyring
    clock: Clock
    stream: str
    code_of: Callable[[Refusal], str]
    meters: Meters
    uses: Uses = field(default_factory=Uses)
    _waiting: list[_Waiting] = field(default_factory=list)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _sequence: int = 0
    _head: bytes = b""
    _checkpointed: int = 0
    _closing: bool = False
    _began: float | None = None  # the commit that is under way
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    is_failing: bool = False  # whether the last commit failed: then nothing is answered

    @property
    def waiting(self) -> int:
        """How many entries wait for their commit."""
        return len(self._waiting)

    @property
    def committing_seconds(self) -> float:
        """For how long the commit that is under way has lasted; 0 when none is."""
        return 0.0 if self._began is None else perf_counter() - self._began

    async def record(self, entry: Entry) -> None:
        """Record *entry*; raises Unavailable when it cannot be."""
        await self._append_soon(_Waiting(entry))

    async def change(self, entry: Entry, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Make *change* and record *entry* in the same transaction; returns what *change* returned.

        Raises what *change* raised (then that is what is recorded), or Unavailable, with nothing changed. A Refusal
        that *change* returned is raised with its changes kept: a count of wrong guesses must outlive them.
        """
        result: _T = await self._append_soon(_Waiting(entry, change))
        return result

    def close(self) -> None:
        """Let `write` end once nothing waits any more."""
        self._closing = True
        self._wake.set()

    def leave(self, entry: Entry) -> None:
        """Leave *entry* to be written with whatever is written next; nobody waits for it."""
        self._waiting.append(_Waiting(entry))

    async def _append_soon(self, waiting: _Waiting) -> Any:
        waiting.done = asyncio.get_running_loop().create_future()
        self._waiting.append(waiting)
        self._wake.set()
        return await waiting.done

    async def write(self) -> None:
        """Commit whatever waits, until `close`; run as a task of the process.

        It is never cancelled: a commit that nobody waits for would still be made, and the next one would not know.
        """
        while not self._closing:
            await self._wake.wait()
            await self.write_waiting()
        await self.write_waiting()  # what was left for it while it made a checkpoint

    async def write_waiting(self) -> None:
        """Commit what waits now."""
        self._wake.clear()
        while self._waiting:
            group, self._waiting = self._waiting[:_LARGEST_GROUP], self._waiting[_LARGEST_GROUP:]
            async with self._turn:  # not beside `retry`, which would set the stream back
                await self._commit(group)
        if self._sequence - self._checkpointed >= _CHECKPOINT_RECORDS:
            try:
                await self.checkpoint()
            except Exception:  # noqa: BLE001  the records are durable; the next group tries again
                _log.exception("audit.checkpoint.failed")

    async def retry(self) -> None:
        """Find out whether records can be written again, when the last could not; raises Unavailable.

        Whoever sends requests here may have stopped, so that no record would show it.
        """
        async with self._turn:
            if self.is_failing:
                place, _ = await self.database.transact(self._rewrite_head, self.clock.now())
                self._sequence, self._head = place
                self.is_failing = False

    def _rewrite_head(self, transaction: Transaction) -> tuple[int, bytes]:
        sequence, head = self._find_place(transaction)
        probe(transaction.connection)
        table.probe_records(transaction.connection, self.stream, sequence)
        if sequence:
            self._move_head(transaction, sequence, head)
        return sequence, head

    def _move_head(self, transaction: Transaction, sequence: int, mac: bytes) -> None:
        moved_at = to_microseconds(transaction.now)
        table.move_head(transaction.connection, table.Head(self.stream, sequence, mac), moved_at)

    def _find_place(self, transaction: Transaction) -> tuple[int, bytes]:
        """Return where the stream goes on: of a commit that seemed to fail only the store knows whether it was made."""
        found = table.find_head(transaction.connection, self.stream) if self.is_failing else None
        if found is not None and found.sequence > self._sequence:
            return found.sequence, found.mac
        return self._sequence, self._head

    async def checkpoint(self) -> None:
        """Keep and log the heads of all streams, when this one has moved since; raises Unavailable."""
        if self._sequence == self._checkpointed:
            return
        reached = self._sequence
        write = partial(append_checkpoint, keyring=self.keyring)
        checkpoint: Checkpoint
        checkpoint, _ = await self.database.transact(write, self.clock.now())
        self._checkpointed = reached
        _exported.info("audit.checkpoint.done", checkpoint=checkpoint.body, mac=checkpoint.mac)

    async def _commit(self, group: list[_Waiting]) -> None:
        self._began = began = perf_counter()
        try:
            self._sequence, self._head = await self._write(group)
        except Exception as error:  # noqa: BLE001  whatever it was, nothing of the group is durable: each waiter is told
            _log.error("audit.write.failed", reason=getattr(error, "detail", None) or type(error).__name__)
            self.is_failing = True
            self.meters.count_commit(0, "failed", perf_counter() - began)
            for waiting in group:
                _settle(waiting, Unavailable(_UNAVAILABLE))
            return
        finally:
            self._began = None
        self.is_failing = False
        self.meters.count_commit(len(group), "done", perf_counter() - began)
        for waiting in group:
            tell_owner(waiting.entry, self.meters)
            _settle(waiting, waiting.refusal)

    async def _write(self, group: Sequence[_Waiting]) -> tuple[int, bytes]:
        changes = any(waiting.change is not None for waiting in group)
        async with self.coherence.changing() if changes else nullcontext():
            appended, committed = await self.database.transact(partial(self._append, group), self.clock.now())
            self.coherence.snapshot.apply(committed)
        sequence, head, noted = appended
        self.uses.remember(noted)
        return sequence, head

    def _append(
        self, group: Sequence[_Waiting], transaction: Transaction
    ) -> tuple[int, bytes, tuple[table.Use | table.RoleUse, ...]]:
        sequence, head = self._find_place(transaction)
        if self.is_failing:  # one small enough for what room is left would be taken, and the next refused again
            table.probe_records(transaction.connection, self.stream, sequence)
        rows = []
        for waiting in group:
            if waiting.change is not None:
                self._make(waiting, waiting.change, transaction)
            entry = waiting.entry
            at, event = to_microseconds(entry.at), f"{entry.event}.{entry.outcome}"
            principal = find_principal(entry)
            for account_id in accounts_of(entry):
                sequence += 1
                body = render_body(entry, self.stream, sequence, account_id)
                head = make_stamp(self.keyring, Purpose.AUDIT, LABEL, bind(self.stream, sequence, head, body))
                text = body.decode("utf-8")
                rows.append(table.Row(self.stream, sequence, at, event, account_id, text, head, principal))
        table.insert_records(transaction.connection, rows)
        self._move_head(transaction, sequence, head)
        return sequence, head, self.uses.note(transaction.connection, (waiting.entry for waiting in group))

    def _make(self, waiting: _Waiting, change: Change, transaction: Transaction) -> None:
        try:
            with transaction.savepoint():
                waiting.result = change(transaction)
            waiting.entry.outcome = Outcome.DONE
            if isinstance(waiting.result, Refusal):
                self._refuse(waiting, waiting.result)
        except Refusal as refusal:
            self._refuse(waiting, refusal)
        except IntegrityError as bug:  # a rule of the tables that the change did not look to: its savepoint undid it
            _blame(waiting, bug)
        except DBAPIError:  # the store's own fault: nothing of the group can be kept
            raise
        except Exception as bug:  # noqa: BLE001  one handler's bug is its own caller's to hear of, not the whole group's
            _blame(waiting, bug)

    def _refuse(self, waiting: _Waiting, refusal: Refusal) -> None:
        waiting.refusal = refusal
        note_refusal(waiting.entry, refusal, self.code_of)


def _blame(waiting: _Waiting, bug: Exception) -> None:
    waiting.refusal = bug
    waiting.entry.detail = type(bug).__name__


def _settle(waiting: _Waiting, refusal: Exception | None) -> None:
    if waiting.done is None or waiting.done.done():  # nobody waits, or whoever did is gone
        return
    if refusal is None:
        waiting.done.set_result(waiting.result)
    else:
        waiting.done.set_exception(refusal)


def outcome_of(error: BaseException | None) -> Outcome:
    """Return how a request ends that *error* ended, or nothing did."""
    if error is None:
        return Outcome.DONE
    return Outcome.REFUSED if isinstance(error, Refusal) and not isinstance(error, Unavailable) else Outcome.FAILED


def note_refusal(entry: Entry, refusal: Refusal, code_of: Callable[[Refusal], str]) -> None:
    """Write into *entry* that it ended with *refusal*."""
    entry.outcome = outcome_of(refusal)
    entry.error = code_of(refusal)
    entry.detail = refusal.detail
