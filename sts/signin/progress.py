"""How a sign-in goes on: every page of it notes what it proved and asks here; here alone a session begins."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from msgspec.structs import replace
from sqlalchemy import Connection

from sts.audit.events import Event
from sts.authn.passwords import PasswordProof
from sts.directory.needs import find_needs
from sts.entropy import Entropy
from sts.errors import FlowEnded, Refusal, SignInNeeded
from sts.keyring.keyring import Keyring
from sts.sessions import Beginning, BrowserSessions, Flow, Flows, Opened, Step, end_session, next_step, verify_standing
from sts.signin.answer import DEVICE_COOKIE, FLOW_COOKIE, SESSION_COOKIE, Cookie, Moved, take_back
from sts.signin.table import PAGE_OF_STEP
from sts.signin.visit import Visit
from sts.store.browser_sessions import BrowserSession
from sts.store.credential_marks import mark_sign_in
from sts.store.database import Transaction

_DEVICE = timedelta(days=365)
_SEED = b"seed that is being enrolled "
_ENDED = "This sign-in is over: the session that it was for has ended."
_OTHER_STEP = "This sign-in is over: what it asks for was changed meanwhile. Please sign in again."

Change = Callable[[Transaction], None]


@dataclass(frozen=True, slots=True)
class Progress:
    """Leads from one step of a sign-in to the next, and to a session behind the last."""

    flows: Flows
    sessions: BrowserSessions
    passwords: PasswordProof
    keyring: Keyring
    entropy: Entropy

    async def take(self, visit: Visit) -> Flow:
        """Take the flow of the browser, whose step was proven, for `go_on`: of two requests one has it.

        Raises FlowEnded, also when the store no longer asks for this step, or what the flow stands on has changed. What
        the store asks for is read anew.
        """
        flow, now = await self.flows.take(visit.flow_value), self.flows.clock.now()
        return await visit.read(lambda connection: _confirm_step(connection, visit, flow, now))

    async def go_on(self, visit: Visit, flow: Flow, change: Change | None = None) -> tuple[Cookie, ...]:
        """Keep *flow* as it is after a step, with *change* in the store, and return the cookies of what is next.

        Behind the last step the session begins, or is renewed, with a record of its own. What *change* makes of the
        password or the factors *flow* stands on from then on.
        """
        if next_step(flow) is not Step.DONE:
            # Kept first: while the cache is away nothing is changed, as the person is told. Nobody has its value yet.
            flow = self._prepare(flow)
            value = await self.flows.begin(flow)
            if change is not None:
                # Until it is kept again it stands on what is gone: lost here, it is begun with what was just set.
                mark = await self._attempt(visit, visit.change(partial(_change_while_due, visit, flow, change)))
                await self.flows.keep(value, replace(flow, mark=mark))
            return (Cookie(FLOW_COOKIE, value),)
        if change is not None:
            mark = await self._attempt(visit, visit.change_beside(partial(_change_while_due, visit, flow, change)))
            flow = replace(flow, mark=mark)
        return await self._renew(visit, flow) if flow.session_id else await self._begin(visit, flow)

    async def move_on(self, visit: Visit, flow: Flow, change: Change | None = None) -> Moved:
        """Do what `go_on` does, and lead to the page of the next step, or to where the person was on the way to."""
        cookies = await self.go_on(visit, flow, change)
        step = next_step(flow)
        return Moved(flow.goal if step is Step.DONE else PAGE_OF_STEP[step], cookies)

    async def _attempt(self, visit: Visit, changing: Awaitable[bytes]) -> bytes:
        """Await a change; when it is refused the flow is put back as it was, so that its step can be tried again."""
        try:
            return await changing
        except FlowEnded:
            raise
        except Refusal:
            if visit.flow is not None:
                visit.begun_flow = await self.flows.begin(visit.flow)
            raise

    async def _begin(self, visit: Visit, flow: Flow) -> tuple[Cookie, ...]:
        entry = visit.entry
        beginning = await self.sessions.prepare(flow, entry.address, entry.user_agent)
        entry.event, entry.caller = Event.BROWSER_SESSION_BEGIN, beginning.caller
        entry.parameters = {"methods": flow.methods, "failures": flow.failures}
        device = await self.passwords.remember(flow.principal_id, visit.device)
        former = await self._find_former(visit)
        await visit.change(partial(self._begin_in_place, former, beginning))
        visit.opened = Opened(beginning.session, beginning.caller, beginning.value)  # a page that follows is of it
        return (
            Cookie(SESSION_COOKIE, beginning.value),
            Cookie(DEVICE_COOKIE, device, int(_DEVICE.total_seconds())),
            take_back(FLOW_COOKIE),
        )

    async def _find_former(self, visit: Visit) -> BrowserSession | None:
        """Return the session that the browser shows, whoever's it is: the new one takes its place."""
        try:
            return (await self.sessions.open(visit.session_value)).session
        except SignInNeeded:
            return None

    def _begin_in_place(self, former: BrowserSession | None, beginning: Beginning, tx: Transaction) -> None:
        if former is not None:
            end_session(tx, former)
        self.sessions.begin(tx, beginning)

    async def _renew(self, visit: Visit, flow: Flow) -> tuple[Cookie, ...]:
        opened = await self.open_own(visit, flow)
        renewed = self.sessions.prepare_renewal(opened, flow)
        visit.entry.event, visit.entry.caller = Event.BROWSER_SESSION_RENEW, renewed.caller
        visit.entry.parameters = {"methods": flow.methods}
        await visit.change(lambda tx: self.sessions.renew(tx, opened, renewed, flow))
        visit.opened = renewed
        return Cookie(SESSION_COOKIE, renewed.value), take_back(FLOW_COOKIE)

    async def open_own(self, visit: Visit, flow: Flow) -> Opened:
        """Return the session that *flow* is to renew; raises FlowEnded when the browser shows another."""
        opened = await self.sessions.open(visit.session_value)
        if opened.session.session_id != flow.session_id or opened.session.principal_id != flow.principal_id:
            raise FlowEnded(_ENDED, detail="the browser shows another session than the one to be renewed")
        return opened

    def _prepare(self, flow: Flow) -> Flow:
        """Return *flow* with the seed of a new device when one is to be enrolled next."""
        if next_step(flow) is not Step.ENROLMENT or flow.sealed_seed:
            return flow
        seed = self.entropy.totp_seed()
        return replace(flow, sealed_seed=self.keyring.seal(seed, _SEED + flow.principal_id.encode("ascii")))

    def open_seed(self, flow: Flow) -> bytes:
        """Return the seed of the device that is being enrolled."""
        return self.keyring.open_sealed(flow.sealed_seed, _SEED + flow.principal_id.encode("ascii"))


def _change_while_due(visit: Visit, flow: Flow, change: Change, tx: Transaction) -> bytes:
    """Make *change* while its step is due, and return the mark of what *flow* stands on then.

    What its owner set meanwhile, who knows an old password overwrites not.
    """
    tx.begin_change()
    if visit.flow is not None:
        _confirm_step(tx.connection, visit, visit.flow, tx.now)
    change(tx)
    return mark_sign_in(tx.connection, flow.account_id, flow.principal_id)


def _confirm_step(connection: Connection, visit: Visit, flow: Flow, now: datetime) -> Flow:
    """Return *flow* with what the store asks of its principal now; raises FlowEnded when that is another step."""
    verify_standing(connection, flow)
    fresh = replace(flow, needs=find_needs(connection, flow.account_id, flow.principal_id, now))
    if visit.page is None or next_step(fresh) is not visit.page.step:
        raise FlowEnded(_OTHER_STEP, detail="the store asks for another step than the one that was taken")
    return fresh
