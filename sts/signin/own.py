"""What pages about one's own user have in common: they look up the user with its tags, and demand what the API does.

A change that ends all that the person has begun leaves them the session that it was made in, as another one.
"""

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.directory.owners import get_owner, owner_id_of
from sts.model import Account
from sts.sessions import BrowserSessions
from sts.signin.answer import SESSION_COOKIE, Cookie
from sts.signin.row import Page, Proof, Run, Target, on_target, show_page, take_form
from sts.signin.visit import Visit
from sts.store.database import Transaction
from sts.store.tags import find_tags

_T = TypeVar("_T")


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


async def change_and_stay(
    visit: Visit, sessions: BrowserSessions, change: Callable[[Transaction], _T]
) -> tuple[_T, Cookie]:
    """Make *change*, which ends all that the person has begun, and return what it returns, and their session's cookie.

    The session goes on under another id, which the record tells: what was begun from it ended too, and a copy of its
    cookie is worth nothing.
    """
    opened = visit.get_opened()
    successor = sessions.prepare_successor(opened)

    def succeed(tx: Transaction) -> _T:
        result = sessions.succeed(tx, opened, successor, change)
        visit.entry.made = {"jti": successor.session.session_id}
        return result

    result = await visit.change(succeed)
    visit.opened = successor  # a page that follows is of it
    return result, Cookie(SESSION_COOKIE, successor.value)


def _read_self(visit: Visit, connection: Connection) -> Target:
    owner = get_owner(connection, visit.caller.account_id, visit.caller.unique_id)
    tags = {} if isinstance(owner, Account) else find_tags(connection, owner_id_of(owner))
    return Target(visit.caller.arn, owner, tags=tags)
