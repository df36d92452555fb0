import asyncio
import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from sts.api.errors import ERRORS
from sts.api.operations import OPERATIONS
from sts.audit.events import Event
from sts.aws.errors import ERRORS as QUERY_ERRORS
from sts.cli.operator import begin_act, change_now, describe_operator
from sts.clock import ManualClock
from sts.foundation import lay_foundation
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

PATH = "/api/audit/records"
ACTION = "sts-admin:ListAuditRecords"


def read(service_at: Service, key: Key | None, query: str = "", **more: Any) -> Reply:
    return service_at.send(key, method="GET", path=PATH, query=query, **more)


def told(reply: Reply) -> Any:
    return json.loads(reply.body)


def events(reply: Reply) -> list[str]:
    assert reply.status == 200, reply.body
    return [record["event"] for record in told(reply)["records"]]


def user(service: Service, tenant: Tenant, name: str, policy: str | None) -> Key:
    """Return the key of a new user that has *policy* alone."""
    service.call(tenant.key, "CreateUser", UserName=name)
    if policy is not None:
        service.call(tenant.key, "PutUserPolicy", UserName=name, PolicyName="p", PolicyDocument=policy)
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def test_an_administrator_reads_the_records_of_the_account(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateUser", UserName="bob")
    service.call(tenant.key, "GetUser", UserName="nobody")
    reply = read(service, tenant.key)
    assert events(reply) == ["user.create.done", "user.read.refused"]
    assert reply.headers["content-type"] == "application/json"
    assert reply.headers["cache-control"] == "no-store"
    first = told(reply)["records"][0]
    assert (first["principal"]["account_id"], first["parameters"]["UserName"]) == (tenant.account_id, "bob")


def test_reading_is_itself_recorded_with_its_decision(service: Service, tenant: Tenant) -> None:
    request_id = read(service, tenant.key).headers["x-amzn-requestid"]
    (record,) = told(read(service, tenant.key))["records"]
    assert (record["event"], record["request_id"]) == ("audit.read.done", request_id)
    assert record["pairs"] == [[ACTION, f"arn:aws:sts-admin::{tenant.account_id}:audit/records"]]
    assert record["decisions"][0]["outcome"] == "allowed"


def test_records_of_other_accounts_do_not_show(service: Service, tenant: Tenant) -> None:
    other = service.tenant()
    service.call(other.key, "CreateUser", UserName="bob")
    assert events(read(service, tenant.key)) == []
    assert events(read(service, tenant.key)) == ["audit.read.done"]


def names(reply: Reply) -> list[Any]:
    assert reply.status == 200, reply.body
    return [record["parameters"].get("UserName") for record in told(reply)["records"]]


def make_users(service: Service, tenant: Tenant, clock: ManualClock, *given: str) -> None:
    for name in given:
        service.call(tenant.key, "CreateUser", UserName=name)
        clock.tick(timedelta(seconds=1))


def test_records_are_read_in_pages_either_way(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    make_users(service, tenant, clock, "a", "b", "c")
    first = read(service, tenant.key, "limit=2")
    second = read(service, tenant.key, f"limit=2&marker={told(first)['marker']}")
    assert (names(first), names(second), told(second)["marker"]) == (["a", "b"], ["c"], None)
    latest = read(service, tenant.key, "action=user.create&limit=2&order=newest")
    rest = read(service, tenant.key, f"action=user.create&limit=9&marker={told(latest)['marker']}&order=newest")
    assert (names(latest), names(rest)) == (["c", "b"], ["a"])


def test_a_list_from_the_oldest_on_ends_with_what_there_was_at_its_beginning(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    make_users(service, tenant, clock, "a", "b")
    marker = told(read(service, tenant.key, "limit=1"))["marker"]
    make_users(service, tenant, clock, "c")
    assert names(read(service, tenant.key, f"limit=9&marker={marker}")) == ["b"]


def test_records_are_found_by_who_what_on_what_how_it_ended_and_when(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    make_users(service, tenant, clock, "ann", "ben", "ann")
    eve = user(service, tenant, "eve", None)
    service.call(eve, "GetUser", UserName="ann")
    search = {
        "principal=user%2Feve": ["ann"],
        "action=iam%3Acreateuser&outcome=done": ["ann", "ben", "eve"],
        "outcome=refused": ["ann", "ann"],
        f"resource=arn%3Aaws%3Aiam%3A%3A{tenant.account_id}%3Auser%2Fb%2A": ["ben"],
        "from=2026-03-02T12%3A00%3A01Z&to=2026-03-02T12%3A00%3A02Z": ["ben"],
        "principal=user%2Fnobody": [],
    }
    assert {query: names(read(service, tenant.key, query)) for query in search} == search


def test_a_role_stands_for_all_of_its_sessions_and_a_session_for_itself(service: Service, tenant: Tenant) -> None:
    root = f"arn:aws:iam::{tenant.account_id}:root"
    made = service.call(tenant.key, "CreateRole", RoleName="ops", Path="/a/b/", AssumeRolePolicyDocument=trust(root))
    service.call(tenant.key, "PutRolePolicy", RoleName="ops", PolicyName="p", PolicyDocument=allow("iam:GetUser"))
    for name in ("one", "two"):
        session = service.assume(tenant.key, made.text("Arn"), name).key()
        service.call(session, "GetUser", UserName=name)
    sessions = f"arn:aws:sts::{tenant.account_id}:assumed-role/ops"
    found = {who: names(read(service, tenant.key, f"principal={quote(who, safe='')}")) for who in (
        "role/a/b/ops", made.text("Arn"), sessions, f"{sessions}/two"
    )}  # fmt: skip
    assert list(found.values()) == [["one", "two"]] * 3 + [["two"]]


def test_a_failed_proof_is_found_under_whom_it_was_for(service: Service, tenant: Tenant) -> None:
    read(service, Key(tenant.key.access_key_id, "wrong"))
    found = told(read(service, tenant.key, "outcome=refused&principal=user%2Fadmin"))["records"]
    assert [(record["error"], record["principal"]["proven"]) for record in found] == [("SignatureDoesNotMatch", False)]


def test_a_marker_leads_nowhere_but_on_through_its_own_list(service: Service, tenant: Tenant) -> None:
    for name in ("a", "b", "c"):
        service.call(tenant.key, "CreateUser", UserName=name)
    marker = told(read(service, tenant.key, "action=user.create&limit=1"))["marker"]
    abroad = service.tenant()
    turned = marker[:-1] + ("A" if marker[-1] != "A" else "Q")
    for key, query in (
        (tenant.key, f"action=user.read&marker={marker}"),
        (tenant.key, f"action=user.create&marker={marker}&order=newest"),
        (tenant.key, f"action=user.create&marker={turned}"),
        (tenant.key, "action=user.create&marker=AAAA"),
        (tenant.key, "action=user.create&marker=%C3%A4"),
        (tenant.key, f"action=user.create&from=2026-03-02&marker={marker}"),
        (abroad.key, f"action=user.create&marker={marker}"),
    ):
        reply = read(service, key, query)
        assert (reply.status, told(reply)["__type"]) == (400, "ValidationError"), query
    assert names(read(service, tenant.key, f"action=user.create&marker={marker}")) == ["b", "c"]


def test_a_page_holds_no_more_than_a_client_takes(service: Service, tenant: Tenant) -> None:
    at = lay_foundation(service.settings, service.clock, service.entropy)
    entries = [begin_act(at.clock, at.entropy, Event.ROOT_KEY_CREATE, {"text": "x" * 1_500_000}) for _ in range(4)]
    for entry in entries:
        entry.caller = describe_operator(tenant.account_id)
        at.journal.leave(entry)
    asyncio.run(at.journal.write_waiting())
    at.database.close()
    first = told(read(service, tenant.key, "action=root-key.create"))
    assert len(first["records"]) == 2
    rest = told(read(service, tenant.key, f"action=root-key.create&marker={first['marker']}"))
    assert len(rest["records"]) == 2


def sentence(reply: Reply) -> str:
    """Return why it was refused, without the receipt that follows."""
    message: str = told(reply)["message"]
    return message.partition(" Encoded authorization failure message: ")[0]


def test_who_may_not_is_told_why_and_it_is_recorded(service: Service, tenant: Tenant) -> None:
    reply = read(service, user(service, tenant, "eve", None))
    assert (reply.status, told(reply)["__type"]) == (403, "AccessDenied")
    assert reply.headers["x-amzn-errortype"] == "AccessDenied"
    assert sentence(reply).endswith("no identity-based policy allows it")
    record = told(read(service, tenant.key))["records"][-1]
    assert (record["event"], record["error"]) == ("audit.read.refused", "AccessDenied")
    assert record["principal"]["arn"].endswith(":user/eve")


def test_an_explicit_deny_is_told_as_one(service: Service, tenant: Tenant) -> None:
    reply = read(service, user(service, tenant, "eve", allow(ACTION, effect="Deny")))
    assert sentence(reply).endswith("a statement of its identity-based policy denies it")


def test_a_policy_for_just_this_is_enough(service: Service, tenant: Tenant) -> None:
    policy = allow(ACTION, f"arn:aws:sts-admin::{tenant.account_id}:audit/records")
    assert "user.create.done" in events(read(service, user(service, tenant, "auditor", policy)))


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=0", "ValidationError"),
        ("limit=1001", "ValidationError"),
        ("limit=-1", "ValidationError"),
        ("limit=", "ValidationError"),
        ("limit=%D9%A1", "ValidationError"),
        ("limit=" + "9" * 5_000, "ValidationError"),
        ("before=1", "ValidationError"),
        ("outcome=good", "ValidationError"),
        ("order=random", "ValidationError"),
        ("from=yesterday", "ValidationError"),
        ("from=2026-03-02&to=2026-03-01", "ValidationError"),
        ("from=9999-12-31T23%3A59-12%3A00", "ValidationError"),
        ("action=", "ValidationError"),
        ("action=%00", "ValidationError"),
        ("resource=" + "a" * 2_049, "ValidationError"),
        ("limit=1&limit=2", "InvalidParameterCombination"),
        ("action=%FF", "MalformedQueryString"),
        ("&".join(f"p{n:02}=1" for n in range(40)), "MalformedQueryString"),
    ],
)
def test_a_query_that_is_not_of_its_form_is_refused(query: str, code: str, service: Service, tenant: Tenant) -> None:
    canonical = "&".join(sorted(query.split("&")))
    reply = read(service, tenant.key, canonical)
    assert (reply.status, told(reply)["__type"]) == (400, code)


def test_who_signs_nothing_or_something_else_is_refused(service: Service, tenant: Tenant) -> None:
    bare = read(service, None)
    assert (bare.status, told(bare)["__type"]) == (403, "MissingAuthenticationToken")
    wrong = read(service, Key(tenant.key.access_key_id, "wrong"))
    assert (wrong.status, told(wrong)["__type"]) == (403, "SignatureDoesNotMatch")
    unknown = read(service, Key("AKIAAAAAAAAAAAAAAAAA", "wrong"))
    assert (unknown.status, told(unknown)["__type"]) == (403, "InvalidClientTokenId")
    foreign = read(service, tenant.key, service="s3")
    assert foreign.status == 403
    late = read(service, tenant.key, at=service.clock.now() - timedelta(minutes=16))
    assert late.status == 403


def test_a_presigned_url_is_refused_by_name(service: Service, tenant: Tenant) -> None:
    reply = read(service, tenant.key, "X-Amz-Meta=1")
    assert (reply.status, told(reply)["__type"]) == (400, "ValidationError")
    assert "presigned" in told(reply)["message"]


def test_methods_paths_and_bodies_that_are_not_offered_are_refused(service: Service, tenant: Tenant) -> None:
    posted = service.send(tenant.key, path=PATH, body=b"{}")
    assert (posted.status, posted.headers["allow"]) == (405, "GET")
    missing = service.send(tenant.key, method="GET", path="/api/nothing")
    assert (missing.status, told(missing)["__type"]) == (404, "InvalidAction")
    filled = service.send(tenant.key, method="GET", path=PATH, body=b"x")
    assert (filled.status, told(filled)["__type"]) == (413, "RequestEntityTooLarge")


def test_what_the_operator_did_to_an_account_is_among_its_records(service: Service, tenant: Tenant) -> None:
    at = lay_foundation(service.settings, service.clock, service.entropy)
    entry = begin_act(at.clock, at.entropy, Event.ROOT_KEY_CREATE, {})
    entry.caller = describe_operator(tenant.account_id)
    change_now(at.journal, entry, lambda _transaction: None)
    at.database.close()
    assert events(read(service, tenant.key)) == ["root-key.create.done"]


def test_codes_are_those_of_the_query_front_so_that_records_say_what_was_told() -> None:
    assert {kind: code for kind, (code, _) in ERRORS.items()} == {kind: QUERY_ERRORS[kind].code for kind in ERRORS}
    assert all(status < 500 or code == "ServiceUnavailable" for code, status in ERRORS.values())


def test_every_operation_is_documented() -> None:
    text = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
    for (method, path), operation in OPERATIONS.items():
        assert f"### {method} {path}\n" in text
        assert f"`sts-admin:{operation.name}`" in text
    assert {code for code, _ in ERRORS.values()} - {code for code in text.split("`") if code} == set()
