"""What shows that the audit was not altered: every stream walked in order, every checkpoint held against it.

A record is bound to its predecessor by its MAC, so an altered, a missing and an inserted one each show in their
stream. The end of a stream is held against the head that its writer noted, and against every checkpoint. What was cut
off after the last checkpoint that was carried away from here does not show: whoever can write to the store can take
away the latest records, their heads and their checkpoints together.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection
from sqlalchemy.exc import SQLAlchemyError

from sts.audit import checkpoints
from sts.audit.checkpoints import Checkpoint, Heads
from sts.audit.record import LABEL, bind, principal_of
from sts.errors import Malformed, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import verify_stamp
from sts.store import audit as table
from sts.store.database import from_microseconds, to_microseconds

_STEP = 1_000  # records between two words about how far it is


class _Principal(msgspec.Struct):
    arn: str


class _Told(msgspec.Struct):
    """What a body says that stands in columns of its own too."""

    stream: str
    sequence: int
    at: datetime
    event: str
    account_id: str | None
    principal: _Principal | None


@dataclass(frozen=True, slots=True)
class Fault:
    """The first thing that is wrong at a place."""

    place: str
    reason: str


@dataclass(slots=True)
class Findings:
    """How much was looked at, and what was wrong."""

    records: int = 0
    exported: int = 0  # records that were kept elsewhere
    streams: int = 0
    checkpoints: int = 0
    faults: list[Fault] = field(default_factory=list)


@dataclass(slots=True)
class Examination:
    """A walk over everything, in one read transaction; *watch* is told now and then how many records are behind."""

    connection: Connection
    keyring: Keyring
    watch: Callable[[int], None]
    findings: Findings = field(default_factory=Findings)
    _confirmed: dict[str, tuple[int, str]] = field(default_factory=dict)

    def examine(self, exported: Iterable[Checkpoint], records: Iterable[Mapping[str, Any]] = ()) -> Findings:
        """Examine every stream and every checkpoint kept here, and those and the *records* that were kept elsewhere."""
        heads = {head.stream: head for head in table.find_heads(self.connection)}
        for stream in table.find_streams(self.connection):
            self.findings.streams += 1
            self._note(partial(self._verify_stream, stream, heads.get(stream)), f"stream {stream}")
        for row in table.find_checkpoints(self.connection):
            self._note(partial(self._verify_kept, row), f"checkpoint {row.checkpoint_id}")
        for place, checkpoint in enumerate(exported, 1):
            self._note(partial(self._verify_exported, checkpoint), f"exported checkpoint {place}")
        for place, record in enumerate(records, 1):
            self._note(partial(self._verify_record_elsewhere, record), f"exported record {place}")
        return self.findings

    def _note(self, verify: Callable[[], object], place: str) -> None:
        try:
            verify()
        except SealBroken as broken:
            self.findings.faults.append(Fault(place, broken.message))
        except SQLAlchemyError as error:  # bytes that are no text any more, or a damaged page of the file
            self.findings.faults.append(Fault(place, f"the store cannot read it ({getattr(error, 'orig', error)})"))

    def _verify_stream(self, stream: str, head: table.Head | None) -> None:
        sequence, mac = 0, b""
        for row in table.find_records(self.connection, stream):
            try:
                self._verify_next(row, sequence, mac)
            except SealBroken as broken:
                raise SealBroken(f"{broken.message}{self._tell_unchecked(stream, sequence + 1)}") from broken
            sequence, mac = row.sequence, row.mac
            self.findings.records += 1
            if self.findings.records % _STEP == 0:
                self.watch(self.findings.records)
        _verify_end(sequence, mac, head)

    def _tell_unchecked(self, stream: str, sequence: int) -> str:
        # Each MAC is over the one before it: behind a fault nothing of the stream can be told any more.
        later = table.count_later(self.connection, stream, sequence)
        return f"; {count(later, 'record')} of the stream behind it {'was' if later == 1 else 'were'} not checked"

    def _verify_next(self, row: table.Row, sequence: int, before: bytes) -> None:
        if row.sequence != sequence + 1:
            raise SealBroken(f"record {sequence + 1} is missing; the next that is there is {_name(row)}")
        self._verify_record(row, before)

    def _verify_record(self, row: table.Row, before: bytes) -> None:
        place = _name(row)
        if not isinstance(row.body, str) or not isinstance(row.mac, bytes):
            raise SealBroken(f"{place} is not of its form")
        body = row.body.encode("utf-8")
        bound = bind(row.stream, row.sequence, before, body)
        _verify_mac(self.keyring, LABEL, bound, row.mac, place)
        told = msgspec.json.decode(body, type=_Told)
        # The MAC is over the body; the columns beside it, which records are found and filtered by, must say the same.
        columns = (row.stream, row.sequence, row.at, row.event, row.account_id, row.principal)
        principal = None if told.principal is None else principal_of(told.principal.arn)
        at = to_microseconds(told.at)
        if columns != (told.stream, told.sequence, at, told.event, told.account_id, principal):
            raise SealBroken(f"{place} stands under another time, event, account or principal than it says itself")

    def _verify_kept(self, row: table.CheckpointRow) -> None:
        if not isinstance(row.body, str) or not isinstance(row.mac, bytes):
            raise SealBroken("it is not of its form")
        told = self._verify_checkpoint(Checkpoint(row.body, row.mac.hex()))
        if (row.checkpoint_id, row.at) != (checkpoints.name_of(row.mac), to_microseconds(told.at)):
            raise SealBroken("it stands under another name or time than it says itself")

    def _verify_exported(self, checkpoint: Checkpoint) -> None:
        self._verify_checkpoint(checkpoint)
        # It was kept before it was logged, and none is ever removed: one that is gone was taken away.
        if not table.has_checkpoint(self.connection, checkpoints.name_of(bytes.fromhex(checkpoint.mac))):
            raise SealBroken("an exported checkpoint is not in the store")

    def _verify_record_elsewhere(self, record: Mapping[str, Any]) -> None:
        self.findings.exported += 1
        name = f"record {record['sequence']} of stream {record['stream']}"
        body = table.find_body(self.connection, record["stream"], record["sequence"])
        if body is None:
            raise SealBroken(f"{name} is not in the store")
        if msgspec.json.decode(body) != record:
            raise SealBroken(f"{name} says something else in the store")

    def _verify_checkpoint(self, checkpoint: Checkpoint) -> Heads:
        self.findings.checkpoints += 1
        body = checkpoint.body.encode("utf-8")
        _verify_mac(self.keyring, checkpoints.LABEL, body, _from_hex(checkpoint.mac), "the checkpoint")
        told = msgspec.json.decode(body, type=Heads)
        if told.before is not None and not table.has_checkpoint(self.connection, told.before):
            raise SealBroken(f"the checkpoint before it, {told.before}, is gone")
        for head in told.heads:
            # A stream that stands still is named by every later checkpoint: it is looked up once.
            if self._confirmed.get(head.stream) != (head.sequence, head.mac):
                self._verify_named(head)
                self._confirmed[head.stream] = (head.sequence, head.mac)
        return told

    def _verify_named(self, head: checkpoints.StreamHead) -> None:
        found = table.find_mac(self.connection, head.stream, head.sequence)
        if found is None:
            raise SealBroken(f"it names record {head.sequence} of stream {head.stream}, which is gone")
        if found.hex() != head.mac:
            raise SealBroken(f"it names another record {head.sequence} of stream {head.stream} than stands there")


def count(number: int, noun: str) -> str:
    """Return *number* and *noun*, in the plural unless it is one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _name(row: table.Row) -> str:
    """Return what an operator finds the record by elsewhere, as far as the columns can be read."""
    try:
        at = from_microseconds(row.at).isoformat(timespec="milliseconds")
    except (TypeError, OverflowError):  # what stands there is no time any more
        return f"record {row.sequence}"
    return f"record {row.sequence} ({at}, {row.event})"


