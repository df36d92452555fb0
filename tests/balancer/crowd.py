"""Clients that go on asking, and say what went wrong: none of them tries anything twice."""

import http.client
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count

from tests.faults.processes import Answer, finish, wait_until
from tests.service import VERSIONS
from tests.signing import Key, encode, sign

CLIENTS = 20
_PAUSE = 0.02  # seconds of a client between two requests, so that the servers keep pace with the checks


@dataclass(frozen=True)
class Failure:
    """A request that was not answered as it should have been."""

    action: str
    reason: str


@dataclass
class Crowd:
    """Asks a service at *port*: half of its clients keep their connections, half begin one for each request."""

    port: int
    key: Key
    role_arn: str
    prefix: str
    answered: int = 0
    created: list[str] = field(default_factory=list)
    failures: list[Failure] = field(default_factory=list)
    _enough: threading.Event = field(default_factory=threading.Event)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _names: "count[int]" = field(default_factory=count)

    def await_answers(self, number: int) -> None:
        """Wait until so many more requests were answered, or one was not."""
        goal = self.answered + number
        wait_until(lambda: self.answered >= goal or bool(self.failures))

    @contextmanager
    def asking(self) -> Iterator[None]:
        """Ask until the context ends."""
        with ThreadPoolExecutor(CLIENTS) as pool:
            clients = [pool.submit(self._live, keeps=number % 2 == 0) for number in range(CLIENTS)]
            try:
                yield
            finally:
                self._enough.set()
        for client in clients:
            client.result()

    def _live(self, *, keeps: bool) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        with closing(connection):
            while not self._enough.is_set():
                self._ask_round(connection, keeps=keeps)

    def _ask_round(self, connection: http.client.HTTPConnection, *, keeps: bool) -> None:
        """Prove the long-term key, write, become a role, and prove the session."""

        def ask(key: Key, action: str, service: str, **parameters: str) -> Answer | None:
            answer = self._ask(connection, key, action, service, **parameters)
            if not keeps:
                connection.close()
            self._enough.wait(_PAUSE)
            return answer

        ask(self.key, "GetCallerIdentity", "sts")
        name = f"{self.prefix}-{next(self._names)}"
        if ask(self.key, "CreateUser", "iam", UserName=name) is not None:
            self.created.append(name)
        assumed = ask(self.key, "AssumeRole", "sts", RoleArn=self.role_arn, RoleSessionName="crowd")
        if assumed is not None:
            told = [assumed.find(each) or "" for each in ("AccessKeyId", "SecretAccessKey", "SessionToken")]
            ask(Key(*told), "GetCallerIdentity", "sts")

    def _ask(
        self, connection: http.client.HTTPConnection, key: Key, action: str, service: str, **parameters: str
    ) -> Answer | None:
        body = encode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()
        headers = sign(
            key, method="POST", host=f"127.0.0.1:{self.port}", path="/", query="", body=body, at=datetime.now(UTC),
            service=service, region="us-east-1",
        ) | {"content-type": "application/x-www-form-urlencoded"}  # fmt: skip
        try:
            connection.request("POST", "/", body, headers)
            answer = finish(connection)
        except (OSError, http.client.HTTPException) as error:
            connection.close()
            self.failures.append(Failure(action, repr(error)))
            return None
        if answer.status != http.HTTPStatus.OK:
            self.failures.append(Failure(action, f"{answer.status} {answer.body.decode()}"))
            return None
        with self._lock:
            self.answered += 1
        return answer
