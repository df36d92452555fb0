"""The audit page: for whom it is allowed, of their own account, and on record itself."""

import json
import re
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest

from sts.clock import ManualClock
from tests.service import Service, Tenant, allow
from tests.signin.browsing import Browser, Seen
from tests.signin.people import make_person

PATH = "/ui/audit"


def make_auditor(service: Service, tenant: Tenant, policy: str | None) -> Browser:
    """Sign somebody in who has *policy* alone."""
    auditor = make_person(service, tenant.account_id, "auditor")
    if policy is not None:
        service.call(tenant.key, "PutUserPolicy", UserName="auditor", PolicyName="p", PolicyDocument=policy)
    browser, _ = auditor.sign_in()
    return browser


@pytest.fixture
def auditor(service: Service, tenant: Tenant) -> Browser:
    resource = f"arn:aws:sts-admin::{tenant.account_id}:audit/records"
    return make_auditor(service, tenant, allow("sts-admin:ListAuditRecords", resource))


def rows(page: Seen) -> list[str]:
    """Return the text of each record."""
    assert page.status == 200, page.html
    found = re.findall(r"<li>(.*?)</li>", page.html, re.DOTALL)
    return [" ".join(re.sub(r"<[^>]*>", " ", row).split()) for row in found]


def records(service: Service, tenant: Tenant, query: str) -> list[dict[str, Any]]:
    reply = service.send(tenant.key, method="GET", path="/api/audit/records", query=query)
    told: list[dict[str, Any]] = json.loads(reply.body)["records"]
    return told


def test_records_are_shown_with_the_latest_first(auditor: Browser, service: Service, tenant: Tenant) -> None:
    for name in ("ann", "ben"):
        service.call(tenant.key, "CreateUser", UserName=name)
    first, second = rows(auditor.get(f"{PATH}?action=user.create"))[:2]
    assert f"user/{'ben' if 'user/ben' in first else 'ann'}" in first
    assert "user.create.done iam:CreateUser" in first
    assert first.startswith("2026-03-02 12:00:00 UTC")
    assert {first[-4:], second[-4:]} == {"/ann", "/ben"}


def test_filters_find_by_who_what_on_what_how_and_when(
    auditor: Browser, service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    service.call(tenant.key, "CreateUser", UserName="ann")
    clock.tick(timedelta(seconds=10))
    service.call(tenant.key, "CreateUser", UserName="ann")
    arn = quote(f"arn:aws:iam::{tenant.account_id}:user/a*", safe="")
    typed = f"principal=user%2Fadmin&action=iam%3ACreateUser&resource={arn}&outcome=refused&from=&to=&marker="
    (row,) = rows(auditor.get(f"{PATH}?{typed}"))
    assert "EntityAlreadyExists" in row
    (row,) = rows(auditor.get(f"{PATH}?action=iam:createuser&to=2026-03-02T12:00:10"))
    assert "user.create.done" in row
    assert rows(auditor.get(f"{PATH}?principal=user/nobody")) == []


def test_what_was_typed_stands_in_the_form_of_every_page(auditor: Browser, service: Service, tenant: Tenant) -> None:
    for number in range(30):
        service.call(tenant.key, "GetUser", UserName=f"u{number}")
    page = auditor.get(f"{PATH}?outcome=refused&action=iam%3AGetUser&from=2026-03-01T00%3A00")
    (older,) = [link for link in page.links if link.startswith(f"{PATH}?")]
    rest = auditor.get(older)
    assert (len(rows(page)), len(rows(rest))) == (25, 5)
    assert not set(rows(page)) & set(rows(rest))
    assert rest.form(PATH) == {
        "principal": "",
        "action": "iam:GetUser",
        "resource": "",
        "from": "2026-03-01T00:00",
        "to": "",
    }
    assert '<option value="refused" selected>' in rest.html
    assert [link for link in rest.links if link.startswith(f"{PATH}?")] == []


def test_looking_is_on_record_with_what_was_looked_for(auditor: Browser, service: Service, tenant: Tenant) -> None:
    auditor.get(f"{PATH}?principal=user/ann")
    (record,) = records(service, tenant, "action=audit.read&limit=1")
    assert (record["operation"], record["parameters"]["principal"]) == ("signin:ShowAudit", "user/ann")
    assert record["pairs"] == [["sts-admin:ListAuditRecords", f"arn:aws:sts-admin::{tenant.account_id}:audit/records"]]


def test_z_02_who_may_not_is_told_why_and_sees_no_record(service: Service, tenant: Tenant) -> None:
    browser = make_auditor(service, tenant, None)
    service.call(tenant.key, "CreateUser", UserName="ann")
    page = browser.get(PATH)
    assert (page.status, "/ann" in page.text, 'action="/ui/audit"' in page.html) == (403, False, False)
    assert "no identity-based policy allows" in page.text or "may not sts-admin:ListAuditRecords" in page.text
    (record,) = records(service, tenant, "action=audit.read&limit=1&outcome=refused")
    assert record["error"] == "AccessDenied"


def test_z_07_no_record_of_another_account_is_found_by_its_arn(auditor: Browser, service: Service) -> None:
    other = service.tenant()
    service.call(other.key, "CreateUser", UserName="ann")
    for query in (f"principal=arn:aws:iam::{other.account_id}:user/admin", f"resource=*{other.account_id}*"):
        assert rows(auditor.get(f"{PATH}?{query}")) == []


def test_who_is_not_signed_in_is_led_to_the_sign_in_and_back(service: Service) -> None:
    seen = Browser(service).ask("GET", f"{PATH}?principal=user/ann")
    assert (seen.status, seen.location) == (303, "/ui/sign-in?to=/ui/audit")


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ("from=never", "from is an instant"),
        ("outcome=good", "outcome is one of"),
        ("marker=x", "not one of this list"),
        ("from=2026-03-02T12:00&to=2026-03-01T12:00", "from is an instant before to"),
        ("before=1", "There is no parameter before"),
        ("action=CreateUser", "action is as iam:CreateUser"),
    ],
)
def test_what_cannot_be_looked_for_is_told_above_the_form(query: str, reason: str, auditor: Browser) -> None:
    page = auditor.get(f"{PATH}?{query}&principal=user/ann")
    assert (page.status, reason in page.text) == (400, True), page.text
    assert page.form(PATH)["principal"] == "user/ann"


def test_what_strangers_sent_commands_neither_the_page_nor_the_eye(
    auditor: Browser, service: Service, tenant: Tenant
) -> None:
    service.call(tenant.key, "GetUser", UserName="<b>ann</b>")
    service.call(
        tenant.key, "AssumeRole", "sts", RoleArn="arn:aws:iam::111122223333:role/\u202ereversed", RoleSessionName="me"
    )
    page = auditor.get(f"{PATH}?outcome=refused")
    assert "<b>" not in page.html
    assert "\u202e" not in page.html
    assert len(page.html.encode()) < 30_000
