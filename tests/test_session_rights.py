"""Whoever becomes a role under session policies may do what they and the role allow, and never more."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Policies, Principal, PrincipalKind, Question, evaluate
from tests.service import Service, Tenant, allow, trust

ACCOUNT = "111122223333"
ACTIONS = ("s3:GetObject", "s3:PutObject", "iam:GetUser", "iam:ListUsers", "sts:AssumeRole")
RESOURCES = ("*", "arn:aws:s3:::a/b", "arn:aws:s3:::a/c", f"arn:aws:iam::{ACCOUNT}:user/alice")
CONTEXTS: tuple[dict[str, tuple[str, ...]], ...] = ({}, {"aws:sourceip": ("192.0.2.1",)})
NAMED_ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "iam:*", "iam:?etUser", *ACTIONS])
NAMED_RESOURCES = st.sampled_from([*RESOURCES, "arn:aws:s3:::a/*", "arn:aws:s3:::?/b", "arn:aws:iam::*:user/*"])
CONDITIONS = st.sampled_from([{}, {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}, {"Null": {"aws:SourceIp": "true"}}])

Rights = frozenset[tuple[str, str, int]]


@st.composite
def texts(draw: st.DrawFn) -> str:
    """Draw the text of a policy."""
    statements = []
    for _ in range(draw(st.integers(1, 3))):
        statement: dict[str, Any] = {"Effect": draw(st.sampled_from(["Allow", "Allow", "Deny"]))}
        statement[draw(st.sampled_from(["Action", "Action", "NotAction"]))] = draw(NAMED_ACTIONS)
        statement[draw(st.sampled_from(["Resource", "Resource", "NotResource"]))] = draw(NAMED_RESOURCES)
        statements.append(statement | {"Condition": draw(CONDITIONS)})
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def named(text: str, kind: Kind) -> NamedPolicy:
    return NamedPolicy("p", parse_document(text, kind))


def rights(identity: list[str], session: list[str] | None) -> Rights:
    """Return everything that a session of a role may do, in a world of a few actions and resources."""
    policies = Policies(
        identity=tuple(named(text, Kind.IDENTITY) for text in identity),
        session=None if session is None else tuple(named(text, Kind.SESSION) for text in session),
    )
    caller = Principal(
        kind=PrincipalKind.ROLE_SESSION,
        account_id=ACCOUNT,
        arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one",
        principal_arn=f"arn:aws:iam::{ACCOUNT}:role/app",
        unique_id="AROAAPP",
        session_name="one",
    )
    asked = Question(principal=caller, action="", resource="", resource_account_id=ACCOUNT, context={})
    return frozenset(
        (action, resource, number)
        for action in ACTIONS
        for resource in RESOURCES
        for number, context in enumerate(CONTEXTS)
        if evaluate(replace(asked, action=action, resource=resource, context=context), policies).allowed
    )


IDENTITY = st.lists(texts(), max_size=3)
SESSION = st.none() | st.lists(texts(), max_size=3)


@pytest.mark.pure
@settings(max_examples=100, deadline=None)
@given(IDENTITY, st.lists(texts(), max_size=3))
def test_a_session_may_what_its_role_and_its_session_policies_both_allow(
    identity: list[str], session: list[str]
) -> None:
    narrowed = rights(identity, session)
    assert narrowed <= rights(identity, None)
    assert narrowed == rights(identity, None) & rights([allow("*")], session)


@pytest.mark.pure
@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(IDENTITY, SESSION), min_size=2, max_size=4))
def test_at_each_hop_of_a_chain_a_session_has_at_most_its_own_role_and_its_session_policies(
    hops: list[tuple[list[str], list[str] | None]],
) -> None:
    """The sessions before it neither add to a hop's rights nor, as at AWS, take from them."""
    for identity, session in hops:
        mine = rights(identity, session)
        assert mine <= rights(identity, None)
        if session is not None:
            assert mine <= rights([allow("*")], session)
            assert (
                rights(identity, [*session, '{"Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'])
                == frozenset()
            )


@pytest.mark.pure
@settings(max_examples=100, deadline=None)
@given(IDENTITY, st.lists(texts(), min_size=1, max_size=2), texts())
def test_a_deny_in_one_session_policy_is_lifted_by_no_other(identity: list[str], parent: list[str], wish: str) -> None:
    denied = [json.dumps(_only_denies(text)) for text in parent]
    child = rights(identity, [wish, *denied])
    assert child <= rights(identity, None)
    assert child <= rights(identity, [allow("*"), *denied])


def _only_denies(text: str) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(text)
    harmless = {"Effect": "Deny", "Action": "none:None", "Resource": "*"}
    document["Statement"] = [each for each in document["Statement"] if each["Effect"] == "Deny"] or [harmless]
    return document


CALLS = {
    "iam:ListUsers": ("ListUsers", {}),
    "iam:ListRoles": ("ListRoles", {}),
    "iam:ListGroups": ("ListGroups", {}),
    "iam:GetRole": ("GetRole", {"RoleName": "app"}),
}


def test_what_a_chain_of_sessions_may_shrinks_with_its_policies_end_to_end(service: Service, tenant: Tenant) -> None:
    def must(action: str, **parameters: str) -> str:
        answer = service.call(tenant.key, action, **parameters)
        assert answer.status == 200, answer.body
        return answer.text("Arn") if action == "CreateRole" else ""

    trusting = trust(f"arn:aws:iam::{tenant.account_id}:root")
    arns = {name: must("CreateRole", RoleName=name, AssumeRolePolicyDocument=trusting) for name in ("app", "deep")}
    for name, actions in {
        "app": ["iam:ListUsers", "iam:ListRoles", "iam:GetRole", "sts:AssumeRole"],
        "deep": ["iam:ListUsers", "iam:ListGroups", "iam:GetRole"],
    }.items():
        must("PutRolePolicy", RoleName=name, PolicyName="rights", PolicyDocument=allow(actions))

    def may(key: Any) -> set[str]:
        return {
            right
            for right, (action, parameters) in CALLS.items()
            if service.call(key, action, **parameters).status == 200
        }

    first = service.assume(tenant.key, arns["app"]).key()
    narrow = allow(["iam:ListUsers", "iam:ListGroups", "sts:AssumeRole"])
    narrowed = service.assume(tenant.key, arns["app"], Policy=narrow).key()
    shut = service.assume(tenant.key, arns["app"], Policy=allow("iam:ListUsers")).key()
    read_only = {"PolicyArns.member.1.arn": "arn:aws:iam::aws:policy/IAMReadOnlyAccess"}
    chained = service.assume(narrowed, arns["deep"], Policy=allow(["iam:ListUsers", "iam:ListRoles"])).key()
    united = service.assume(narrowed, arns["deep"], Policy=allow("iam:ListUsers"), **read_only).key()
    assert may(first) == {"iam:ListUsers", "iam:ListRoles", "iam:GetRole"}
    assert may(narrowed) == {"iam:ListUsers"}
    assert may(chained) == {"iam:ListUsers"}
    assert may(united) == {"iam:ListUsers", "iam:ListGroups", "iam:GetRole"}
    refused = service.assume(shut, arns["deep"])
    assert (refused.status, refused.code) == (403, "AccessDenied")
    assert "session policy" in refused.message
