"""Where the time of a request went, as a receiver of OpenTelemetry learns it."""

import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1.trace_pb2 import Span, Status

from sts.clock import ManualClock
from sts.settings import SettingsInvalid, read_settings
from tests.federation import ISSUER, register
from tests.ports import find_port
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import redis_server
from tests.security.wire import presign
from tests.service import Service, Tenant, allow, running, trust
from tests.tracing.receiver import Receiver, attributes, receiving

ROOT = Path(__file__).parents[2]
TRACE, PARENT = "4bf92f3577b34da6a3ce929d0e0e4736", "00f067aa0ba902b7"
CARRIED = {"traceparent": f"00-{TRACE}-{PARENT}-01"}

# Makes an application with what the environment says, and tells what of OpenTelemetry was imported.
MAKING = """
import os, sys
if sys.argv[1] == "absent":
    sys.modules["opentelemetry"] = None
from sts.app import create_app
from sts.errors import Refusal
from sts.settings import read_settings
try:
    create_app(read_settings(os.environ))
except Refusal as refusal:
    sys.exit(refusal.message)
print([name for name, module in sys.modules.items() if module and name.startswith("opentelemetry")])
"""


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with receiving() as started:
        yield started


def _make_role(service: Service, tenant: Tenant) -> str:
    document = trust(f"arn:aws:iam::{tenant.account_id}:root")
    return service.call(tenant.key, "CreateRole", RoleName="unmistakable", AssumeRolePolicyDocument=document).text(
        "Arn"
    )


def _server_span(receiver: Receiver, name: str) -> Span:
    span = receiver.find(name)
    assert span.kind == Span.SPAN_KIND_SERVER
    return span


def test_a_request_is_a_span_with_one_for_each_of_its_verbs(home: Path, clock: ManualClock, receiver: Receiver) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        tenant = service.tenant()
        reply = service.assume(tenant.key, _make_role(service, tenant))
        assert service.call(reply.key(), "GetCallerIdentity", "sts").status == 200
    assert receiver.paths == {"/v1/traces"}
    assert receiver.resource["service.name"] == "sts"
    assumed = _server_span(receiver, "sts:AssumeRole")
    # What the snapshot does not hold is read from the store, here or within one of the verbs.
    assert receiver.within(assumed) - {"store read"} == {"prove", "decide", "do", "record"}
    (done,) = (span for span in receiver.spans if span.name == "do" and span.parent_span_id == assumed.span_id)
    assert "cache put" in receiver.within(done)
    identified = _server_span(receiver, "sts:GetCallerIdentity")
    (proven,) = (span for span in receiver.spans if span.name == "prove" and span.parent_span_id == identified.span_id)
    assert "cache get" in receiver.within(proven)
    told = attributes(assumed)
    assert told["http.request.method"] == "POST"
    assert told["http.response.status_code"] == 200
    assert told["sts.operation"] == "sts:AssumeRole"
    assert told["sts.request_id"] == reply.headers["x-amzn-requestid"]
    assert assumed.parent_span_id == b""


def test_a_proof_by_a_token_is_a_span_too_and_names_nobody(home: Path, clock: ManualClock, receiver: Receiver) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        realm = register(service, service.tenant(), ISSUER)
        token = realm.token(sub="unmistakable")
        assert realm.assume(realm.make_role("worker"), token=token).status == 200
    assumed = _server_span(receiver, "sts:AssumeRoleWithWebIdentity")
    assert receiver.within(assumed) - {"store read"} == {"prove", "decide", "do", "record"}
    sent = b"".join(span.SerializeToString() for span in receiver.spans)
    for secret in ("unmistakable", *token.split(".")):
        assert secret.encode() not in sent


