import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.audit.checkpoints import Checkpoint
from sts.audit.events import Event, Outcome
from sts.audit.record import Entry
from sts.audit.verification import Examination, Fault, Findings, parse_exported
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import Malformed
from sts.foundation import Foundation, lay_foundation
from sts.settings import read_settings
from tests.service import Service


def examine(at: Foundation, *exported: Checkpoint) -> Findings:
    return at.database.read_now(
        lambda connection: Examination(connection, at.keyring, lambda _records: None).examine(exported)
    )


async def fill(at: Foundation, records: int) -> None:
    """Write some records, and a checkpoint."""
    for number in range(records):
        entry = Entry(request_id=f"r{number}", at=at.clock.now(), address="", user_agent="", event=Event.USER_READ)
        entry.outcome, entry.parameters = Outcome.DONE, {"user": "alice"}
        at.journal.leave(entry)
    await at.journal.write_waiting()
    await at.journal.checkpoint()


class Altered:
    """The store's file, altered as one who can write to it would."""

    def __init__(self, home: Path) -> None:
        self.path = home / "sts.db"

    def run(self, statement: str, *values: Any) -> list[Any]:
        with closing(sqlite3.connect(self.path)) as connection:
            rows = connection.execute(statement, values).fetchall()
            connection.commit()
        return rows


@pytest.fixture
def altered(home: Path) -> Altered:
    return Altered(home)


@pytest.fixture
def filled(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    asyncio.run(fill(at, 5))
    yield at
    at.database.close()


def bare(fault: Fault) -> str:
    """Return the reason without the time and event that a record is named by."""
    return re.sub(r"(record \d+) \([^)]*, [a-z.-]+\)", r"\1", fault.reason)


def reasons(findings: Findings) -> list[str]:
    return [f"{fault.place.split()[0]}: {bare(fault)}" for fault in findings.faults]


def test_what_was_not_touched_holds(filled: Foundation) -> None:
    assert examine(filled) == Findings(records=5, streams=1, checkpoints=1, faults=[])


def test_an_empty_store_holds(home: Path, clock: ManualClock, entropy: Entropy) -> None:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    assert examine(at) == Findings()
    at.database.close()


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_record SET body = replace(body, 'alice', 'mallo') WHERE sequence = 3", "record 3 was altered"),
        ("UPDATE audit_record SET mac = zeroblob(36) WHERE sequence = 2", "record 2 was altered"),
        ("UPDATE audit_record SET mac = x'00' WHERE sequence = 2", "record 2 was altered"),
        ("UPDATE audit_record SET mac = 'text' WHERE sequence = 2", "record 2"),
        ("UPDATE audit_record SET body = CAST(x'7bff7d' AS TEXT) WHERE sequence = 4", "the store cannot read it"),
        ("UPDATE audit_record SET body = x'7b7d' WHERE sequence = 4", "record 4 is not of its form"),
        ("UPDATE audit_record SET event = 'user.list.done' WHERE sequence = 4", "record 4 stands under another time"),
        ("UPDATE audit_record SET account_id = '999999999999' WHERE sequence = 1", "record 1 stands under another"),
        ("UPDATE audit_record SET principal = 'nobody' WHERE sequence = 2", "record 2 stands under another time"),
        ("UPDATE audit_record SET at = at - 1 WHERE sequence = 1", "record 1 stands under another time"),
        ("DELETE FROM audit_record WHERE sequence = 1", "record 1 is missing"),
        ("DELETE FROM audit_record WHERE sequence = 3", "record 3 is missing"),
        ("DELETE FROM audit_record WHERE sequence = 5", "records 5 to 5 are missing from its end"),
        ("DELETE FROM audit_record", "records 1 to 5 are missing from its end"),
        (("INSERT INTO audit_record SELECT stream, 0, at, event, account_id, body, mac, principal "
          "FROM audit_record LIMIT 1"), "record 1 is missing"),
        (("INSERT INTO audit_record SELECT stream, 6, at, event, account_id, body, mac, principal "
          "FROM audit_record LIMIT 1"), "record 6 was altered"),
        ("DELETE FROM audit_stream", "the head that its writer noted is gone"),
        ("UPDATE audit_stream SET mac = zeroblob(36)", "the head that its writer noted is not its last record"),
        ("UPDATE audit_stream SET sequence = 4", "the head that its writer noted is not its last record"),
    ],
)  # fmt: skip
def test_every_change_of_a_stream_shows(statement: str, reason: str, filled: Foundation, altered: Altered) -> None:
    altered.run(statement)
    found = [bare(fault) for fault in examine(filled).faults if fault.place.startswith("stream")]
    assert [each[: len(reason)] for each in found] == [reason]


def test_records_that_changed_places_show(filled: Foundation, altered: Altered) -> None:
    altered.run("UPDATE audit_record SET sequence = 30 WHERE sequence = 3")
    altered.run("UPDATE audit_record SET sequence = 3 WHERE sequence = 4")
    altered.run("UPDATE audit_record SET sequence = 4 WHERE sequence = 30")
    assert reasons(examine(filled))[0].startswith("stream: record 3 was altered")


@pytest.mark.parametrize(
    ("statement", "reason"),
    [
        ("UPDATE audit_checkpoint SET body = replace(body, '\"sequence\":5', '\"sequence\":4')", "the checkpoint was"),
        ("UPDATE audit_checkpoint SET mac = zeroblob(36)", "the checkpoint was altered"),
        ("UPDATE audit_checkpoint SET body = x'00'", "it is not of its form"),
        ("UPDATE audit_checkpoint SET at = at + 1", "it stands under another name or time"),
        ("UPDATE audit_checkpoint SET checkpoint_id = 'other'", "it stands under another name or time"),
    ],
)
def test_every_change_of_a_checkpoint_shows(statement: str, reason: str, filled: Foundation, altered: Altered) -> None:
    altered.run(statement)
    (fault,) = examine(filled).faults
    assert fault.place.startswith("checkpoint")
    assert fault.reason.startswith(reason)


