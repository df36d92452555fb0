"""The service under test: the real application behind the real server on a free port, in a thread of this process."""

import asyncio
import json
import shutil
import socket
import ssl
import threading
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar

import boto3
import httpx2
import uvicorn
from botocore.config import Config

from sts.app import create_app
from sts.clock import Clock
from sts.directory.access_keys import AccessKeys
from sts.directory.accounts import Accounts
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from sts.settings import Settings, read_settings
from sts.store.database import Transaction, open_database
from tests.signing import Key, encode, sign

VERSIONS = {"sts": "2011-06-15", "iam": "2010-05-08"}
REGION = "us-east-1"

Made = TypeVar("Made")

_TURNS = 4  # of the event loop, within which a connection ends whose client has hung up


@dataclass
class OffsetClock:
    """The real time, moved: for real clients, which sign with the machine's."""

    offset: timedelta = timedelta(0)

    def now(self) -> datetime:
        return datetime.now(UTC) + self.offset

    def tick(self, span: timedelta) -> None:
        self.offset += span


@dataclass(frozen=True)
class Reply:
    """An answer of the Query protocol."""

    status: int
    headers: httpx2.Headers
    body: bytes

    def text(self, name: str) -> str:
        """Return the text of the first element called *name*."""
        root = ET.fromstring(self.body)  # noqa: S314  our own answer
        found = next((node for node in root.iter() if node.tag.rpartition("}")[2] == name), None)
        assert found is not None, self.body
        return found.text or ""

    @property
    def code(self) -> str:
        return self.text("Code")

    @property
    def message(self) -> str:
        """Return the sentence, without the receipt that follows it where access was denied."""
        return self.text("Message").partition(" Encoded authorization failure message: ")[0]

    @property
    def receipt(self) -> str:
        """Return the receipt of a denial."""
        return self.text("Message").partition(" Encoded authorization failure message: ")[2]

    def key(self) -> Key:
        """Return the temporary credentials in the answer."""
        return Key(self.text("AccessKeyId"), self.text("SecretAccessKey"), self.text("SessionToken"))


@dataclass(frozen=True)
class Tenant:
    """An account with its administrator's key."""

    account_id: str
    key: Key


@dataclass
class Service:
    """A running service, with its clock and its files."""

    settings: Settings
    clock: Clock
    entropy: Entropy
    url: str

    @property
    def host(self) -> str:
        return self.url.removeprefix("http://")

    @property
    def database_path(self) -> Path:
        return Path(self.settings.database_url.removeprefix("sqlite:///"))

    def tenant(self, account_id: str | None = None) -> Tenant:
        """Make an account, as an operator on the host does."""
        begun = self._operate(lambda accounts, tx: accounts.create(tx, account_id=account_id))
        return Tenant(begun.account.account_id, Key(begun.minted.key.access_key_id, str(begun.minted.secret)))

    def root_key(self, tenant: Tenant) -> Key:
        """Make a key of the account's root, as an operator on the host does."""
        minted = self._operate(lambda accounts, tx: accounts.create_root_key(tx, account_id=tenant.account_id))
        return Key(minted.key.access_key_id, str(minted.secret))

    def _operate(self, act: Callable[[Accounts, Transaction], Made]) -> Made:
        """Act on the store beside the service, with the keys that seal: to prove those that sign takes far longer."""
        sealing = shutil.ignore_patterns("signing-*")
        with TemporaryDirectory() as folder, closing(open_database(self.settings.database_url)) as database:
            shutil.copytree(self.settings.keys_dir, folder, ignore=sealing, dirs_exist_ok=True)
            keyring = open_keyring(Path(folder), self.clock, self.entropy, create=False, algorithms=())
            accounts = Accounts(self.entropy, Users(self.entropy), AccessKeys(self.entropy, keyring))
            made, _ = database.transact_now(lambda tx: act(accounts, tx), self.clock.now())
        return made

    def call(self, key: Key | None, action: str, service: str = "iam", **parameters: str) -> Reply:
        """Call an operation with a signature made at this service's time."""
        form = {"Action": action, "Version": VERSIONS[service], **parameters}
        return self.send(key, body=encode(form).encode(), service=service)

    def send(
        self,
        key: Key | None,
        *,
        method: str = "POST",
        path: str = "/",
        query: str = "",
        body: bytes = b"",
        service: str = "sts",
        region: str = REGION,
        at: datetime | None = None,
        headers: dict[str, str] | None = None,
    ) -> Reply:
        """Send a request, signed when there is a key, with *headers* added after signing."""
        sent = {} if method == "GET" else {"content-type": "application/x-www-form-urlencoded"}
        if key is not None:
            when = at or self.clock.now()
            sent |= sign(
                key, method=method, host=self.host, path=path, query=query, body=body, at=when, service=service,
                region=region,
            )  # fmt: skip
        target = f"{self.url}{path}" + (f"?{query}" if query else "")
        with httpx2.Client(trust_env=False, verify=default_tls()) as client:
            answer = client.request(method, target, content=body, headers=sent | (headers or {}))
        return Reply(answer.status_code, answer.headers, answer.content)

    def assume(self, key: Key, role_arn: str, name: str = "session", **parameters: str) -> Reply:
        """Call AssumeRole."""
        return self.call(key, "AssumeRole", "sts", RoleArn=role_arn, RoleSessionName=name, **parameters)

    def boto(self, name: str, key: Key) -> Any:
        """Return an unmodified boto3 client of the service *name*."""
        return boto3.client(
            name,
            endpoint_url=self.url,
            region_name=REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
            config=Config(retries={"max_attempts": 1}),
        )


