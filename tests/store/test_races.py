"""Two processes at once on one PostgreSQL: what each looked at holds until it acts on it."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any

import pytest
from sqlalchemy import text

from sts.directory.access_keys import AccessKeys
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.errors import AlreadyExists, QuotaExceeded
from sts.keyring.keyring import Keyring
from sts.model import User
from sts.store import versions
from sts.store.access_keys import delete_access_key
from sts.store.audit import RoleUse, Row, Use, find_streams, insert_records, put_uses
from sts.store.database import Database, Transaction, open_database
from tests.conftest import BEGINNING
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import until
from tests.store.stored_accounts import FIRST, add

ENTROPY = Entropy()
USERS = Users(ENTROPY)
ROUNDS = 20


@pytest.fixture
def processes(kept_url: str) -> Iterator[tuple[Database, Database]]:
    """Two who have the same store open."""
    one, other = open_database(kept_url), open_database(kept_url)
    one.transact_now(lambda tx: add(tx, FIRST), BEGINNING)
    yield one, other
    one.close()
    other.close()


def changing(work: Callable[[Transaction], Any]) -> Callable[[Transaction], Any]:
    """Return *work* as the writer of a process makes it."""

    def change(tx: Transaction) -> Any:
        with tx.savepoint():
            return work(tx)

    return change


async def together(processes: tuple[Database, ...], body: Callable[[], Awaitable[None]]) -> None:
    """Run *body* with the connections of *processes* kept open."""
    async with processes[0].serving(), processes[1].serving():
        await body()


async def at_once(processes: tuple[Database, ...], work: Callable[[Transaction], Any]) -> list[Any]:
    """Return what each process came to that did *work*, all at the same time."""
    made = (process.transact(changing(work), BEGINNING) for process in processes)
    return list(await asyncio.gather(*made, return_exceptions=True))


def kinds(ends: list[Any]) -> list[type]:
    return [type(end) for end in ends if isinstance(end, Exception)]


def create_next(names: Iterator[str], tx: Transaction) -> User:
    return USERS.create(tx, account_id=FIRST, name=next(names))


def touch(name: str, tx: Transaction) -> None:
    tx.touch("user", name)


def users_in(database: Database) -> int:
    return database.read_now(lambda c: int(c.execute(text("SELECT count(*) FROM iam_user")).scalar_one()))


def test_of_two_who_create_the_same_user_one_wins_and_the_other_is_told(processes: tuple[Database, Database]) -> None:
    async def race() -> None:
        for number in range(ROUNDS):
            names = iter((f"alice{number}", f"ALICE{number}"))
            ends = await at_once(processes, partial(create_next, names))
            assert kinds(ends) == [AlreadyExists], ends

    asyncio.run(together(processes, race))
    assert users_in(processes[0]) == ROUNDS


def test_of_two_who_take_the_last_place_of_a_quota_one_wins_and_the_other_is_told(
    processes: tuple[Database, Database], store_keyring: Keyring
) -> None:
    keys = AccessKeys(ENTROPY, store_keyring)

    async def race() -> None:
        for number in range(ROUNDS):
            user, _ = await processes[0].transact(partial(create_next, iter([f"user{number}"])), BEGINNING)
            await processes[0].transact(partial(keys.create, owner=user), BEGINNING)
            ends = await at_once(processes, partial(keys.create, owner=user))
            assert kinds(ends) == [QuotaExceeded], ends

    asyncio.run(together(processes, race))


def test_versions_that_are_raised_at_once_leave_no_gap_and_each_says_what_it_changed(
    processes: tuple[Database, Database],
) -> None:
    before = processes[0].read_now(versions.read_version)
    raised: list[int] = []

    async def raise_many(process: Database, name: str) -> None:
        for number in range(ROUNDS):
            _, committed = await process.transact(changing(partial(touch, f"{name}{number}")), BEGINNING)
            assert committed.version is not None
            raised.append(committed.version.counter)

    async def race() -> None:
        await asyncio.gather(*(raise_many(each, name) for each, name in zip(processes, "ab", strict=True)))

    asyncio.run(together(processes, race))
    assert sorted(raised) == list(range(before.counter + 1, before.counter + 2 * ROUNDS + 1))
    present, changes = processes[0].read_now(lambda c: versions.find_changes(c, before))
    assert present.counter == max(raised)
    assert changes is not None
    assert len(changes) == 2 * ROUNDS


def test_whoever_sees_a_version_sees_what_every_earlier_one_changed(processes: tuple[Database, Database]) -> None:
    """A version that became visible before an earlier one would let a change be missed for good."""
    writer, watcher = processes
    start = writer.read_now(versions.read_version)

    async def write() -> None:
        for _ in range(ROUNDS):
            made = (p.transact(changing(lambda tx: tx.touch("user", ENTROPY.nonce())), BEGINNING) for p in processes)
            await asyncio.gather(*made)

    async def watch(writing: "asyncio.Task[None]") -> None:
        while not writing.done():
            present, changes = await watcher.read(lambda c: versions.find_changes(c, start))
            assert changes is not None
            assert len(changes) == present.counter - start.counter

    async def race() -> None:
        writing = asyncio.create_task(write())
        await watch(writing)
        await writing

    asyncio.run(together(processes, race))


def elsewhere(work: Callable[[], Coroutine[Any, Any, Any]]) -> Any:
    """Do *work* in another thread's loop, and wait for it."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(lambda: asyncio.run(work())).result()


def test_records_wait_for_no_change_of_another_process(processes: tuple[Database, Database]) -> None:
    one, other = processes
    is_free = text("SELECT pg_try_advisory_xact_lock(7566451, 1)")

    def append(tx: Transaction) -> bool:
        insert_records(tx.connection, [Row("other", 1, 0, "event", None, "{}", b"", None)])
        return bool(tx.connection.execute(is_free).scalar_one())

    def change(_tx: Transaction) -> bool:
        free, _ = elsewhere(lambda: other.transact(append, BEGINNING))
        return bool(free)

    assert one.transact_now(change, BEGINNING)[0] is False
    assert one.read_now(find_streams) == ["other"]


KEYS = [f"AKIA{number:04}" for number in range(400)]


def note(order: list[str], tx: Transaction) -> None:
    put_uses(
        tx.connection,
        [Use(name, 1, "sts", "us-east-1") for name in order],
        [RoleUse(name, 1, "us-east-1") for name in order],
    )


def test_uses_that_are_noted_at_once_in_different_orders_wait_for_each_other_without_harm(
    processes: tuple[Database, Database],
) -> None:
    async def race() -> None:
        for _ in range(ROUNDS):
            made = (p.transact(partial(note, order), BEGINNING) for p, order in zip(processes, orders, strict=True))
            await asyncio.gather(*made)

    orders = (KEYS, KEYS[::-1])
    asyncio.run(together(processes, race))


def test_a_use_is_not_noted_while_another_process_forgets_some(
    processes: tuple[Database, Database], postgresql: PostgresqlServer
) -> None:
    """Each would hold a key that the other needs next, and PostgreSQL would end one of them."""
    one, other = processes
    one.transact_now(partial(note, KEYS), BEGINNING)
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"

    with ThreadPoolExecutor(1) as thread:

        def forget(tx: Transaction) -> Future[Any]:
            delete_access_key(tx.connection, KEYS[-1])
            noting = thread.submit(lambda: asyncio.run(other.transact(partial(note, KEYS), BEGINNING)))
            until(lambda: postgresql.ask(waiting) == "1", "whoever notes uses waits")
            delete_access_key(tx.connection, KEYS[0])
            return noting

        noting, _ = one.transact_now(forget, BEGINNING)
        noting.result()
