"""The cache in Redis: a single server, a set under sentinels, or a cluster.

Needs Redis 6.2. A user of its access lists needs the keys `sts:*` and get, set, getdel, eval, incr, pexpire; in a
cluster also cluster|slots; info, if a Redis that evicts is to be warned of.
"""

import asyncio
import re
from collections.abc import Awaitable
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any, Protocol

import structlog
from redis.exceptions import ResponseError

from sts.cache.address import Address, Form, Place
from sts.cache.cluster import Cluster
from sts.cache.line import make_line
from sts.cache.sentinel import Sentinels
from sts.cache.server import UNAVAILABLE, Server, Single
from sts.errors import Unavailable

_PREFIX = "sts:"  # keys that an access list can name, beside those of others
_MILLISECOND = timedelta(milliseconds=1)
_EXAMINE_SECONDS = 1.0  # between two tries
_KEEPS = "noeviction"
# In one act: a count whose span did not come with its first would never end.
_COUNT = b"local n = redis.call('INCR', KEYS[1]) if n == 1 then redis.call('PEXPIRE', KEYS[1], ARGV[1]) end return n"
_POLICY = re.compile(rb"^maxmemory_policy:([a-z-]+)\r?$", re.MULTILINE)
_LONGEST_CODE = 32
_CHECK = "check"
_CHECKED = timedelta(seconds=1)

_log = structlog.get_logger("sts.cache")


class Route(Protocol):
    """The way to the server that holds a key."""

    def ask(self, key: bytes, *command: bytes) -> Awaitable[Any]:
        """Send *command* to the server that holds *key*; raises Unavailable, or ResponseError that it answers."""
        ...

    async def ask_each(self, *command: bytes) -> list[Any]:
        """Send *command* to every server and return the answers."""
        ...

    def find_outage(self) -> str | None:
        """Return which server is known to be down, and why; None when none is."""
        ...

    async def close(self) -> None:
        """Close all lines."""
        ...


@dataclass(slots=True, eq=False)
class RedisCache:
    """The five verbs in Redis; its outages, and errors that it answers, are logged when they begin and end."""

    route: Route
    _refused: set[bytes] = field(default_factory=set)  # commands that are answered with an error

    async def get(self, key: str) -> bytes | None:
        """Return the value of *key*, None when there is none."""
        name = _name(key)
        return _value(await self._ask(name, b"GET", name))

    async def put(self, key: str, value: bytes, span: timedelta) -> None:
        """Keep *value* under *key* for *span*, over whatever was there."""
        name = _name(key)
        if await self._ask(name, b"SET", name, value, b"PX", _milliseconds(span)) != b"OK":
            raise _nonsense()

    async def add(self, key: str, value: bytes, span: timedelta) -> bool:
        """Keep *value* under *key* for *span* unless there is one already; say whether it was kept."""
        name = _name(key)
        answer = await self._ask(name, b"SET", name, value, b"PX", _milliseconds(span), b"NX")
        if answer is not None and answer != b"OK":
            raise _nonsense()
        return answer is not None

    async def take(self, key: str) -> bytes | None:
        """Return the value of *key* and remove it, so that it is had once only."""
        name = _name(key)
        return _value(await self._ask(name, b"GETDEL", name))

    async def count(self, key: str, span: timedelta) -> int:
        """Add one to the count of *key* and return it; the count lives for *span* from its first."""
        name = _name(key)
        answer = await self._ask(name, b"EVAL", _COUNT, b"1", name, _milliseconds(span))
        if not isinstance(answer, int) or answer < 1:
            raise _nonsense()
        return answer

    async def check(self) -> None:
        """Write a value, and look for servers of a cluster that are known to be down."""
        await self.put(_CHECK, b"", _CHECKED)
        if (outage := self.route.find_outage()) is not None:
            raise Unavailable(UNAVAILABLE, detail=outage)

    async def attend(self) -> None:
        """Warn, once, when Redis evicts: what is burned or counted would be forgotten before its time. Then wait."""
        try:
            while not await self._is_examined():  # noqa: ASYNC110  only asking shows it
                await asyncio.sleep(_EXAMINE_SECONDS)
            await asyncio.get_running_loop().create_future()  # until it is cancelled
        finally:
            await self.close()

    async def close(self) -> None:
        """Close all lines; whoever asks then is refused."""
        await self.route.close()

    async def _is_examined(self) -> bool:
        try:
            answers = await self.route.ask_each(b"INFO", b"memory")
        except Unavailable:  # logged by the server that is down; there is time until it is back
            return False
        except ResponseError as error:
            _log.info("cache.eviction.unknown", reason=str(error))
            return True
        told = b"\n".join(answer for answer in answers if isinstance(answer, bytes))
        policies = {policy.decode() for policy in _POLICY.findall(told)}
        for policy in sorted(policies - {_KEEPS}):
            _log.warning("cache.evicts", policy=policy, hint=f"set maxmemory-policy to {_KEEPS}")
        return True

    async def _ask(self, key: bytes, *command: bytes) -> Any:
        try:
            answer = await self.route.ask(key, *command)
        except ResponseError as error:
            raise self._refuse(command[0], error) from None
        if self._refused and command[0] in self._refused:
            self._refused.discard(command[0])
            _log.info("cache.accepted", command=command[0].decode())
        return answer

    def _refuse(self, command: bytes, error: ResponseError) -> Unavailable:
        """Log an error that Redis answers (it is full, it forbids) when it begins: not once for each request."""
        code = error.status_code or str(error).partition(" ")[0][:_LONGEST_CODE]
        if command not in self._refused:
            self._refused.add(command)
            _log.warning("cache.refused", command=command.decode(), code=code)
        return Unavailable(UNAVAILABLE, detail=f"Redis refuses {command.decode()}: {code}")


def open_redis(address: Address) -> RedisCache:
    """Return the cache at *address*; the first command connects."""
    line = partial(make_line, login=address.login, tls=address.tls, database=address.database)

    def server_at(place: Place) -> Server:
        async def stay() -> Place:
            return place

        return Server(f"redis {place}", stay, line)

    if address.form is Form.CLUSTER:
        return RedisCache(Cluster(address.places, server_at))
    if address.form is Form.SENTINEL:
        ask = partial(make_line, login=address.sentinel_login, tls=address.tls, database=0)
        sentinels = Sentinels(address.places, address.master, ask)
        return RedisCache(Single(Server(f"redis {address.master}", sentinels.locate, line)))
    return RedisCache(Single(server_at(address.places[0])))


def _name(key: str) -> bytes:
    return (_PREFIX + key).encode()


def _milliseconds(span: timedelta) -> bytes:
    return str(max(1, -(-span // _MILLISECOND))).encode("ascii")


def _value(answer: Any) -> bytes | None:
    if answer is not None and not isinstance(answer, bytes):
        raise _nonsense()
    return answer


def _nonsense() -> Unavailable:
    return Unavailable(UNAVAILABLE, detail="Redis answers with something else than was asked for")
