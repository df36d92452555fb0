"""Decide: ask the evaluator, and return the Decision with its reasons or raise AccessDenied with it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from sts.errors import Refusal
from sts.evaluator import Circumstances, Evaluator, Matter
from sts.model import Caller
from sts.policy.document import NamedPolicy
from sts.policy.evaluate import Decision, Outcome

Context = Mapping[str, tuple[str, ...]]  # condition keys in lower case; an absent key is absent


class AccessDenied(Refusal):
    """The caller may not; *decision* says why, and is for the record and for who may read it."""

    def __init__(self, caller: Caller, decision: Decision) -> None:
        super().__init__(f"{caller.arn} may not {decision.action} on {decision.resource}")
        self.caller = caller
        self.decision = decision


@dataclass(frozen=True, slots=True, kw_only=True)
class Demand:
    """One (action, resource) pair that a command needs, with the condition keys that the command brings.

    *trust* is the trust policy of the role that is to be assumed: it must allow, even within the account. *borne* are
    condition keys too, of what the resource bears: another account's policies ask for them once the resource's allows.
    """

    action: str
    resource: str
    resource_account_id: str
    context: Context = field(default_factory=dict)
    trust: NamedPolicy | None = None
    borne: Context = field(default_factory=dict)


class Decider(Protocol):
    """What decides on demands."""

    async def decide(
        self, caller: Caller, circumstances: Circumstances, demands: Sequence[Demand]
    ) -> tuple[Decision, ...]:
        """Return a decision for each of *demands*, up to the first that is not allowed."""
        ...


@dataclass(frozen=True, slots=True)
class Access:
    """Whether a caller may do what a command demands."""

    evaluator: Evaluator

    async def decide(
        self, caller: Caller, circumstances: Circumstances, demands: Sequence[Demand]
    ) -> tuple[Decision, ...]:
        """Return a decision for each of *demands*, up to the first that is not allowed."""
        decisions = []
        for demand in demands:
            decision = await self.evaluator.decide(caller, circumstances, _pose(demand))
            decisions.append(decision)
            if decision.outcome is not Outcome.ALLOWED:
                break
        return tuple(decisions)


def _pose(demand: Demand) -> Matter:
    return Matter(
        demand.action, demand.resource, demand.resource_account_id, demand.context, demand.trust, demand.borne
    )


def require(caller: Caller, decisions: Sequence[Decision]) -> None:
    """Raise AccessDenied with the first of *decisions* that does not allow."""
    for decision in decisions:
        if decision.outcome is not Outcome.ALLOWED:
            raise AccessDenied(caller, decision)
