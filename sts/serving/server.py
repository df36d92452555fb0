"""The server: uvicorn's, with connections that keep their limits, and an end that loses no answer.

Told to end by SIGTERM, it first drains: `/readyz` says no, so that whoever spreads requests sends no new ones, while
what still comes is answered and its connection closed. Then the listener closes, what is under way is finished within
its time, and the application ends. Ctrl-C (SIGINT) comes from a person who waits, and skips the draining. Told again,
it ends at once.
"""

import asyncio
import os
import signal
import socket
import ssl
import sys
import time
from collections.abc import Sequence
from datetime import timedelta
from functools import partial
from types import FrameType

import structlog
import uvicorn
from starlette.types import ASGIApp
from uvicorn.config import STARTUP_FAILURE

from sts.errors import Refusal
from sts.serving.connection import LINGER, Connection
from sts.serving.listeners import describe, listen
from sts.serving.threshold import Threshold

_BACKLOG = 2_048
_ONE_TELLING_SECONDS = 1.0  # a signal may come from the terminal and from the parent process, and is meant once

_log = structlog.get_logger("sts.serving")


class Server(uvicorn.Server):
    """Serves the application on *listeners* until it is told to end.

    As the worker of a supervisor it drains however often it is told to, since a signal that is sent to all processes of
    a service reaches it twice; and it ends when its supervisor has.
    """

    def __init__(
        self,
        app: ASGIApp,
        threshold: Threshold,
        listeners: Sequence[socket.socket],
        *,
        tls: ssl.SSLContext | None = None,
        supervisor: int | None = None,
    ) -> None:
        super().__init__(_configure(app, threshold))
        self.threshold = threshold
        self.listeners = listeners
        self.tls = tls
        self.supervisor = supervisor
        self._told_at = 0.0
        self._drained_at: float | None = None

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start the application, then listen; exits when it cannot start, raises Refusal on a taken port."""
        await self.lifespan.startup()
        if self.lifespan.should_exit:
            sys.exit(STARTUP_FAILURE)
        await self._claim(sockets or self.listeners)
        self.servers = [await self._listen(listener) for listener in sockets or self.listeners]
        self.started = True
        for listener in self.listeners:
            _log.info(f"running on {describe(listener, secure=self.tls is not None)}")

    async def _claim(self, listeners: Sequence[socket.socket]) -> None:
        """Listen, and raise Refusal when that cannot be: the loop says nothing of a port that another process took.

        Only now, since a balancer would take whoever answers its connections for one that can be asked.
        """
        try:
            for listener in listeners:
                listen(listener, _BACKLOG)
        except Refusal:
            await self.lifespan.shutdown()
            raise

    async def _listen(self, listener: socket.socket) -> asyncio.Server:
        loop = asyncio.get_running_loop()
        connect = partial(Connection, self.threshold, self.config, self.server_state, self.lifespan.state, loop)
        if self.tls is None:
            return await loop.create_server(connect, sock=listener, backlog=_BACKLOG)
        return await loop.create_server(
            connect,
            sock=listener,
            backlog=_BACKLOG,
            ssl=self.tls,
            ssl_handshake_timeout=self.threshold.limits.head.total_seconds(),
            ssl_shutdown_timeout=LINGER.total_seconds(),
        )

    def handle_exit(self, sig: int, _frame: FrameType | None) -> None:
        """Begin to drain; told again, end at once, as the signal would have."""
        now = time.monotonic()
        if self._drained_at is None:
            self._told_at = now
            self._drain(timedelta(0) if sig == signal.SIGINT else self.threshold.limits.drain)
        elif self.supervisor is None and now - self._told_at > _ONE_TELLING_SECONDS:
            signal.signal(sig, signal.SIG_DFL)
            os.kill(os.getpid(), sig)

    async def on_tick(self, counter: int) -> bool:
        """Tell ten times a second whether it is time to close the listener."""
        if self.supervisor not in {None, os.getppid()} and self._drained_at is None:
            _log.error("serve.orphaned")
            self._drain(self.threshold.limits.drain)
        if await super().on_tick(counter):
            return True
        return self._drained_at is not None and time.monotonic() >= self._drained_at

    def _drain(self, span: timedelta) -> None:
        self.threshold.readiness.draining = True
        self._drained_at = time.monotonic() + span.total_seconds()


def _configure(app: ASGIApp, threshold: Threshold) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        loop="uvloop",
        http=Connection,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=threshold.limits.finish.total_seconds(),  # type: ignore[arg-type]  # fractions too
    )
