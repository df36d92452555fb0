"""Strings, numbers, booleans, blobs and instants of a form, with their constraints.

A reader takes what stands at one place of a form and returns the Python value; it reports every constraint that the
value breaks and returns something harmless then, because the request is refused as a whole.
"""

import binascii
import re
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeAlias

from sts.aws.wire.faults import Faults, Where, show
from sts.aws.wire.models import Shape
from sts.aws.wire.patterns import Match, compile_pattern
from sts.model import Secret

Node: TypeAlias = "str | dict[str, Node]"
Read: TypeAlias = Callable[[Node, Where, Faults], Any]
Span: TypeAlias = tuple[int, int]

_SECRET_NAME = re.compile(r"token|secret|password|assertion|privatekey|authenticationcode", re.IGNORECASE)
# Ten digits hold any 32-bit number and nineteen any 64-bit one; int() of unbounded text would be quadratic.
_INTEGER = re.compile(r"-?[0-9]{1,19}")
_INTEGER_SPANS = {"integer": (-(2**31), 2**31 - 1), "long": (-(2**63), 2**63 - 1)}
_INSTANT = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]{1,9})?(Z|[+-][0-9]{2}:[0-9]{2})")
_BOOLEANS = {"true": True, "false": False}


def is_secret(shape: Shape, name: str) -> bool:
    """Tell whether the member *name* must be kept out of messages: the model marks it, or it is a text so named."""
    if shape.get("sensitive"):
        return True
    return shape["type"] == "string" and "enum" not in shape and _SECRET_NAME.search(name) is not None


def compile_scalar(shape: Shape, name: str) -> Read:
    """Return the reader of a scalar *shape* that stands under the member *name*."""
    secret = is_secret(shape, name)
    convert = {
        "string": compile_string,
        "integer": compile_integer,
        "long": compile_integer,
        "boolean": compile_boolean,
        "blob": compile_blob,
        "timestamp": compile_timestamp,
    }[shape["type"]](shape, secret=secret)

    def read(node: Node, where: Where, faults: Faults) -> Any:
        if type(node) is str:
            return convert(node, where, faults)
        faults.report(where, "Member must be a single value")
        return None

    return read


Convert: TypeAlias = Callable[[str, Where, Faults], Any]


def compile_string(shape: Shape, *, secret: bool) -> Convert:
    """Return the reader of a string; lengths count code points, not the UTF-16 units that Java counts."""
    low, high = span = read_span(shape)
    match = compile_pattern(shape["pattern"]) if "pattern" in shape else None
    allowed = frozenset(shape["enum"]) if "enum" in shape else None
    rules = _string_rules(shape, match)

    def read(text: str, where: Where, faults: Faults) -> str:
        sound = low <= len(text) <= high and (match is None or match(text)) and (allowed is None or text in allowed)
        if not sound:
            check_length(len(text), span, where, faults, show(text, secret=secret))
            for broken, constraint in rules:
                if broken(text):
                    faults.report(where, constraint, show(text, secret=secret))
        return Secret(text) if secret else text

    return read


def _string_rules(shape: Shape, match: Match | None) -> list[tuple[Callable[[str], bool], str]]:
    rules: list[tuple[Callable[[str], bool], str]] = []
    if match is not None:
        pattern = f"Member must satisfy regular expression pattern: {shape['pattern']}"
        rules.append((lambda text: match(text) is None, pattern))
    if "enum" in shape:
        values = shape["enum"]
        rules.append((lambda text: text not in values, f"Member must satisfy enum value set: [{', '.join(values)}]"))
    return rules


def compile_integer(shape: Shape, *, secret: bool) -> Convert:
    """Return the reader of an integer: ASCII digits, without the underscores and foreign digits that int() takes."""
    widest = _INTEGER_SPANS[shape["type"]]
    low, high = shape.get("min", widest[0]), shape.get("max", widest[1])

    def read(text: str, where: Where, faults: Faults) -> int:
        if not _INTEGER.fullmatch(text):
            faults.report(where, "Member must be an integer", show(text, secret=secret))
            return 0
        number = int(text)
        if number < low:
            constraint = f"Member must have value greater than or equal to {low}"
            faults.report(where, constraint, show(text, secret=secret))
        if number > high:
            constraint = f"Member must have value less than or equal to {high}"
            faults.report(where, constraint, show(text, secret=secret))
        return number

    return read


def compile_boolean(shape: Shape, *, secret: bool) -> Convert:  # noqa: ARG001  one signature for all scalars
    """Return the reader of a boolean: `true` or `false`, in any case."""

    def read(text: str, where: Where, faults: Faults) -> bool:
        # lower() of one foreign letter (the Kelvin sign, for one) gives an ASCII letter.
        found = _BOOLEANS.get(text.lower()) if text.isascii() else None
        if found is None:
            faults.report(where, "Member must be true or false", show(text, secret=secret))
            return False
        return found

    return read


def compile_blob(shape: Shape, *, secret: bool) -> Convert:
    """Return the reader of a blob: base64 (RFC 4648, section 4), padded, nothing else; lengths count bytes."""
    span = read_span(shape)

    def read(text: str, where: Where, faults: Faults) -> bytes:
        try:
            blob = binascii.a2b_base64(text, strict_mode=True)
        except ValueError:
            faults.report(where, "Member must be base64", show(text, secret=secret))
            return b""
        check_length(len(blob), span, where, faults, show(text, secret=secret))
        return blob

    return read


def compile_timestamp(shape: Shape, *, secret: bool) -> Convert:  # noqa: ARG001  one signature for all scalars
    """Return the reader of an instant: ISO 8601 date, time and offset; the instant is aware and in UTC."""

    def read(text: str, where: Where, faults: Faults) -> datetime | None:
        instant = find_instant(text)
        if instant is None:
            constraint = "Member must be an instant in ISO 8601, such as 2026-11-24T08:00:00Z"
            faults.report(where, constraint, show(text, secret=secret))
        return instant

    return read


def find_instant(text: str) -> datetime | None:
    """Return the instant that *text* names, aware, in UTC; None when it names none (30 February, for one)."""
    if not _INSTANT.fullmatch(text):
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def read_span(shape: Shape) -> Span:
    """Return the smallest and the largest length that *shape* allows."""
    return shape.get("min", 0), shape.get("max", sys.maxsize)


def check_length(length: int, span: Span, where: Where, faults: Faults, shown: str = "Value") -> None:
    """Report a *length* outside *span*."""
    if length < span[0]:
        faults.report(where, f"Member must have length greater than or equal to {span[0]}", shown)
    if length > span[1]:
        faults.report(where, f"Member must have length less than or equal to {span[1]}", shown)
