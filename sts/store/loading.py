"""Reading what is not remembered: all that is missed at once leaves in one transaction, each thing once.

Who waits may be cancelled; the others get what was read all the same. What a change overtakes goes to those who waited
for it and to nobody else.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import cast

from sts.store.readings import Reading
from sts.store.versions import Change

_MOST = 64  # things in one transaction
_AT_ONCE = 2  # transactions; while they last, more gathers for the next
_ABSENT = Reading(None)

Read = Callable[[Collection[Change]], Awaitable[dict[Change, Reading]]]
_Futures = dict[Change, "asyncio.Future[Reading]"]


@dataclass(slots=True, eq=False)
class Loading:
    """Loads things by *read*, and gives to *keep* what no change has overtaken."""

    read: Read
    keep: Callable[[Mapping[Change, Reading]], None]
    _waiting: _Futures = field(default_factory=dict)
    _under_way: _Futures = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def load(self, key: Change) -> Reading:
        """Return what there is of *key*; raises Unavailable."""
        future = self._waiting.get(key) or self._under_way.get(key)
        if future is None:
            loop = asyncio.get_running_loop()
            if not self._waiting:
                loop.call_soon(self._leave)
            future = self._waiting[key] = loop.create_future()
        return await asyncio.shield(future)

    def overtake(self) -> None:
        """Take what is under way for what it is: read before something changed."""
        self._under_way = {}

    def _leave(self) -> None:
        while self._waiting and len(self._tasks) < _AT_ONCE:
            batch = {key: self._waiting.pop(key) for key in tuple(islice(self._waiting, _MOST))}
            self._under_way |= batch
            task = asyncio.get_running_loop().create_task(self._load(batch, self._under_way))
            self._tasks.add(task)

    async def _load(self, batch: _Futures, under_way: _Futures) -> None:
        try:
            found = await self.read(tuple(batch))
        except Exception as error:  # noqa: BLE001  whatever it was: those who wait hear of it
            for future in batch.values():
                future.set_exception(error)
        else:
            whole = {key: found.get(key, _ABSENT) for key in batch} | found
            if under_way is self._under_way:
                self.keep(whole)
            for key, future in batch.items():
                future.set_result(whole[key])
        finally:
            for key in batch:
                under_way.pop(key, None)
            self._tasks.remove(cast("asyncio.Task[None]", asyncio.current_task()))
        self._leave()
