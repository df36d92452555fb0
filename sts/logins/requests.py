"""What a command line asks for in the browser: to be let in as whoever approves it there.

Nothing is kept of a request: whoever could have this service remember them could fill it. It goes with the browser,
under a MAC, and says when it was made. It holds no secret, and approving it twice makes two logins, each by a click.
"""

import base64
import re
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from urllib.parse import urlencode

import msgspec

from sts.clock import Clock
from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.errors import Malformed, NotFound, ParameterInvalid, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import STAMP_BYTES, make_stamp, verify_stamp

CONFIRMATION_PATH = "/v1/sessions/confirmation"
LIFE = timedelta(minutes=10)
_LABEL = b"login-request"
_LOOPBACK = re.compile(r"http://127\.0\.0\.1:([1-9][0-9]{0,4})/oauth/callback", re.ASCII)
_LARGEST_PORT = 65_535
_CHALLENGE = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_STATE = re.compile(r"[!-~]{1,128}", re.ASCII)
_LONGEST = 4_096


class Client(StrEnum):
    """Which of the two ways: the browser on the client's own machine, or on another one."""

    SAME_DEVICE = "same-device"
    CROSS_DEVICE = "cross-device"

    @property
    def client_id(self) -> str:
        """Its identifier, which is AWS's own."""
        return f"arn:aws:signin:::devtools/{self}"

    @property
    def resource(self) -> str:
        """What AWS calls it as a resource of policies (Service Authorization Reference, AWS Signin)."""
        return f"oauth2/public-client/{'localhost' if self is Client.SAME_DEVICE else 'remote'}"


CLIENTS = {client.client_id: client for client in Client}


class LoginRequest(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """A request of *client*; *challenge* is the SHA-256 of its verifier in base64url, *asked_at* seconds of the epoch.

    *state* comes back to the client unchanged.
    """

    client: Client
    redirect_uri: str
    state: str
    challenge: str
    asked_at: int

    def render_answer(self, issuer: str, **members: str) -> str:
        """Return the address to send the browser to with *members* (RFC 6749 section 4.1.2, RFC 9207)."""
        return f"{self.redirect_uri}?{urlencode({**members, 'state': self.state, 'iss': issuer})}"


def verify_redirect(client: Client, redirect_uri: str, issuer: str) -> None:
    """Raise ParameterInvalid unless an answer to *client* may go to *redirect_uri*: only a loopback port may vary."""
    if client is Client.CROSS_DEVICE:
        if redirect_uri != issuer + CONFIRMATION_PATH:
            raise ParameterInvalid(f"redirect_uri is {issuer}{CONFIRMATION_PATH} when another device asks")
        return
    match = _LOOPBACK.fullmatch(redirect_uri)
    if match is None or int(match[1]) > _LARGEST_PORT:
        raise ParameterInvalid("redirect_uri is http://127.0.0.1:PORT/oauth/callback")


def verify_state(state: str) -> str:
    """Return *state* when it can come back as it is; raises ParameterInvalid."""
    if not _STATE.fullmatch(state):
        raise ParameterInvalid("state has 1 to 128 visible characters of ASCII")
    return state


def verify_challenge(challenge: str) -> str:
    """Return *challenge* when it can be a SHA-256 in base64url; raises ParameterInvalid."""
    if not _CHALLENGE.fullmatch(challenge):
        raise ParameterInvalid("code_challenge is the SHA-256 of the verifier in base64url: 43 characters")
    return challenge


@dataclass(frozen=True, slots=True)
class LoginRequests:
    """Hands requests to browsers, and takes them back."""

    keyring: Keyring
    clock: Clock

    def render(self, request: LoginRequest) -> str:
        """Return *request* as a text for the path of a page."""
        payload = msgspec.json.encode(request)
        return encode_base64url(make_stamp(self.keyring, Purpose.MARKER, _LABEL, payload) + payload)

    def open(self, text: str) -> LoginRequest:
        """Return the request that *text* is; raises NotFound when it was not made here, or is too old."""
        try:
            raw = parse_base64url(text[:_LONGEST].encode("ascii"))
            verify_stamp(self.keyring, Purpose.MARKER, _LABEL, raw[STAMP_BYTES:], raw[:STAMP_BYTES])
        except (Malformed, SealBroken, UnicodeEncodeError):
            raise NotFound("There is no such request to sign in: start again at the command line") from None
        request = msgspec.json.decode(raw[STAMP_BYTES:], type=LoginRequest)
        if self.clock.now().timestamp() - request.asked_at > LIFE.total_seconds():
            raise NotFound("This request to sign in is too old: start again at the command line")
        return request


def render_typed_answer(state: str, code: str) -> str:
    """Return what a person carries from the page to a client on another device."""
    return base64.b64encode(f"state={state}&code={code}".encode("ascii")).decode("ascii")
