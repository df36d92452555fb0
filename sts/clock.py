"""The only read of the system clock in the house."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """What tells the time: an aware instant in UTC."""

    def now(self) -> datetime:
        """Return the present instant, aware, in UTC."""
        ...


@dataclass(frozen=True, slots=True)
class SystemClock:
    """The clock of the machine."""

    def now(self) -> datetime:
        """Return the machine's present instant in UTC."""
        return datetime.now(UTC)


@dataclass(slots=True)
class ManualClock:
    """A clock that stands still until it is moved: a test walks time with one call."""

    at: datetime

    def now(self) -> datetime:
        """Return the instant that the clock was last moved to."""
        return self.at

    def tick(self, span: timedelta) -> datetime:
        """Move the clock by *span* and return the new instant."""
        self.at += span
        return self.at
