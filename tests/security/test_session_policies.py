"""Z-11: a session policy only narrows, and so does every hop that follows."""

import json
import random
from typing import Any

import pytest

from tests.security.forging import begin_session
from tests.security.wire import assume, invoke, told
from tests.service import Service, Tenant, allow, trust

ACTIONS = ("iam:ListUsers", "iam:ListGroups", "iam:ListRoles", "sts:GetAccessKeyInfo")
ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def _rights(service: Service, key: Any) -> set[str]:
    """Return which of ACTIONS *key* may do."""
    granted = set()
    for action in ACTIONS:
        name = action.split(":")
        more = {"AccessKeyId": key.access_key_id} if name[1] == "GetAccessKeyInfo" else {}
        if invoke(service, key, name[1], name[0], **more).status == 200:
            granted.add(action)
    return granted


def _make_role(service: Service, tenant: Tenant, name: str, actions: list[str]) -> str:
    trusted = trust(f"arn:aws:iam::{tenant.account_id}:root")
    invoke(service, tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted)
    document = allow([*actions, "sts:AssumeRole"])
    invoke(service, tenant.key, "PutRolePolicy", RoleName=name, PolicyName="some", PolicyDocument=document)
    return f"arn:aws:iam::{tenant.account_id}:role/{name}"


def test_z_11_a_wider_session_policy_gives_the_intersection(still: Service, guest: Tenant) -> None:
    arn = _make_role(still, guest, "narrow", ["iam:ListUsers", "iam:ListGroups"])
    assert _rights(still, assume(still, guest.key, arn).key()) == {"iam:ListUsers", "iam:ListGroups"}
    for wider in ({"Policy": allow("*")}, {"PolicyArns.member.1.arn": ADMINISTRATOR}):
        assert _rights(still, assume(still, guest.key, arn, **wider).key()) == {"iam:ListUsers", "iam:ListGroups"}
    overlapping = assume(still, guest.key, arn, Policy=allow(["iam:ListGroups", "iam:ListRoles"])).key()
    assert _rights(still, overlapping) == {"iam:ListGroups"}


@pytest.mark.parametrize("seed", range(4))
def test_z_11_at_every_hop_a_session_may_at_most_what_its_limits_say(still: Service, guest: Tenant, seed: int) -> None:
    draw = random.Random(seed)  # noqa: S311  a case, no secret
    key, hops = guest.key, []
    for hop in range(3):
        actions = [action for action in ACTIONS if draw.random() < 0.7]
        limit = [action for action in ACTIONS if draw.random() < 0.7]
        arn = _make_role(still, guest, f"hop{hop}", actions)
        policy = allow([*limit, "sts:AssumeRole"])
        key = assume(still, key, arn, Policy=policy).key()
        hops.append(set(actions) & set(limit))
        assert _rights(still, key) == hops[-1]


def test_z_11_a_session_cannot_lose_its_limits_in_itself(still: Service, guest: Tenant) -> None:
    limited = begin_session(still, guest, Policy=allow("sts:AssumeRole"))
    own = f"arn:aws:iam::{guest.account_id}:role/reader"
    assert told(assume(still, limited, own)) == (403, "AccessDenied")
    assert told(invoke(still, limited, "ListUsers")) == (403, "AccessDenied")
    for action in ("CreateUser", "CreateAccessKey"):
        assert told(invoke(still, limited, action, UserName="admin")) == (403, "AccessDenied")


def test_z_11_a_deny_in_a_session_policy_counts_against_its_allow(still: Service, guest: Tenant) -> None:
    statements = [
        {"Effect": "Allow", "Action": "*", "Resource": "*"},
        {"Effect": "Deny", "Action": "iam:ListUsers", "Resource": "*"},
    ]
    limited = begin_session(still, guest, Policy=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert _rights(still, limited) == set(ACTIONS) - {"iam:ListUsers"}
