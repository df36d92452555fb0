"""`POST /v1/token`, CreateOAuth2Token: unsigned, proven by possession of a key (RFC 9449)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, Never

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from sts.access import Decider, require
from sts.arn import GLOBAL_REGION
from sts.audit.events import Event
from sts.audit.record import Entry
from sts.audit.recording import Recorder, Recording
from sts.audit.sums import Sums
from sts.authn.addresses import AddressCounts
from sts.authn.arrival import begin_entry, describe_circumstances
from sts.authn.possession import Possession, Possessions
from sts.authn.throttle import Throttle
from sts.aws.login.errors import INTERNAL, JSON, send_error, send_json, send_refusal
from sts.aws.request import find_header, read_body
from sts.clock import Clock
from sts.coherence import Coherence
from sts.credentials import TemporaryCredentials
from sts.crypto.jsonobject import parse_json_object
from sts.entropy import Entropy
from sts.errors import (
    LoginEnded,
    MediaTypeUnsupported,
    MethodUnsupported,
    ParameterInvalid,
    Refusal,
    TooLarge,
    Unproven,
)
from sts.keyring.keyring import Keyring
from sts.login_grants import LoginGrant
from sts.logins.grants import REDEEM, Login, Logins, demand, describe, end_for, verify_holder
from sts.logins.requests import CLIENTS, Client
from sts.logins.tokens import verify_redemption
from sts.store.database import Transaction
from sts.telemetry.meters import Meters

PATH = "/v1/token"
OPERATION = "signin:CreateOAuth2Token"
ID_TOKEN_TYPE = "sts-login-id+jwt"  # noqa: S105  a media type
_LARGEST_BODY = 8 * 1024

_log = structlog.get_logger("sts.aws")


class TokenInput(msgspec.Struct, frozen=True, forbid_unknown_fields=True, rename="camel", kw_only=True):
    """The body of CreateOAuth2Token, as the service model describes it."""

    client_id: Annotated[str, msgspec.Meta(pattern=r"^arn:aws:signin:::devtools/(cross-device|same-device)\Z")]
    grant_type: Annotated[str, msgspec.Meta(pattern=r"^(authorization_code|refresh_token)\Z")]
    code: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    redirect_uri: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None
    code_verifier: (
        Annotated[str, msgspec.Meta(min_length=43, max_length=128, pattern=r"^[A-Za-z0-9\-._~]+\Z")] | None
    ) = None
    refresh_token: Annotated[str, msgspec.Meta(min_length=1, max_length=2048)] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenEndpoint:
    """`POST /v1/token`: CreateOAuth2Token."""

    logins: Logins
    possessions: Possessions
    addresses: AddressCounts
    throttle: Throttle
    coherence: Coherence
    access: Decider
    journal: Recorder
    sums: Sums
    meters: Meters
    keyring: Keyring
    issuer: str
    clock: Clock
    entropy: Entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        entry = begin_entry(scope, self.entropy.request_id(), self.clock.now())
        try:
            result = await self._answer(scope, receive, entry)
        except Refusal as refusal:
            await send_refusal(send, refusal, entry.request_id)
        except Exception:  # noqa: BLE001  a bug: the caller learns the request id, the log the rest
            _log.exception("request.failed", operation=entry.operation)
            await send_error(send, INTERNAL, "An error in the service kept it from answering", entry.request_id)
        else:
            await send_json(send, 200, msgspec.json.encode(result), entry.request_id)

    async def _answer(self, scope: Scope, receive: Receive, entry: Entry) -> dict[str, Any]:
        async with Recording(self.journal, self.sums, self.meters, entry) as recording:
            entry.operation, entry.event, entry.service = OPERATION, Event.LOGIN_REDEEM, "signin"
            entry.region = GLOBAL_REGION
            body = await _read(scope, receive)
            asked = _parse(body)
            if asked.grant_type == "refresh_token":
                entry.event = Event.LOGIN_REFRESH
            counted = self.throttle.admit(entry.address, tuple)
            try:
                return await self._serve(scope, recording, asked, body)
            except Unproven:
                self.throttle.count_failure(counted)
                raise

    async def _serve(self, scope: Scope, recording: Recording, asked: TokenInput, body: bytes) -> dict[str, Any]:
        entry = recording.entry
        proofs = [value.decode("latin-1") for name, value in scope["headers"] if name == b"dpop"]
        possession = self.possessions.prove(proofs, method="POST", path=PATH, body=body)
        entry.parameters = {"clientId": asked.client_id, "grantType": asked.grant_type, "jkt": possession.thumbprint}
        await self.coherence.catch_up(self.coherence.ask())
        if asked.grant_type == "refresh_token":
            return await self._refresh(scope, recording, asked, possession)
        return await self._redeem(scope, recording, asked, possession)

    async def _redeem(
        self, scope: Scope, recording: Recording, asked: TokenInput, possession: Possession
    ) -> dict[str, Any]:
        code = _require("code", asked.code)
        redirect_uri = _require("redirectUri", asked.redirect_uri)
        verifier = _require("codeVerifier", asked.code_verifier)
        client = CLIENTS[asked.client_id]
        # A code is guessed at like any other secret that people carry: by address, over all processes.
        counted = await self.addresses.count(recording.entry.address)
        login = await self.logins.get_by_code(code)
        recording.entry.claimed, grant_id = login.caller.arn, login.grant.grant_id
        verify_redemption(login.grant, client=client, redirect_uri=redirect_uri, verifier=verifier)
        await self.addresses.take_back(counted)
        if login.fault is not None:
            await self._end(recording, login, login.fault)
        recording.entry.caller = login.caller
        await self._decide(scope, recording.entry, login, asked)
        await self.possessions.use_up(possession)
        result = await self._change(recording, login, lambda tx: self.logins.redeem(tx, grant_id, possession))
        return {**result, "idToken": self._sign_identity(login, asked.client_id)}

    async def _refresh(
        self, scope: Scope, recording: Recording, asked: TokenInput, possession: Possession
    ) -> dict[str, Any]:
        token = self.logins.tokens.parse_refresh_token(_require("refreshToken", asked.refresh_token))
        login = await self.logins.get_by_refresh_token(token, CLIENTS[asked.client_id])
        fault = login.fault or verify_holder(login.grant, possession)
        if fault is not None:
            await self._end(recording, login, fault)
        recording.entry.caller = login.caller
        await self._decide(scope, recording.entry, login, asked)
        await self.possessions.use_up(possession)
        return await self._change(
            recording, login, lambda tx: self.logins.refresh(tx, token.grant_id, token.generation)
        )

    async def _end(self, recording: Recording, login: Login, fault: LoginEnded) -> Never:
        """End the login, which is kept although it is refused: raises *fault*."""
        recording.entry.claimed = login.caller.arn
        await recording.change(lambda tx: end_for(tx, login.grant, fault))
        raise fault

    async def _decide(self, scope: Scope, entry: Entry, login: Login, asked: TokenInput) -> None:
        client = Client(login.grant.client)
        # As it was asked for: beside a refresh token the body may name any.
        redirect_uri = login.grant.redirect_uri if asked.grant_type == "authorization_code" else None
        context = describe(client, redirect_uri=redirect_uri, grant_type=asked.grant_type)
        demanded = demand(REDEEM, login.caller, client, context)
        entry.pairs = ((demanded.action, demanded.resource),)
        decisions = await self.access.decide(login.caller, describe_circumstances(scope, entry), (demanded,))
        entry.decisions = tuple(decision.as_record() for decision in decisions)
        require(login.caller, decisions)

    async def _change(
        self, recording: Recording, login: Login, change: Callable[[Transaction], LoginGrant | Refusal]
    ) -> dict[str, Any]:
        minted = await self.logins.mint(login)

        def note(tx: Transaction) -> LoginGrant | Refusal:
            changed = change(tx)
            if not isinstance(changed, Refusal):
                recording.entry.made = {"AccessKeyId": minted.access_key_id, "jti": minted.jti}
            return changed

        grant: LoginGrant = await recording.change(note)
        return self._render(grant, minted)

    def _render(self, grant: LoginGrant, minted: TemporaryCredentials) -> dict[str, Any]:
        return {
            "accessToken": {
                "accessKeyId": minted.access_key_id,
                "secretAccessKey": str(minted.secret_access_key),
                "sessionToken": str(minted.session_token),
            },
            "tokenType": "aws_sigv4",
            "expiresIn": int((minted.expires_at - self.clock.now()).total_seconds()),
            "refreshToken": str(self.logins.tokens.make_refresh_token(grant.grant_id, grant.generation)),
        }

    def _sign_identity(self, login: Login, audience: str) -> str:
        """Return who signed in, as the client wants it: for itself, of a type that nothing else here takes."""
        now, grant = int(self.clock.now().timestamp()), login.grant
        claims = {
            "iss": self.issuer,
            "aud": audience,
            "sub": login.caller.arn,
            "iat": now,
            "exp": int(grant.ends_at.timestamp()),
            "auth_time": int(grant.browser_session_at.timestamp()),
            "amr": grant.amr,
        }
        return self.keyring.sign_token(ID_TOKEN_TYPE, msgspec.json.encode(claims))


async def _read(scope: Scope, receive: Receive) -> bytes:
    if scope["method"] != "POST":
        raise MethodUnsupported(f"The method {scope['method']} is not offered here: use POST")
    if scope["query_string"]:  # by their query AWS tells other operations of this address apart
        raise ParameterInvalid("No query is offered here")
    body = await read_body(scope["headers"], receive)
    if len(body) > _LARGEST_BODY:
        raise TooLarge(f"The body of CreateOAuth2Token is at most {_LARGEST_BODY} bytes")
    media_type = (find_header(scope["headers"], b"content-type") or b"").split(b";", 1)[0].strip().lower()
    if media_type != JSON:
        raise MediaTypeUnsupported("The body of a request is of the type application/json")
    return body


def _parse(body: bytes) -> TokenInput:
    """Return the body's members; raises Malformed, in words that repeat none of their values."""
    try:
        return msgspec.convert(parse_json_object(body), TokenInput)
    except msgspec.ValidationError as fault:
        raise ParameterInvalid(f"1 validation error detected: {fault}") from None
    except UnicodeEncodeError:
        raise ParameterInvalid("1 validation error detected: half a surrogate pair in the name of a member") from None


def _require(name: str, value: str | None) -> str:
    if value is None:
        raise ParameterInvalid(f"1 validation error detected: {name} must not be null")
    return value
