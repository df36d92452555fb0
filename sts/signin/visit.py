"""A request for a page, with all that is known of it: what was sent, and who was proven by it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import Connection
from starlette.types import Scope

from sts.audit.record import Entry
from sts.audit.recording import Recording
from sts.errors import Refusal
from sts.model import Caller, Secret
from sts.sessions import Flow, Opened
from sts.signin.answer import DEVICE_COOKIE, FLOW_COOKIE, SESSION_COOKIE
from sts.store.database import Database, Transaction

if TYPE_CHECKING:
    from sts.signin.row import Page

_T = TypeVar("_T")


@dataclass(slots=True, kw_only=True)
class Visit:
    """A request; *rest* is what its path has in place of `{}`.

    Flow and session are there where the row asks for one.
    """

    scope: Scope
    recording: Recording
    database: Database
    cookies: Mapping[str, str] = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    rest: str = field(default="", repr=False)
    form: Mapping[str, str] = field(default_factory=dict, repr=False)
    flow: Flow | None = None
    opened: Opened | None = None
    page: "Page | None" = None  # None until the path was looked at
    refusal: Refusal | None = None  # what it was answered with
    is_proven: bool = False  # what the row asks for was shown
    administers: bool = False  # who is signed in may see how the users of their account stand
    begun_flow: Secret | None = field(default=None, repr=False)  # of a browser that had no flow's cookie yet

    @property
    def entry(self) -> Entry:
        """The entry that becomes the request's record."""
        return self.recording.entry

    @property
    def caller(self) -> Caller:
        """Who is signed in."""
        return self.get_opened().caller

    @property
    def device(self) -> str | None:
        """What the browser keeps of an earlier sign-in: it proves nothing but that there was one."""
        return self.cookies.get(DEVICE_COOKIE)

    @property
    def flow_value(self) -> str:
        """What the browser's cookie holds, or will hold, of a sign-in under way."""
        return self.begun_flow or self.cookies.get(FLOW_COOKIE, "")

    @property
    def bound_to(self) -> str:
        """What forms of the page are bound to: the session, or else the sign-in under way."""
        return self.opened.value if self.opened is not None else self.flow_value

    @property
    def session_value(self) -> str:
        """What the browser's cookie holds of a session."""
        return self.cookies.get(SESSION_COOKIE, "")

    def get_flow(self) -> Flow:
        """Return the sign-in under way; raises LookupError where the row asks for none."""
        if self.flow is None:
            raise LookupError("the row asks for no flow")
        return self.flow

    def get_opened(self) -> Opened:
        """Return the session; raises LookupError where the row asks for none."""
        if self.opened is None:
            raise LookupError("the row asks for no session")
        return self.opened

    def find(self, name: str) -> str:
        """Return the field *name* of the form, empty when it is missing."""
        return self.form.get(name, "")

    async def read(self, query: Callable[[Connection], _T]) -> _T:
        """Read the store; raises Unavailable."""
        return await self.database.read(query)

    async def change(self, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Change the store in the transaction that also takes the record of the request; at most once in a request.

        Raises the Refusal that *change* raises, or returns with its changes kept.
        """
        return await self.recording.change(change)

    async def change_beside(self, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Change the store with a record of its own, of the same request: two things happen, and each is an event."""
        result: _T = await self.recording.journal.change(replace(self.entry), change)
        return result