def trust(*principals: str, condition: dict[str, Any] | None = None) -> str:
    """Return a trust policy for *principals* (ARNs)."""
    statement: dict[str, Any] = {"Effect": "Allow", "Principal": {"AWS": list(principals)}, "Action": "sts:AssumeRole"}
    if condition is not None:
        statement["Condition"] = condition
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def allow(action: str | list[str], resource: str | list[str] = "*", effect: str = "Allow") -> str:
    """Return an identity or session policy of one statement."""
    statement = {"Effect": effect, "Action": action, "Resource": resource}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


@cache
def default_tls() -> ssl.SSLContext:
    """Return what plain http does not need, made once: a client of its own would read all authorities each time."""
    return ssl.create_default_context()


class _Server(uvicorn.Server):
    """Ends when it is told to: uvicorn looks ten times a second, and waits a tenth for connections that it has not."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.told = asyncio.Event()

    def end(self) -> None:
        """Tell it, from another thread."""
        self.should_exit = True
        self.servers[0].get_loop().call_soon_threadsafe(self.told.set)

    async def main_loop(self) -> None:
        ticks = count()
        while not await self.on_tick(next(ticks)):
            with suppress(TimeoutError):
                await asyncio.wait_for(self.told.wait(), 0.1)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if self.server_state.connections or self.server_state.tasks:
            await super().shutdown(sockets)
            return
        for server in self.servers:
            server.close()
        await self.lifespan.shutdown()


# Where issuers of tests are: a provider is let onto loopback by its own mark.
LOCAL_ISSUERS = {"STS_ALLOW_PRIVATE_PROVIDERS": "marked"}


@contextmanager
def running(home: Path, clock: Clock, entropy: Entropy | None = None, **environment: str) -> Iterator[Service]:
    """Run the service on a free port until the context ends."""
    with running_at(0, home, clock, entropy, **environment) as service:
        yield service


@contextmanager
def running_at(port: int, home: Path, clock: Clock, entropy: Entropy | None, **environment: str) -> Iterator[Service]:
    """Run the service on *port* until the context ends."""
    drawn = entropy or Entropy()
    settings = read_settings({"STS_HOME": str(home), **environment})
    config = uvicorn.Config(
        create_app(settings, clock=clock, entropy=drawn),
        port=port,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        loop="asyncio",
    )
    server = _Server(config)
    thread = threading.Thread(target=asyncio.run, args=(server.serve(),), daemon=True)
    thread.start()
    while not server.started:
        assert thread.is_alive(), "the server ended before it began"
        thread.join(0.01)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Service(settings, clock, drawn, f"http://127.0.0.1:{port}")
    finally:
        server.end()
        thread.join()
