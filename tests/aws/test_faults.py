"""What a caller learns of a fault that is the service's own."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing

import pytest
import structlog

from tests.service import Service, Tenant


@pytest.fixture(autouse=True)
def _plain_tracebacks() -> Iterator[None]:
    """Log as the service does: with the local variables of each frame a log would outlast the client's patience."""
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, plain])
    yield
    structlog.reset_defaults()


def test_a_fault_of_ours_is_told_by_its_request_id_alone(
    service: Service, tenant: Tenant, capsys: pytest.CaptureFixture[str]
) -> None:
    with closing(sqlite3.connect(service.database_path)) as database, database:
        (sealed,) = database.execute("SELECT sealed_secret FROM access_key").fetchone()
        database.execute("UPDATE access_key SET sealed_secret = ?", (sealed[:-1] + bytes([sealed[-1] ^ 1]),))
    reply = service.call(tenant.key, "GetCallerIdentity", "sts")
    assert (reply.status, reply.code) == (500, "InternalFailure")
    assert reply.message == "The request could not be answered because of an error in the service"
    logged = capsys.readouterr().out
    assert "SealBroken" in logged
    assert reply.headers["x-amzn-requestid"] in logged
