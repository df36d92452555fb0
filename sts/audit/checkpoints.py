"""Checkpoints: the heads of the streams that have moved since the checkpoint before, which it names, under a MAC.

A record that was altered or taken out shows in its own stream; one that was cut off a stream's end, or a whole stream
that is gone, shows against a checkpoint. What was cut off after the last exported checkpoint does not show.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

import msgspec

from sts.audit.record import FORMAT
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp
from sts.store import audit as table
from sts.store.database import Transaction, to_microseconds

LABEL = b"audit-checkpoint"
# The clocks of two processes may differ: a stream that moved a little before the last checkpoint is named once more.
_SLACK = timedelta(minutes=5) // timedelta(microseconds=1)


class StreamHead(msgspec.Struct, frozen=True):
    """The last record of a stream, as a checkpoint names it; *mac* in hexadecimal."""

    stream: str
    sequence: int
    mac: str


class Heads(msgspec.Struct, frozen=True):
    """The body of a checkpoint; *before* is the one before it, None for the first."""

    format: int
    at: datetime
    before: str | None
    heads: list[StreamHead]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it is kept and logged: its JSON and the MAC over it, in hexadecimal."""

    body: str
    mac: str


def name_of(mac: bytes) -> str:
    """Return the name that the checkpoint of this MAC is kept under."""
    return mac.hex()[-32:]


def append_checkpoint(transaction: Transaction, keyring: Keyring) -> Checkpoint:
    """Keep the heads that have moved since the last checkpoint, as they are in *transaction*."""
    last = table.find_last_checkpoint(transaction.connection)
    now = to_microseconds(transaction.now)
    # A clock that was set back tells nothing of what moved since: then every stream is named.
    since = 0 if last is None or now < last.at - _SLACK else last.at - _SLACK
    moved = table.find_heads(transaction.connection, since)
    heads = [StreamHead(head.stream, head.sequence, head.mac.hex()) for head in moved]
    before = None if last is None else last.checkpoint_id
    body = msgspec.json.encode(Heads(FORMAT, transaction.now, before, heads))
    mac = make_stamp(keyring, Purpose.AUDIT, LABEL, body)
    row = table.CheckpointRow(name_of(mac), now, body.decode("utf-8"), mac)
    table.insert_checkpoint(transaction.connection, row)
    return Checkpoint(row.body, mac.hex())
