"""A-27, on the pages: what its owner should hear of is recorded, and told."""

from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.api.asking import tell
from tests.service import Service, Tenant
from tests.signin.browsing import Browser
from tests.signin.people import Person, make_person

GUESSES = (
    ("/ui/sign-in/code", "code", "000000"),
    ("/ui/sign-in/recovery", "recovery_code", "0000-0000-0000-0000"),
)


def records(service: Service, tenant: Tenant, event: str) -> list[dict[str, Any]]:
    reply = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    return [record for record in tell(reply)["records"] if record["event"] == event]


@pytest.mark.parametrize(("failures", "told"), [(4, []), (5, ["notice.sign-in-after-failures"])])
def test_a_27_a_sign_in_after_five_wrong_passwords_is_recorded_and_told(
    service: Service, tenant: Tenant, failures: int, told: list[str]
) -> None:
    alice = make_person(service, tenant.account_id)
    for _ in range(failures):
        wrong = Person(service, alice.user, "not the right one at all")
        assert wrong.enter_password(Browser(service)).status == 403
    with capture_logs() as logs:
        alice.sign_in()
    assert [line["event"] for line in logs if line["event"].startswith("notice.")] == told
    (record,) = records(service, tenant, "browser-session.begin.done")
    assert record["parameters"]["failures"] == failures
    assert record["principal"]["arn"] == alice.user.arn


@pytest.mark.parametrize(("wrong_codes", "told"), [(3, []), (4, ["notice.sign-in-after-failures"])])
def test_a_27_wrong_codes_count_beside_a_wrong_password(
    service: Service, tenant: Tenant, wrong_codes: int, told: list[str]
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    assert Person(service, alice.user, "not the right one at all").enter_password(Browser(service)).status == 403
    browser = Browser(service)
    page = alice.enter_password(browser)
    for number in range(wrong_codes):
        path, field, guess = GUESSES[number % 2]
        assert browser.send(browser.get(path), path, **{field: guess}).status == 403
    with capture_logs() as logs:
        browser.go(page, "/ui/sign-in/code", code=alice.code())
    assert [line["event"] for line in logs if line["event"].startswith("notice.")] == told
    (record,) = records(service, tenant, "browser-session.begin.done")
    assert record["parameters"]["failures"] == wrong_codes + 1
