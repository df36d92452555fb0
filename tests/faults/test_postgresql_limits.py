"""PostgreSQL slow, full, out of connections, or ending them: nothing is answered that was not kept, nothing is left."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.faults.outages import count_tasks
from tests.faults.relay import relaying
from tests.faults.stores import create, health, recovers, users, verify_audit
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import until
from tests.service import Service, Tenant, running

pytestmark = pytest.mark.alone

_SEGMENT = 16 * 1024 * 1024  # of PostgreSQL's log: no file of it is larger
_MOST_CONNECTIONS = 5  # one that writes, four that read
_OURS = "FROM pg_stat_activity WHERE application_name = 'sts'"
_NO_RECORDS = (503, {"status": "down", "down": {"audit": "Records cannot be written, so nothing is answered"}})


@pytest.fixture
def service(home: Path, clock: ManualClock, fragile: PostgresqlServer, database: str) -> Iterator[Service]:
    with running(home, clock, STS_DATABASE_URL=fragile.url(database)) as started:
        yield started


def fill_segment(server: PostgresqlServer, database: str) -> None:
    """Make the file of the records as large as one of the log, with rows that are gone again."""
    columns = "stream, sequence, at, event, account_id, body, mac"
    rows = f"SELECT 'junk', n, 0, 'junk', NULL, repeat('x', 1900), '' FROM generate_series(1, {_SEGMENT // 2000}) n"  # noqa: S608  a number
    server.ask(f"INSERT INTO audit_record ({columns}) {rows}", database)
    server.ask("DELETE FROM audit_record WHERE stream = 'junk'", database)


@contextmanager
def writing_no_further(server: PostgresqlServer, size: int) -> Iterator[None]:
    """Let those who serve the service's connections write in no file beyond *size*, as on a disk that is full.

    A small file system would be more like it, but to mount one is not permitted in most containers.
    """
    workers = server.ask(f"SELECT pid {_OURS}").split()
    assert workers
    server.limit_files(workers, size)
    yield
    left = server.ask(f"SELECT pid {_OURS}").split()
    server.limit_files([pid for pid in workers if pid in left], None)


def test_with_no_room_for_records_nothing_is_answered_and_it_recovers_by_itself(
    service: Service, fragile: PostgresqlServer, database: str
) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    fill_segment(fragile, database)
    with writing_no_further(fragile, _SEGMENT):
        answered = {name: create(service, tenant, name) for name in (f"user{number}" for number in range(40))}
        assert answered["user39"] == 503
        for _ in range(50):  # also while it finds out whether there is room again
            assert health(service) == _NO_RECORDS
            assert service.call(tenant.key, "GetCallerIdentity", "sts").status == 503
    recovers(service, tenant)
    kept = [name for name, status in answered.items() if status == 200]
    assert users(service, tenant) == sorted(["before", "later", *kept])
    verify_audit(service)


def test_with_no_room_for_its_log_postgresql_begins_anew_and_nothing_answered_is_lost(
    service: Service, fragile: PostgresqlServer
) -> None:
    tenant = service.tenant()
    assert create(service, tenant, "before") == 200
    with writing_no_further(fragile, 1):
        assert create(service, tenant, "meanwhile") == 503
        recovers(service, tenant)  # with connections of the server that it has become, which have room
    assert users(service, tenant) == ["before", "later"]
    verify_audit(service)


def test_a_store_that_is_slow_delays_and_loses_nothing(
    home: Path, clock: ManualClock, fragile: PostgresqlServer, database: str
) -> None:
    with relaying(fragile.port) as relay:
        url = f"postgresql://postgres@127.0.0.1:{relay.listening}/{database}"
        with running(home, clock, STS_DATABASE_URL=url) as service:
            tenant = service.tenant()
            relay.delay = 0.01  # each way, and some twenty of both for a change: no statement comes near its limit
            for name in ("one", "two", "three"):
                assert create(service, tenant, name) == 200
                assert health(service)[0] == 200
            relay.delay = 0
            recovers(service, tenant)
            assert users(service, tenant) == ["later", "one", "three", "two"]
            verify_audit(service)


def test_with_no_connection_to_be_had_nothing_is_answered_and_it_recovers_by_itself(
    home: Path, clock: ManualClock, fragile: PostgresqlServer, database: str
) -> None:
    fragile.ask(f"CREATE ROLE fewer LOGIN; ALTER DATABASE {database} OWNER TO fewer")
    with running(home, clock, STS_DATABASE_URL=fragile.url(database).replace("postgres@", "fewer@")) as service:
        tenant = service.tenant()
        assert create(service, tenant, "before") == 200
        fragile.ask("ALTER ROLE fewer CONNECTION LIMIT 0")
        fragile.ask(f"SELECT pg_terminate_backend(pid) {_OURS}")
        assert create(service, tenant, "meanwhile") == 503
        assert health(service) == (503, {"status": "down", "down": {"store": "The store is not available"}})
        fragile.ask("ALTER ROLE fewer CONNECTION LIMIT -1")
        recovers(service, tenant)
        assert users(service, tenant) == ["before", "later"]
        verify_audit(service)


def create_at_once(service: Service, tenant: Tenant, prefix: str) -> dict[str, int]:
    """Create forty users, twenty at a time; return what each was answered."""
    names = [f"{prefix}-{number}" for number in range(40)]
    with ThreadPoolExecutor(20) as pool:
        return dict(zip(names, pool.map(lambda name: create(service, tenant, name), names), strict=True))


def test_faults_lose_nothing_answered_and_leave_no_connection_and_no_task_behind(
    service: Service, fragile: PostgresqlServer, database: str
) -> None:
    tenant = service.tenant()
    answered = create_at_once(service, tenant, "before")
    assert set(answered.values()) == {200}
    assert health(service)[0] == 200
    tasks = count_tasks()
    for round_ in range(5):
        with ThreadPoolExecutor(1) as beside:
            creating = beside.submit(create_at_once, service, tenant, f"ended{round_}")
            fragile.ask(f"SELECT pg_terminate_backend(pid) {_OURS}")
            answered |= creating.result()
            creating = beside.submit(create_at_once, service, tenant, f"stopped{round_}")
            fragile.stop("immediate")
            answered |= creating.result()
        assert set(answered.values()) <= {200, 503}
        fragile.start()
        recovers(service, tenant, f"later{round_}")
    kept = set(fragile.ask("SELECT name FROM iam_user", database).split())
    assert {name for name, status in answered.items() if status == 200} <= kept
    assert int(fragile.ask(f"SELECT count(*) {_OURS}")) <= _MOST_CONNECTIONS
    until(lambda: count_tasks() <= tasks, "an end of the tasks that were begun meanwhile")
    verify_audit(service)
