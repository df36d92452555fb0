"""What a row of the table of pages consists of. None of its fields has a default, so that none is forgotten."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias

from sts.access import Demand
from sts.audit.events import Event
from sts.errors import Refusal
from sts.sessions import Step
from sts.signin.answer import Answer, Shown
from sts.signin.visit import Visit


class Proof(StrEnum):
    """What a browser has to show before a page is looked at."""

    NONE = "none"  # anybody: to sign in
    FLOW = "flow"  # a sign-in under way that has come to the row's step
    SESSION = "session"  # a session that goes on
    RECENT = "recent"  # one whose bearer proved who they are within the last quarter of an hour


@dataclass(frozen=True, slots=True)
class Target:
    """What a page is about: the ARN that is authorized, and the noun that bears it; None where none does, or needs to.

    Whether there is one only those are told who may. *owner_account_id* is of whom it is when that is another account.
    """

    arn: str
    noun: Any = None
    owner_account_id: str | None = None


Find: TypeAlias = Callable[[Visit], Awaitable[Target]]
Demands: TypeAlias = Callable[[Visit, Target], tuple[Demand, ...]]
Run: TypeAlias = Callable[[Visit, Target], Awaitable[Answer]]
Retry: TypeAlias = Callable[[Visit, Refusal], Awaitable[Shown]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """A row: what is shown at *path*, or done when a form is sent there.

    *path* may end in `{}`, which stands for one segment. *event* is None where nothing of anybody is told: then only a
    refusal is recorded. *step* is of rows whose proof is a flow. *back* is where the person was, for who has to sign in
    first or sent an old form. *retry* shows the form again with what was wrong with it, where that is of use.
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


async def find_own(_visit: Visit) -> Target:
    """Return what stands for the person themselves: nothing else is looked up."""
    return Target("")


def demand_nothing(_visit: Visit, _target: Target) -> tuple[Demand, ...]:
    """Demand nothing: what a page shows or changes is the person's own sign-in or session."""
    return ()


def show_own(
    name: str, path: str, run: Run, *, proof: Proof, step: Step | None = None, event: Event | None = None
) -> Page:
    """Return the row of a page that shows a person's own sign-in or session, or a part of it."""
    return Page(
        name=name,
        method="GET",
        path=path,
        event=event,
        proof=proof,
        step=step,
        find=find_own,
        demands=demand_nothing,
        run=run,
        back=path,
        retry=None,
    )


def change_own(
    name: str, path: str, run: Run, *, proof: Proof, event: Event, retry: Retry | None, step: Step | None = None
) -> Page:
    """Return the row of a form, on the page of the same path, that changes a person's own sign-in or session."""
    return Page(
        name=name,
        method="POST",
        path=path,
        event=event,
        proof=proof,
        step=step,
        find=find_own,
        demands=demand_nothing,
        run=run,
        back=path,
        retry=retry,
    )
