"""Several processes that share the listening sockets: begun, replaced when they crash, and ended together.

A worker is the same command with the sockets' numbers. Its supervisor holds no key and no store: it only watches. Each
is in a process group of its own, so that Ctrl-C reaches the supervisor alone.
"""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from types import FrameType

import structlog

from sts.errors import Refusal
from sts.telemetry.numbers import open_shared

_LOOK_SECONDS = 0.05
_PAUSE = timedelta(seconds=1)  # before a crashed worker is replaced: one that always crashes takes no whole core
_REFUSED = 1  # the exit code of a worker that cannot start

_log = structlog.get_logger("sts.serving")


@dataclass(slots=True)
class Supervisor:
    """Keeps *number* workers running *command*, which finds *listeners* under their own numbers.

    *grace* is how long the workers may take to end; then they are killed. A worker of the first that ends with 1 while
    none has run for *settled* cannot start, and another would not either: that ends all.
    """

    command: Sequence[str]
    listeners: Sequence[socket.socket]
    number: int
    grace: timedelta
    settled: timedelta = timedelta(seconds=30)
    told: int = 0  # how often to end
    _numbers: int = -1  # the file in memory that the workers count in
    _workers: list["subprocess.Popen[bytes]"] = field(default_factory=list)
    _rested: dict[int, float] = field(default_factory=dict)  # when the replacement of a slot may begin

    def run(self) -> None:
        """Work until told to end; raises Refusal when the workers cannot start."""
        for ending in (signal.SIGTERM, signal.SIGINT):
            signal.signal(ending, self._end)
        began = time.monotonic()
        self._numbers = open_shared(self.number)
        self._workers = [self._start(slot) for slot in range(self.number)]
        try:
            self._watch(lambda: time.monotonic() - began < self.settled.total_seconds())
        finally:
            self._stop()
            os.close(self._numbers)

    def _end(self, _signal: int, _frame: FrameType | None) -> None:
        self.told += 1

    def _start(self, slot: int) -> "subprocess.Popen[bytes]":
        numbers = [listener.fileno() for listener in self.listeners]
        words = [word for number in numbers for word in ("--listener", str(number))]
        words += ["--supervisor", str(os.getpid()), "--numbers", str(self._numbers), "--worker", str(slot)]
        worker = subprocess.Popen(  # noqa: S603  our own command
            [*self.command, *words], pass_fds=[*numbers, self._numbers], process_group=0
        )
        _log.info("worker.started", pid=worker.pid)
        return worker

    def _watch(self, is_new: Callable[[], bool]) -> None:
        while not self.told:
            for slot, worker in enumerate(self._workers):
                if worker.poll() is None:
                    continue
                if is_new() and worker.returncode == _REFUSED:
                    raise Refusal("A worker did not start; the log says why")
                self._replace(slot, worker)
            time.sleep(_LOOK_SECONDS)

    def _replace(self, slot: int, worker: "subprocess.Popen[bytes]") -> None:
        now = time.monotonic()
        if slot not in self._rested:
            _log.error("worker.ended", pid=worker.pid, code=worker.returncode)
        if now >= self._rested.setdefault(slot, now + _PAUSE.total_seconds()):
            del self._rested[slot]
            self._workers[slot] = self._start(slot)

    def _stop(self) -> None:
        """End every worker: by asking, until the grace is over or we are told again, then by force."""
        # Held open here, the sockets would take clients whom no worker is left to answer: refused, they go elsewhere.
        for listener in self.listeners:
            listener.close()
        for worker in self._workers:
            worker.send_signal(signal.SIGTERM)
        end = time.monotonic() + self.grace.total_seconds()
        while any(worker.poll() is None for worker in self._workers):
            if self.told > 1 or time.monotonic() >= end:
                for worker in self._workers:
                    worker.kill()
            time.sleep(_LOOK_SECONDS)
