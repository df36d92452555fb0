"""A decision and its reasons."""

from dataclasses import dataclass
from typing import Any, NamedTuple

from sts.policy.question import Outcome
from sts.policy.statements import Kind


class StatementReference(NamedTuple):
    """A statement, cited: the kind and name of its policy, its Sid if it has one, its position.

    Positions count from 0, as in `Statement[0]`, by which a fault in a policy is told too.
    """

    kind: Kind
    policy: str
    sid: str | None
    position: int


class ConditionReport(NamedTuple):
    """A condition that the outcome hung on: what was wanted, what the request had (None: nothing), whether it held.

    The key is as the policy writes it.
    """

    statement: StatementReference
    operator: str
    key: str
    wanted: tuple[str, ...]
    seen: tuple[str, ...] | None
    held: bool


class Silence(NamedTuple):
    """A kind of policy that had to allow and said nothing.

    *policies* names those of the kind, unless they are identity-based ones, of which there may be many. *nearly*: a
    statement would have allowed but for its conditions; without one, no statement of a resource's or trust policy
    names the principal for the action, and none of the caller's own names action and resource.
    """

    kind: Kind
    policies: tuple[str, ...]
    nearly: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What was decided, and why.

    *said* holds what each kind of policy that was looked at said, in combining order. *blocked_by* is, for a denial,
    the first kind that denied or, when none denied, the first that had to allow and did not, a role's trust policy
    last: it is what the caller is told. *silent* are the kinds that had to allow and said nothing. *deciding* are the
    statements that denied or, for what is allowed, those that allowed. *conditions*, for a denial, are those of the
    resource's owner and then those of the caller, each of them of the statements that denied or, where none of that
    side did, of those that only a condition kept from allowing, of the first kind there that had to allow and did not.
    """

    outcome: Outcome
    action: str
    resource: str
    said: tuple[tuple[Kind, Outcome], ...]
    deciding: tuple[StatementReference, ...] = ()
    blocked_by: Kind | None = None
    silent: tuple[Silence, ...] = ()
    conditions: tuple[ConditionReport, ...] = ()

    @property
    def allowed(self) -> bool:
        """Whether the request may go on."""
        return self.outcome is Outcome.ALLOWED

    def as_record(self) -> dict[str, Any]:
        """Return the decision as plain JSON values, for the audit record."""
        return {
            "outcome": self.outcome.value,
            "action": self.action,
            "resource": self.resource,
            "said": {kind.value: outcome.value for kind, outcome in self.said},
            "deciding": [_cite(reference) for reference in self.deciding],
            "blocked_by": self.blocked_by.value if self.blocked_by else None,
            "silent": [_hear(silence) for silence in self.silent],
            "conditions": [_tell(report) for report in self.conditions],
        }


def _cite(reference: StatementReference) -> dict[str, Any]:
    return {
        "kind": reference.kind.value,
        "policy": reference.policy,
        "sid": reference.sid,
        "position": reference.position,
    }


def _hear(silence: Silence) -> dict[str, Any]:
    return {"kind": silence.kind.value, "policies": list(silence.policies), "nearly": silence.nearly}


def _tell(report: ConditionReport) -> dict[str, Any]:
    return {
        "statement": _cite(report.statement),
        "operator": report.operator,
        "key": report.key,
        "wanted": list(report.wanted),
        "seen": None if report.seen is None else list(report.seen),
        "held": report.held,
    }
