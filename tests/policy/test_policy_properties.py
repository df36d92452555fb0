"""What holds whatever the policies say."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.errors import PolicyMalformed
from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Decision, Outcome, Policies, Principal, PrincipalKind, Question, evaluate
from sts.policy.operators import operator_names
from sts.policy.principals import Grant
from tests.policy.asking import ACCOUNT, ALICE, write

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
    creator_id=ALICE.unique_id,
)
ROOT = Principal(kind=PrincipalKind.ROOT, account_id=ACCOUNT, arn=f"arn:aws:iam::{ACCOUNT}:root", unique_id=ACCOUNT)
ANONYMOUS = Principal(kind=PrincipalKind.ANONYMOUS)

ACTIONS = st.sampled_from(["*", "s3:*", "s3:Get*", "s3:G?tObject", "s3:GetObject", "s3:PutObject", "iam:GetUser"])
RESOURCES = st.sampled_from(["*", "arn:aws:s3:::a/*", "arn:aws:s3:::a/b", "arn:aws:s3:::?/b", "arn:aws:s3:::${a:k}/b"])
CONDITIONS = st.sampled_from(
    [
        {},
        {"StringEquals": {"a:k": "a"}},
        {"StringNotLike": {"a:k": "a*"}},
        {"ForAllValues:StringLike": {"a:m": ["x*", "${a:k}"]}},
        {"ForAnyValue:StringNotEquals": {"a:m": "x"}},
        {"Null": {"a:k": "true"}},
        {"NumericLessThanIfExists": {"a:n": "5"}},
    ]
)
NAMES = st.sampled_from(
    [ACCOUNT, OTHER, "*", ALICE.arn, "AIDAALICE", "AROAAPP", "AROAAPP:one", SESSION.arn, FEDERATED.arn]
)


@st.composite
def statements(draw: st.DrawFn, *, principals: bool = False, effect: str | None = None) -> dict[str, Any]:
    """Draw a statement."""
    drawn: dict[str, Any] = {"Effect": effect or draw(st.sampled_from(["Allow", "Deny"]))}
    drawn[draw(st.sampled_from(["Action", "NotAction"]))] = draw(st.lists(ACTIONS, min_size=1, max_size=2))
    drawn[draw(st.sampled_from(["Resource", "NotResource"]))] = draw(st.lists(RESOURCES, min_size=1, max_size=2))
    drawn["Condition"] = draw(CONDITIONS)
    if principals:
        negative = drawn["Effect"] == "Deny" and draw(st.booleans())
        drawn["NotPrincipal" if negative else "Principal"] = {"AWS": draw(st.lists(NAMES, min_size=1, max_size=3))}
    return drawn


def policies_of(kind: Kind) -> st.SearchStrategy[NamedPolicy]:
    """Draw a policy of *kind*."""
    drawn = st.lists(statements(principals=kind is Kind.RESOURCE), min_size=1, max_size=3)
    return drawn.map(lambda each: NamedPolicy(kind.value, parse_document(write(*each), kind)))


IDENTITY = st.lists(policies_of(Kind.IDENTITY), max_size=3).map(tuple)
SESSIONS = st.lists(policies_of(Kind.SESSION), max_size=2).map(tuple)
ALL = st.builds(
    Policies,
    identity=IDENTITY,
    boundary=st.none() | policies_of(Kind.BOUNDARY),
    session=st.none() | SESSIONS,
    resource=st.none() | policies_of(Kind.RESOURCE),
)
QUESTIONS = st.builds(
    Question,
    principal=st.sampled_from([ALICE, SESSION, FEDERATED, ROOT, ANONYMOUS]),
    action=st.sampled_from(["s3:GetObject", "S3:putobject", "iam:GetUser", "s3", ""]),
    resource=st.sampled_from(["*", "arn:aws:s3:::a/b", "arn:aws:s3:::c", "arn:aws:s3:::a/b:c", ""]),
    resource_account_id=st.sampled_from([ACCOUNT, OTHER]),
    context=st.dictionaries(
        st.sampled_from(["a:k", "a:m", "a:n"]),
        st.lists(st.sampled_from(["a", "ab", "x", "*", "4", "6", "\ud800"]), max_size=2).map(tuple),
    ),
)


def _rank(decision: Decision) -> int:
    return [Outcome.EXPLICIT_DENY, Outcome.IMPLICIT_DENY, Outcome.ALLOWED].index(decision.outcome)


@given(QUESTIONS, ALL)
def test_every_question_is_decided_and_every_denial_says_which_kind_blocked(
    question: Question, policies: Policies
) -> None:
    decision = evaluate(question, policies)
    assert decision.allowed is (decision.blocked_by is None)
    assert decision.outcome is not Outcome.EXPLICIT_DENY or decision.deciding
    assert decision.outcome is not Outcome.IMPLICIT_DENY or not decision.deciding
    assert decision.as_record()["outcome"] == decision.outcome


@given(QUESTIONS, ALL, statements(effect="Deny"))
def test_a_deny_never_widens(question: Question, policies: Policies, deny: dict[str, Any]) -> None:
    before = evaluate(question, policies)
    added = NamedPolicy("deny", parse_document(write(deny), Kind.IDENTITY))
    assert _rank(evaluate(question, replace(policies, identity=(*policies.identity, added)))) <= _rank(before)


@given(QUESTIONS, ALL, policies_of(Kind.BOUNDARY), SESSIONS)
def test_a_boundary_and_session_policies_never_widen(
    question: Question, policies: Policies, boundary: NamedPolicy, session: tuple[NamedPolicy, ...]
) -> None:
    free = replace(policies, boundary=None, session=None)
    if question.principal.kind is PrincipalKind.FEDERATED_USER:
        return  # without a session policy it has only what resources grant; with one, the intersection
    assert _rank(evaluate(question, replace(free, boundary=boundary))) <= _rank(evaluate(question, free))
    assert _rank(evaluate(question, replace(free, session=session))) <= _rank(evaluate(question, free))


@given(QUESTIONS, ALL, SESSIONS)
def test_a_federated_user_never_has_more_than_who_made_it_and_resources_grant(
    question: Question, policies: Policies, session: tuple[NamedPolicy, ...]
) -> None:
    asked = replace(question, principal=FEDERATED, resource_account_id=ACCOUNT)
    without_resource = replace(policies, resource=None)
    maker = evaluate(replace(asked, principal=ALICE), replace(without_resource, session=None))
    assert _rank(evaluate(asked, replace(without_resource, session=session))) <= _rank(maker)


@given(QUESTIONS, ALL, policies_of(Kind.IDENTITY))
def test_more_identity_policies_never_lift_a_limit(question: Question, policies: Policies, more: NamedPolicy) -> None:
    before = evaluate(question, policies)
    after = evaluate(question, replace(policies, identity=(*policies.identity, more)))
    if after.allowed and not before.allowed:
        assert before.blocked_by is Kind.IDENTITY


@given(QUESTIONS, ALL, st.randoms(use_true_random=False))
def test_order_never_matters(question: Question, policies: Policies, random: Any) -> None:
    identity, session = list(policies.identity), list(policies.session or ())
    random.shuffle(identity)
    random.shuffle(session)
    shuffled = replace(policies, identity=tuple(identity), session=None if policies.session is None else tuple(session))
    before, after = evaluate(question, policies), evaluate(question, shuffled)
    assert (before.outcome, before.blocked_by, before.said) == (after.outcome, after.blocked_by, after.said)
    assert sorted(before.deciding, key=str) == sorted(after.deciding, key=str)


@given(QUESTIONS, st.lists(statements(), min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_the_order_of_statements_never_matters(question: Question, drawn: list[dict[str, Any]], random: Any) -> None:
    shuffled = list(drawn)
    random.shuffle(shuffled)
    outcomes = {
        evaluate(question, Policies(identity=(NamedPolicy("p", parse_document(write(*each), Kind.IDENTITY)),))).outcome
        for each in (drawn, shuffled)
    }
    assert len(outcomes) == 1


@given(
    st.sampled_from(sorted(operator_names())),
    st.lists(st.text(max_size=12) | st.sampled_from(["true", "1", "2026", "YQ==", "::/0"]), min_size=1, max_size=3),
    st.lists(st.text(max_size=12) | st.sampled_from(["true", "1", "2026", "YQ==", "::1"]), max_size=3),
)
def test_every_condition_is_refused_or_decides(operator: str, wanted: list[str], seen: list[str]) -> None:
    drawn = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": {operator: {"a:k": wanted}}}
    try:
        document = parse_document(write(drawn), Kind.IDENTITY)
    except PolicyMalformed as refused:
        assert refused.place.startswith("Statement[0].Condition.")  # noqa: PT017  the other way out is tested below
        return
    question = Question(
        principal=ALICE, action="a:b", resource="*", resource_account_id=ACCOUNT, context={"a:k": tuple(seen)}
    )
    assert evaluate(question, Policies(identity=(NamedPolicy("p", document),))).outcome in {
        Outcome.ALLOWED,
        Outcome.IMPLICIT_DENY,
    }


def test_grants_are_ordered_by_how_direct_they_are() -> None:
    assert sorted(Grant) == [Grant.DELEGATED, Grant.ROLE, Grant.DIRECT]
