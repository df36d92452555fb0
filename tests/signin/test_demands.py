"""What a page does through IAM is asked of policies as the API asks it: with the tags of user and device."""

import json

import pytest

from sts.clock import ManualClock
from tests.service import Reply, Service, Tenant
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person
from tests.signin.test_factors import ADD, REMOVE, add, owned
from tests.signing import Key

KEYS = "/ui/keys"
USER_ACTIONS = (
    "EnableMFADevice",
    "DeactivateMFADevice",
    "ListAccessKeys",
    "CreateAccessKey",
    "UpdateAccessKey",
    "DeleteAccessKey",
)
OF_DEVICE = "DeleteVirtualMFADevice"
KINDS = [(action, key) for action in USER_ACTIONS for key in ("aws:ResourceTag", "iam:ResourceTag")]
ALL = [*KINDS, (OF_DEVICE, "aws:ResourceTag"), (OF_DEVICE, "iam:ResourceTag")]


def render(action: str, key: str, value: str) -> str:
    """Return a policy that allows all of IAM, but *action* only on what bears team = *value*."""
    tagged = {"StringEquals": {f"{key}/team": value}}
    statements = [
        {"Effect": "Allow", "NotAction": f"iam:{action}", "Resource": "*"},
        {"Effect": "Allow", "Action": f"iam:{action}", "Resource": "*", "Condition": tagged},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def tag(service: Service, tenant: Tenant, alice: Person) -> None:
    tags = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"}
    assert service.call(tenant.key, "TagUser", UserName="alice", **tags).status == 200
    assert service.call(tenant.key, "TagMFADevice", SerialNumber=serial(alice), **tags).status == 200


def serial(alice: Person) -> str:
    return f"arn:aws:iam::{alice.account_id}:mfa/alice-phone"


def through_page(browser: Browser, action: str, alice: Person, held: Key) -> Seen:
    """Return what the page answers that demands *action*."""
    token = {"token": browser.get("/ui/").form("/ui/sign-out")["token"]}
    match action:
        case "EnableMFADevice":
            return browser.get(ADD)
        case "DeactivateMFADevice" | "DeleteVirtualMFADevice":
            return browser.ask("POST", REMOVE, form={**token, "device": serial(alice)})
        case "ListAccessKeys":
            return browser.get(KEYS)
        case "CreateAccessKey":
            return browser.ask("POST", KEYS, form=token)
        case "UpdateAccessKey":
            return browser.ask("POST", f"{KEYS}/deactivate/{held.access_key_id}", form=token)
        case _:
            return browser.ask("POST", f"{KEYS}/delete/{held.access_key_id}", form=token)


def through_api(service: Service, action: str, alice: Person, own: Key, held: Key) -> Reply:
    """Return what the API answers to *action*, asked for what is not there where it would change anything."""
    given = {
        "EnableMFADevice": {
            "SerialNumber": f"{serial(alice)}-none",
            "AuthenticationCode1": "000000",
            "AuthenticationCode2": "000001",
        },
        "DeactivateMFADevice": {"SerialNumber": f"{serial(alice)}-none"},
        OF_DEVICE: {"SerialNumber": serial(alice)},
        "ListAccessKeys": {},
        "CreateAccessKey": {},
        "UpdateAccessKey": {"AccessKeyId": held.access_key_id, "Status": "Active"},
        "DeleteAccessKey": {"AccessKeyId": f"{held.access_key_id[:-1]}A"},
    }[action]
    named = {} if action == OF_DEVICE else {"UserName": "alice"}
    return service.call(own, action, **named, **given)


@pytest.mark.parametrize(("action", "key"), ALL)
def test_a_page_demands_what_the_api_demands_with_the_tags_of_what_it_is_about(
    service: Service, tenant: Tenant, action: str, key: str
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    tag(service, tenant, alice)
    made = service.call(tenant.key, "CreateAccessKey", UserName="alice")
    own = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    browser, _ = alice.sign_in()
    allowed = []
    for value in ("green", "blue"):
        policy = render(action, key, value)
        service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=policy)
        api = "AccessDenied" not in through_api(service, action, alice, own, own).body.decode()
        page = through_page(browser, action, alice, own).status != 403
        assert page == api
        allowed.append(api)
    # iam:ResourceTag is of users and roles alone.
    assert allowed == [False, (action, key) != (OF_DEVICE, "iam:ResourceTag")]


def test_who_is_kept_by_a_tag_from_enabling_a_device_adds_none_on_a_page(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    alice = make_person(service, tenant.account_id, with_device=True)
    browser, _ = alice.sign_in()
    free = render("none", "aws:ResourceTag", "none")
    service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=free)
    page = browser.get(ADD)
    assert page.status == 200
    tag(service, tenant, alice)
    policy = render("EnableMFADevice", "aws:ResourceTag", "green")
    service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=policy)
    refused = browser.send(page, ADD, device="tablet", first_code="000000", second_code="000001")
    assert refused.status == 403
    policy = render("EnableMFADevice", "aws:ResourceTag", "blue")
    service.call(tenant.key, "PutUserPolicy", UserName="alice", PolicyName="p", PolicyDocument=policy)
    assert add(browser, clock, "tablet")[1].status == 200
    assert owned(service, alice) == ["alice-phone", "tablet"]
