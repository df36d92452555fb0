"""An order of what is remembered that tells who comes once from who comes again (segmented least recently used)."""

from collections import OrderedDict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Generic, TypeVar

_SHARE = 4  # of those that were wanted again may be held for each that was not yet
# Values put meanwhile, until which it may be the same request that looks once more; at most a tenth of all, and a few.
_SAME, _FEW = 1_000, 16

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


@dataclass(slots=True)
class Segments(Generic[_Key, _Value]):
    """Values by key; what was wanted once only is forgotten first.

    So whoever goes through all there is, each once, pushes out none of what is in use.
    """

    _once: OrderedDict[_Key, tuple[int, _Value]] = field(default_factory=OrderedDict)  # with what was put before
    _again: OrderedDict[_Key, _Value] = field(default_factory=OrderedDict)
    _count: int = 0  # of what was put

    def __len__(self) -> int:
        return len(self._once) + len(self._again)

    def __contains__(self, key: _Key) -> bool:
        return key in self._again or key in self._once

    def __iter__(self) -> Iterator[_Key]:
        """Go through the keys."""
        yield from self._once
        yield from self._again

    def find_oldest(self) -> _Key:
        """Return the key that is to be forgotten first; there is one."""
        while len(self._again) > _SHARE * len(self._once):
            self.put(*self._again.popitem(last=False))  # what was in use once gives way to what is
        return next(iter(self._once))

    def find(self, key: _Key) -> _Value | None:
        """Return the value of *key*, which is wanted."""
        value = self._again.get(key)
        if value is not None:
            self._again.move_to_end(key)
            return value
        return self._find_new(key) if key in self._once else None

    def put(self, key: _Key, value: _Value) -> None:
        """Hold *value*, whose *key* is not there yet."""
        self._once[key] = self._count, value
        self._count += 1

    def pop(self, key: _Key) -> _Value:
        """Let go of *key*, which is there, and return its value."""
        return self._again.pop(key) if key in self._again else self._once.pop(key)[1]

    def _find_new(self, key: _Key) -> _Value:
        before, value = self._once[key]
        if self._count - before <= min(_SAME, _FEW + len(self) // 10):
            self._once.move_to_end(key)
            return value
        del self._once[key]
        self._again[key] = value
        return value
