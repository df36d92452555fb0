"""Passwords are hashed here: in threads, behind an admission limit, under the pepper of the keyring.

A hash takes a core for tens of milliseconds and twenty megabytes: few are computed at a time, so that all other
requests go on, and few wait, so that whoever sends thousands is told to come again.
"""

import asyncio
import os
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import TypeVar

from sts.crypto.passwords import SALT_LENGTH, Cost, encode_password, hash_password, read_cost, verify_password
from sts.entropy import Entropy
from sts.errors import KeyUnknown, PasswordMismatch, Throttled
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.passwords import KeptPassword

_T = TypeVar("_T")
_LABEL = b"sts password 1"
_NICER = 10
_MOST_WAITING = 128  # four seconds of one core


def _open_threads() -> ThreadPoolExecutor:
    """Return threads for half the cores: the other half answers what needs no hash."""
    half = max(1, (os.cpu_count() or 2) // 2)
    return ThreadPoolExecutor(half, thread_name_prefix="password", initializer=_give_way)


def _give_way() -> None:
    """Have this thread wait for those that answer requests: on Linux each has a niceness of its own (setpriority(2)).

    Measured on two busy cores, 64 people who sign in at once: others' p99 was 2.1 times that alone, without it 3.6.
    """
    if sys.platform == "linux":
        with suppress(OSError):  # a host that forbids it: hashes then take as much as all else
            niceness = os.getpriority(os.PRIO_PROCESS, os.getpid()) + _NICER
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), niceness)


@dataclass(slots=True)
class _Line:
    """How many computations are under way or wait, how many there were, and what they filled."""

    waiting: int = 0
    computed: int = 0
    filled_kib: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, cost: Cost) -> None:
        """Count what one of the threads fills."""
        with self._lock:
            self.filled_kib += cost.filled_kib


@dataclass(frozen=True, slots=True)
class PasswordHasher:
    """Hashes and verifies passwords, for whoever has a place; what is no password raises PasswordMalformed."""

    keyring: Keyring
    entropy: Entropy
    cost: Cost = field(default_factory=Cost)
    most_waiting: int = _MOST_WAITING
    _line: _Line = field(default_factory=_Line)
    _threads: ThreadPoolExecutor = field(default_factory=_open_threads)

    @property
    def computed(self) -> int:
        """How many hashes were computed: of sign-ins that must look alike, all cost as many."""
        return self._line.computed

    @property
    def filled_kib(self) -> int:
        """How many KiB they filled: of sign-ins that must look alike, all fill as many, whenever they were hashed."""
        return self._line.filled_kib

    @contextmanager
    def place(self) -> Iterator[None]:
        """Hold a place among those who wait for a hash; raises Throttled when there is none.

        It is taken before an attempt is counted: one that could not be looked at would count as wrong.
        """
        line = self._line
        if line.waiting >= self.most_waiting:
            raise Throttled("Rate exceeded", retry_after_seconds=1, rate="passwords", detail="too many passwords wait")
        line.waiting += 1
        try:
            yield
        finally:
            line.waiting -= 1

    async def hash(self, password: str) -> KeptPassword:
        """Return *password* as it is to be kept, under the current pepper and at the present cost."""
        encoded = encode_password(password)
        return await self._compute(lambda: self._hash(encoded))

    async def verify(self, kept: KeptPassword, password: str) -> None:
        """Raise PasswordMismatch unless *kept* is *password*.

        What was hashed before the cost was raised costs what a hash costs now: otherwise time would tell whose it is
        from nobody's.
        """
        encoded = encode_password(password)
        await self._compute(lambda: self._verify(kept, encoded))

    async def spend(self, password: str) -> None:
        """Cost what `verify` does, for somebody who has no password or whose is not to be looked at."""
        await self.hash(password)

    def is_stale(self, kept: KeptPassword) -> bool:
        """Say whether *kept* is of another cost or pepper than those of the present."""
        return (
            kept.pepper_version != self.keyring.current_version(Purpose.PEPPER) or read_cost(kept.hashed) != self.cost
        )

    def _hash(self, encoded: bytes) -> KeptPassword:
        version, peppered = self.keyring.mac(Purpose.PEPPER, _LABEL, encoded)
        return KeptPassword(hashed=self._fill(peppered, self.cost), pepper_version=version)

    def _verify(self, kept: KeptPassword, encoded: bytes) -> None:
        try:
            _, peppered = self.keyring.mac(Purpose.PEPPER, _LABEL, encoded, kept.pepper_version)
        except KeyUnknown as unknown:  # the pepper was removed: the password is lost, and says so at no other speed
            self._hash(encoded)
            raise PasswordMismatch("The pepper of the password is gone", detail=unknown.message) from unknown
        spent = read_cost(kept.hashed)
        rest = self.cost.find_rest(spent)
        if rest is not None:
            self._fill(peppered, rest)
        self._line.note(spent)
        verify_password(kept.hashed, peppered)

    def _fill(self, peppered: bytes, cost: Cost) -> str:
        self._line.note(cost)
        return hash_password(peppered, self.entropy.draw(SALT_LENGTH), cost)

    async def _compute(self, work: Callable[[], _T]) -> _T:
        self._line.computed += 1
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)
