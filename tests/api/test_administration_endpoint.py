import asyncio
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from starlette.routing import Route

from sts.api.endpoint import AdministrationEndpoint
from sts.api.errors import INTERNAL_FAILURE, find_error
from sts.app import create_app
from sts.audit.journal import Journal
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import Refusal, Throttled
from sts.settings import read_settings

SCOPE = {
    "type": "http", "method": "GET", "scheme": "http", "path": "/api/audit/records", "raw_path": b"/api/audit/records",
    "query_string": b"", "headers": [], "client": ("192.0.2.1", 1234),
}  # fmt: skip


class Broken:
    """A proof that fails in a way that nobody foresaw, or that says to come back later."""

    def __init__(self, fault: Exception) -> None:
        self.fault = fault

    async def prove(self, _parts: object, _service: str, _address: str) -> object:
        raise self.fault


@pytest.fixture
def endpoint(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[AdministrationEndpoint]:
    app = create_app(read_settings({"STS_HOME": str(home)}), clock=clock, entropy=entropy)
    (found,) = (
        route.endpoint
        for route in app.routes
        if isinstance(route, Route) and isinstance(route.endpoint, AdministrationEndpoint)
    )
    yield found
    found.database.close()


def ask(endpoint: AdministrationEndpoint, fault: Exception) -> tuple[int, dict[bytes, bytes], Any]:
    """Return status, headers and body of the answer to a request whose proof ends with *fault*."""
    sent: list[Any] = []

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    async def answer() -> None:
        assert isinstance(endpoint.journal, Journal)
        writer = asyncio.create_task(endpoint.journal.write())
        await replace(endpoint, proof=Broken(fault))(SCOPE, receive, send)  # type: ignore[arg-type]  # a stand-in
        endpoint.journal.close()
        await writer

    asyncio.run(answer())
    return sent[0]["status"], dict(sent[0]["headers"]), json.loads(sent[1]["body"])


def test_a_bug_is_answered_with_a_request_id_and_recorded_as_failed(endpoint: AdministrationEndpoint) -> None:
    status, headers, body = ask(endpoint, LookupError("hush"))
    assert (status, body["__type"]) == (500, "InternalFailure")
    assert headers[b"x-amzn-requestid"]
    assert "hush" not in str(body)
    (event,) = endpoint.database.read_now(
        lambda connection: list(connection.exec_driver_sql("SELECT event FROM audit_record").scalars())
    )
    assert event == "audit.read.failed"


def test_who_comes_too_often_is_told_when_to_come_again(endpoint: AdministrationEndpoint) -> None:
    status, headers, body = ask(endpoint, Throttled("Too many requests", retry_after_seconds=7, rate="caller"))
    assert (status, headers[b"retry-after"], body["__type"]) == (429, b"7", "Throttling")


def test_a_refusal_without_a_row_is_a_fault_of_ours() -> None:
    assert find_error(Refusal("new")) == INTERNAL_FAILURE
