"""What pages about one's own user look up: the user with its tags. They demand the action of the API on it."""

from functools import partial

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.directory.owners import get_owner, owner_id_of
from sts.model import Account
from sts.signin.row import Page, Proof, Run, Target, on_target, show_page, take_form
from sts.signin.visit import Visit
from sts.store.tags import find_tags


async def find_self(visit: Visit) -> Target:
    """Return who is signed in, as the store knows them now: a user with its tags, or for its root an account.

    Raises NotFound when they are gone meanwhile.
    """
    return await visit.read(partial(_read_self, visit))


def show_self(name: str, path: str, action: str, run: Run, event: Event) -> Page:
    """Return the row of a page that shows what *action* on one's own user tells."""
    return show_page(
        name, path, run, event=event, proof=Proof.SESSION, find=find_self, demands=on_target(action), back=path
    )


def change_self(name: str, path: str, action: str, run: Run, *, event: Event, back: str) -> Page:
    """Return the row of a form on the page *back* that does *action* on one's own user.

    It is sensitive: whoever finds a browser that somebody left signed in makes no key with it.
    """
    return take_form(
        name, path, run, event=event, proof=Proof.RECENT, find=find_self, demands=on_target(action), back=back
    )


def _read_self(visit: Visit, connection: Connection) -> Target:
    owner = get_owner(connection, visit.caller.account_id, visit.caller.unique_id)
    tags = {} if isinstance(owner, Account) else find_tags(connection, owner_id_of(owner))
    return Target(visit.caller.arn, owner, tags=tags)
