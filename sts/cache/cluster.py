"""A cluster: each key lives in one of 16,384 slots, each slot at one server; redirections are followed.

Redis Cluster specification, "Redirection and resharding".
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from redis.crc import REDIS_CLUSTER_HASH_SLOTS, key_slot
from redis.exceptions import AskError, ClusterDownError, MovedError, ResponseError

from sts.cache.address import Place
from sts.cache.server import UNAVAILABLE, Server
from sts.errors import Malformed, Unavailable

_HOPS = 4
_LEARN_SECONDS = 0.25  # between two looks at the map


@dataclass(slots=True, eq=False)
class Cluster:
    """The servers of a cluster, of which those at *seeds* are known from the beginning."""

    seeds: tuple[Place, ...]
    make_server: Callable[[Place], Server]
    _servers: dict[Place, Server] = field(default_factory=dict)
    _map: dict[int, Place] = field(default_factory=dict)  # slot to place
    _learning: asyncio.Task[None] | None = None
    _learned_at: float = -1.0  # seconds of the loop's clock
    _closing: set[asyncio.Task[None]] = field(default_factory=set)

    async def ask(self, key: bytes, *command: bytes) -> Any:
        """Send *command* to the server that holds *key*, wherever it has gone.

        Raises Unavailable when that server is down, and redis's ResponseError when it answers an error.
        """
        slot = key_slot(key)
        place, asking = await self._place_of(slot), False
        for _ in range(_HOPS):
            try:
                return await self._ask_at(place, command, asking=asking)
            except MovedError as moved:
                place, asking = _place_in(moved, place), False
                self._map[slot] = place
                self._learn_soon()
            except AskError as ask:  # the slot is on its way: this key is there already, the others may not be
                place, asking = _place_in(ask, place), True
            except (Unavailable, ClusterDownError):
                self._learn_soon()
                raise
        raise Unavailable(UNAVAILABLE, detail=f"the cluster redirects without end, last to {place}")

    async def ask_each(self, *command: bytes) -> list[Any]:
        """Send *command* to every server that holds slots and return the answers."""
        await self._place_of(0)
        return await asyncio.gather(*(self._server(place).ask(*command) for place in set(self._map.values())))

    def find_outage(self) -> str | None:
        """Return why one of the servers is down; None when none is, as far as is known."""
        return next(filter(None, (server.find_outage() for server in self._servers.values())), None)

    async def close(self) -> None:
        """Close the lines of all servers."""
        if self._learning is not None:
            self._learning.cancel()
            await asyncio.gather(self._learning, return_exceptions=True)
        await asyncio.gather(*(server.close() for server in self._servers.values()), *self._closing)

    async def _ask_at(self, place: Place, command: tuple[bytes, ...], *, asking: bool) -> Any:
        server = self._server(place)
        if not asking:
            return await server.ask(*command)
        _, answer = await asyncio.gather(server.ask(b"ASKING"), server.ask(*command))
        return answer

    def _server(self, place: Place) -> Server:
        if place not in self._servers:
            self._servers[place] = self.make_server(place)
        return self._servers[place]

    async def _place_of(self, slot: int) -> Place:
        if slot not in self._map:
            self._learn_soon()
            if self._learning is not None:
                # Shielded: others wait for the same look.
                await asyncio.shield(self._learning)
        if slot not in self._map:
            raise Unavailable(UNAVAILABLE, detail="no server of the cluster says where the key is")
        return self._map[slot]

    def _learn_soon(self) -> None:
        """Look at the map, unless that is going on or was done just now."""
        loop = asyncio.get_running_loop()
        if self._learning is not None and not self._learning.done():
            return
        if 0 <= self._learned_at > loop.time() - _LEARN_SECONDS:
            return
        self._learning = loop.create_task(self._learn())

    async def _learn(self) -> None:
        """Take over the map that the first server tells; when none does, what was known stays."""
        for place in dict.fromkeys((*self._map.values(), *self.seeds)):
            try:
                told = _read_map(await self._server(place).ask(b"CLUSTER", b"SLOTS"), place)
            except (Unavailable, ResponseError, Malformed):  # its server has logged why; the next may know
                continue
            self._map = told
            self._retire()
            break
        self._learned_at = asyncio.get_running_loop().time()

    def _retire(self) -> None:
        """Close the servers that hold no slot: else one that was taken away for good would be probed for ever."""
        for place in set(self._servers) - set(self._map.values()):
            task = asyncio.get_running_loop().create_task(self._servers.pop(place).close())
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)


def _place_in(error: AskError, asked: Place) -> Place:
    # A server that does not know its own host sends none: then it is the one that was asked.
    return Place(error.host or asked.host, error.port)


def _read_map(answer: Any, asked: Place) -> dict[int, Place]:
    """Read an answer to CLUSTER SLOTS: first slot, last slot, primary (host, port, …), replicas."""
    places: dict[int, Place] = {}
    try:
        for first, last, primary, *_ in answer:
            if not 0 <= first <= last < REDIS_CLUSTER_HASH_SLOTS:
                raise ValueError(first)
            place = Place((primary[0] or b"").decode("ascii") or asked.host, int(primary[1]))
            places.update(dict.fromkeys(range(first, last + 1), place))
    except (TypeError, ValueError, LookupError, AttributeError):
        raise Malformed("The map of the cluster has not its form") from None
    if not places:
        raise Malformed("The map of the cluster is empty")
    return places
