"""Letting a command line in: the page on which a person says that `aws login` or `sts login` may be who they are.

Whatever the browser brings, a code is made only after a click on this page, which says who asks, for whom, and where
the answer goes. Of a client on another device nobody here knows whose it is: its page warns of who sends such links.
"""

from dataclasses import dataclass
from functools import partial
from urllib.parse import urlsplit

from sts.access import Demand
from sts.audit.events import Event
from sts.errors import LoginCodeInvalid, NotFound
from sts.logins.grants import AUTHORIZE, Logins, demand, describe
from sts.logins.requests import CONFIRMATION_PATH, Client, LoginRequest, LoginRequests, render_typed_answer
from sts.signin.answer import Answer, Moved, Shown
from sts.signin.row import Page, Proof, Target, demand_nothing, show_page, take_form
from sts.signin.table import HOME
from sts.signin.visit import Visit

_PAGE, _DECLINE = "/ui/authorize/{}", "/ui/decline/{}"
_NOT_GIVEN = "There is no code here that was given to you: start again at the command line."


@dataclass(frozen=True, slots=True)
class AuthorizingPages:
    """The page that asks, what follows either answer, and the page with the code for another device."""

    requests: LoginRequests
    logins: Logins
    issuer: str

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        show = partial(show_page, event=None, proof=Proof.SESSION, back=HOME)
        answer = partial(take_form, proof=Proof.SESSION, find=self._find, back=_PAGE)
        given, approved, declined = self._find_given, Event.LOGIN_AUTHORIZE, Event.LOGIN_DECLINE
        return (
            show("ShowAuthorization", _PAGE, self._show, find=self._find, demands=_demand),
            answer("AuthorizeOAuth2Access", _PAGE, self._approve, demands=_demand, event=approved),
            answer("DeclineOAuth2Access", _DECLINE, self._decline, demands=demand_nothing, event=declined),
            show("ShowConfirmation", CONFIRMATION_PATH, _show_confirmation, find=given, demands=demand_nothing),
        )

    async def _find(self, visit: Visit) -> Target:
        """Return what is asked for; raises NotFound."""
        request = self.requests.open(visit.rest)
        return Target(demand(AUTHORIZE, visit.caller, request.client, {}).resource, request)

    async def _show(self, visit: Visit, target: Target) -> Answer:
        request: LoginRequest = target.noun
        parts = urlsplit(request.redirect_uri)
        context = {
            "request": visit.rest,
            "hours": round(self.logins.life.total_seconds() / 3600),
            "is_remote": request.client is Client.CROSS_DEVICE,
            "origin": f"{parts.scheme}://{parts.netloc}",
            "address": visit.entry.address,
        }
        # The browser follows the answer to the client's own address only if the page with the form says so.
        return Shown("authorize.html", context, form_action=(f"{parts.scheme}://{parts.netloc}",))

    async def _approve(self, visit: Visit, target: Target) -> Answer:
        request: LoginRequest = target.noun
        visit.entry.parameters = {"client": request.client, "redirect_uri": request.redirect_uri}
        code = await visit.change(lambda tx: self.logins.approve(tx, visit.caller, request, visit.entry.address))
        return Moved(request.render_answer(self.issuer, code=code))

    async def _decline(self, visit: Visit, target: Target) -> Answer:
        request: LoginRequest = target.noun
        visit.entry.parameters = {"client": request.client, "redirect_uri": request.redirect_uri}
        return Moved(request.render_answer(self.issuer, error="access_denied"))

    async def _find_given(self, visit: Visit) -> Target:
        """Return the answer that this session was given; raises NotFound for any other.

        What somebody else made is not shown here: a code that a person types in makes their command line its owner's.
        """
        if "error" in visit.query:
            return Target("", "")
        code, state = visit.query.get("code", ""), visit.query.get("state", "")
        try:
            login = await self.logins.get_by_code(code)
        except LoginCodeInvalid:
            raise NotFound(_NOT_GIVEN) from None
        if login.grant.browser_session_id != visit.get_opened().session.session_id:
            raise NotFound(_NOT_GIVEN)
        return Target("", render_typed_answer(state, code))


def _demand(visit: Visit, target: Target) -> tuple[Demand, ...]:
    request: LoginRequest = target.noun
    context = describe(request.client, redirect_uri=request.redirect_uri)
    return (demand(AUTHORIZE, visit.caller, request.client, context),)


async def _show_confirmation(_visit: Visit, target: Target) -> Answer:
    return Shown("confirmation.html", {"answer": target.noun})
