"""A request of the administration as it came in: read within its limits, decoded, and nothing believed."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeVar
from urllib.parse import parse_qsl

import msgspec
from starlette.datastructures import Headers
from starlette.types import Receive, Scope

from sts.authn.signature import SignedParts
from sts.crypto.jsonobject import parse_json_object
from sts.errors import Malformed, MediaTypeUnsupported, ParameterInvalid, ParameterRepeated, QueryMalformed, TooLarge

_JSON = "application/json"
_MOST_PARAMETERS = 16

_Members = TypeVar("_Members", bound=msgspec.Struct)


@dataclass(frozen=True, slots=True)
class Asked:
    """What an operation is asked with: the parameters of the query, and the body."""

    parameters: Mapping[str, str]
    body: bytes


async def read_request(scope: Scope, receive: Receive, largest_body: int) -> SignedParts:
    """Read the request whole; raises TooLarge, and Malformed when it was cut off."""
    body = await _read_body(receive, largest_body)
    raw_path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
    return SignedParts(scope["method"], raw_path, query, scope["headers"], body)


def parse_asked(scope: Scope, body: bytes) -> Asked:
    """Decode the query; raises Malformed kin, and MediaTypeUnsupported for a body that does not say it is JSON."""
    media_type = Headers(scope=scope).get("content-type", "").partition(";")[0].strip().lower()
    if body and media_type != _JSON:
        raise MediaTypeUnsupported(f"The body of a request is of the type {_JSON}")
    return Asked(_parse_query(scope["query_string"]), body)


def parse_members(asked: Asked, kind: type[_Members]) -> _Members:
    """Return the members of the JSON body, and there must be no query; raises Malformed kin.

    A repeated member is refused, and so is one that *kind* has not: nothing that was asked is passed over.
    """
    if asked.parameters:
        raise ParameterInvalid("What is asked stands in the body: there are no parameters of the query here")
    try:
        return msgspec.convert(parse_json_object(asked.body), kind, strict=True)
    except (msgspec.ValidationError, UnicodeEncodeError):  # the latter: a name with half a surrogate pair
        names = ", ".join(kind.__struct_fields__)
        raise ParameterInvalid(f"The body is a JSON object with these members and no others: {names}") from None


async def _read_body(receive: Receive, largest: int) -> bytes:
    body, more = bytearray(), True
    while more:
        message: Mapping[str, Any] = await receive()
        # Half a body may be a whole command: what was cut off is never acted on.
        if message["type"] == "http.disconnect":
            raise Malformed("The request ended before its body did")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > largest:
            raise TooLarge(f"The body is at most {largest} bytes" if largest else "This operation takes no body")
    return bytes(body)


def _parse_query(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as fault:
        raise QueryMalformed("The query cannot be decoded, or has too many parameters") from fault
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ParameterRepeated("A parameter is given twice")
    # A presigned URL ends up in histories and logs of others, and would let in whoever reads those.
    if any(name.lower().startswith("x-amz-") for name in parameters):
        raise ParameterInvalid("A presigned URL is not taken here: sign in the Authorization header")
    return parameters