def test_what_is_done_in_the_store_stands_in_its_transaction(
    home: Path, clock: ManualClock, receiver: Receiver
) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        tenant = service.tenant()
        service.call(tenant.key, "CreateUser", UserName="unmistakable")
        service.call(tenant.key, "ListUsers")
    created, listed = _server_span(receiver, "iam:CreateUser"), _server_span(receiver, "iam:ListUsers")
    for request, holder in ((created, "record"), (listed, "store read")):
        of_trace = [span for span in receiver.spans if span.trace_id == request.trace_id]
        (done,) = (span for span in of_trace if span.name == "do")
        (around,) = (span for span in of_trace if span.span_id == done.parent_span_id)
        assert around.name == holder
        assert around.parent_span_id == request.span_id
    reads = [span for span in receiver.spans if span.name == "store read"]
    assert attributes(reads[0])["db.system.name"] == "sqlite"


def test_with_postgresql_and_redis_the_spans_are_the_same(
    home: Path, clock: ManualClock, receiver: Receiver, postgresql: PostgresqlServer, tmp_path: Path
) -> None:
    with redis_server(tmp_path / "redis") as redis:
        stores = {"STS_DATABASE_URL": postgresql.url(postgresql.make_database()), "STS_CACHE_URL": redis.url}
        with running(home, clock, None, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url, **stores) as service:
            tenant = service.tenant()
            session = service.assume(tenant.key, _make_role(service, tenant)).key()
            service.call(tenant.key, "ListRoles")
            service.call(session, "GetCallerIdentity", "sts")
    for name, holder in (("iam:CreateRole", "record"), ("iam:ListRoles", "store read")):
        of_trace = [span for span in receiver.spans if span.trace_id == receiver.find(name).trace_id]
        (done,) = (span for span in of_trace if span.name == "do")
        assert [span.name for span in of_trace if span.span_id == done.parent_span_id] == [holder]
    systems = {span.name: attributes(span).get("db.system.name") for span in receiver.spans}
    assert systems["store read"] == "postgresql"
    assert systems["cache get"] == "redis"


def test_what_goes_on_beside_requests_is_in_no_trace(home: Path, clock: ManualClock, receiver: Receiver) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        assert service.send(None, method="GET", path="/livez").status == 200
    assert [span.name for span in receiver.spans] == ["GET /livez"]


def test_a_refusal_is_named_and_is_no_fault_but_an_outage_is(
    home: Path, clock: ManualClock, receiver: Receiver
) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        tenant = service.tenant()
        assert service.call(tenant.key, "GetUser", UserName="nobody").status == 404
        with closing(sqlite3.connect(service.database_path)) as connection:
            connection.execute("ALTER TABLE audit_stream RENAME TO hidden")
        assert service.call(tenant.key, "GetCallerIdentity", "sts").status == 503
    refused, failed = _server_span(receiver, "iam:GetUser"), _server_span(receiver, "sts:GetCallerIdentity")
    assert (attributes(refused)["error.type"], refused.status.code) == ("NoSuchEntity", Status.STATUS_CODE_UNSET)
    assert (attributes(failed)["http.response.status_code"], failed.status.code) == (503, Status.STATUS_CODE_ERROR)
    assert not any(span.events for span in receiver.spans)


def test_a_stranger_says_of_which_trace_a_request_is_by_a_link_alone(
    home: Path, clock: ManualClock, receiver: Receiver
) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        service.send(None, method="GET", path="/livez", headers=CARRIED)
    span = receiver.find("GET /livez")
    assert (span.parent_span_id, span.trace_id.hex() == TRACE) == (b"", False)
    (link,) = span.links
    assert (link.trace_id.hex(), link.span_id.hex()) == (TRACE, PARENT)


def test_of_a_trusted_proxy_it_is_believed(home: Path, clock: ManualClock, receiver: Receiver) -> None:
    environment = {"OTEL_EXPORTER_OTLP_ENDPOINT": receiver.url, "STS_TRUSTED_PROXIES": "127.0.0.0/8"}
    with running(home, clock, None, **environment) as service:
        service.send(None, method="GET", path="/livez", headers=CARRIED | {"X-Forwarded-For": "192.0.2.7"})
    span = receiver.find("GET /livez")
    assert (span.trace_id.hex(), span.parent_span_id.hex(), len(span.links)) == (TRACE, PARENT, 0)


