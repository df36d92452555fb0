"""Sign-in at the service, as `aws login` does it: approved in a browser, redeemed and refreshed with a key.

The service's half is AWS Sign-In's (signin, 2023-01-01): an authorization code with PKCE (RFC 7636), whose one method
AWS calls SHA-256, and tokens that are bound to a key (RFC 9449).
"""

import base64
import hashlib
import hmac
import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlencode

from botocore.awsrequest import AWSPreparedRequest, AWSRequest
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from sts.client.possession import ALGORITHM, prove_possession
from sts.client.sending import find_bundle, normalize_endpoint, open_sender
from sts.clock import Clock, SystemClock
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import SigningKey, generate_signing_key
from sts.crypto.jws import parse_jws
from sts.entropy import Entropy
from sts.errors import LoginEnded, Malformed, Refusal, Unavailable

CONFIRMATION_PATH = "/v1/sessions/confirmation"
_AUTHORIZE_PATH, _TOKEN_PATH = "/v1/authorize", "/v1/token"
_CLIENT = "arn:aws:signin:::devtools/{}"
_OVER = frozenset({"TOKEN_EXPIRED", "USER_CREDENTIALS_CHANGED", "AUTHCODE_EXPIRED"})
_DECLINED = "access_denied"  # (RFC 6749, section 4.1.2.1)
_LIVE_PATH = "/livez"
_OK, _SERVER_FAULT = 200, 500
_TRIES = 3
_JSON = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Login:
    """What a client has of a login that lasts until *ends_at*: whose it is, credentials, and what gives the next."""

    endpoint: str
    arn: str
    client_id: str
    ends_at: datetime
    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str = field(repr=False)
    expires_at: datetime
    refresh_token: str = field(repr=False)
    key: SigningKey = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of a person in the browser, once; *state* comes back with the answer."""

    endpoint: str
    client_id: str
    redirect_uri: str
    state: str
    verifier: str = field(repr=False)

    def render_url(self) -> str:
        """Return the address that the browser opens."""
        query = {
            "response_type": "code",
            "client_id": self.client_id,
            "state": self.state,
            "code_challenge_method": "SHA-256",
            "scope": "openid",
            "redirect_uri": self.redirect_uri,
            "code_challenge": encode_base64url(hashlib.sha256(self.verifier.encode("ascii")).digest()),
        }
        return f"{self.endpoint}{_AUTHORIZE_PATH}?{urlencode(query)}"

    def read_answer(self, query: str) -> str:
        """Return the code in the answer's *query*.

        Raises Malformed for what is no answer to this question, and Refusal when the answer is no.
        """
        members = {name: values[0] for name, values in parse_qs(query).items() if len(values) == 1}
        # Anybody may send a browser here with an answer of their own, to have us act as somebody else.
        if not hmac.compare_digest(members.get("state", "").encode(), self.state.encode()):
            raise Malformed("This is no answer to the sign-in that was begun here")
        if members.get("iss", self.endpoint) != self.endpoint:
            raise Refusal(f"The service calls itself {members['iss']}: run `sts login --endpoint-url {members['iss']}`")
        if members.get("error") == _DECLINED:
            raise Refusal("You declined it in the browser")
        if "code" not in members:
            reason = members.get("error_description") or members.get("error") or "no reason is given"
            raise Refusal(f"The sign-in was refused: {reason}")
        return members["code"]

    def read_typed_answer(self, text: str) -> str:
        """Return the code in *text*, which a person brought from the page; raises what `read_answer` raises."""
        try:
            query = base64.b64decode("".join(text.split()), validate=True).decode("ascii")
        except ValueError:
            raise Malformed("This is not the text that the page showed") from None
        return self.read_answer(query)


@dataclass(frozen=True, slots=True)
class SignIn:
    """The service to sign in at."""

    endpoint: str
    sender: URLLib3Session = field(repr=False)
    clock: Clock
    entropy: Entropy

    def ask(self, redirect_uri: str | None) -> Question:
        """Return a question whose answer comes to *redirect_uri* on this machine; None: a person brings it."""
        return Question(
            endpoint=self.endpoint,
            client_id=_CLIENT.format("cross-device" if redirect_uri is None else "same-device"),
            redirect_uri=redirect_uri or self.endpoint + CONFIRMATION_PATH,
            state=self.entropy.request_id(),
            verifier=self.entropy.token(),
        )

    def require_answer(self) -> None:
        """Raise Unavailable unless something answers there: nobody is sent to an address where nothing is."""
        try:
            self.sender.send(AWSRequest(method="GET", url=self.endpoint + _LIVE_PATH).prepare())
        except BotoCoreError as fault:
            raise Unavailable(f"{self.endpoint} does not answer: {fault}") from fault

    def redeem(self, question: Question, code: str) -> Login:
        """Return the login that *code* is given for, bound to a new key; raises Refusal kin."""
        key = generate_signing_key(ALGORITHM)
        members = {
            "clientId": question.client_id,
            "grantType": "authorization_code",
            "code": code,
            "codeVerifier": question.verifier,
            "redirectUri": question.redirect_uri,
        }
        told = self._post(key, members)
        given = _read_given(told, self.clock.now())
        arn, ends_at = _read_identity(told.get("idToken"))
        return Login(endpoint=self.endpoint, arn=arn, ends_at=ends_at, client_id=question.client_id, key=key, **given)

    def refresh(self, login: Login) -> Login:
        """Return *login* with the next credentials; raises LoginEnded when there are none any more, Refusal kin."""
        members = {
            "clientId": login.client_id,
            "grantType": "refresh_token",
            "refreshToken": login.refresh_token,
        }
        return replace(login, **_read_given(self._post(login.key, members), self.clock.now()))

    def _post(self, key: SigningKey, members: Mapping[str, str]) -> Mapping[str, Any]:
        """Return the answer to *members*, raises Refusal kin.

        Where none comes, the very same request is sent again: the service gives it the answer that was lost.
        """
        url, body = self.endpoint + _TOKEN_PATH, json.dumps(members).encode("ascii")
        proof = prove_possession(key, url, jti=self.entropy.nonce(), now=self.clock.now())
        headers = {"Accept": _JSON, "Content-Type": _JSON, "DPoP": proof}
        request = AWSRequest(method="POST", url=url, headers=headers, data=body).prepare()
        for left in reversed(range(_TRIES)):
            try:
                return self._send(request)
            except Unavailable:
                if not left:
                    raise
        raise AssertionError("the last try returns or raises")

    def _send(self, request: AWSPreparedRequest) -> Mapping[str, Any]:
        try:
            response = self.sender.send(request)
            content: bytes = response.content
        except BotoCoreError as fault:
            raise Unavailable(f"{self.endpoint} does not answer: {fault}") from fault
        try:
            told = parse_json_object(content)
        except Malformed:
            raise Unavailable(f"{self.endpoint} answers {response.status_code} with something else") from None
        if response.status_code != _OK:
            raise _refuse(response.status_code, told)
        return told


def open_sign_in(endpoint: str) -> SignIn:
    """Return what signs in at *endpoint*; raises Malformed for no address, Refusal for a configuration of none."""
    endpoint = normalize_endpoint(endpoint)
    try:
        bundle = find_bundle(Session())
    except BotoCoreError as fault:
        raise Refusal(f"The shared configuration cannot be used: {fault}") from fault
    return SignIn(endpoint, open_sender(endpoint, bundle), SystemClock(), Entropy())


def _refuse(status: int, told: Mapping[str, Any]) -> Refusal:
    message = str(told.get("message", "no reason is given"))
    if told.get("error") in _OVER:
        return LoginEnded(f"{message}: run `sts login`")
    return Unavailable(message) if status >= _SERVER_FAULT else Refusal(message)


def _read_given(told: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    try:
        token = told["accessToken"]
        given = {
            "access_key_id": token["accessKeyId"],
            "secret_access_key": token["secretAccessKey"],
            "session_token": token["sessionToken"],
            "refresh_token": told["refreshToken"],
        }
        lifetime = timedelta(seconds=told["expiresIn"])
    except (KeyError, TypeError, OverflowError):
        raise Unavailable("The service answers with something else than credentials") from None
    if not all(isinstance(value, str) for value in given.values()):
        raise Unavailable("The service answers with something else than credentials")
    return {**given, "expires_at": now + lifetime}


def _read_identity(token: object) -> tuple[str, datetime]:
    """Return whom an ID token is of, and when the login ends.

    It came from the service itself, so its signature is not looked at (OpenID Connect Core, section 3.1.3.7).
    """
    try:
        claims = parse_json_object(parse_base64url(parse_jws(str(token)).payload_text))
        subject, ends_at = claims["sub"], datetime.fromtimestamp(claims["exp"], UTC)
    except (Malformed, KeyError, TypeError, ValueError, OverflowError):
        raise Unavailable("The service does not say who signed in") from None
    if not isinstance(subject, str):
        raise Unavailable("The service does not say who signed in")
    return subject, ends_at
