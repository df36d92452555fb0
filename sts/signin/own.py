"""What pages about one's own user look up and demand: the user with its tags, and the action of the API on it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from sts.access import Demand
from sts.audit.events import Event
from sts.directory.owners import Owner, get_owner, owner_id_of
from sts.evaluator import describe_bearer
from sts.model import Account
from sts.signin.answer import Answer
from sts.signin.row import Demands, Page, Proof, Target
from sts.signin.visit import Visit
from sts.store.tags import find_tags
from sts.tags import Tags


@dataclass(frozen=True, slots=True)
class Self:
    """Who is signed in, as the store knows them now: a user, or an account for its root; and their tags."""

    owner: Owner
    tags: Tags


Act = Callable[[Visit, Target], Awaitable[Answer]]


async def find_self(visit: Visit) -> Target:
    """Return who is signed in; raises NotFound when they are gone meanwhile."""
    found = await visit.read(partial(_read_self, visit))
    return Target(visit.caller.arn, found)


def show_self(name: str, path: str, action: str, run: Act, event: Event) -> Page:
    """Return the row of a page that shows what *action* on one's own user tells."""
    return Page(
        name=name,
        method="GET",
        path=path,
        event=event,
        proof=Proof.SESSION,
        step=None,
        find=find_self,
        demands=on_self(action),
        run=run,
        back=path,
        retry=None,
    )


def change_self(name: str, path: str, action: str, run: Act, *, event: Event, back: str) -> Page:
    """Return the row of a form on the page *back* that does *action* on one's own user.

    It is sensitive: whoever finds a browser that somebody left signed in makes no key with it.
    """
    return Page(
        name=name,
        method="POST",
        path=path,
        event=event,
        proof=Proof.RECENT,
        step=None,
        find=find_self,
        demands=on_self(action),
        run=run,
        back=back,
        retry=None,
    )


def on_self(action: str) -> Demands:
    """Return the demand of *action* on who is signed in."""

    def demands(visit: Visit, target: Target) -> tuple[Demand, ...]:
        return (demand_on(visit, action, target.arn, target.noun.tags),)

    return demands


def demand_on(visit: Visit, action: str, resource: str, tags: Tags | None = None) -> Demand:
    """Return the demand of *action* on *resource*, with the condition keys that tell of its *tags*.

    It is what the operation of the API demands: whom a policy keeps from one thing there does it on no page either.
    """
    account_id = visit.caller.account_id
    context = describe_bearer(resource, tags or {})
    return Demand(action=action, resource=resource, resource_account_id=account_id, context=context)


def _read_self(visit: Visit, connection: Connection) -> Self:
    owner = get_owner(connection, visit.caller.account_id, visit.caller.unique_id)
    return Self(owner, {} if isinstance(owner, Account) else find_tags(connection, owner_id_of(owner)))