@pytest.mark.parametrize("carried", ["", "00-0-0-00", "ff-" + "0" * 32 + "-" + "0" * 16 + "-01", "x" * 5_000])
def test_what_is_no_traceparent_is_passed_over(
    home: Path, clock: ManualClock, receiver: Receiver, carried: str
) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        assert service.send(None, method="GET", path="/livez", headers={"traceparent": carried}).status == 200
    assert len(receiver.find("GET /livez").links) == 0


def test_o_45_traces_hold_no_secret_and_name_nobody(home: Path, clock: ManualClock, receiver: Receiver) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=receiver.url) as service:
        tenant = service.tenant()
        arn = _make_role(service, tenant)
        session = service.assume(tenant.key, arn, "conspicuous", Policy=allow("striking:Action")).key()
        service.call(session, "GetCallerIdentity", "sts")
        service.call(session, "GetUser", UserName="peculiar")
        request = presign(service, session, clock.now())
        service.send(None, method="GET", path="/", query=request.query)
        service.send(None, method="GET", path="/remarkable", query="noticeable=1", headers={"x-noted": "singular"})
    assert len(receiver.spans) > 10
    assert session.token is not None
    signature = request.query.rpartition("Signature=")[2]
    secrets = (tenant.key.secret, session.secret, session.token[100:160], signature)
    names = (tenant.account_id, tenant.key.access_key_id, session.access_key_id, "unmistakable", "conspicuous")
    sent = ("striking", "peculiar", "remarkable", "noticeable", "singular", "127.0.0.1", "python-httpx", "X-Amz")
    assert [word for word in (*secrets, *names, *sent) if word.encode() in receiver.raw] == []


def test_a_receiver_that_is_not_there_costs_no_request(home: Path, clock: ManualClock) -> None:
    with running(home, clock, OTEL_EXPORTER_OTLP_ENDPOINT=f"http://127.0.0.1:{find_port()}") as service:
        tenant = service.tenant()
        assert service.call(tenant.key, "GetCallerIdentity", "sts").status == 200


def _make(home: Path, installed: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-c", MAKING, installed],
        env={"STS_HOME": str(home), "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def test_without_a_receiver_nothing_of_opentelemetry_is_imported(home: Path) -> None:
    assert _make(home, "present").stdout == "[]\n"
    assert _make(home, "absent").stdout == "[]\n"


def test_traces_that_are_asked_for_and_not_installed_refuse_the_start_by_name(home: Path) -> None:
    refused = _make(home, "absent", OTEL_EXPORTER_OTLP_ENDPOINT="http://127.0.0.1:4318")
    assert refused.returncode == 1
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in refused.stderr
    assert "sts[traces]" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    ("environment", "receiver"),
    [
        ({}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318/"}, "http://there:4318/v1/traces"),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "https://there/take"}, "https://there/take"),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there", "OTEL_SDK_DISABLED": "true"}, None),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there", "OTEL_TRACES_EXPORTER": "none"}, None),
    ],
)
def test_the_receiver_is_named_as_opentelemetry_names_it(environment: dict[str, str], receiver: str | None) -> None:
    assert read_settings(environment).traces_to == receiver


@pytest.mark.parametrize(
    "fault",
    [
        {"OTEL_EXPORTER_OTLP_ENDPOINT": "there:4318"},
        {"OTEL_EXPORTER_OTLP_PROTOCOL": "grpc"},
        {"OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": "http/json"},
        {"OTEL_TRACES_EXPORTER": "zipkin"},
    ],
)
def test_what_cannot_be_sent_so_is_refused(fault: dict[str, str]) -> None:
    with pytest.raises(SettingsInvalid, match="OTEL_"):
        read_settings({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://there:4318", **fault})
