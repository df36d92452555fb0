"""From policies to a decision (IAM User Guide, "Policy evaluation logic").

Each kind of policy is consulted on its own, then they are folded in one order, and only downwards: whoever is asked
later can take away and never add. An explicit deny in any of them wins. Of the others, those that are required for this
caller and this resource must each allow; which are required depends on how directly the resource's policy names the
caller (Grant). A new kind of policy is one more consultation, in its place in the order.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice

from sts.folding import fold
from sts.policy.decision import ConditionReport, Decision, Silence, StatementReference
from sts.policy.document import Kind, NamedPolicy, Statement
from sts.policy.principals import Grant
from sts.policy.question import Context, Outcome, Principal, PrincipalKind, Question

__all__ = [
    "ConditionReport",
    "Context",
    "Decision",
    "Outcome",
    "Policies",
    "Principal",
    "PrincipalKind",
    "Question",
    "Silence",
    "StatementReference",
    "evaluate",
]

_MOST_REPORTS = 10  # of each side
_OWNERS_SIDE = frozenset({Kind.RESOURCE, Kind.TRUST})

# They have no policies of their own: what the resource's policy says of them is all there is.
_WITHOUT_POLICIES = frozenset({PrincipalKind.ANONYMOUS, PrincipalKind.SERVICE, PrincipalKind.PROVIDER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Policies:
    """The policies that apply to a question; *session* is None when there are no session policies at all."""

    identity: tuple[NamedPolicy, ...] = ()
    boundary: NamedPolicy | None = None
    session: tuple[NamedPolicy, ...] | None = None
    resource: NamedPolicy | None = None


@dataclass(slots=True)
class _Finding:
    """What one kind of policy says: its matching statements, and for a resource policy how directly it allows."""

    kind: Kind
    consulted: Sequence[NamedPolicy]
    question: Question  # as this kind is asked
    allowing: list[tuple[str, Statement]] = field(default_factory=list)
    denying: list[tuple[str, Statement]] = field(default_factory=list)
    grant: Grant | None = None
    all_rights: bool = False

    @property
    def outcome(self) -> Outcome:
        if self.denying:
            return Outcome.EXPLICIT_DENY
        return Outcome.ALLOWED if self.allowing or self.all_rights else Outcome.IMPLICIT_DENY


def evaluate(question: Question, policies: Policies) -> Decision:
    """Decide *question* under *policies*; never raises, whatever they say."""
    findings = _consult(question, policies)
    required = _require_kinds(question, findings[0])
    denying = [finding for finding in findings if finding.denying]
    missing = [each for each in findings if each.kind in required and each.outcome is not Outcome.ALLOWED]
    if denying or missing:
        return _refuse(question, findings, denying, missing)
    return Decision(
        outcome=Outcome.ALLOWED,
        action=question.action,
        resource=question.resource,
        said=_tell(findings),
        deciding=_cite((each.kind, each.allowing) for each in findings if each.kind in required or each.grant),
    )


def _require_kinds(question: Question, resource: _Finding) -> frozenset[Kind]:
    """Return the kinds of policy that must allow; a kind that does not apply was not consulted and is not missed."""
    if question.principal.kind in _WITHOUT_POLICIES:
        return frozenset({resource.kind})
    if question.principal.account_id != question.resource_account_id:
        return frozenset({resource.kind, Kind.IDENTITY, Kind.BOUNDARY, Kind.SESSION})
    trust = {Kind.TRUST} & {resource.kind}  # a role is assumed by whom it trusts, within its account too
    if resource.grant is Grant.DIRECT:
        return frozenset(trust)
    if resource.grant is Grant.ROLE:
        return frozenset(trust | {Kind.BOUNDARY, Kind.SESSION})
    return frozenset(trust | {Kind.IDENTITY, Kind.BOUNDARY, Kind.SESSION})


def _consult(question: Question, policies: Policies) -> list[_Finding]:
    """Ask every kind of policy that applies, in the order of combining: the resource's first.

    What the resource bears is for a caller of another account's policies to ask once it allows: a condition on a tag
    would else tell which tags a stranger's role has, and whether there is one.
    """
    action = fold(question.action)
    service = action.partition(":")[0]
    bounded = policies.boundary is not None
    resource = _consult_resource(question, policies.resource, action, service, bounded=bounded)
    if question.principal.kind in _WITHOUT_POLICIES:
        return [resource]
    asked = question if resource.outcome is Outcome.ALLOWED else question.conceal()
    return [resource, *_consult_caller(asked, policies, action, service)]


def _consult_caller(question: Question, policies: Policies, action: str, service: str) -> Iterator[_Finding]:
    identity = _consult_own(Kind.IDENTITY, policies.identity, question, action, service)
    identity.all_rights = _has_all_rights(question.principal)
    yield identity
    if policies.boundary is not None:
        yield _consult_own(Kind.BOUNDARY, (policies.boundary,), question, action, service)
    session = policies.session
    if session is None and question.principal.kind is PrincipalKind.FEDERATED_USER:
        session = ()  # a federated user without session policy has only what resources grant to it
    if session is not None:
        yield _consult_own(Kind.SESSION, session, question, action, service)


def _has_all_rights(principal: Principal) -> bool:
    """Say whether root asks, or a federated user whom root vouches for; unique id and account id of root are one."""
    if principal.kind is PrincipalKind.FEDERATED_USER:
        return principal.creator_id == principal.account_id
    return principal.kind is PrincipalKind.ROOT


def _consult_own(
    kind: Kind, policies: Sequence[NamedPolicy], question: Question, action: str, service: str
) -> _Finding:
    finding = _Finding(kind, policies, question)
    for policy in policies:
        for statement in policy.document.find_statements(action, service):
            if statement.meet(question):
                (finding.denying if statement.denies else finding.allowing).append((policy.name, statement))
    return finding


def _consult_resource(
    question: Question, policy: NamedPolicy | None, action: str, service: str, *, bounded: bool
) -> _Finding:
    if policy is None:
        return _Finding(Kind.RESOURCE, (), question)
    finding = _Finding(policy.document.kind, (policy,), question)
    for statement in policy.document.find_statements(action, service):
        if not statement.meet(question):
            continue
        if statement.denies:
            if _reach(statement, question.principal, bounded=bounded):
                finding.denying.append((policy.name, statement))
        elif grant := _find_grant(statement, finding.kind, question):
            finding.allowing.append((policy.name, statement))
            finding.grant = max(grant, finding.grant or grant)
    return finding


def _reach(statement: Statement, principal: Principal, *, bounded: bool) -> bool:
    return statement.principals is None or statement.principals.reach(principal, bounded=bounded)


def _find_grant(statement: Statement, kind: Kind, question: Question) -> Grant | None:
    """Return how directly an Allow of a resource policy reaches who asks.

    Root assumes no roles, and a provider's tokens open those of its own account alone.
    """
    principal = question.principal
    if statement.principals is None or (kind is Kind.TRUST and principal.kind is PrincipalKind.ROOT):
        return None
    if principal.kind is PrincipalKind.PROVIDER and principal.account_id not in {"", question.resource_account_id}:
        return None
    return statement.principals.find_grant(principal)


def _tell(findings: list[_Finding]) -> tuple[tuple[Kind, Outcome], ...]:
    """Return what each kind said; the resource's is left out where there is none and none was missed."""
    return tuple((each.kind, each.outcome) for each in findings if each.consulted or each.kind is not Kind.RESOURCE)


