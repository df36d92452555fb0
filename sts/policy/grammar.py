"""The JSON of a policy, read strictly (IAM User Guide, "Grammar of the IAM JSON policy language").

The JSON module of the standard library lets repeated members, NaN, lone surrogates and numbers of any length through;
each of them is a way to show one policy to a reviewer and another to the evaluator, so each is refused here.
"""

import json
import re
from typing import Any, NoReturn

from sts.errors import PolicyMalformed

_LONGEST_TEXT = 131_072  # characters; what the wire takes for a policy document
_DEEPEST = 8  # the grammar needs six: document, statements, statement, condition, operator, values
_LONGEST_NUMBER = 64
_SHOWN = 64

# An unclosed string runs to the end of the text, so that no later quotation mark is tried again: linear time.
_STRING = re.compile(r'"[^"\\]*+(?:\\.[^"\\]*+)*+(?:"|\\?\Z)', re.DOTALL)
_WHITESPACE = re.compile(r"[ \t\n\r]+")
_SURROGATE = re.compile("[\ud800-\udfff]")
_NOT_BRACKET = re.compile(r"[^\[\]{}]+")


class Number(str):
    """A number as it was written: a policy compares it as text or as an exact decimal, never as a float."""

    __slots__ = ()


class Object(dict[str, Any]):
    """A JSON object that remembers a member named twice, so that whoever reads it can say where."""

    __slots__ = ("repeated",)
    repeated: str | None


def read_json(text: str) -> Object:
    """Return the object that *text* holds; raises PolicyMalformed when it is anything else.

    Numbers come as Number. Members that are named twice are noted in the object and refused by `read_members`.
    """
    if len(text) > _LONGEST_TEXT:
        raise PolicyMalformed(f"The policy is longer than {_LONGEST_TEXT} characters")
    _require_shallow(text)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise PolicyMalformed(f"The policy is not valid JSON: {error.msg}, character {error.pos}") from None
    if not isinstance(value, Object):
        raise PolicyMalformed("The policy is not a JSON object")
    return value


def measure_document(text: str) -> int:
    """Return the size of a policy as quotas count it: characters, without white space between its parts."""
    size = 0
    end = 0
    for string in _STRING.finditer(text):
        size += len(_WHITESPACE.sub("", text[end : string.start()])) + len(string[0])
        end = string.end()
    return size + len(_WHITESPACE.sub("", text[end:]))


def read_members(value: Any, place: str, known: frozenset[str] | None = None) -> Object:
    """Return *value* when it is an object without repeated members and, if *known* is given, without others."""
    if not isinstance(value, Object):
        raise PolicyMalformed("An object is expected", place=place)
    if value.repeated is not None:
        raise PolicyMalformed("A member is given twice", place=join_place(place, value.repeated))
    for name in value:
        _require_whole(name, place)
        if known is not None and name not in known:
            raise PolicyMalformed("This member is not part of the policy language", place=join_place(place, name))
    return value


def read_text(value: Any, place: str) -> str:
    """Return a string, or a number or boolean that stands unquoted in the place of one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str):
        raise PolicyMalformed("A string is expected", place=place)
    _require_whole(value, place)
    return str(value)


def read_texts(value: Any, place: str) -> tuple[str, ...]:
    """Return one string, or a list of at least one, as a tuple."""
    if not isinstance(value, list):
        return (read_text(value, place),)
    if not value:
        raise PolicyMalformed("At least one value is expected", place=place)
    return tuple(read_text(item, f"{place}[{index}]") for index, item in enumerate(value))


def join_place(place: str, member: str) -> str:
    """Return the place of *member*: what a caller wrote is shortened and made printable."""
    shown = member[:_SHOWN]
    if not shown.isprintable():
        shown = "".join(character if character.isprintable() else "?" for character in shown)
    return f"{place}.{shown}" if place else shown


def _require_shallow(text: str) -> None:
    """Count brackets before the parser meets them: it descends once for each, and a deep text would exhaust it."""
    if text.count("[") + text.count("{") <= _DEEPEST:  # nearly every policy: it has not even as many
        return
    depth = 0
    for bracket in _NOT_BRACKET.sub("", _STRING.sub("", text)):
        depth += 1 if bracket in "[{" else -1
        if depth > _DEEPEST:
            raise PolicyMalformed("The policy is nested deeper than the policy language goes")


def _require_whole(text: str, place: str) -> None:
    """Refuse half of a surrogate pair: it is no character, cannot be stored, and two libraries show it differently."""
    if _SURROGATE.search(text):
        raise PolicyMalformed("A string holds half a character", place=place)


def _note_members(pairs: list[tuple[str, Any]]) -> Object:
    found = Object(pairs)
    found.repeated = None
    if len(found) != len(pairs):
        seen: set[str] = set()
        found.repeated = next(name for name, _ in pairs if name in seen or seen.add(name))  # type: ignore[func-returns-value]
    return found


def _keep_number(digits: str) -> Number:
    if len(digits) > _LONGEST_NUMBER:
        raise PolicyMalformed(f"A number has more than {_LONGEST_NUMBER} characters")
    return Number(digits)


def _refuse_constant(name: str) -> NoReturn:
    raise PolicyMalformed(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_note_members,
    parse_int=_keep_number,
    parse_float=_keep_number,
    parse_constant=_refuse_constant,
)
