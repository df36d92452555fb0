"""What `/metrics` says, and to whom."""

import re
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families as parse_openmetrics

from sts.clock import ManualClock
from sts.metering import build_meters
from sts.serving import faults
from sts.serving.faults import Fault
from sts.telemetry import catalogue
from sts.telemetry.catalogue import METRICS, Kind
from sts.telemetry.numbers import PART
from tests.health.scraping import Scrape, scrape
from tests.service import Service, Tenant, allow, running, trust
from tests.table import read_table

PAGE = Path(__file__).parents[2] / "docs" / "metrics.md"
NOWHERE = "none"


def _make_role(service: Service, tenant: Tenant) -> str:
    document = trust(f"arn:aws:iam::{tenant.account_id}:root")
    made = service.call(tenant.key, "CreateRole", RoleName="worker", AssumeRolePolicyDocument=document)
    return made.text("Arn")


def _requests(scraped: Scrape, operation: str, outcome: str) -> float | None:
    return scraped.find("sts_requests_total", operation=operation, outcome=outcome)


def test_requests_are_counted_by_operation_and_outcome(service: Service, tenant: Tenant) -> None:
    assert service.call(tenant.key, "CreateUser", UserName="ann").status == 200
    for _ in range(2):
        assert service.call(tenant.key, "CreateUser", UserName="ann").status == 409
    scraped = scrape(service)
    assert _requests(scraped, "iam:CreateUser", "done") == 1
    assert _requests(scraped, "iam:CreateUser", "refused") == 2
    assert _requests(scraped, "iam:CreateUser", "failed") == 0
    assert scraped.find("sts_errors_total", code="EntityAlreadyExists") == 2
    assert scraped.find("sts_request_duration_seconds_count", operation="iam:CreateUser") == 3
    assert scraped.find("sts_request_duration_seconds_bucket", operation="iam:CreateUser", le="+Inf") == 3
    assert scraped.find("sts_audit_records_total") == 3


def test_operations_of_the_administration_are_counted_too(service: Service, tenant: Tenant) -> None:
    assert service.send(tenant.key, method="GET", path="/api/audit/records").status == 200
    assert _requests(scrape(service), "sts-admin:ListAuditRecords", "done") == 1


def test_a_request_whose_record_cannot_be_written_has_failed(service: Service, tenant: Tenant) -> None:
    with closing(sqlite3.connect(service.database_path)) as connection:
        connection.execute("ALTER TABLE audit_stream RENAME TO hidden")
    assert service.call(tenant.key, "GetCallerIdentity", "sts").status == 503
    scraped = scrape(service)
    assert _requests(scraped, "sts:GetCallerIdentity", "failed") == 1
    assert scraped.find("sts_errors_total", code="ServiceUnavailable") == 1
    assert scraped.sum("sts_audit_commits_total", outcome="failed") == 1
    assert scraped.find("sts_audit_failing", worker="0") == 1


def test_decisions_and_sessions_are_counted(service: Service, tenant: Tenant) -> None:
    arn = _make_role(service, tenant)
    session = service.assume(tenant.key, arn, Policy=allow("iam:GetUser", effect="Deny")).key()
    service.call(session, "GetUser", UserName="nobody")
    service.call(session, "ListUsers")
    scraped = scrape(service)
    decided = {kind: scraped.find("sts_decisions_total", decision=kind) for kind in ("explicitDeny", "implicitDeny")}
    assert decided == {"explicitDeny": 1, "implicitDeny": 1}
    assert scraped.find("sts_decisions_total", decision="allowed") == 2  # CreateRole and AssumeRole
    assert scraped.find("sts_sessions_minted_total") == 1
    assert scraped.find("sts_sessions_opened_total", source="cache") == 2
    assert scraped.find("sts_cache_calls_total", verb="put", outcome="done") == 1
    assert scraped.find("sts_cache_calls_total", verb="get", outcome="hit") == 2
    assert scraped.find("sts_cache_duration_seconds_count", verb="get") == 2


def test_what_a_rate_refuses_is_counted(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_RATE_CALLER="0.001/1", STS_RATE_FAILED_PROOFS="0.001/1") as service:
        tenant = service.tenant()
        for _ in range(3):
            service.call(tenant.key, "GetCallerIdentity", "sts")
        for _ in range(2):
            service.call(replace(tenant.key, access_key_id="AKIA" + "A" * 16), "GetCallerIdentity", "sts")
        scraped = scrape(service)
    assert scraped.find("sts_throttled_total", rate="caller") == 2
    assert scraped.find("sts_throttled_total", rate="failed_proofs") == 1
    assert scraped.find("sts_errors_total", code="Throttling") == 3


def test_the_snapshot_is_told_of(service: Service, tenant: Tenant) -> None:
    for _ in range(3):
        service.call(tenant.key, "GetCallerIdentity", "sts")
    scraped = scrape(service)
    assert scraped.sum("sts_snapshot_looks_total", outcome="miss") > 0
    assert scraped.sum("sts_snapshot_entries", worker="0") > 0
    assert scraped.sum("sts_snapshot_looks_total", outcome="hit") > 0
    held, bound = scraped.find("sts_snapshot_bytes", worker="0"), scraped.find("sts_snapshot_bound_bytes", worker="0")
    assert held is not None
    assert bound is not None
    assert 0 < held < bound


