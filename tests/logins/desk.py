"""A service where somebody has signed in, and command lines that ask to be let in as them."""

import asyncio
import base64
import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx2
import msgspec

from sts.app import build_logins
from sts.clock import Clock
from sts.credentials import Credentials
from sts.foundation import Foundation, lay_foundation
from sts.lending import UserSessions
from sts.logins.requests import Client, LoginRequest, LoginRequests
from sts.model import Caller
from sts.sessions import Beginning, BrowserSessions, Flow, Needs, end_sessions
from sts.store.credential_marks import mark_sign_in
from sts.store.users import find_user
from tests.ports import find_port
from tests.possession import Holder
from tests.service import LOCAL_ISSUERS, Service, Tenant, running_at
from tests.signing import Key

CALLBACK = "http://127.0.0.1:49152/oauth/callback"
VERIFIER = "v" * 64
CHALLENGE = base64.urlsafe_b64encode(hashlib.sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Answer:
    """What CreateOAuth2Token answered."""

    status: int
    headers: httpx2.Headers
    members: dict[str, Any]

    @property
    def error(self) -> tuple[int, str, str]:
        return self.status, self.headers["x-amzn-errortype"], self.members["error"]

    @property
    def refresh_token(self) -> str:
        assert self.status == 200, self.members
        token: str = self.members["refreshToken"]
        return token

    @property
    def key(self) -> Key:
        assert self.status == 200, self.members
        token = self.members["accessToken"]
        return Key(token["accessKeyId"], token["secretAccessKey"], token["sessionToken"])


@dataclass(frozen=True)
class CommandLine:
    """A client with a key of its own."""

    service: Service
    client: Client = Client.SAME_DEVICE
    holder: Holder = field(default_factory=Holder)
    node: str = ""  # the address of one of several servers

    @property
    def token_url(self) -> str:
        return f"{self.service.settings.issuer}/v1/token"

    def request(self) -> LoginRequest:
        """Return what the client asks for in the browser."""
        return LoginRequest(
            client=self.client,
            redirect_uri=CALLBACK,
            state="state",
            challenge=CHALLENGE,
            asked_at=int(self.service.clock.now().timestamp()),
        )

    def redeem(self, code: str, proof: str | None = None, **changed: Any) -> Answer:
        """Redeem *code*, with *changed* members."""
        members = {
            "clientId": f"arn:aws:signin:::devtools/{self.client}",
            "grantType": "authorization_code",
            "code": code,
            "codeVerifier": VERIFIER,
            "redirectUri": CALLBACK,
        }
        return self.send({**members, **changed}, proof)

    def refresh(self, token: str, proof: str | None = None, **changed: Any) -> Answer:
        """Ask for the next credentials, with *changed* members."""
        members = {
            "clientId": f"arn:aws:signin:::devtools/{self.client}",
            "grantType": "refresh_token",
            "refreshToken": token,
        }
        return self.send({**members, **changed}, proof)

    def send(self, members: dict[str, Any], proof: str | None = None, **headers: str) -> Answer:
        """Send *members* with a new proof, or the given one; what is None is left out."""
        body = msgspec.json.encode({name: value for name, value in members.items() if value is not None})
        return self.post(body, {"dpop": self.prove() if proof is None else proof, **headers})

    def post(self, body: bytes, headers: dict[str, str]) -> Answer:
        """Send *body* as it is."""
        with httpx2.Client(trust_env=False, verify=False, timeout=60) as client:
            answer = client.post(
                f"{self.node or self.service.url}/v1/token",
                content=body,
                headers={"content-type": "application/json", **headers},
            )
        return Answer(answer.status_code, answer.headers, answer.json())

    def prove(self, **claims: Any) -> str:
        """Return a proof of this time."""
        return self.holder.prove(self.token_url, self.service.clock.now(), **claims)


@dataclass(frozen=True)
class LoginDesk:
    """A service, a user who has signed in there, and what they do on the page."""

    service: Service
    tenant: Tenant
    user_name: str

    @property
    def arn(self) -> str:
        return f"arn:aws:iam::{self.tenant.account_id}:user/{self.user_name}"

    def command_line(self, client: Client = Client.SAME_DEVICE) -> CommandLine:
        return CommandLine(self.service, client)

    def approve(self, command_line: CommandLine, *, with_factor: bool = False) -> str:
        """Sign in, approve what *command_line* asks for, and return the code."""
        return self.approve_request(command_line.request(), with_factor=with_factor)

    def answer(self, url: str) -> str:
        """Open *url* as a browser does, approve what it asks for, and return where the browser is sent."""
        with httpx2.Client(trust_env=False) as browser:
            sent_on = browser.get(url)
        assert sent_on.status_code == 303, sent_on.text
        with self.foundation() as at:
            request = LoginRequests(at.keyring, at.clock).open(sent_on.headers["location"].rpartition("/")[2])
        return request.render_answer(self.service.settings.issuer, code=self.approve_request(request))

    def approve_request(self, request: LoginRequest, *, with_factor: bool = False) -> str:
        """Sign in, approve *request*, and return the code."""
        with self.foundation() as at:
            opened = self._sign_in(at, with_factor=with_factor)
            issuer = self.service.settings.issuer
            credentials = Credentials(issuer, at.keyring, at.cache, at.clock, at.entropy, at.meters)
            logins = build_logins(self.service.settings, at, UserSessions(credentials, at.snapshot, at.clock))
            code, _ = at.database.transact_now(
                lambda tx: logins.approve(tx, opened, request, "192.0.2.7"), at.clock.now()
            )
        return str(code)

    def end_session(self) -> None:
        """End every browser session of the user, as whoever signs out does."""
        with self.foundation() as at:
            user = at.database.read_now(lambda c: find_user(c, self.tenant.account_id, self.user_name))
            assert user is not None
            ended, _ = at.database.transact_now(lambda tx: end_sessions(tx, user.unique_id), at.clock.now())
            assert ended == 1

    def log_in(self, command_line: CommandLine, *, with_factor: bool = False) -> Answer:
        """Approve and redeem."""
        return command_line.redeem(self.approve(command_line, with_factor=with_factor))

    def query(self, path: str, **parameters: str) -> str:
        return f"{self.service.url}{path}?{urlencode(parameters)}"

    @contextmanager
    def foundation(self) -> Iterator[Foundation]:
        """Stand on what the service stands on, as another process does."""
        at = lay_foundation(self.service.settings, self.service.clock, self.service.entropy)
        yield at
        at.database.close()

    def _sign_in(self, at: Foundation, *, with_factor: bool) -> Caller:
        user = at.database.read_now(lambda c: find_user(c, self.tenant.account_id, self.user_name))
        assert user is not None
        now = at.clock.now()
        flow = Flow(
            account_id=user.account_id,
            principal_id=user.unique_id,
            arn=user.arn,
            name=user.name,
            goal="/ui/",
            needs=Needs(has_factor=with_factor, must_enrol=False, must_change=False),
            mark=at.database.read_now(lambda c: mark_sign_in(c, user.account_id, user.unique_id)),
            password_at=now - timedelta(seconds=90),
            factor_at=now - timedelta(seconds=60) if with_factor else None,
        )
        sessions = BrowserSessions(at.database, at.snapshot, at.coherence, at.keyring, at.clock, at.entropy)

        async def prepare() -> Beginning:
            try:
                return await sessions.prepare(flow, "192.0.2.7", "a browser")
            finally:
                await at.cache.close()

        beginning = asyncio.run(prepare())
        at.database.transact_now(lambda tx: sessions.begin(tx, beginning), now)
        return beginning.caller


@contextmanager
def login_service(home: Path, clock: Clock, **environment: str) -> Iterator[Service]:
    """Run a service that knows its own address: proofs are made for that. Browsers keep its cookies on localhost."""
    port = find_port()
    told = {"STS_ISSUER": f"http://localhost:{port}", **LOCAL_ISSUERS, **environment}
    with running_at(port, home, clock, None, **told) as service:
        yield service


def open_desk(service: Service) -> LoginDesk:
    """Make an account with a user who may log in at a command line, and ask for their own user."""
    tenant = service.tenant()
    service.call(tenant.key, "CreateUser", UserName="alice")
    for policy in ("SignInLocalDevelopmentAccess", "IAMReadOnlyAccess"):
        reply = service.call(
            tenant.key, "AttachUserPolicy", UserName="alice", PolicyArn=f"arn:aws:iam::aws:policy/{policy}"
        )
        assert reply.status == 200, reply.body
    return LoginDesk(service, tenant, "alice")
