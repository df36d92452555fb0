"""What docs/sign-in.md tells an operator to do first, done."""

import re
from pathlib import Path

from sts.clock import ManualClock
from tests.service import Service, Tenant
from tests.signin.people import make_person
from tests.signin.test_factors import ADD, add, owned

GUIDE = Path(__file__).parents[2] / "docs" / "sign-in.md"


def test_by_the_documented_policy_users_look_after_their_own_sign_in_and_no_other(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    documented = re.search(r"--policy-document '(.*?)'", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    assert documented is not None
    ann = make_person(service, tenant.account_id, "ann")
    put = service.call(
        tenant.key, "PutUserPolicy", UserName="ann", PolicyName="OwnSignIn", PolicyDocument=documented[1]
    )
    assert put.status == 200
    browser, _ = ann.sign_in()
    assert browser.get("/ui/password").status == 200
    assert browser.go(browser.get("/ui/keys"), "/ui/keys").status == 200
    refused = browser.send(browser.get(ADD), ADD, device="bob-phone", first_code="000000", second_code="000001")
    assert refused.status == 403
    add(browser, clock, "ann-phone")
    assert owned(service, ann) == ["ann-phone"]
