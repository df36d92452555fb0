import asyncio
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from sts.app import build_accounts
from sts.audit.events import Event, Outcome
from sts.audit.record import Entry, shorten
from sts.audit.recording import Recording
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import AlreadyExists, CodeInvalid, NotFound, ProofMissing, Refusal, Unavailable
from sts.foundation import Foundation, lay_foundation
from sts.model import Caller, CallerKind
from sts.settings import read_settings
from sts.store.database import Transaction
from sts.store.sqlite import SqliteDatabase
from sts.store.watched import WatchedDatabase

X_DIGEST = hashlib.sha256(b"x" * 12_290).hexdigest()
ALICE = Caller(
    kind=CallerKind.USER,
    account_id="111122223333",
    arn="arn:aws:iam::111122223333:user/alice",
    principal_arn="arn:aws:iam::111122223333:user/alice",
    unique_id="AIDAALICE",
    userid="AIDAALICE",
    access_key_id="AKIAALICE",
    user_name="alice",
)


@pytest.fixture
def at(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    yield foundation
    foundation.database.close()


def entry(at: Foundation, **more: Any) -> Entry:
    return Entry(request_id=at.entropy.request_id(), at=at.clock.now(), address="127.0.0.1", user_agent="test", **more)


def path_of(at: Foundation) -> str:
    assert isinstance(at.database, WatchedDatabase)
    assert isinstance(at.database.database, SqliteDatabase)
    return at.database.database.writer.url.database or ""


def bodies(at: Foundation) -> list[dict[str, Any]]:
    def read(connection: Any) -> list[str]:
        return list(connection.execute(text("SELECT body FROM audit_record ORDER BY stream, sequence")).scalars())

    return [json.loads(body) for body in at.database.read_now(read)]


async def together(at: Foundation, *work: Any) -> list[Any]:
    """Do *work* with the writer running, and let it end."""
    at.journal._wake, at.journal._closing = asyncio.Event(), False  # each call runs in an event loop of its own
    writer = asyncio.create_task(at.journal.write())
    results = await asyncio.gather(*work, return_exceptions=True)
    at.journal.close()
    await writer
    return results


def create_account(at: Foundation, account_id: str) -> Any:
    return lambda tx: build_accounts(at).create(tx, account_id=account_id)


def accounts_in(at: Foundation) -> int:
    def count(connection: Any) -> int:
        return int(connection.execute(text("SELECT count(*) FROM account")).scalar_one())

    return at.database.read_now(count)


def test_a_change_and_its_record_are_one_transaction(at: Foundation) -> None:
    made = entry(at, event=Event.ACCOUNT_CREATE, caller=ALICE)
    (begun,) = asyncio.run(together(at, at.journal.change(made, create_account(at, "111122223333"))))
    assert begun.account.account_id == "111122223333"
    (body,) = bodies(at)
    assert body["event"] == "account.create.done"
    assert body["principal"]["arn"] == ALICE.arn
    assert body["sequence"] == 1


def test_a_record_that_cannot_be_written_undoes_the_change(at: Foundation) -> None:
    with closing(sqlite3.connect(path_of(at))) as file:
        file.execute("ALTER TABLE audit_record RENAME TO gone")
        file.commit()
    made = entry(at, event=Event.ACCOUNT_CREATE, caller=ALICE)
    (refused,) = asyncio.run(together(at, at.journal.change(made, create_account(at, "111122223333"))))
    assert isinstance(refused, Unavailable)
    assert "audit record cannot be written" in refused.message
    assert accounts_in(at) == 0


def test_after_a_failed_commit_the_stream_goes_on_where_it_was(at: Foundation) -> None:
    path = path_of(at)
    asyncio.run(together(at, at.journal.record(entry(at, caller=ALICE))))
    with closing(sqlite3.connect(path)) as file:
        file.execute("ALTER TABLE audit_record RENAME TO gone")
        (refused,) = asyncio.run(together(at, at.journal.record(entry(at, caller=ALICE))))
        file.execute("ALTER TABLE gone RENAME TO audit_record")
    asyncio.run(together(at, at.journal.record(entry(at, caller=ALICE))))
    assert isinstance(refused, Unavailable)
    assert [body["sequence"] for body in bodies(at)] == [1, 2]


def test_a_refused_change_is_undone_and_recorded_as_refused(at: Foundation) -> None:
    def refuse(tx: Transaction) -> None:
        create_account(at, "444455556666")(tx)
        raise AlreadyExists("It is there already", detail="told to nobody but the record")

    good, bad = entry(at, caller=ALICE), entry(at, caller=ALICE)
    begun, refused = asyncio.run(
        together(at, at.journal.change(good, create_account(at, "111122223333")), at.journal.change(bad, refuse))
    )
    assert begun.account.account_id == "111122223333"
    assert isinstance(refused, AlreadyExists)
    assert accounts_in(at) == 1
    done, recorded = bodies(at)
    assert done["event"].endswith(".done")
    assert (recorded["event"][-8:], recorded["error"]) == (".refused", "EntityAlreadyExists")
    assert recorded["detail"] == "told to nobody but the record"


def test_a_bug_in_one_change_is_its_own_callers_alone(at: Foundation) -> None:
    def stumble(_tx: Transaction) -> None:
        raise ZeroDivisionError

    begun, failed = asyncio.run(
        together(
            at,
            at.journal.change(entry(at, caller=ALICE), create_account(at, "111122223333")),
            at.journal.change(entry(at, caller=ALICE), stumble),
        )
    )
    assert begun.account.account_id == "111122223333"
    assert isinstance(failed, ZeroDivisionError)
    assert [body["event"].rpartition(".")[2] for body in bodies(at)] == ["done", "failed"]


def test_a_change_that_returns_a_refusal_is_kept_and_recorded_as_refused(at: Foundation) -> None:
    def count(tx: Transaction) -> Refusal:
        create_account(at, "111122223333")(tx)
        return CodeInvalid("wrong", detail="counted")

    (result,) = asyncio.run(together(at, at.journal.change(entry(at, event=Event.MFA_DEVICE_RESYNC), count)))
    assert isinstance(result, CodeInvalid)
    ids = at.database.read_now(lambda c: list(c.execute(text("SELECT account_id FROM account")).scalars()))
    assert ids == ["111122223333"]
    (body,) = bodies(at)
    assert (body["event"], body["error"], body["detail"]) == (
        "mfa-device.resync.refused", "InvalidAuthenticationCode", "counted",
    )  # fmt: skip


def test_a_refused_change_leaves_no_trace_in_the_version(at: Foundation) -> None:
    def refuse(tx: Transaction) -> None:
        tx.touch("user", "AIDAX")
        raise NotFound("It is gone")

    before = at.snapshot.version
    asyncio.run(together(at, at.journal.change(entry(at, caller=ALICE), refuse)))
    assert at.snapshot.version == before


def test_what_proved_nobody_is_recorded_in_sums(at: Foundation) -> None:
    async def refuse(address: str) -> None:
        junk = entry(at)
        junk.address = address
        async with Recording(at.journal, at.sums, at.meters, junk):
            raise ProofMissing("no proof")

    async def flood() -> None:
        await asyncio.gather(*(refuse("192.0.2.1") for _ in range(50)), refuse("192.0.2.2"), return_exceptions=True)
        at.journal._wake = asyncio.Event()
        for summed in at.sums.take():
            at.journal.leave(summed)
        await at.journal.write_waiting()

    asyncio.run(flood())
    first, second = bodies(at)
    assert (first["event"], first["error"]) == ("request.refuse.refused", "MissingAuthenticationToken")
    assert (first["address"], first["parameters"]["count"]) == ("192.0.2.1", 50)
    assert first["parameters"]["first_request_id"] != first["parameters"]["last_request_id"]
    assert (second["address"], second["parameters"]["count"]) == ("192.0.2.2", 1)


def test_a_flood_from_many_addresses_is_bounded(at: Foundation) -> None:
    for number in range(5_000):
        junk = entry(at)
        junk.address, junk.outcome = f"192.0.{number // 256}.{number % 256}", Outcome.REFUSED
        at.sums.add(junk)
    summed = list(at.sums.take())
    assert len(summed) == 4_097
    assert sum(each.parameters["count"] for each in summed) == 5_000
    assert list(at.sums.take()) == []


def test_the_failed_proof_of_a_known_principal_is_recorded_by_itself(at: Foundation) -> None:
    async def guess() -> None:
        tried = entry(at, claimed=ALICE.arn)
        async with Recording(at.journal, at.sums, at.meters, tried):
            raise ProofMissing("wrong")

    raised = asyncio.run(together(at, guess(), guess()))
    assert [type(each) for each in raised] == [ProofMissing, ProofMissing]
    assert [body["principal"] for body in bodies(at)] == [{"arn": ALICE.arn, "proven": False}] * 2


def test_a_bug_is_recorded_as_failed_without_its_text(at: Foundation) -> None:
    async def stumble() -> None:
        async with Recording(at.journal, at.sums, at.meters, entry(at, caller=ALICE)):
            raise ValueError("may hold a secret")

    (raised,) = asyncio.run(together(at, stumble()))
    assert isinstance(raised, ValueError)
    (body,) = bodies(at)
    assert (body["event"].rpartition(".")[2], body["detail"]) == ("failed", "ValueError")
    assert "may hold a secret" not in json.dumps(body)


def uses(at: Foundation) -> list[int]:
    return at.database.read_now(
        lambda connection: list(connection.execute(text("SELECT used_at FROM access_key_use")).scalars())
    )


def use(at: Foundation) -> Any:
    used = entry(at, caller=ALICE, region="us-east-1", service="sts")
    return asyncio.run(together(at, at.journal.record(used)))[0]


def test_the_use_of_a_key_is_noted_once_a_minute(at: Foundation, clock: ManualClock) -> None:
    use(at)
    first = uses(at)
    clock.tick(timedelta(seconds=20))
    use(at)
    assert uses(at) == first
    clock.tick(timedelta(seconds=41))
    use(at)
    assert uses(at)[0] - first[0] == 61_000_000


def test_a_use_whose_commit_failed_is_noted_by_the_next_of_the_same_minute(at: Foundation) -> None:
    with closing(sqlite3.connect(path_of(at))) as file:
        file.execute(
            "CREATE TRIGGER full AFTER INSERT ON access_key_use BEGIN SELECT RAISE(ABORT, 'the disk is full'); END"
        )
        assert isinstance(use(at), Unavailable)
        file.execute("DROP TRIGGER full")
    assert uses(at) == []
    assert use(at) is None
    assert len(uses(at)) == 1


def test_a_checkpoint_follows_every_thousand_records(at: Foundation) -> None:
    async def many() -> None:
        await together(at, *(at.journal.record(entry(at, caller=ALICE)) for _ in range(1_001)))

    asyncio.run(many())
    (body,) = at.database.read_now(
        lambda connection: list(connection.execute(text("SELECT body FROM audit_checkpoint")).scalars())
    )
    (head,) = json.loads(body)["heads"]
    assert (head["stream"], head["sequence"]) == (at.journal.stream, 1_001)


def test_nothing_new_makes_no_checkpoint(at: Foundation) -> None:
    asyncio.run(at.journal.checkpoint())
    assert not at.database.read_now(
        lambda connection: list(connection.execute(text("SELECT body FROM audit_checkpoint")).scalars())
    )


@pytest.mark.parametrize(
    ("value", "kept"),
    [
        ("x" * 12_288, "x" * 12_288),
        ({"a": ["x" * 12_290]}, {"a": ["x" * 12_288 + f"… and 2 characters more, SHA-256 {X_DIGEST}"]}),
        (7, 7),
    ],
)
def test_long_values_are_cut_in_a_record(value: Any, kept: Any) -> None:
    assert shorten(value) == kept


def test_a_checkpoint_names_the_one_before_and_only_what_moved_since(at: Foundation, clock: ManualClock) -> None:
    def checkpoints() -> list[dict[str, Any]]:
        def read(connection: Any) -> list[Any]:
            return list(connection.execute(text("SELECT checkpoint_id, body FROM audit_checkpoint ORDER BY at")))

        return [{"id": row[0], **json.loads(row[1])} for row in at.database.read_now(read)]

    async def checkpoint() -> None:
        await together(at, at.journal.record(entry(at, caller=ALICE)))
        await at.journal.checkpoint()

    first_stream = at.journal.stream
    asyncio.run(checkpoint())
    clock.tick(timedelta(hours=1))
    at.journal.stream, at.journal._sequence, at.journal._head = "another", 0, b""
    at.journal._checkpointed = 0
    asyncio.run(checkpoint())
    clock.tick(timedelta(hours=1))
    asyncio.run(checkpoint())
    first, second, third = checkpoints()
    assert [each["before"] for each in (first, second, third)] == [None, first["id"], second["id"]]
    named = [{head["stream"] for head in each["heads"]} for each in (first, second, third)]
    assert named == [{first_stream}, {first_stream, "another"}, {"another"}]


def test_what_is_left_for_a_writer_that_ends_is_written(at: Foundation) -> None:
    async def run() -> None:
        at.journal.leave(entry(at, error="x"))
        at.journal.close()  # as when it is asked to end while it makes a checkpoint
        await at.journal.write()

    asyncio.run(run())
    assert [body["error"] for body in bodies(at)] == ["x"]
