"""One Redis server: the commands of all requests in flight leave together, in one pipeline a turn of the event loop.

A turn is a task of its own. Who waits for an answer waits for a future, so that a cancelled request takes nothing away
from the turn: its answer is read and dropped, and the next command gets its own. A turn that fails closes its line.

After a failure the server is down: whoever asks is refused at once, instead of each waiting for the limit, while a
probe asks until it is back.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import structlog
from redis.asyncio.connection import Connection
from redis.exceptions import MasterDownError, ReadOnlyError

from sts.cache.address import Place
from sts.cache.line import Command, open_line, say
from sts.errors import Unavailable

UNAVAILABLE = "The cache is not available"
_LINES = 2  # while one is answered the other can leave; more would only make pipelines shorter
_TURN_SECONDS = 0.5
_PROBE_SECONDS = 0.25  # between two probes
_LONGEST_REASON = 200  # characters: a server may answer anything
# A write: a replica or a server that cannot write to its disk answers a PING as if all were well.
_PROBE: Command = (b"SET", b"sts:probe", b"", b"PX", b"1000")
_FALLEN = (ReadOnlyError, MasterDownError)  # no primary any more: find the one that is

_log = structlog.get_logger("sts.cache")


class _Errand(NamedTuple):
    command: Command
    answer: asyncio.Future[Any]


@dataclass(slots=True, eq=False)
class Server:
    """A server that *locate* finds at each new line, so that it may move; *name* is what the log calls it."""

    name: str
    locate: Callable[[], Awaitable[Place]]
    make_line: Callable[[Place], Connection]
    _waiting: list[_Errand] = field(default_factory=list)
    _idle: list[Connection] = field(default_factory=list)
    _busy: int = 0
    _leaving: bool = False
    _reason: str | None = None  # why it is down
    _closed: bool = False
    _era: int = 0  # raised at each failure: what began before it proves nothing of what is now
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def ask(self, *command: bytes) -> asyncio.Future[Any]:
        """Send *command* with those of this turn.

        The answer raises Unavailable when the server is down, and redis's ResponseError when it answers an error.
        Commands that are given without awaiting between them reach the server one after the other.
        """
        loop = asyncio.get_running_loop()
        errand = _Errand(command, loop.create_future())
        if self._reason is not None:
            self._settle([errand])
            return errand.answer
        self._waiting.append(errand)
        if not self._leaving:
            self._leaving = True
            loop.call_soon(self._leave)
        return errand.answer

    def find_outage(self) -> str | None:
        """Return why the server is down; None when it is not, as far as is known."""
        return None if self._reason is None else f"{self.name}: {self._reason}"

    async def close(self) -> None:
        """Refuse whoever still asks, let end what is under way (less than a second), and hang up."""
        self._reason, self._era, self._closed = "it was closed", self._era + 1, True
        waiting, self._waiting = self._waiting, []
        self._settle(waiting)
        # Not cancelled: a connection that is cancelled at the moment it is made is lost, not closed.
        await asyncio.gather(*self._tasks)
        await asyncio.gather(*(line.disconnect() for line in self._idle), return_exceptions=True)

    def _leave(self) -> None:
        self._leaving = False
        if self._waiting and self._busy < _LINES:
            errands, self._waiting = self._waiting, []
            self._begin(self._turn(errands))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        # In a context of its own: what it finds out concerns everybody, and not the request that it began with.
        task = asyncio.get_running_loop().create_task(work, context=Context())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _turn(self, errands: list[_Errand]) -> None:
        era = self._era
        try:
            answers = await self._exchange([errand.command for errand in errands])
            self._deliver(errands, answers, era)
        except Exception as error:  # noqa: BLE001  whatever broke it, the server is down and those who wait hear so
            self._fall(error, era)
        finally:
            self._settle(errands)
        self._leave()

    async def _exchange(self, commands: list[Command]) -> list[Any]:
        era, self._busy = self._era, self._busy + 1
        try:
            async with asyncio.timeout(_TURN_SECONDS):
                line = await self._pick_up()
                answers = await say(line, commands)
        finally:
            self._busy -= 1
        if era == self._era or self._closed:
            self._idle.append(line)
        else:
            await line.disconnect(nowait=True)
        return answers

    async def _pick_up(self) -> Connection:
        while self._idle:
            line = self._idle.pop()
            # The server closed it meanwhile, or said something that nobody had asked for.
            if not await line.can_read():
                return line
            await line.disconnect(nowait=True)
        line = self.make_line(await self.locate())
        await open_line(line)
        return line

    def _deliver(self, errands: list[_Errand], answers: list[Any], era: int) -> None:
        for errand, answer in zip(errands, answers, strict=True):
            if isinstance(answer, _FALLEN):
                self._fall(answer, era)
            elif errand.answer.done():  # of a request that was cancelled
                continue
            elif isinstance(answer, Exception):
                errand.answer.set_exception(answer)
            else:
                errand.answer.set_result(answer)

    def _fall(self, error: Exception, era: int) -> None:
        if era != self._era:  # of a failure that was seen already
            return
        self._era += 1
        self._reason = (str(error) or type(error).__name__)[:_LONGEST_REASON]
        _log.warning("cache.down", server=self.name, reason=self._reason)
        waiting, self._waiting = self._waiting, []
        self._settle(waiting)
        self._begin(self._probe())

    async def _probe(self) -> None:
        await self._hang_up()
        while not (self._closed or await self._is_back()):  # noqa: ASYNC110  only asking shows it
            await asyncio.sleep(_PROBE_SECONDS)
        if self._closed:
            return
        self._reason = None
        _log.info("cache.up", server=self.name)

    async def _is_back(self) -> bool:
        try:
            (answer,) = await self._exchange([_PROBE])
        except Exception:  # noqa: BLE001  however it fails, it is not back; the log has the reason from the beginning
            return False
        if isinstance(answer, _FALLEN):
            await self._hang_up()
            return False
        return True

    async def _hang_up(self) -> None:
        while self._idle:
            await self._idle.pop().disconnect(nowait=True)

    def _settle(self, errands: list[_Errand]) -> None:
        """Refuse those that have no answer."""
        for errand in errands:
            if not errand.answer.done():
                errand.answer.set_exception(Unavailable(UNAVAILABLE, detail=self.find_outage()))


@dataclass(frozen=True, slots=True)
class Single:
    """The way to a cache that is one server."""

    server: Server

    def ask(self, _key: bytes, *command: bytes) -> Awaitable[Any]:
        """Send *command* to the server."""
        return self.server.ask(*command)

    async def ask_each(self, *command: bytes) -> list[Any]:
        """Send *command* to the server and return its answer in a list."""
        return [await self.server.ask(*command)]

    def find_outage(self) -> str | None:
        """Return why the server is down; None when it is not, as far as is known."""
        return self.server.find_outage()

    async def close(self) -> None:
        """Close the server's lines."""
        await self.server.close()
