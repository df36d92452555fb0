r"""What the values of conditions mean: decimals, instants, booleans, bytes, networks.

Each function returns None when a text is not of its kind. A policy with such a value is refused when it is stored; a
request with one matches nothing. Patterns say `[0-9]` and end in a full match: `\d`, `float`, `Decimal` and `$` take
other alphabets' digits, underscores, infinities and a final newline.
"""

import base64
import ipaddress
import re
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

_LONGEST = 64
_SECONDS_OF_DAY = 86_400

_DECIMAL = re.compile(r"-?[0-9]+(?:\.[0-9]+)?")
_EPOCH = re.compile(r"-?[0-9]{1,18}")
_DATE = re.compile(
    r"(?P<year>[0-9]{4})(?:-(?P<month>[0-9]{2})(?:-(?P<day>[0-9]{2})"
    r"(?:T(?P<hour>[0-9]{2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2})(?P<fraction>\.[0-9]{1,9})?)?"
    r"(?:Z|(?P<sign>[+-])(?P<ahead_hours>[0-9]{2}):(?P<ahead_minutes>[0-9]{2})))?)?)?"
)
_NETWORK = re.compile(r"(?P<address>[0-9A-Fa-f:.]{2,45})(?:/(?P<prefix>0|[1-9][0-9]{0,2}))?")
_BOOLEANS = {"true": True, "false": False}
_BITS = {4: 32, 6: 128}


@dataclass(frozen=True, slots=True)
class Network:
    """The addresses of one family that share their leading bits; *mask* is 0 for all of them."""

    family: int
    bits: int
    mask: int


def find_decimal(text: str) -> Decimal | None:
    """Return the number that *text* writes without exponent, exactly."""
    return Decimal(text) if len(text) <= _LONGEST and _DECIMAL.fullmatch(text) else None


def find_instant(text: str) -> Decimal | None:
    """Return an instant in seconds of the epoch: those seconds themselves, or the W3C profile of ISO 8601.

    Seconds, never milliseconds: a number of thirteen digits is an instant in a far future. Four digits are a year.
    """
    written = _DATE.fullmatch(text)
    if written:
        return _seconds(written)
    return Decimal(text) if _EPOCH.fullmatch(text) else None


def find_boolean(text: str) -> bool | None:
    """Return the boolean that *text* writes, in any case."""
    return _BOOLEANS.get(text.lower()) if text.isascii() else None


def find_bytes(text: str) -> bytes | None:
    """Return the bytes that *text* writes in base64, padding included."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        return None


def find_network(text: str) -> Network | None:
    """Return the network that CIDR notation or a single address writes; host bits are masked.

    The prefix is a plain number: `ipaddress` would also take `/255.0.0.0` and `/08`.
    """
    written = _NETWORK.fullmatch(text)
    address = _find_address(written["address"]) if written else None
    if written is None or address is None:
        return None
    width = _BITS[address.version]
    length = width if written["prefix"] is None else int(written["prefix"])
    if length > width:
        return None
    mask = (1 << width) - (1 << (width - length))
    return Network(address.version, int(address) & mask, mask)


def find_address(text: str) -> tuple[int, int] | None:
    """Return family and bits of a single address. An IPv4 address mapped into IPv6 is an IPv6 address."""
    written = _NETWORK.fullmatch(text)
    if written is None or written["prefix"] is not None:
        return None
    address = _find_address(written["address"])
    return None if address is None else (address.version, int(address))


def _find_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def _seconds(written: re.Match[str]) -> Decimal | None:
    """Count days and seconds by hand: a datetime near the years 1 and 9999 overflows when its offset is taken off."""
    parts = {name: int(value) for name, value in written.groupdict("0").items() if name not in {"sign", "fraction"}}
    if parts["hour"] > 23 or max(parts["minute"], parts["second"], parts["ahead_minutes"]) > 59:  # noqa: PLR2004  a clock
        return None
    if parts["ahead_hours"] > 23:  # noqa: PLR2004  a clock
        return None
    try:
        day = date(parts["year"], parts["month"] or 1, parts["day"] or 1).toordinal()
    except ValueError:
        return None
    if "00" in (written["month"], written["day"]):
        return None
    ahead = (parts["ahead_hours"] * 60 + parts["ahead_minutes"]) * (-60 if written["sign"] == "-" else 60)
    clock = parts["hour"] * 3600 + parts["minute"] * 60 + parts["second"]
    whole = (day - date(1970, 1, 1).toordinal()) * _SECONDS_OF_DAY + clock - ahead
    return Decimal(whole) + Decimal("0" + (written["fraction"] or ""))
