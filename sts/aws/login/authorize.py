"""`GET /v1/authorize`: what a command line opens in a browser is checked, and handed to the page that asks a person."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope, Send

from sts.aws.wire import Form, parse_form
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import MethodUnsupported, ParameterInvalid, Refusal
from sts.logins.requests import CLIENTS, LoginRequest, LoginRequests, verify_challenge, verify_redirect, verify_state

PATH = "/v1/authorize"
PAGE_PATH = "/ui/authorize/"
_WANTED = {"response_type": "code", "scope": "openid", "code_challenge_method": "SHA-256"}


@dataclass(frozen=True, slots=True)
class AuthorizeEndpoint:
    """Sends the browser on; nothing is done here and nobody is proven, the page does both.

    Where an answer may be sent to who asks, it is told there what is wrong; a stranger learns it here.
    """

    requests: LoginRequests
    issuer: str
    clock: Clock
    entropy: Entropy

    async def __call__(self, scope: Scope, _receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        try:
            location = self._find_location(scope)
        except MethodUnsupported as refusal:
            await self._send(send, 405, f"{refusal.message}\n".encode(), ((b"allow", b"GET, HEAD"),))
        except Refusal as refusal:
            await self._send(send, 400, f"{refusal.message}\n".encode(), ())
        else:
            await self._send(send, 303, b"", ((b"location", location.encode("ascii")),))

    def _find_location(self, scope: Scope) -> str:
        """Return where the browser goes; raises Refusal kin where no answer may be sent to who asks."""
        if scope["method"] not in {"GET", "HEAD"}:
            raise MethodUnsupported(f"The method {scope['method']} is not offered here: use GET")
        form = parse_form(scope["query_string"])
        client = CLIENTS.get(form.get("client_id", ""))
        if client is None:
            raise ParameterInvalid("client_id is none that may sign in here")
        redirect_uri = form.get("redirect_uri", "")
        verify_redirect(client, redirect_uri, self.issuer)
        request = LoginRequest(
            client=client,
            redirect_uri=redirect_uri,
            state=verify_state(form.get("state", "")),
            challenge=form.get("code_challenge", ""),
            asked_at=int(self.clock.now().timestamp()),
        )
        try:
            _verify_asked(form)
        except ParameterInvalid as fault:
            return request.render_answer(self.issuer, error="invalid_request", error_description=fault.message)
        return f"{PAGE_PATH}{self.requests.render(request)}"

    async def _send(self, send: Send, status: int, body: bytes, more: Sequence[tuple[bytes, bytes]]) -> None:
        headers = [
            (b"content-type", b"text/plain; charset=utf-8"),
            (b"content-length", str(len(body)).encode("ascii")),
            (b"cache-control", b"no-store"),
            (b"referrer-policy", b"no-referrer"),
            (b"x-content-type-options", b"nosniff"),
            (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
            (b"x-amzn-requestid", self.entropy.request_id().encode("ascii")),
            *more,
        ]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})


def _verify_asked(form: Form) -> None:
    """Raise ParameterInvalid for anything but what is offered: PKCE, whose one method AWS calls SHA-256, and openid."""
    for name, only in _WANTED.items():
        if form.get(name) != only:
            raise ParameterInvalid(f"{name} is {only}")
    verify_challenge(form.get("code_challenge", ""))
    if "resource" in form:
        raise ParameterInvalid("resource is not offered")
