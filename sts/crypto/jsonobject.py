"""JSON objects from strangers: UTF-8 only, one meaning for each member (RFC 8259 section 4, RFC 7515 section 4)."""

import json
from typing import Any, Never

from sts.errors import Malformed


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """Return the object that *raw* holds; raises Malformed for anything else.

    A repeated member is refused at every depth: two readers that each take another one of the two would see two
    tokens in one. The caller caps the length; depth is capped by the reader's own recursion.
    """
    try:
        parsed = _DECODER.decode(raw.decode("utf-8"))
    except (ValueError, RecursionError):
        raise Malformed("The value is not a JSON object in UTF-8 without repeated members") from None
    if not isinstance(parsed, dict):
        raise Malformed("The value is not a JSON object in UTF-8 without repeated members")
    return parsed


def _unique_members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("repeated member")
    return members


def _refuse_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique_members, parse_constant=_refuse_constant)
