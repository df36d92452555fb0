"""Times as people give them: a date, an instant, or how long ago."""

import re
from datetime import UTC, datetime, timedelta

import click

from sts.clock import SystemClock

_AGO = re.compile(r"([0-9]{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


class _Instant(click.ParamType[str]):
    """Reads `2026-03-02`, `2026-03-02T12:00:00Z` (UTC unless it says otherwise), or `90s`, `30m`, `2h`, `7d` ago."""

    name = "time"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the instant in ISO 8601; wrong usage for what is none."""
        ago = _AGO.fullmatch(value)
        try:
            if ago is not None:
                return (SystemClock().now() - timedelta(**{_UNITS[ago[2]]: int(ago[1])})).isoformat()
            instant = datetime.fromisoformat(value)
        except (ValueError, OverflowError):
            self.fail(f"{value} is no time: give 2026-03-02, 2026-03-02T12:00:00Z, or how long ago as 2h", param, ctx)
        return (instant if instant.tzinfo else instant.replace(tzinfo=UTC)).isoformat()


INSTANT = _Instant()
