"""What administrators' pages have in common: they demand what the API demands, and their lists come in pages.

Whatever is looked for is looked for in the account of who asks: no page has a way to name another.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Connection

from sts.access import Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.directory.bearers import find_bearer
from sts.directory.names import verify_name
from sts.errors import NotFound
from sts.model import Group
from sts.signin.row import Demands, Find, Page, Proof, Run, Target, demand_on, show_page, take_form
from sts.signin.table import HOME
from sts.signin.visit import Visit
from sts.store.attachments import BearerKind
from sts.store.boundaries import find_boundary_arn
from sts.store.details import Details
from sts.store.tags import find_tags

_LONGEST_NAME = 128  # characters
_SHOWN = 25  # of a list on a page
LIMIT = _SHOWN + 1  # what is fetched of it: one more tells whether others follow
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Which part of a list is asked for: names that hold *containing*, past the name *after*."""

    containing: str
    after: str | None


def parse_asked(visit: Visit) -> Asked:
    """Return what the address says of a list; raises InputInvalid for what no name can hold."""
    containing, after = visit.query.get("name", ""), visit.query.get("after", "")
    for name in filter(None, (containing, after)):
        verify_name(name, _LONGEST_NAME)
    return Asked(containing, after or None)


def cut(found: Sequence[_T], name: Callable[[_T], str]) -> tuple[Sequence[_T], str | None]:
    """Return what is shown of *found*, at most LIMIT of a list, and the name that the next page begins past."""
    shown = found[:_SHOWN]
    return shown, name(shown[-1]) if len(found) > len(shown) else None


def find_list(kind: str) -> Find:
    """Return what finds the list of all of a *kind*, such as `user`: by the ARN that lists of IAM are decided on."""

    async def find(visit: Visit) -> Target:
        return Target(iam_arn(visit.caller.account_id, f"{kind}/"))

    return find


def find_named(kind: BearerKind) -> Find:
    """Return what finds the user, group or role that the address names; whether there is one, who may not never hears.

    One that is not there is decided on by the ARN that it would have without a path.
    """

    async def find(visit: Visit) -> Target:
        return await visit.read(lambda connection: _find(connection, kind, visit.caller.account_id, visit.rest))

    return find


def get_noun(target: Target) -> Any:
    """Return what the page is about; raises NotFound."""
    if target.noun is None:
        raise NotFound(f"There is no {target.arn}. It may have been deleted or renamed meanwhile.")
    return target.noun


def indent(document: str) -> str:
    """Return the policy *document*, which is JSON, as a person reads it."""
    return json.dumps(json.loads(document), ensure_ascii=False, indent=2)


def describe_borne(borne: Details) -> Mapping[str, Any]:
    """Return the policies and the boundary of a user, role or group, documents as a person reads them."""
    inline = [(name, indent(document)) for name, document in borne.inline]
    return {"attached": borne.attached, "inline": inline, "boundary": borne.boundary_arn}


def on_administering(name: str) -> Demands:
    """Return the demand of a form that does what the operation *name* of the administration does.

    There as here no policy speaks of what the target bears.
    """

    def demands(visit: Visit, target: Target) -> tuple[Demand, ...]:
        return (demand_on(visit, f"sts-admin:{name}", Target(target.arn)),)

    return demands


def demand_user_states(visit: Visit) -> Demand:
    """Return what is demanded wherever a page tells how users stand: locks, passwords, second factors, keys."""
    return demand_on(visit, "sts-admin:ListUserStates", Target(iam_arn(visit.caller.account_id, "user/")))


def show(name: str, path: str, event: Event, *, find: Find, demands: Demands, run: Run) -> Page:
    """Return the row of a page that shows something of the account."""
    return show_page(name, path, run, event=event, proof=Proof.SESSION, find=find, demands=demands, back=HOME)


def administer(name: str, path: str, event: Event, *, find: Find, run: Run, back: str) -> Page:
    """Return the row of a form, on the page *back*, that does what the operation *name* of the administration does.

    Who signed in a while ago proves again who they are: a browser that was left alone changes nothing of others.
    """
    demands = on_administering(name)
    return take_form(name, path, run, event=event, proof=Proof.RECENT, find=find, demands=demands, back=back)


def _find(connection: Connection, kind: BearerKind, account_id: str, name: str) -> Target:
    found = find_bearer(connection, kind, account_id, name)
    if found is None:
        return Target(iam_arn(account_id, f"{kind}/{name}"))
    if isinstance(found, Group):  # which bears neither tags nor a boundary
        return Target(found.arn, found)
    boundary_arn = find_boundary_arn(connection, found.unique_id) if kind is BearerKind.ROLE else None
    return Target(found.arn, found, tags=find_tags(connection, found.unique_id), boundary_arn=boundary_arn)
