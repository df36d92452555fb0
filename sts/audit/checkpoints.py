"""Checkpoints: the heads of all streams at an instant, under a MAC.

A record that was altered or taken out shows in its own stream; one that was cut off a stream's end, or a whole stream
that is gone, shows against a checkpoint. What was cut off after the last exported checkpoint does not show.
"""

from dataclasses import dataclass
from datetime import datetime

import msgspec

from sts.audit.record import FORMAT
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp
from sts.store import audit as table
from sts.store.database import Transaction, to_microseconds

LABEL = b"audit-checkpoint"


class StreamHead(msgspec.Struct, frozen=True):
    """The last record of a stream, as a checkpoint names it; *mac* in hexadecimal."""

    stream: str
    sequence: int
    mac: str


class Heads(msgspec.Struct, frozen=True):
    """The body of a checkpoint."""

    format: int
    at: datetime
    heads: list[StreamHead]


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A checkpoint as it is kept and logged: its JSON and the MAC over it, in hexadecimal."""

    body: str
    mac: str


def append_checkpoint(transaction: Transaction, keyring: Keyring) -> Checkpoint:
    """Keep the heads of all streams as they are in *transaction*."""
    heads = [StreamHead(h.stream, h.sequence, h.mac.hex()) for h in table.find_heads(transaction.connection)]
    body = msgspec.json.encode(Heads(FORMAT, transaction.now, heads))
    mac = make_stamp(keyring, Purpose.AUDIT, LABEL, body)
    row = table.CheckpointRow(mac.hex()[-32:], to_microseconds(transaction.now), body.decode("utf-8"), mac)
    table.insert_checkpoint(transaction.connection, row)
    return Checkpoint(row.body, mac.hex())
