"""Fifty clients at work, and what they note of the answers that they are given until their server is gone."""

import http.client
import random
import threading
from collections.abc import Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count

from tests.faults.processes import Answer, Server
from tests.faults.stages import ROLE, Estate
from tests.signing import Key

CLIENTS = 50
_MOST_ANSWERS = 200  # in a round
_WAIT_SECONDS = 60


@dataclass
class Notes:
    """What was answered with 200 in a round."""

    users: dict[str, str] = field(default_factory=dict)  # names by request id
    contested: list[str] = field(default_factory=list)  # names that all asked for, as often as one was given
    keys: list[tuple[str, Key]] = field(default_factory=list)  # with the name of the user
    sessions: list[Key] = field(default_factory=list)

    @property
    def credentials(self) -> Iterator[Key]:
        yield from (key for _, key in self.keys)
        yield from self.sessions


@dataclass
class _Client:
    server: Server
    estate: Estate
    notes: Notes
    name: str
    contested: str
    answered: threading.Semaphore
    ended: threading.Event

    def work(self) -> None:
        """Go on until the server is gone, or all are to end; until then each answer is the one that is due."""
        try:
            for number in count():
                # Two of five make a user: in two hundred rounds the account stays within its five thousand.
                for act in (self._contest, self._create, self._assume, self._assume, self._assume):
                    if self.ended.is_set():
                        return
                    act(number)
        except (OSError, http.client.HTTPException):
            assert self.server.is_killed, "a server that was not killed gave no answer"

    def _contest(self, number: int) -> None:
        """Ask for a name that all ask for, and for one of the two keys that its bearer may have."""
        name = f"{self.contested}-{number}"
        if (made := self._call((200, 409), "CreateUser", UserName=name)) is not None:
            self.notes.users[made.find("RequestId") or ""] = name
            self.notes.contested.append(name)
        self._make_key((200, 409), name)

    def _create(self, number: int) -> None:
        name = f"{self.name}-{number}"
        made = self._call((200,), "CreateUser", UserName=name)
        assert made is not None
        self.notes.users[made.find("RequestId") or ""] = name
        self._make_key((200,), name)

    def _make_key(self, statuses: Collection[int], name: str) -> None:
        if (made := self._call(statuses, "CreateAccessKey", UserName=name)) is not None:
            key = Key(made.find("AccessKeyId") or "", made.find("SecretAccessKey") or "")
            self.notes.keys.append((name, key))

    def _assume(self, number: int) -> None:
        arn = f"arn:aws:iam::{self.estate.account_id}:role/{ROLE}"
        made = self._call((200,), "AssumeRole", "sts", RoleArn=arn, RoleSessionName=f"{self.name}-{number}")
        assert made is not None
        names = ("AccessKeyId", "SecretAccessKey", "SessionToken")
        self.notes.sessions.append(Key(*(made.find(each) or "" for each in names)))

    def _call(self, statuses: Collection[int], action: str, service: str = "iam", **parameters: str) -> Answer | None:
        """Return an answer of 200, None for another of the *statuses* that are due."""
        answer = self.server.call(self.estate.key, action, service, **parameters)
        assert answer.status in statuses, (action, answer.body)
        self.answered.release()
        return answer if answer.status == 200 else None


@contextmanager
def crowding(servers: Sequence[Server], estate: Estate, round_: int) -> Iterator[Notes]:
    """Let the crowd work on *servers*, and enter the context at a random moment; with its end the crowd has ended."""
    notes, answered, ended = Notes(), threading.Semaphore(0), threading.Event()
    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [
            _Client(servers[n % len(servers)], estate, notes, f"r{round_}c{n}", f"r{round_}", answered, ended)
            for n in range(CLIENTS)
        ]
        working = [pool.submit(client.work) for client in clients]
        try:
            for _ in range(random.randint(1, _MOST_ANSWERS)):  # noqa: S311  seeded by the run
                assert answered.acquire(timeout=_WAIT_SECONDS), [each.exception() for each in working if each.done()]
            yield notes
        finally:
            ended.set()
        for each in working:
            each.result(_WAIT_SECONDS)
