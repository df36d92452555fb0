"""What a row of the table of pages consists of, and the two ways of building one: a page that is shown, a form.

No field that says who may has a default, so that none is forgotten.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Any, TypeAlias

from sts.access import Demand
from sts.audit.events import Event
from sts.errors import Refusal
from sts.evaluator import describe_bearer
from sts.sessions import Step
from sts.signin.answer import Answer, Shown
from sts.signin.visit import Visit
from sts.tags import Tags


class Proof(StrEnum):
    """What a browser has to show before a page is looked at."""

    NONE = "none"  # anybody: to sign in
    FLOW = "flow"  # a sign-in under way that has come to the row's step
    SESSION = "session"  # a session that goes on
    RECENT = "recent"  # one whose bearer proved who they are within the last quarter of an hour


@dataclass(frozen=True, slots=True)
class Target:
    """What a page is about: the ARN that is authorized, and the noun that bears it; None where none does, or needs to.

    Whether there is one only those are told who may. *owner_account_id* is of whom it is when that is another account;
    *tags* and *boundary_arn* are what the noun bears, for policies may speak of it. *is_granted* by the account.
    """

    arn: str
    noun: Any = None
    owner_account_id: str | None = None
    tags: Tags = field(default_factory=dict)
    boundary_arn: str | None = None
    is_granted: bool = False


Find: TypeAlias = Callable[[Visit], Awaitable[Target]]
Demands: TypeAlias = Callable[[Visit, Target], tuple[Demand, ...]]
Run: TypeAlias = Callable[[Visit, Target], Awaitable[Answer]]
Retry: TypeAlias = Callable[[Visit, Refusal], Awaitable[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A row: what is shown at *path*, or done when a form is sent there.

    *path* may end in `{}`, which stands for one segment. *event* is None where nothing of anybody is told: then only a
    refusal is recorded. *step* is of rows whose proof is a flow, and of no others. *back* is where the person was, for
    who has to sign in first or sent an old form. *retry* shows the form again with what was wrong with it, where that
    is of use. Raises ValueError for a flow without a step, and a step without a flow.
    """

    name: str
    method: str
    path: str
    event: Event | None
    proof: Proof
    step: Step | None
    find: Find
    demands: Demands
    run: Run
    back: str
    retry: Retry | None

    def __post_init__(self) -> None:
        """Refuse the row whose step nobody would look at."""
        if (self.proof is Proof.FLOW) is (self.step is None):
            raise ValueError(f"{self.name}: a step belongs to a flow, and a flow to a step")


def show_page(
    name: str,
    path: str,
    run: Run,
    *,
    event: Event | None,
    proof: Proof,
    find: Find,
    demands: Demands,
    back: str,
    step: Step | None = None,
    retry: Retry | None = None,
) -> Page:
    """Return the row of a page that is shown."""
    return Page(
        name=name,
        method="GET",
        path=path,
        event=event,
        proof=proof,
        step=step,
        find=find,
        demands=demands,
        run=run,
        back=back,
        retry=retry,
    )


def take_form(
    name: str,
    path: str,
    run: Run,
    *,
    event: Event,
    proof: Proof,
    find: Find,
    demands: Demands,
    back: str,
    step: Step | None = None,
    retry: Retry | None = None,
) -> Page:
    """Return the row of a form, on the page *back*: what it does is an event, whatever it is."""
    shown = show_page(
        name, path, run, event=event, proof=proof, find=find, demands=demands, back=back, step=step, retry=retry
    )
    return replace(shown, method="POST")


async def find_own(_visit: Visit) -> Target:
    """Return what stands for the person themselves: nothing else is looked up."""
    return Target("")


def demand_nothing(_visit: Visit, _target: Target) -> tuple[Demand, ...]:
    """Demand nothing: what a page shows or changes is the person's own sign-in or session."""
    return ()


def demand_on(visit: Visit, action: str, target: Target) -> Demand:
    """Return the demand of *action* on *target*, with the condition keys that tell of what its noun bears.

    It is what the operation of the API demands: whom a policy keeps from one thing there does it on no page either.
    """
    return Demand(
        action=action,
        resource=target.arn,
        resource_account_id=visit.caller.account_id,
        context=describe_bearer(target.arn, target.tags),
    )


def on_target(*actions: str) -> Demands:
    """Return the demands of a page or form that tells or does what these *actions* on its target do."""

    def demands(visit: Visit, target: Target) -> tuple[Demand, ...]:
        return tuple(demand_on(visit, action, target) for action in actions)

    return demands


def show_own(
    name: str,
    path: str,
    run: Run,
    *,
    proof: Proof,
    step: Step | None = None,
    event: Event | None = None,
    back: str | None = None,
) -> Page:
    """Return the row of a page that shows a person's own sign-in or session, or a part of it."""
    return show_page(
        name, path, run, event=event, proof=proof, find=find_own, demands=demand_nothing, back=back or path, step=step
    )


def change_own(
    name: str,
    path: str,
    run: Run,
    *,
    proof: Proof,
    event: Event,
    retry: Retry | None,
    step: Step | None = None,
    back: str | None = None,
) -> Page:
    """Return the row of a form that changes a person's own sign-in or session: of the page of its path, or *back*."""
    return take_form(
        name,
        path,
        run,
        event=event,
        proof=proof,
        find=find_own,
        demands=demand_nothing,
        back=back or path,
        step=step,
        retry=retry,
    )
