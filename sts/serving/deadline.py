"""The one thing that a connection waits for, and until when."""

import asyncio
from collections.abc import Callable
from datetime import timedelta


class Deadline:
    """A timer that is started once for what is awaited: more bytes do not move it."""

    __slots__ = ("_handle", "_loop")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._handle: asyncio.TimerHandle | None = None

    def start(self, span: timedelta, act: Callable[[], None]) -> None:
        """Call *act* after *span*, unless the deadline runs already or is cleared before."""
        if self._handle is None:
            self._handle = self._loop.call_later(span.total_seconds(), self._fire, act)

    def restart(self, span: timedelta, act: Callable[[], None]) -> None:
        """Call *act* after *span*, whatever ran before."""
        self.clear()
        self.start(span, act)

    def clear(self) -> None:
        """Wait for nothing."""
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fire(self, act: Callable[[], None]) -> None:
        self._handle = None
        act()
