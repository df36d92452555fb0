"""One's own sessions, and when and from where somebody signed in, or tried to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

import msgspec
from sqlalchemy import Connection

from sts.audit.events import Event
from sts.audit.search import Searches, parse_search
from sts.clock import Clock
from sts.errors import NotFound
from sts.limits import SessionLimits
from sts.sessions import end_everywhere, end_session
from sts.signin.answer import SESSION_COOKIE, Answer, Moved, Shown, take_back
from sts.signin.home import SIGNED_OUT
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.visit import Visit
from sts.store import browser_sessions
from sts.store.browser_sessions import BrowserSession

SESSIONS = "/ui/sessions"
_END, _END_OTHERS = f"{SESSIONS}/end/{{}}", f"{SESSIONS}/end-others"
_TOLD = "20"  # sign-ins of either outcome


@dataclass(frozen=True, slots=True, kw_only=True)
class SignIn:
    """A sign-in that came to its end, or a password that was wrong."""

    at: datetime
    is_done: bool
    methods: tuple[str, ...]
    address: str
    user_agent: str


@dataclass(frozen=True, slots=True)
class SessionPages:
    """The page of one's sessions and sign-ins."""

    searches: Searches
    limits: SessionLimits
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        session = Proof.SESSION
        end = partial(change_own, proof=session, event=Event.BROWSER_SESSION_END, retry=None, back=SESSIONS)
        return (
            show_own("ShowSessions", SESSIONS, self._show, proof=session, event=Event.BROWSER_SESSION_READ),
            end("EndSession", _END, _end),
            end("EndOtherSessions", _END_OTHERS, _end_others),
        )

    async def _show(self, visit: Visit, _target: Target) -> Answer:
        sessions = await visit.read(partial(self._list_sessions, visit))
        sign_ins = await visit.read(partial(self._list_sign_ins, visit))
        own = visit.get_opened().session.session_id
        return Shown("sessions.html", {"sessions": sessions, "own": own, "sign_ins": sign_ins})

    def _list_sessions(self, visit: Visit, connection: Connection) -> list[BrowserSession]:
        now = self.clock.now()
        goes_on = browser_sessions.list_open(connection, visit.caller.unique_id, now)
        return [each for each in reversed(goes_on) if now - each.last_seen_at < self.limits.idle]

    def _list_sign_ins(self, visit: Visit, connection: Connection) -> list[SignIn]:
        """Return the latest sign-ins, and the latest wrong passwords, the latest first."""
        done = self._search(visit, connection, Event.BROWSER_SESSION_BEGIN, "done")
        refused = self._search(visit, connection, Event.PASSWORD_PROVE, "refused")
        return sorted((*done, *refused), key=lambda each: each.at, reverse=True)[: int(_TOLD)]

    def _search(self, visit: Visit, connection: Connection, event: Event, outcome: str) -> Iterable[SignIn]:
        asked = {"principal": visit.caller.arn, "action": event, "outcome": outcome, "order": "newest", "limit": _TOLD}
        page = self.searches.find_page(connection, visit.caller.account_id, parse_search(asked))
        return [_read_sign_in(msgspec.json.decode(body), is_done=outcome == "done") for body in page.bodies]


async def _end(visit: Visit, _target: Target) -> Answer:
    session = await visit.read(lambda connection: browser_sessions.find_session(connection, visit.rest))
    # Whose it is, is looked at before anything else: the id of another's session ends nothing.
    if session is None or session.principal_id != visit.caller.unique_id:
        raise NotFound("You have no such session")
    visit.entry.parameters = {"session": session.session_id}
    await visit.change(lambda tx: end_session(tx, session))
    if session.session_id == visit.get_opened().session.session_id:
        return Moved(SIGNED_OUT, (take_back(SESSION_COOKIE),))
    return Moved(SESSIONS)


async def _end_others(visit: Visit, _target: Target) -> Answer:
    own = visit.get_opened().session
    await visit.change(lambda tx: end_everywhere(tx, own.principal_id, spared=own.session_id))
    return Moved(SESSIONS)


def _read_sign_in(body: Mapping[str, Any], *, is_done: bool) -> SignIn:
    return SignIn(
        at=datetime.fromisoformat(body["at"]),
        is_done=is_done,
        methods=tuple(body["parameters"].get("methods", ())),
        address=body["address"] or "",
        user_agent=body["user_agent"],
    )
