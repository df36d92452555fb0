"""One's own sessions and command lines, and when and from where somebody signed in, or tried to."""

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
from sts.directory.owners import get_owner
from sts.errors import NotFound
from sts.logins.grants import end, end_sign_ins, list_live
from sts.sessions import BrowserSessions, end_session
from sts.signin.answer import SESSION_COOKIE, Answer, Moved, Shown, take_back
from sts.signin.home import SIGNED_OUT
from sts.signin.own import change_and_stay
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.visit import Visit
from sts.store.browser_sessions import find_session
from sts.store.login_grants import find_grant

SESSIONS = "/ui/sessions"
_END, _END_LOGIN, _END_OTHERS = f"{SESSIONS}/end/{{}}", f"{SESSIONS}/end-login/{{}}", f"{SESSIONS}/end-others"
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
    sessions: BrowserSessions
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        session = Proof.SESSION
        end = partial(change_own, proof=session, retry=None, back=SESSIONS)
        ended = Event.BROWSER_SESSION_END
        return (
            show_own("ShowSessions", SESSIONS, self._show, proof=session, event=Event.BROWSER_SESSION_READ),
            end("EndSession", _END, _end, event=ended),
            end("EndLogin", _END_LOGIN, _end_login, event=Event.LOGIN_END),
            end("EndOtherSessions", _END_OTHERS, self._end_others, event=ended),
        )

    async def _show(self, visit: Visit, _target: Target) -> Answer:
        return Shown("sessions.html", await visit.read(partial(self._read, visit)))

    def _read(self, visit: Visit, connection: Connection) -> Mapping[str, Any]:
        principal_id = visit.caller.unique_id
        return {
            "sessions": reversed(self.sessions.list_live(connection, principal_id)),
            "logins": reversed(list_live(connection, principal_id, self.clock.now())),
            "own": visit.get_opened().session.session_id,
            "sign_ins": self._list_sign_ins(visit, connection),
        }

    async def _end_others(self, visit: Visit, _target: Target) -> Answer:
        principal_id = visit.caller.unique_id
        _, cookie = await change_and_stay(visit, self.sessions, lambda tx: end_sign_ins(tx, principal_id))
        return Moved(SESSIONS, (cookie,))

    def _list_sign_ins(self, visit: Visit, connection: Connection) -> list[SignIn]:
        """Return the latest sign-ins, and the latest wrong passwords, the latest first.

        What is older than the user is of another one, who had the name before.
        """
        owner = get_owner(connection, visit.caller.account_id, visit.caller.unique_id)
        asked = {"principal": visit.caller.arn, "from": owner.created_at.isoformat()}
        done = self._search(visit, connection, {**asked, "action": Event.BROWSER_SESSION_BEGIN, "outcome": "done"})
        refused = self._search(visit, connection, {**asked, "action": Event.PASSWORD_PROVE, "outcome": "refused"})
        return sorted((*done, *refused), key=lambda each: each.at, reverse=True)[: int(_TOLD)]

    def _search(self, visit: Visit, connection: Connection, asked: Mapping[str, str]) -> Iterable[SignIn]:
        search = parse_search({**asked, "order": "newest", "limit": _TOLD})
        page = self.searches.find_page(connection, visit.caller.account_id, search)
        return [_read_sign_in(msgspec.json.decode(body), is_done=asked["outcome"] == "done") for body in page.bodies]


async def _end(visit: Visit, _target: Target) -> Answer:
    session = await visit.read(lambda connection: find_session(connection, visit.rest))
    # Whose it is, is looked at before anything else: the id of another's session ends nothing.
    if session is None or session.principal_id != visit.caller.unique_id:
        raise NotFound("You have no such session")
    visit.entry.parameters = {"session": session.session_id}
    await visit.change(lambda tx: end_session(tx, session))
    if session.session_id == visit.get_opened().session.session_id:
        return Moved(SIGNED_OUT, (take_back(SESSION_COOKIE),))
    return Moved(SESSIONS)


async def _end_login(visit: Visit, _target: Target) -> Answer:
    login = await visit.read(lambda connection: find_grant(connection, visit.rest))
    if login is None or login.principal_id != visit.caller.unique_id:
        raise NotFound("You have no such command line")
    visit.entry.parameters = {"login": login.grant_id}
    await visit.change(lambda tx: end(tx, login))
    return Moved(SESSIONS)


def _read_sign_in(body: Mapping[str, Any], *, is_done: bool) -> SignIn:
    return SignIn(
        at=datetime.fromisoformat(body["at"]),
        is_done=is_done,
        methods=tuple(body["parameters"].get("methods", ())),
        address=body["address"] or "",
        user_agent=body["user_agent"],
    )
