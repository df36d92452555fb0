"""What a browser sent, read within limits and decoded; nothing in it is believed."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from sts.errors import Malformed, MediaTypeUnsupported, ParameterRepeated, QueryMalformed, TooLarge

_FORM = "application/x-www-form-urlencoded"
_MOST_FIELDS = 32
_LARGEST = 16 * 1024  # bytes of a form: the longest password that is taken, with every byte of it escaped, and more
_PASSED_OVER = 4 * 1024 * 1024  # bytes of a larger one: a browser that is not heard to the end shows no answer


async def read_form(scope: Scope, receive: Receive) -> Mapping[str, str]:
    """Return the fields of the form; raises TooLarge, and Malformed kin."""
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    body = await _read_body(receive)
    if media_type != _FORM:
        raise MediaTypeUnsupported(f"A form is sent as {_FORM}")
    return _parse(body)


def parse_query(scope: Scope) -> Mapping[str, str]:
    """Return the parameters of the query; raises Malformed kin."""
    return _parse(scope["query_string"])


async def _read_body(receive: Receive) -> bytes:
    body, read, more = bytearray(), 0, True
    while more and read <= _PASSED_OVER:
        message: Mapping[str, Any] = await receive()
        if message["type"] == "http.disconnect":
            raise Malformed("The request ended before its form did")
        part = message.get("body", b"")
        read += len(part)
        if read <= _LARGEST:
            body += part
        more = message.get("more_body", False)
    if read > _LARGEST:
        raise TooLarge(f"What you sent is too long: a form is at most {_LARGEST} bytes")
    return bytes(body)


def _parse(encoded: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(encoded.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_FIELDS)
    except ValueError as fault:
        raise QueryMalformed("What was sent cannot be read, or has too many fields") from fault
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ParameterRepeated("A field is given twice")
    return fields
