"""What a page does or tells is asked of policies as the API asks it: with the tags of what it is about."""

import json
from collections.abc import Mapping
from typing import Any

import pytest

from sts.clock import ManualClock
from tests.api.asking import ask
from tests.service import Reply, Service, Tenant, allow, trust
from tests.signin.administrators import DEEDS
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
BLUE = {"Tags.member.1.Key": "team", "Tags.member.1.Value": "blue"}
RESOURCE_TAGS = ("aws:ResourceTag", "iam:ResourceTag")
KINDS = [(action, key) for action in USER_ACTIONS for key in RESOURCE_TAGS]
ALL = [*KINDS, (OF_DEVICE, "aws:ResourceTag"), (OF_DEVICE, "iam:ResourceTag")]


def narrow(action: str, **element: Any) -> str:
    """Return a policy that allows everything, but *action* only where *element* of a statement says."""
    statements = [
        {"Effect": "Allow", "NotAction": action, "Resource": "*"},
        {"Effect": "Allow", "Action": action, "Resource": "*", **element},
    ]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def render(action: str, key: str, value: str) -> str:
    """Return a policy that allows everything, but *action* of IAM only on what bears team = *value*."""
    return narrow(f"iam:{action}", Condition={"StringEquals": {f"{key}/team": value}})


def tag(service: Service, tenant: Tenant, alice: Person) -> None:
    assert service.call(tenant.key, "TagUser", UserName="alice", **BLUE).status == 200
    assert service.call(tenant.key, "TagMFADevice", SerialNumber=serial(alice), **BLUE).status == 200


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


NAMED = {
    "user": {"UserName": "alice"},
    "group": {"GroupName": "readers"},
    "role": {"RoleName": "reader"},
    "policy": {"PolicyArn": "{arn}"},
}
OF_GROUP = {"ListAttachedGroupPolicies": NAMED["group"], "ListGroupPolicies": NAMED["group"]}
TOLD: tuple[tuple[str, str, Mapping[str, Mapping[str, str]]], ...] = (
    (
        "/ui/users/alice",
        "user/alice",
        {
            "GetUser": NAMED["user"],
            "GetAccessKeyLastUsed": {"AccessKeyId": "{key}"},
            "ListGroupsForUser": NAMED["user"],
            "ListAttachedUserPolicies": NAMED["user"],
            "ListUserPolicies": NAMED["user"],
            "GetUserPolicy": {**NAMED["user"], "PolicyName": "p"},
        },
    ),
    ("/ui/users/alice", "group/readers", OF_GROUP),
    ("/ui/groups", "group/", {"ListGroups": {}}),
    (
        "/ui/groups/readers",
        "group/readers",
        {
            "GetGroup": NAMED["group"],
            **OF_GROUP,
            "GetGroupPolicy": {**NAMED["group"], "PolicyName": "p"},
        },
    ),
    ("/ui/account/roles", "role/", {"ListRoles": {}}),
    (
        "/ui/account/roles/reader",
        "role/reader",
        {
            "GetRole": NAMED["role"],
            "ListAttachedRolePolicies": NAMED["role"],
            "ListRolePolicies": NAMED["role"],
            "GetRolePolicy": {**NAMED["role"], "PolicyName": "p"},
        },
    ),
    ("/ui/policies", "policy/", {"ListPolicies": {}}),
    (
        "/ui/policies/reading",
        "policy/reading",
        {
            "GetPolicy": NAMED["policy"],
            "GetPolicyVersion": {**NAMED["policy"], "VersionId": "v1"},
            "ListEntitiesForPolicy": NAMED["policy"],
        },
    ),
)
TAGGED = {"user/alice", "role/reader", "policy/reading"}


def furnish(service: Service, tenant: Tenant) -> Key:
    """Give the account a user, a group, a role and a policy, with tags where they bear any; return the user's key."""
    arn = f"arn:aws:iam::{tenant.account_id}"
    tag(service, tenant, make_person(service, tenant.account_id, with_device=True))
    for action, parameters in (
        ("CreatePolicy", {"PolicyName": "reading", "PolicyDocument": allow("s3:GetObject"), **BLUE}),
        ("CreateRole", {"RoleName": "reader", "AssumeRolePolicyDocument": trust(f"{arn}:root"), **BLUE}),
        ("PutRolePolicy", {"RoleName": "reader", "PolicyName": "p", "PolicyDocument": allow("s3:GetObject")}),
        ("PutUserPolicy", {"UserName": "alice", "PolicyName": "p", "PolicyDocument": allow("s3:GetObject")}),
        ("CreateGroup", {"GroupName": "readers"}),
        ("AddUserToGroup", {"GroupName": "readers", "UserName": "alice"}),
        ("PutGroupPolicy", {"GroupName": "readers", "PolicyName": "p", "PolicyDocument": allow("s3:GetObject")}),
    ):
        assert service.call(tenant.key, action, **parameters).status == 200
    return make_key(service, tenant, "alice")


def make_key(service: Service, tenant: Tenant, name: str) -> Key:
    made = service.call(tenant.key, "CreateAccessKey", UserName=name)
    return Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))


def make_boss(service: Service, tenant: Tenant) -> tuple[Browser, Key]:
    """Return the browser and the key of an administrator."""
    return make_person(service, tenant.account_id, "boss").sign_in()[0], make_key(service, tenant, "boss")


def put(service: Service, tenant: Tenant, policy: str) -> None:
    assert (
        service.call(tenant.key, "PutUserPolicy", UserName="boss", PolicyName="p", PolicyDocument=policy).status == 200
    )


