import json
from dataclasses import replace
from typing import Any

import pytest

from sts.policy.document import Kind, NamedPolicy
from sts.policy.evaluate import (
    ConditionReport,
    Outcome,
    Policies,
    Principal,
    PrincipalKind,
    Silence,
    StatementReference,
)
from tests.policy.asking import ACCOUNT, ALICE, ask, name, parse, statement

pytestmark = pytest.mark.pure

OTHER = "444455556666"
SESSION = Principal(
    kind=PrincipalKind.ROLE_SESSION,
    account_id=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:assumed-role/app/one",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:role/app",
    unique_id="AROAAPP",
    session_name="one",
)
FEDERATED = Principal(
    kind=PrincipalKind.FEDERATED_USER,
    account_id=ACCOUNT,
    arn=f"arn:aws:sts::{ACCOUNT}:federated-user/fred",
    creator_arn=ALICE.arn,
    creator_id=ALICE.unique_id,
)
ROOT = Principal(kind=PrincipalKind.ROOT, account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", unique_id=ACCOUNT)

SILENT = name(parse(statement(Action="iam:Nothing")), "silent")
OPEN = name(parse(statement(Sid="Open")), "open")
DENY = name(parse(statement("Deny", Sid="Never")), "deny")


def _granting(whom: Any, **members: Any) -> NamedPolicy:
    return name(parse(statement(Principal=whom, **members), kind=Kind.RESOURCE), "granting")


def _trusting(whom: Any, effect: str = "Allow") -> NamedPolicy:
    members = {"Effect": effect, "Principal": whom, "Action": "sts:AssumeRole"}
    return name(parse(members, kind=Kind.TRUST), "trusting")


# POLICY, "Combining", 3: who is named; and whether it is still allowed when identity, boundary or session are silent.
ROWS = [
    (ALICE, ACCOUNT, False, False, None),
    (ALICE, ALICE.arn, True, True, None),
    (ALICE, ALICE.unique_id, True, True, None),
    (ALICE, "*", True, True, None),
    (SESSION, ACCOUNT, False, False, False),
    (SESSION, SESSION.principal_arn, True, False, False),
    (SESSION, "AROAAPP", True, False, False),
    (SESSION, SESSION.arn, True, True, True),
    (SESSION, "AROAAPP:one", True, True, True),
    (SESSION, "*", True, True, True),
    (FEDERATED, ACCOUNT, False, False, False),
    (FEDERATED, ALICE.arn, False, False, False),
    (FEDERATED, FEDERATED.arn, True, True, True),
]


@pytest.mark.parametrize(("principal", "whom", "identity", "boundary", "session"), ROWS)
def test_how_directly_a_resource_names_the_caller_says_what_else_must_allow(
    principal: Principal,
    whom: str,
    identity: bool,  # noqa: FBT001  columns of the table
    boundary: bool,  # noqa: FBT001
    session: bool | None,  # noqa: FBT001
) -> None:
    sessions = None if session is None else (OPEN,)
    full = Policies(identity=(OPEN,), boundary=OPEN, session=sessions, resource=_granting({"AWS": whom}))
    assert ask(full, principal=principal).allowed
    without_identity = ask(replace(full, identity=(SILENT,)), principal=principal)
    assert without_identity.allowed is identity
    assert without_identity.blocked_by is (None if identity else Kind.IDENTITY)
    within_boundary = ask(replace(full, boundary=SILENT), principal=principal)
    assert within_boundary.allowed is boundary
    assert within_boundary.blocked_by is (None if boundary else Kind.BOUNDARY)
    if session is not None:
        within_session = ask(replace(full, session=(SILENT,)), principal=principal)
        assert within_session.allowed is session
        assert within_session.blocked_by is (None if session else Kind.SESSION)


@pytest.mark.parametrize("principal", [ALICE, SESSION, FEDERATED])
@pytest.mark.parametrize("kind", [Kind.IDENTITY, Kind.BOUNDARY, Kind.SESSION, Kind.RESOURCE])
def test_an_explicit_deny_of_any_kind_wins_over_the_most_direct_grant(principal: Principal, kind: Kind) -> None:
    everyone = _granting("*")
    full = Policies(identity=(OPEN,), boundary=OPEN, session=(OPEN,), resource=everyone)
    denied = {
        Kind.IDENTITY: replace(full, identity=(OPEN, DENY)),
        Kind.BOUNDARY: replace(full, boundary=DENY),
        Kind.SESSION: replace(full, session=(OPEN, DENY)),
        Kind.RESOURCE: replace(full, resource=name(parse(statement("Deny", Principal="*"), kind=Kind.RESOURCE))),
    }
    decision = ask(denied[kind], principal=principal)
    assert decision.outcome is Outcome.EXPLICIT_DENY
    assert decision.blocked_by is kind
    assert {reference.kind for reference in decision.deciding} == {kind}


def test_identity_boundary_and_session_must_each_allow() -> None:
    full = Policies(identity=(OPEN,), boundary=OPEN, session=(SILENT, OPEN))
    assert ask(full, principal=SESSION).allowed
    assert ask(replace(full, identity=()), principal=SESSION).blocked_by is Kind.IDENTITY
    assert ask(replace(full, boundary=SILENT), principal=SESSION).blocked_by is Kind.BOUNDARY
    assert ask(replace(full, session=(SILENT,)), principal=SESSION).blocked_by is Kind.SESSION
    assert ask(replace(full, session=()), principal=SESSION).blocked_by is Kind.SESSION
    assert ask(replace(full, session=None), principal=SESSION).allowed


def test_the_first_kind_in_order_that_did_not_allow_is_the_one_that_blocked() -> None:
    nothing = Policies(boundary=SILENT, session=())
    assert ask(nothing, principal=SESSION).blocked_by is Kind.IDENTITY
    assert ask(nothing, principal=SESSION, owner=OTHER).blocked_by is Kind.RESOURCE
    assert ask(replace(nothing, identity=(OPEN,)), principal=SESSION).blocked_by is Kind.BOUNDARY


def test_across_accounts_both_sides_must_allow() -> None:
    full = Policies(identity=(OPEN,), boundary=OPEN, session=(OPEN,), resource=_granting({"AWS": SESSION.arn}))
    assert ask(full, principal=SESSION, owner=OTHER).allowed
    assert ask(replace(full, resource=_granting({"AWS": ACCOUNT})), principal=SESSION, owner=OTHER).allowed
    assert ask(replace(full, resource=None), principal=SESSION, owner=OTHER).blocked_by is Kind.RESOURCE
    assert (
        ask(replace(full, resource=_granting({"AWS": OTHER})), principal=SESSION, owner=OTHER).blocked_by
        is Kind.RESOURCE
    )
    assert ask(replace(full, identity=()), principal=SESSION, owner=OTHER).blocked_by is Kind.IDENTITY
    assert ask(replace(full, boundary=SILENT), principal=SESSION, owner=OTHER).blocked_by is Kind.BOUNDARY
    assert ask(replace(full, session=()), principal=SESSION, owner=OTHER).blocked_by is Kind.SESSION


def _assume(policies: Policies, principal: Principal = ALICE, owner: str = ACCOUNT) -> Any:
    resource = f"arn:aws:iam::{owner}:role/app"
    return ask(policies, principal=principal, owner=owner, action="sts:AssumeRole", resource=resource)


def test_a_role_is_assumed_only_by_whom_it_trusts_within_its_account_too() -> None:
    silent = _assume(Policies(identity=(OPEN,), resource=_trusting({"AWS": OTHER})))
    assert silent.outcome is Outcome.IMPLICIT_DENY
    assert silent.blocked_by is Kind.TRUST
    assert _assume(Policies(identity=(OPEN,), resource=_trusting({"AWS": ACCOUNT}))).allowed
    assert _assume(Policies(resource=_trusting({"AWS": ACCOUNT}))).blocked_by is Kind.IDENTITY
    assert _assume(Policies(resource=_trusting({"AWS": ALICE.unique_id}))).allowed
    assert _assume(Policies(resource=_trusting({"AWS": "AIDAFORMER"}), identity=(OPEN,))).blocked_by is Kind.TRUST
    assert (
        _assume(Policies(resource=_trusting({"AWS": "AROAAPP"}), session=(SILENT,)), SESSION).blocked_by is Kind.SESSION
    )
    assert _assume(Policies(resource=_trusting({"AWS": "AROAAPP:one"}), session=(SILENT,)), SESSION).allowed


def test_a_role_of_another_account_needs_the_callers_own_policies_as_well() -> None:
    trusting = _trusting({"AWS": ALICE.unique_id})
    assert _assume(Policies(resource=trusting, identity=(OPEN,)), owner=OTHER).allowed
    assert _assume(Policies(resource=trusting), owner=OTHER).blocked_by is Kind.IDENTITY


def test_root_assumes_no_roles() -> None:
    for whom in ("*", {"AWS": ACCOUNT}):
        assert _assume(Policies(resource=_trusting(whom)), ROOT).blocked_by is Kind.TRUST
    denied = _assume(Policies(resource=_trusting({"AWS": ACCOUNT}, "Deny")), ROOT)
    assert denied.outcome is Outcome.EXPLICIT_DENY


def test_root_may_do_everything_in_its_account_but_what_a_resource_takes_away() -> None:
    assert ask(Policies(), principal=ROOT).allowed
    deny = name(parse(statement("Deny", Principal={"AWS": ACCOUNT}), kind=Kind.RESOURCE))
    assert ask(Policies(resource=deny), principal=ROOT).outcome is Outcome.EXPLICIT_DENY
    assert ask(Policies(), principal=ROOT, owner=OTHER).blocked_by is Kind.RESOURCE
    assert ask(Policies(resource=_granting({"AWS": ACCOUNT})), principal=ROOT, owner=OTHER).allowed


def test_a_federated_user_without_session_policy_has_only_what_resources_grant_to_it() -> None:
    assert ask(Policies(identity=(OPEN,)), principal=FEDERATED).blocked_by is Kind.SESSION
    assert ask(Policies(identity=(OPEN,), session=(OPEN,)), principal=FEDERATED).allowed
    assert ask(Policies(session=(OPEN,)), principal=FEDERATED).blocked_by is Kind.IDENTITY
    assert ask(Policies(resource=_granting({"AWS": FEDERATED.arn})), principal=FEDERATED).allowed


@pytest.mark.parametrize(
    ("principal", "whom"),
    [
        (Principal(kind=PrincipalKind.SERVICE, arn="ec2.amazonaws.com"), {"Service": "ec2.amazonaws.com"}),
        (Principal(kind=PrincipalKind.PROVIDER, arn="www.amazon.com"), {"Federated": "www.amazon.com"}),
        (Principal(kind=PrincipalKind.ANONYMOUS), "*"),
    ],
)
def test_who_has_no_policies_has_what_the_resource_says_and_nothing_else(principal: Principal, whom: Any) -> None:
    granted = ask(Policies(resource=_granting(whom)), principal=principal)
    assert granted.allowed
    assert granted.said == ((Kind.RESOURCE, Outcome.ALLOWED),)
    assert ask(Policies(identity=(OPEN,)), principal=principal).blocked_by is Kind.RESOURCE
    assert _assume(Policies(resource=_trusting(whom)), principal).allowed
    assert _assume(Policies(resource=_trusting({"AWS": OTHER})), principal).blocked_by is Kind.TRUST


def test_an_allow_whose_condition_does_not_hold_is_no_deny() -> None:
    unmet = name(parse(statement(Condition={"StringEquals": {"aws:RequestedRegion": "eu"}})))
    assert ask(Policies(identity=(unmet,))).outcome is Outcome.IMPLICIT_DENY
    assert ask(Policies(identity=(unmet, OPEN))).allowed


def test_a_decision_cites_the_statements_that_allowed_and_only_those() -> None:
    two = name(parse(statement(Action="iam:*"), statement(Sid="S3", Action="s3:*"), statement(Action="s3:Get*")), "two")
    decision = ask(Policies(identity=(two,), boundary=OPEN))
    assert set(decision.deciding) == {
        StatementReference(Kind.IDENTITY, "two", "S3", 1),
        StatementReference(Kind.IDENTITY, "two", None, 2),
        StatementReference(Kind.BOUNDARY, "open", "Open", 0),
    }
    assert decision.said == ((Kind.IDENTITY, Outcome.ALLOWED), (Kind.BOUNDARY, Outcome.ALLOWED))
    direct = ask(Policies(identity=(OPEN,), resource=_granting({"AWS": ALICE.arn})))
    assert direct.deciding == (StatementReference(Kind.RESOURCE, "granting", None, 0),)
    assert dict(direct.said) == {Kind.RESOURCE: Outcome.ALLOWED, Kind.IDENTITY: Outcome.ALLOWED}


def test_a_denial_tells_the_condition_with_the_value_seen_and_the_value_wanted() -> None:
    wanted = {"StringEquals": {"aws:RequestedRegion": ["eu", "us"]}, "Bool": {"aws:SecureTransport": "true"}}
    nearly = name(parse(statement("Deny", Action="iam:*"), statement(Sid="Near", Condition=wanted)), "nearly")
    context = {"aws:RequestedRegion": ("ap",), "aws:SecureTransport": ("true",)}
    decision = ask(Policies(identity=(nearly,)), context=context)
    near = StatementReference(Kind.IDENTITY, "nearly", "Near", 1)
    assert decision.deciding == ()
    assert decision.conditions == (
        ConditionReport(near, "StringEquals", "aws:RequestedRegion", ("eu", "us"), ("ap",), held=False),
    )
    assert [report.seen for report in ask(Policies(identity=(nearly,))).conditions] == [None, None]
    missed = ask(Policies(identity=(nearly,)), context=context, resource="*", action="iam:GetUser")
    assert missed.outcome is Outcome.EXPLICIT_DENY


def test_an_explicit_deny_tells_the_conditions_that_held() -> None:
    deny = name(parse(statement("Deny", Condition={"Bool": {"aws:SecureTransport": "false"}})), "tls")
    decision = ask(Policies(identity=(OPEN, deny)), context={"aws:SecureTransport": ("false",)})
    cited = StatementReference(Kind.IDENTITY, "tls", None, 0)
    assert decision.deciding == (cited,)
    assert decision.conditions == (
        ConditionReport(cited, "Bool", "aws:SecureTransport", ("false",), ("false",), held=True),
    )


def test_a_silent_trust_policy_tells_the_condition_only_to_whom_it_names() -> None:
    members = {
        "Effect": "Allow",
        "Principal": {"AWS": ACCOUNT},
        "Action": "sts:AssumeRole",
        "Condition": {"StringEquals": {"sts:ExternalId": "agreed"}},
    }
    trust = name(parse(members, kind=Kind.TRUST), "trust")
    assert [report.key for report in _assume(Policies(resource=trust)).conditions] == ["sts:ExternalId"]
    stranger = replace(ALICE, account_id=OTHER, arn=f"arn:aws:iam::{OTHER}:user/eve", unique_id="AIDAEVE")
    assert _assume(Policies(resource=trust), stranger).conditions == ()


def test_a_decision_never_tells_more_than_ten_conditions() -> None:
    unmet = [statement(Condition={"Bool": {f"a:{index}": "true"}}) for index in range(30)]
    assert len(ask(Policies(identity=(name(parse(*unmet)),))).conditions) == 10


def test_a_decision_is_recorded_as_plain_json() -> None:
    deny = name(parse(statement("Deny", Sid="Tls", Condition={"Null": {"aws:SecureTransport": "true"}})), "tls")
    record = ask(Policies(identity=(deny,))).as_record()
    cited = {"kind": "identity", "policy": "tls", "sid": "Tls", "position": 0}
    assert json.loads(json.dumps(record)) == record
    assert record == {
        "outcome": "explicitDeny",
        "action": "s3:GetObject",
        "resource": "arn:aws:s3:::bucket/key",
        "said": {"identity": "explicitDeny"},
        "deciding": [cited],
        "blocked_by": "identity",
        "silent": [],
        "conditions": [
            {
                "statement": cited,
                "operator": "Null",
                "key": "aws:SecureTransport",
                "wanted": ["true"],
                "seen": None,
                "held": True,
            }
        ],
    }
    seen = ask(
        Policies(identity=(name(parse(statement(Condition={"Null": {"a:b": "true"}}))),)), context={"a:b": ("x",)}
    )
    assert seen.as_record()["conditions"][0]["seen"] == ["x"]
    assert ask(Policies(identity=(OPEN,))).as_record()["blocked_by"] is None


def test_a_kind_that_had_to_allow_and_said_nothing_is_told_with_its_policies() -> None:
    limits = Policies(identity=(OPEN,), boundary=name(SILENT.document, "limit"), session=(name(SILENT.document, "s"),))
    assert ask(limits, principal=SESSION).silent == (
        Silence(Kind.BOUNDARY, ("limit",), nearly=False),
        Silence(Kind.SESSION, ("s",), nearly=False),
    )
    nearly = name(parse(statement(Condition={"Bool": {"aws:SecureTransport": "true"}})), "nearly")
    assert ask(Policies(identity=(nearly,))).silent == (Silence(Kind.IDENTITY, (), nearly=True),)
    denying = name(parse(statement("Deny")), "denying")
    assert ask(Policies(identity=(denying,))).silent == ()


def test_a_trust_policy_that_names_the_principal_for_another_action_is_not_near() -> None:
    told = []
    for action in ("sts:TagSession", "sts:AssumeRole"):
        members = {
            "Effect": "Allow",
            "Principal": {"AWS": ACCOUNT},
            "Action": action,
            "Condition": {"StringEquals": {"sts:ExternalId": "agreed"}},
        }
        trust = name(parse(members, kind=Kind.TRUST), "trust")
        told += _assume(Policies(resource=trust, identity=(OPEN,))).silent
    assert [silence.nearly for silence in told] == [False, True]


def test_at_a_role_that_lets_nobody_in_the_caller_s_own_silence_is_told_first() -> None:
    """A grant that the trust policy's own deny undoes must not tell the role from one that is missing."""
    grant = {"Effect": "Allow", "Principal": {"AWS": ALICE.unique_id}, "Action": "sts:AssumeRole"}
    undone = name(parse(grant, {**grant, "Effect": "Deny"}, kind=Kind.TRUST), "trust")
    for trust in (undone, _trusting({"AWS": OTHER})):
        assert _assume(Policies(resource=trust)).blocked_by is Kind.IDENTITY
        assert _assume(Policies(resource=trust, identity=(OPEN,))).blocked_by is Kind.TRUST
