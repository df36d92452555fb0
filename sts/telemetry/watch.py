"""How a room lets itself be watched: each call is handed to whoever watches, under its name."""

from collections.abc import Awaitable
from typing import Protocol, TypeVar

_T = TypeVar("_T")


class Watch(Protocol):
    """Awaits what it is handed, and may note when that began and how it ended."""

    async def __call__(self, name: str, call: Awaitable[_T]) -> _T:
        """Return what *call* returns, and raise what it raises."""
        ...