def cut_off_the_end(altered: Altered, keep: int) -> None:
    altered.run("DELETE FROM audit_record WHERE sequence > ?", keep)
    altered.run(
        "UPDATE audit_stream SET sequence = ?, mac = (SELECT mac FROM audit_record WHERE sequence = ?)", keep, keep
    )


def test_an_end_that_was_cut_off_with_its_head_shows_against_a_checkpoint(filled: Foundation, altered: Altered) -> None:
    cut_off_the_end(altered, 3)
    (fault,) = examine(filled).faults
    assert fault.place.startswith("checkpoint")
    assert "it names record 5 of stream" in fault.reason
    assert fault.reason.endswith("which is gone")


def test_the_end_shows_against_a_checkpoint_of_a_clock_that_was_set_back(
    filled: Foundation, altered: Altered, clock: ManualClock
) -> None:
    clock.tick(timedelta(hours=-1))
    asyncio.run(fill(filled, 3))
    assert examine(filled) == Findings(records=8, streams=1, checkpoints=2, faults=[])
    cut_off_the_end(altered, keep=6)
    assert [fault.split(":")[0] for fault in reasons(examine(filled))] == ["checkpoint"]


def test_a_whole_stream_that_is_gone_shows_against_a_checkpoint(filled: Foundation, altered: Altered) -> None:
    altered.run("DELETE FROM audit_record")
    altered.run("DELETE FROM audit_stream")
    assert len(examine(filled).faults) == 1


def test_an_end_cut_off_with_its_checkpoints_shows_only_against_an_exported_one(
    filled: Foundation, altered: Altered
) -> None:
    ((body, mac),) = altered.run("SELECT body, hex(mac) FROM audit_checkpoint")
    cut_off_the_end(altered, 3)
    altered.run("DELETE FROM audit_checkpoint")
    assert examine(filled).faults == []
    (fault,) = examine(filled, Checkpoint(body, mac)).faults
    assert fault.place == "exported checkpoint 1"


def test_a_record_written_anew_shows_against_the_checkpoint_that_names_it(filled: Foundation, altered: Altered) -> None:
    altered.run("UPDATE audit_record SET mac = zeroblob(36) WHERE sequence = 5")
    assert any("another record 5" in fault.reason for fault in examine(filled).faults)


@pytest.mark.parametrize("mac", ["00" * 36, "no hexadecimal", ""])
def test_an_exported_checkpoint_with_another_mac_shows(mac: str, filled: Foundation, altered: Altered) -> None:
    ((body,),) = altered.run("SELECT body FROM audit_checkpoint")
    assert [fault.place for fault in examine(filled, Checkpoint(body, mac)).faults] == ["exported checkpoint 1"]


def test_only_the_first_fault_of_each_stream_is_told(filled: Foundation, altered: Altered) -> None:
    altered.run("UPDATE audit_record SET body = '{}' WHERE sequence IN (2, 4)")
    (fault,) = examine(filled).faults
    assert isinstance(fault, Fault)
    assert bare(fault).startswith("record 2 was altered")
    assert fault.reason.endswith("; 3 records of the stream behind it were not checked")


def test_a_fault_names_the_record_by_its_time_and_event_as_far_as_they_can_be_read(
    filled: Foundation, altered: Altered
) -> None:
    altered.run("UPDATE audit_record SET body = '{}' WHERE sequence = 4")
    assert examine(filled).faults[0].reason.startswith("record 4 (2026-03-02T12:00:00.000+00:00, user.")
    altered.run("UPDATE audit_record SET at = 'noon' WHERE sequence = 4")
    reason = examine(filled).faults[0].reason
    assert reason.startswith("record 4 was altered")
    assert reason.endswith("; 1 record of the stream behind it was not checked")


def test_long_streams_are_walked_in_pages_and_progress_is_told(
    home: Path, clock: ManualClock, entropy: Entropy
) -> None:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    asyncio.run(fill(at, 2_100))
    told: list[int] = []
    findings = at.database.read_now(lambda c: Examination(c, at.keyring, told.append).examine(()))
    assert (findings.records, findings.faults, told) == (2_100, [], [1_000, 2_000])
    at.database.close()


def test_exported_checkpoints_are_found_among_the_lines_of_a_log() -> None:
    lines = [
        "no JSON at all",
        "[1]",
        json.dumps({"event": "something.else", "mac": "00"}),
        json.dumps({"event": "audit.checkpoint.done", "checkpoint": "{}", "mac": "01"}),
        json.dumps({"body": "{}", "mac": "02"}),
    ]
    assert list(parse_exported(lines)) == [Checkpoint("{}", "01"), Checkpoint("{}", "02")]


@pytest.mark.parametrize("lines", [[], ["nothing"], ['{"mac": "00"}']])
def test_a_file_without_any_checkpoint_is_refused(lines: list[str]) -> None:
    with pytest.raises(Malformed, match="No line of the file is a checkpoint"):
        list(parse_exported(lines))


def test_the_records_of_a_service_at_work_hold(service: Service) -> None:
    tenant = service.tenant()
    service.call(tenant.key, "CreateUser", UserName="bob")
    service.call(tenant.key, "CreateUser", UserName="bob")
    service.call(tenant.key, "GetCallerIdentity", "sts")
    at = lay_foundation(service.settings, service.clock, service.entropy)
    findings = examine(at)
    at.database.close()
    assert (findings.records, findings.faults) == (3, [])