def narrowed(action: str, resource: str) -> tuple[str, ...]:
    """Return policies that allow *action* somewhere else, then on *resource*, then by either kind of tag."""
    tags = ({"StringEquals": {f"{key}/team": value}} for value in ("green", "blue") for key in RESOURCE_TAGS)
    return (
        narrow(action, Resource="arn:aws:iam::111122223333:user/alice"),
        narrow(action, Resource=resource),
        *(narrow(action, Condition=condition) for condition in tags),
    )


@pytest.mark.parametrize(("path", "place", "operations"), TOLD)
def test_an_administrators_page_demands_each_operation_that_tells_what_it_tells(
    service: Service, tenant: Tenant, path: str, place: str, operations: Mapping[str, Mapping[str, str]]
) -> None:
    held = furnish(service, tenant)
    browser, own = make_boss(service, tenant)
    arn = f"arn:aws:iam::{tenant.account_id}:{place}"
    for operation, parameters in operations.items():
        given = {name: value.format(arn=arn, key=held.access_key_id) for name, value in parameters.items()}
        allowed = []
        for policy in narrowed(f"iam:{operation}", arn):
            put(service, tenant, policy)
            api = "AccessDenied" not in service.call(own, operation, **given).body.decode()
            assert (browser.get(path).status != 403) == api, (operation, policy)
            allowed.append(api)
        assert allowed[:2] == [False, True]
        assert allowed[2:4] == [False, False]
        # Groups and lists bear no tags, and iam:ResourceTag is of users and roles alone.
        assert allowed[4:] == [place in TAGGED, place in TAGGED and place != "policy/reading"], operation


@pytest.mark.parametrize("path", ["/ui/users", "/ui/users/alice"])
def test_a_page_that_tells_how_users_stand_demands_what_their_list_of_the_api_demands(
    service: Service, tenant: Tenant, path: str
) -> None:
    furnish(service, tenant)
    browser, own = make_boss(service, tenant)
    users, allowed = f"arn:aws:iam::{tenant.account_id}:user/", []
    for policy in narrowed("sts-admin:ListUserStates", users):
        put(service, tenant, policy)
        api = service.send(own, method="GET", path="/api/users").status != 403
        assert (browser.get(path).status != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]
    put(service, tenant, allow("sts-admin:ListUserStates", users))
    assert (browser.get(path).status == 200) == (path == "/ui/users")


def test_the_page_of_a_role_tells_policies_of_its_boundary_where_the_api_does(service: Service, tenant: Tenant) -> None:
    furnish(service, tenant)
    boundary = f"arn:aws:iam::{tenant.account_id}:policy/reading"
    bounded = service.call(tenant.key, "PutRolePermissionsBoundary", RoleName="reader", PermissionsBoundary=boundary)
    assert bounded.status == 200
    browser, own = make_boss(service, tenant)
    (operations,) = (each for path, _, each in TOLD if path == "/ui/account/roles/reader")
    allowed = {}
    for operation, parameters in operations.items():
        put(service, tenant, narrow(f"iam:{operation}", Condition={"ArnEquals": {"iam:PermissionsBoundary": boundary}}))
        api = "AccessDenied" not in service.call(own, operation, **parameters).body.decode()
        assert (browser.get("/ui/account/roles/reader").status != 403) == api, operation
        allowed[operation] = api
    assert [operation for operation, is_allowed in allowed.items() if is_allowed] == ["GetRole"]


@pytest.mark.parametrize(("place", "operation"), DEEDS.items())
def test_a_form_about_a_user_demands_what_the_operation_of_the_administration_demands(
    service: Service, tenant: Tenant, place: str, operation: str
) -> None:
    furnish(service, tenant)
    browser, own = make_boss(service, tenant)
    token, allowed = browser.get("/ui/").form("/ui/sign-out")["token"], []
    for policy in narrowed(f"sts-admin:{operation}", f"arn:aws:iam::{tenant.account_id}:user/alice"):
        put(service, tenant, policy)
        api = ask(service, own, f"/api/users/{place}", {"name": "alice"}).status != 403
        page = browser.ask("POST", f"/ui/users/{place}/alice", form={"token": token}).status
        assert (page != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]


def test_the_form_about_a_role_demands_what_the_operation_of_the_administration_demands(
    service: Service, tenant: Tenant
) -> None:
    furnish(service, tenant)
    browser, own = make_boss(service, tenant)
    token = browser.get("/ui/").form("/ui/sign-out")["token"]
    role, allowed = f"arn:aws:iam::{tenant.account_id}:role/reader", []
    for policy in narrowed("sts-admin:RevokePrincipal", role):
        put(service, tenant, policy)
        api = ask(service, own, "/api/principals/revoke", {"arn": role}).status != 403
        page = browser.ask("POST", "/ui/account/roles/revoke/reader", form={"token": token}).status
        assert (page != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]


def test_the_audit_page_demands_what_the_list_of_records_demands(service: Service, tenant: Tenant) -> None:
    browser, own = make_boss(service, tenant)
    records, allowed = f"arn:aws:sts-admin::{tenant.account_id}:audit/records", []
    for policy in narrowed("sts-admin:ListAuditRecords", records):
        put(service, tenant, policy)
        api = service.send(own, method="GET", path="/api/audit/records").status != 403
        assert (browser.get("/ui/audit").status != 403) == api, policy
        allowed.append(api)
    assert allowed == [False, True, False, False, False, False]