def _cite(told: Iterable[tuple[Kind, Iterable[tuple[str, Statement]]]]) -> tuple[StatementReference, ...]:
    return tuple(
        StatementReference(kind, policy, statement.sid, statement.index)
        for kind, statements in told
        for policy, statement in statements
    )


def _refuse(question: Question, findings: list[_Finding], denying: list[_Finding], missing: list[_Finding]) -> Decision:
    reports = (_report_side(denying, missing, owners=owners) for owners in (True, False))
    return Decision(
        outcome=Outcome.EXPLICIT_DENY if denying else Outcome.IMPLICIT_DENY,
        action=question.action,
        resource=question.resource,
        said=_tell(findings),
        deciding=_cite((each.kind, each.denying) for each in findings),
        blocked_by=_find_blocker(findings, denying, missing),
        silent=tuple(_tell_silence(each) for each in missing if each.outcome is Outcome.IMPLICIT_DENY),
        conditions=tuple(chain.from_iterable(islice(side, _MOST_REPORTS) for side in reports)),
    )


def _find_blocker(findings: list[_Finding], denying: list[_Finding], missing: list[_Finding]) -> Kind:
    """Return the kind that the caller is told of.

    At a role that does not let the caller in, it is any of the caller's own before the role's trust policy, whose deny
    counts as its silence: the answer would else tell a stranger whether there is such a role.
    """
    if findings[0].kind is Kind.TRUST and findings[0].outcome is not Outcome.ALLOWED:
        missing = [each for each in findings if each.outcome is not Outcome.ALLOWED]
    own = (each.kind for each in (*denying, *missing) if each.kind is not Kind.TRUST)
    return next(own, Kind.TRUST)


def _tell_silence(finding: _Finding) -> Silence:
    names = () if finding.kind is Kind.IDENTITY else tuple(policy.name for policy in finding.consulted)
    return Silence(finding.kind, names, any(_find_near_misses(finding)))


def _report_side(denying: list[_Finding], missing: list[_Finding], *, owners: bool) -> Iterator[ConditionReport]:
    """Yield the conditions of one side's statements that denied, else those that kept its first kind from allowing.

    The resource's owner is one side, the caller the other, and neither's reports hang on what the other's policies
    say: what is told of one, and how much, would else tell of the other.
    """
    denied = [each for each in denying if (each.kind in _OWNERS_SIDE) is owners]
    if denied:
        return chain.from_iterable(_report(each, each.denying, denied=True) for each in denied)
    missed = next((each for each in missing if (each.kind in _OWNERS_SIDE) is owners), None)
    return iter(()) if missed is None else _report(missed, _find_near_misses(missed), denied=False)


def _report(
    finding: _Finding, statements: Iterable[tuple[str, Statement]], *, denied: bool
) -> Iterator[ConditionReport]:
    question = finding.question
    known = question.context if finding.kind in _OWNERS_SIDE else question.conceal().context
    for policy, statement in statements:
        cited = StatementReference(finding.kind, policy, statement.sid, statement.index)
        for each in statement.conditions:
            held = each.holds(question)
            if denied or not held:
                yield ConditionReport(cited, each.operator, each.written, each.wanted, known.get(each.key), held)


def _find_near_misses(finding: _Finding) -> Iterator[tuple[str, Statement]]:
    """Yield the Allow statements that only a condition kept from allowing."""
    question = finding.question
    action = fold(question.action)
    for policy in finding.consulted:
        for statement in policy.document.find_statements(action, action.partition(":")[0]):
            named = statement.principals is None or _find_grant(statement, finding.kind, question)
            fits = statement.resources is None or statement.resources.concern(question)
            if named and fits and not statement.denies:
                yield policy.name, statement