def test_the_ages_of_keys_are_told_and_when_the_next_is_due(service: Service, clock: ManualClock) -> None:
    before = scrape(service)
    labels = {"purpose": "signing", "algorithm": "ES256"}
    clock.tick(span := clock.now() - clock.now().replace(hour=0))
    after = scrape(service)
    aged = (after.find("sts_key_age_seconds", **labels) or 0) - (before.find("sts_key_age_seconds", **labels) or 0)
    assert aged == span.total_seconds()
    assert after.find("sts_key_version", purpose="sealing", algorithm="") == 1
    due = after.find("sts_key_due_timestamp_seconds", **labels)
    assert due is not None
    assert due > clock.now().timestamp()
    assert after.find("sts_key_due_timestamp_seconds", purpose="sealing", algorithm="") is None


def test_the_process_is_told_of(service: Service) -> None:
    scraped = scrape(service)
    assert scraped.sum("process_resident_memory_bytes") > 1_000_000
    for name in ("process_cpu_seconds_total", "process_open_fds", "process_max_fds", "process_start_time_seconds"):
        assert scraped.sum(name) > 0
    assert scraped.sum("sts_build_info") == 1


def test_no_stranger_makes_series(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "GetCallerIdentity", "sts")
    service.call(tenant.key, "Invented0", "sts")
    before = scrape(service)
    for number in range(20):
        service.call(tenant.key, f"Invented{number}", "sts")
        service.send(None, method="GET", path="/", query=f"Action=Made{number}&Version=2011-06-15")
        service.send(None, method="GET", path=f"/api/made/{number}")
        service.send(None, method="GET", path=f"/made/{number}")
    after = scrape(service)
    assert after.series == before.series
    counted = (_requests(after, "other", "refused") or 0) - (_requests(before, "other", "refused") or 0)
    assert counted == 60  # what reaches no front is not a request of an operation


def test_nothing_of_anyone_is_a_label(service: Service, tenant: Tenant) -> None:
    arn = _make_role(service, tenant)
    session = service.assume(tenant.key, arn, "unmistakable").key()
    service.call(session, "GetCallerIdentity", "sts")
    told = service.send(None, method="GET", path="/metrics").body.decode("utf-8")
    for word in (tenant.account_id, tenant.key.access_key_id, session.access_key_id, "unmistakable", "worker/", arn):
        assert word not in told
    assert "127.0.0.1" not in told


@pytest.mark.parametrize("header", ["X-Forwarded-For", "Forwarded"])
def test_who_comes_through_a_proxy_learns_nothing(service: Service, header: str) -> None:
    reply = service.send(None, method="GET", path="/metrics", headers={header: "127.0.0.1"})
    assert (reply.status, b"STS_METRICS_FROM" in reply.body) == (403, True)


@pytest.mark.parametrize("networks", [NOWHERE, "192.0.2.0/24", "::1/128"])
def test_who_is_in_none_of_the_networks_learns_nothing(home: Path, clock: ManualClock, networks: str) -> None:
    with running(home, clock, STS_METRICS_FROM=networks) as service:
        assert service.send(None, method="GET", path="/metrics").status == 403


def test_who_claims_an_address_behind_a_trusted_proxy_learns_nothing(home: Path, clock: ManualClock) -> None:
    with running(home, clock, STS_TRUSTED_PROXIES="127.0.0.0/8", STS_METRICS_FROM="192.0.2.0/24") as service:
        reply = service.send(None, method="GET", path="/metrics", headers={"X-Forwarded-For": "192.0.2.7"})
        assert reply.status == 403


def test_openmetrics_is_spoken_to_whoever_asks_for_it(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "GetCallerIdentity", "sts")
    accept = {"accept": "application/openmetrics-text; version=1.0.0"}
    reply = service.send(None, method="GET", path="/metrics", headers=accept)
    assert reply.headers["content-type"].startswith("application/openmetrics-text")
    families = {family.name for family in parse_openmetrics(reply.body.decode("utf-8"))}  # type: ignore[no-untyped-call]
    assert {"sts_requests", "sts_request_duration_seconds", "sts_snapshot_entries"} <= families


def test_all_that_is_shown_is_in_the_catalogue(service: Service) -> None:
    kinds = scrape(service).kinds
    assert kinds == {metric.name.removesuffix("_total"): str(metric.kind) for metric in METRICS}


def test_every_metric_is_documented_with_its_kind_labels_and_meaning() -> None:
    rows = [line.strip("| ").split(" | ") for line in PAGE.read_text(encoding="utf-8").splitlines()]
    documented = {row[0].strip("`"): row[1:] for row in rows if re.match(r"`[a-z_]+`$", row[0]) and len(row) == 4}
    expected = {}
    for metric in METRICS:
        own = ("worker",) if metric.kind is Kind.GAUGE and metric in catalogue.COUNTED else ()
        own = ("worker",) if metric.name.startswith("process_") else own
        labels = ", ".join(f"`{label}`" for label in (*metric.labels, *own))
        expected[metric.name] = [str(metric.kind), labels, metric.meaning]
    assert documented == expected


def test_operations_and_errors_of_the_server_are_known_at_the_start(tmp_path: Path) -> None:
    meters = build_meters()
    places = meters.numbers.layout.places
    offered = {each.qualified_name for each in read_table(tmp_path).offered.values()}
    known = {operation for operation, _ in places[catalogue.REQUESTS]}
    assert offered <= known
    assert {name.partition(":")[0] for name in known - offered} == {"sts-admin", "signin", "other"}
    early = {each.code for each in vars(faults).values() if isinstance(each, Fault)}
    assert {code for (code,) in places[catalogue.REFUSED_EARLY]} == early


def test_there_is_room_for_twice_as_many_series() -> None:
    layout = build_meters().numbers.layout
    used = max(place for series in layout.places.values() for place in series.values())
    assert used * 2 < PART
