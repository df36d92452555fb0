"""The whole front: prove, decide, do, record, show; whatever the page."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from urllib.parse import quote

import structlog
from starlette.datastructures import Headers
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from sts.access import AccessDenied, Decider, require
from sts.audit.record import Entry
from sts.audit.recording import Recorder, Recording
from sts.audit.sums import Sums
from sts.authn.arrival import begin_entry, describe_circumstances
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import (
    FlowEnded,
    FormStale,
    MethodUnsupported,
    ReauthenticationNeeded,
    Refusal,
    SignInNeeded,
    Throttled,
    Unavailable,
    Unproven,
)
from sts.model import Secret
from sts.policy.evaluate import Outcome
from sts.receipts import Receipts
from sts.sessions import BrowserSessions, Flows, Step, next_step
from sts.signin.administering import demand_user_states
from sts.signin.answer import FLOW_COOKIE, SESSION_COOKIE, Answer, Cookie, Moved, Shown, take_back
from sts.signin.ended import Ended
from sts.signin.errors import FAULT, FAULT_MESSAGE, find_error, render_message
from sts.signin.rendering import Renderer
from sts.signin.request import parse_query, read_form
from sts.signin.row import Page, Proof, Target
from sts.signin.security import FormTokens, protect, read_cookies, render_cookie, require_private, require_same_origin
from sts.signin.table import AGAIN, HOME, PAGE_OF_STEP, Table
from sts.signin.visit import Visit
from sts.store.database import Database
from sts.telemetry.meters import Meters

# Pages are asked for in no region; where a service is of the whole world AWS says this (IAM User Guide,
# "aws:RequestedRegion").
_REGION = "us-east-1"
_WITH_SESSION = frozenset({Proof.SESSION, Proof.RECENT})
# What another try with the same form does not mend.
_NO_RETRY = (FlowEnded, FormStale, Unavailable)
_AGAIN = "Please confirm that it is you: this was last done more than 15 minutes ago."

_log = structlog.get_logger("sts.signin")


class _GoElsewhere(Exception):  # noqa: N818  no fault: the flow is at another step than the page that was asked for
    def __init__(self, location: str) -> None:
        super().__init__(location)
        self.location = location


@dataclass(frozen=True, slots=True, kw_only=True)
class PagesEndpoint:
    """Everything under `/ui/`."""

    table: Table
    sessions: BrowserSessions
    flows: Flows
    tokens: FormTokens
    access: Decider
    receipts: Receipts
    journal: Recorder
    sums: Sums
    meters: Meters
    database: Database
    clock: Clock
    entropy: Entropy
    renderer: Renderer

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        if scope["path"] == self.renderer.style_path:
            await self._send_style(scope, receive, send)
            return
        entry = begin_entry(scope, self.entropy.request_id(), self.clock.now())
        entry.region = _REGION
        visit = self._begin_visit(scope, entry)
        try:
            response = self._render(visit, await self._answer_in_any_case(visit, receive))
        except Exception:  # noqa: BLE001  a bug: the person learns the request id, the log the rest
            _log.exception("request.failed", operation=entry.operation)
            fault = {"title": FAULT.title, "message": FAULT_MESSAGE, "back": HOME}
            response = self._render(visit, Shown("error.html", fault, FAULT.status))
        await response(scope, receive, send)

    def _begin_visit(self, scope: Scope, entry: Entry) -> Visit:
        return Visit(
            scope=scope,
            recording=Recording(self.journal, self.sums, self.meters, entry),
            database=self.database,
            cookies=read_cookies(Headers(scope=scope)),
            query={},
        )

    async def _answer(self, visit: Visit, receive: Receive) -> Answer:
        async with visit.recording as recording:
            page = await self._read(visit, receive)
            try:
                await self._prove(page, visit)
            except _GoElsewhere as elsewhere:
                recording.leave_out()
                return Moved(elsewhere.location)
            answer = await self._do(page, visit)
            if page.event is None:
                recording.leave_out()
        if isinstance(answer, Shown) and visit.opened is not None:
            visit.administers = await self._may_administer(visit)
        return answer

    async def _read(self, visit: Visit, receive: Receive) -> Page:
        """Return the page that is asked for, with what was sent noted in *visit*; nothing of it is believed yet."""
        require_private(visit.scope)
        page, visit.rest = self.table.get(visit.scope["method"], _read_path(visit.scope))
        visit.page = page
        visit.entry.operation = f"signin:{page.name}"
        visit.query = parse_query(visit.scope)
        if page.method == "POST":
            require_same_origin(visit.scope)
            visit.form = await read_form(visit.scope, receive)
        return page

    async def _do(self, page: Page, visit: Visit) -> Answer:
        visit.is_proven = True
        try:
            target = await page.find(visit)
            await self._decide(page, visit, target)
            return await page.run(visit, target)
        except Unproven as unproven:
            visit.entry.claimed = unproven.claimed or visit.entry.claimed
            raise

    async def _prove(self, page: Page, visit: Visit) -> None:
        if page.proof in _WITH_SESSION:
            visit.opened = await self.sessions.open(visit.session_value)
            visit.entry.caller = visit.opened.caller
        elif not visit.flow_value:
            visit.begun_flow = Secret(self.entropy.token())
        if page.event is not None:
            visit.entry.event = page.event
        if page.method == "POST":
            self.tokens.verify(visit.find("token"), visit.bound_to)
        if page.proof is Proof.FLOW:
            await self._open_flow(page, visit)
        if page.proof is Proof.RECENT and not self.sessions.is_recent(visit.get_opened()):
            raise ReauthenticationNeeded(_AGAIN)

    async def _open_flow(self, page: Page, visit: Visit) -> None:
        visit.flow = await self.flows.get(visit.flow_value)
        visit.entry.claimed = visit.flow.arn
        step = next_step(visit.flow)
        if step is not page.step:
            raise _GoElsewhere(PAGE_OF_STEP[step])

    async def _decide(self, page: Page, visit: Visit, target: Target) -> None:
        demands = page.demands(visit, target)
        if not demands:
            return
        entry, caller = visit.entry, visit.caller
        entry.pairs = tuple((demand.action, demand.resource) for demand in demands)
        decisions = await self.access.decide(caller, describe_circumstances(visit.scope, entry), demands)
        entry.decisions = tuple(decision.as_record() for decision in decisions)
        entry.crosses_accounts = any(demand.resource_account_id != caller.account_id for demand in demands)
        entry.owner_account_id = target.owner_account_id
        require(caller, decisions)

    async def _answer_in_any_case(self, visit: Visit, receive: Receive) -> Answer:
        try:
            return await self._answer(visit, receive)
        except Refusal as refusal:
            visit.refusal = refusal
            return await self._answer_refusal(visit, refusal)

    async def _may_administer(self, visit: Visit) -> bool:
        """Say whether a page leads to those of administrators, each of which decides for itself."""
        circumstances, demands = describe_circumstances(visit.scope, visit.entry), (demand_user_states(visit),)
        try:
            (decision,) = await self.access.decide(visit.caller, circumstances, demands)
        except Unavailable:  # what the page itself does is done
            return False
        return decision.outcome is Outcome.ALLOWED

    async def _answer_refusal(self, visit: Visit, refusal: Refusal) -> Answer:
        try:
            return await self._refuse(visit, refusal)
        except Refusal as further:  # what the form is to be shown again with cannot be read either
            return self._show_refusal(visit, further)

    async def _refuse(self, visit: Visit, refusal: Refusal) -> Answer:
        page = visit.page
        if page is not None and isinstance(refusal, SignInNeeded):
            return Moved(_sign_in_address(visit, page), (take_back(SESSION_COOKIE),))
        if page is not None and isinstance(refusal, ReauthenticationNeeded):
            return Moved(f"{AGAIN}?to={quote(_way_back(visit, page))}")
        if page is not None and page.retry is not None and visit.is_proven and not isinstance(refusal, _NO_RETRY):
            shown = await page.retry(visit, refusal)
            return replace(shown, status=find_error(refusal).status)
        return self._show_refusal(visit, refusal)

    def _show_refusal(self, visit: Visit, refusal: Refusal) -> Shown:
        error, message = find_error(refusal), render_message(refusal)
        if isinstance(refusal, AccessDenied):
            message += self.receipts.introduce(visit.entry, refusal)
        back = PAGE_OF_STEP[Step.PASSWORD] if error.begins_anew else HOME if visit.page is None else visit.page.back
        cookies = (take_back(FLOW_COOKIE),) if isinstance(refusal, FlowEnded) else ()
        return Shown("error.html", {"title": error.title, "message": message, "back": back}, error.status, cookies)

    def _render(self, visit: Visit, answer: Answer) -> Response:
        cookies = answer.cookies
        if visit.begun_flow is not None and all(cookie.name != FLOW_COOKIE for cookie in cookies):
            cookies = (*cookies, Cookie(FLOW_COOKIE, visit.begun_flow))
        if isinstance(answer, Moved):
            response = Response(status_code=303, headers={"location": answer.location})
            form_action: tuple[str, ...] = ()
        else:
            body = self._render_page(visit, answer)
            response = Response(body, answer.status, media_type="text/html")
            form_action = answer.form_action
        for name, value in (*protect(visit.scope, form_action), *self._describe(visit)):
            response.headers[name] = value
        for cookie in cookies:
            response.headers.append("set-cookie", render_cookie(cookie))
        return response

    def _describe(self, visit: Visit) -> Iterator[tuple[str, str]]:
        yield "x-amzn-requestid", visit.entry.request_id
        if isinstance(visit.refusal, Throttled):
            yield "retry-after", str(visit.refusal.retry_after_seconds)
        if isinstance(visit.refusal, MethodUnsupported):
            yield "allow", ", ".join(self.table.find_methods(_read_path(visit.scope)))

    def _render_page(self, visit: Visit, shown: Shown) -> bytes:
        return self.renderer.render(
            shown,
            csrf=self.tokens.mint(visit.bound_to),
            caller=None if visit.opened is None else visit.opened.caller,
            administers=visit.administers,
            request_id=visit.entry.request_id,
        )

    async def _send_style(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {"cache-control": "public, max-age=31536000, immutable", "x-content-type-options": "nosniff"}
        await Response(self.renderer.style, media_type="text/css", headers=headers)(scope, receive, send)


def _read_path(scope: Scope) -> str:
    raw_path: bytes = scope["raw_path"]
    return raw_path.decode("latin-1")


def _way_back(visit: Visit, page: Page) -> str:
    """Return where the person is led when they have signed in: the page that they asked for, or the form's."""
    return _read_path(visit.scope) if page.method == "GET" else page.back.replace("{}", visit.rest)


def _sign_in_address(visit: Visit, page: Page) -> str:
    """Return where the person signs in to come back; who was signed in until now is told what became of that."""
    address = f"{PAGE_OF_STEP[Step.PASSWORD]}?to={quote(_way_back(visit, page))}"
    return f"{address}&ended={Ended.MEANWHILE}" if visit.session_value else address
