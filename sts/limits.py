"""How much the service takes before it refuses: of one connection, and of one address or caller in a second."""

import re
from dataclasses import dataclass
from datetime import timedelta

from sts.errors import Malformed

_RATE = re.compile(r"([0-9]{1,6}(?:\.[0-9]{1,3})?)/([0-9]{1,7})", re.ASCII)


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerLimits:
    """What one connection may send and how long it may take; the defaults are those of the settings.

    *head* runs from the first byte of a request (of a new connection: from its beginning) to the end of its headers,
    *body* from there to the end of its body, both in all and not between two bytes. *drain* is how long `/readyz`
    says no before the listener closes, *finish* how long requests under way are waited for after that.
    """

    header_bytes: int = 16 * 1024
    headers: int = 100
    url_bytes: int = 16 * 1024
    head: timedelta = timedelta(seconds=10)
    body: timedelta = timedelta(seconds=30)
    idle: timedelta = timedelta(seconds=60)
    connections: int = 4_096
    drain: timedelta = timedelta(seconds=5)
    finish: timedelta = timedelta(seconds=20)


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionLimits:
    """How long sessions of browsers last; the defaults are those of the settings.

    *idle* is without a request, *longest* whatever is done, *most* how many a principal has at once: with one more the
    one that began first ends. *recent* is how long ago somebody may have proven who they are to change what is most
    sensitive.
    """

    idle: timedelta = timedelta(hours=1)
    longest: timedelta = timedelta(hours=12)
    recent: timedelta = timedelta(minutes=15)
    most: int = 20


@dataclass(frozen=True, slots=True)
class Rate:
    """So many a second in the long run, and at most *burst* at once."""

    per_second: float
    burst: int


def parse_rate(text: str) -> Rate | None:
    """Return the rate in *text*, `PER-SECOND/BURST` such as `50/1000`; None for `off`. Raises Malformed."""
    if text == "off":
        return None
    match = _RATE.fullmatch(text)
    if match is None:
        raise Malformed(f"{text} is not off, nor a rate such as 50/1000: so many a second, and at once")
    rate = Rate(float(match[1]), int(match[2]))
    if rate.per_second == 0 or rate.burst == 0:
        raise Malformed(f"{text} would let nothing through: say off, or a rate above zero")
    return rate
