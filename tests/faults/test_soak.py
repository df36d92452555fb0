"""Many requests, most of them wrong: a server takes no more memory and no more files after them than before."""

import os
import socket
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path

import pytest

from tests.faults.processes import Server, wait_until
from tests.faults.stages import ROLE, Estate, Stage, make_role
from tests.signing import Key

pytestmark = pytest.mark.longer

FIRST, MORE = 4_000, 20_000  # requests before and after the first count
CLIENTS = 8
MOST_GROWTH = 6 * 1024 * 1024  # bytes, over what the first requests left: some 300 for each that followed
STRANGER = Key("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY")


@dataclass(frozen=True)
class Visitor:
    """Who sends requests of every kind, one after another."""

    server: Server
    key: Key
    session: Key

    def requests(self) -> Iterator[Callable[[], object]]:
        wrong = replace(self.key, secret="wrong")
        altered = replace(self.session, token=(self.session.token or "") + "A")
        for number in count():
            yield from (
                lambda: self._expect(200, self.key, "GetCallerIdentity", "sts"),
                lambda: self._expect(200, self.session, "GetCallerIdentity", "sts"),
                lambda: self._expect(200, self.key, "ListUsers"),
                lambda: self._expect(403, wrong, "GetCallerIdentity", "sts"),
                lambda: self._expect(403, altered, "GetCallerIdentity", "sts"),
                lambda: self._expect(403, STRANGER, "ListUsers"),
                lambda number=number: self._expect(404, self.key, "GetUser", UserName=f"nobody-{number % 50}"),
                lambda: self._expect(400, self.key, "GetUser", UserName="no name"),
                lambda: self._send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n%ff=&"),
                lambda: self._send(b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"),
                lambda: self._send(b"POST / HTTP/1.1\r\nHost"),
                lambda: self._send(b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 500\r\n\r\nAction="),
                lambda: self._send(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"),
                self._leave,
            )

    def _expect(self, status: int, key: Key, action: str, service: str = "iam", **parameters: str) -> None:
        answer = self.server.call(key, action, service, **parameters)
        assert answer.status == status, answer.body

    def _send(self, data: bytes) -> None:
        """Send bytes on a connection of their own, and hang up in whatever state it is."""
        with suppress(ConnectionError), closing(socket.create_connection(("127.0.0.1", self.server.port), 30)) as line:
            line.sendall(data)

    def _leave(self) -> None:
        """Ask, and be gone before the answer."""
        self.server.begin(self.key, "GetCallerIdentity", "sts").close()


def count_memory(server: Server) -> int:
    """Return the bytes of memory that the server's process holds by itself."""
    resident, shared = (Path(f"/proc/{server.process.pid}/statm").read_text(encoding="ascii").split())[1:3]
    return (int(resident) - int(shared)) * os.sysconf("SC_PAGE_SIZE")


def count_files(server: Server) -> int:
    return sum(1 for _ in Path(f"/proc/{server.process.pid}/fd").iterdir())


def begin_session(server: Server, estate: Estate) -> Key:
    arn = f"arn:aws:iam::{estate.account_id}:role/{ROLE}"
    made = server.call(estate.key, "AssumeRole", "sts", RoleArn=arn, RoleSessionName="soak")
    return Key(*(made.find(name) or "" for name in ("AccessKeyId", "SecretAccessKey", "SessionToken")))


@pytest.fixture(params=["embedded", "shared"])
def stage(request: pytest.FixtureRequest) -> Stage:
    if request.param == "embedded":
        return Stage(request.getfixturevalue("estate"), {})
    shared: Stage = request.getfixturevalue("shared")
    return shared


def test_mistakes_and_junk_leave_nothing_behind(stage: Stage) -> None:
    unlimited = replace(stage, environment={**stage.environment, "STS_RATE_FAILED_PROOFS": "off"})
    with ExitStack() as stack, ThreadPoolExecutor(CLIENTS) as pool:
        server = unlimited.begin(stack)
        make_role(server, stage.estate)
        visitor = Visitor(server, stage.estate.key, begin_session(server, stage.estate))
        requests = visitor.requests()
        before_all = count_files(server)
        for _ in pool.map(lambda ask: ask(), islice(requests, FIRST)):
            pass
        memory = count_memory(server)
        for _ in pool.map(lambda ask: ask(), islice(requests, MORE)):
            pass
        assert count_memory(server) - memory < MOST_GROWTH
        wait_until(lambda: count_files(server) <= before_all + CLIENTS)