def parse_exported(lines: Iterable[str]) -> Iterator[Checkpoint]:
    """Return the checkpoints among *lines* of a log in JSON (`checkpoint`, or `body`, and `mac`).

    Raises Malformed when there is none: a check of nothing would pass.
    """
    found = False
    for line in lines:
        checkpoint = _find_exported(line)
        if checkpoint is not None:
            found = True
            yield checkpoint
    if not found:
        raise Malformed("No line of the file is a checkpoint: JSON with `checkpoint` (or `body`) and `mac`")


def parse_exported_records(lines: Iterable[str]) -> Iterator[Mapping[str, Any]]:
    """Return the records that *lines* are, a JSON object each; raises Malformed for a line that is none, or for none.

    A line that was passed over would seem to have been checked.
    """
    number = 0
    for number, line in enumerate(lines, 1):
        try:
            record = msgspec.json.decode(line)
        except msgspec.DecodeError:
            record = None
        if not isinstance(record, dict) or not _is_placed(record):
            raise Malformed(f"Line {number} of the file is no record: a JSON object with `stream` and `sequence`")
        yield record
    if not number:
        raise Malformed("The file holds no record")


def _is_placed(record: Mapping[str, Any]) -> bool:
    return isinstance(record.get("stream"), str) and type(record.get("sequence")) is int


def _find_exported(line: str) -> Checkpoint | None:
    try:
        told = msgspec.json.decode(line)
    except msgspec.DecodeError:
        return None
    if not isinstance(told, dict):
        return None
    body, mac = told.get("checkpoint", told.get("body")), told.get("mac")
    return Checkpoint(body, mac) if isinstance(body, str) and isinstance(mac, str) else None


def _verify_end(sequence: int, mac: bytes, head: table.Head | None) -> None:
    if head is None:
        raise SealBroken("the head that its writer noted is gone")
    if head.sequence > sequence:
        raise SealBroken(f"records {sequence + 1} to {head.sequence} are missing from its end")
    if (head.sequence, head.mac) != (sequence, mac):
        raise SealBroken(f"the head that its writer noted is not its last record, {sequence}")


def _verify_mac(keyring: Keyring, label: bytes, data: bytes, mac: bytes, place: str) -> None:
    try:
        verify_stamp(keyring, Purpose.AUDIT, label, data, mac)
    except SealBroken as broken:
        raise SealBroken(f"{place} was altered, or its predecessor was ({broken.message})") from broken


def _from_hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text)
    except ValueError:
        raise SealBroken("its MAC is not hexadecimal") from None
