"""A request of the Query protocol as it came in: read within its limits, decoded, and nothing believed."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.types import Receive, Scope

from sts.authn.signature import SignedParts
from sts.aws.wire.faults import cut
from sts.aws.wire.form import Form, parse_form
from sts.errors import (
    Malformed,
    MediaTypeUnsupported,
    MethodUnsupported,
    OperationUnknown,
    ParameterInvalid,
    ParameterRepeated,
    TooLarge,
)

LARGEST_BODY = 1024 * 1024
_SIGNATURE = "X-Amz-"
FORM = b"application/x-www-form-urlencoded"
Headers = Sequence[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """The request as sent, and the form that its query or body decodes to."""

    parts: SignedParts
    form: Form


async def read_request(scope: Scope, receive: Receive) -> QueryRequest:
    """Read the request; raises Refusal kin when it is none of this protocol."""
    method = scope["method"]
    if method not in {"GET", "POST"}:
        raise MethodUnsupported(f"The method {method} is not offered here: use POST or GET")
    headers: Headers = scope["headers"]
    body = await read_body(headers, receive)
    target = find_header(headers, b"x-amz-target")
    if target is not None:  # so services that speak JSON name an operation: none of them is here
        raise OperationUnknown(f"This service does not offer {cut(target.decode('latin-1'))}")
    if body and not _is_form(headers):
        raise MediaTypeUnsupported(f"The body of a request is of the type {FORM.decode()}")
    query: bytes = scope["query_string"]
    parts = SignedParts(method, scope["raw_path"].decode("latin-1"), query.decode("latin-1"), headers, body)
    return QueryRequest(parts, _parse(query, body))


async def read_body(headers: Headers, receive: Receive) -> bytes:
    """Read the body; raises TooLarge as soon as it is known to be too large for any operation, Malformed if cut off."""
    announced = find_header(headers, b"content-length")
    if announced is not None and announced.isdigit() and int(announced[:20]) > LARGEST_BODY:
        raise TooLarge(f"The body is larger than {LARGEST_BODY} bytes")
    body = bytearray()
    more = True
    while more:
        message = await receive()
        # Half a form may be a whole command: what was cut off is never acted on.
        if message["type"] == "http.disconnect":
            raise Malformed("The request ended before its body did")
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > LARGEST_BODY:
            raise TooLarge(f"The body is larger than {LARGEST_BODY} bytes")
    return bytes(body)


def find_header(headers: Headers, name: bytes) -> bytes | None:
    """Return the first value of the header *name* (in lower case), None when there is none."""
    return next((value for key, value in headers if key == name), None)


def _is_form(headers: Headers) -> bool:
    media_type = find_header(headers, b"content-type") or b""
    return media_type.split(b";", 1)[0].strip().lower() == FORM


def _parse(query: bytes, body: bytes) -> Form:
    posted = parse_form(body)
    for name in posted:
        if name.startswith(_SIGNATURE):  # a signature is read from the query alone
            raise ParameterInvalid(f"The parameter {cut(name)} stands in the query, not in the body")
    if not query:
        return posted
    form = parse_form(query)
    if posted:
        repeated = sorted(form.keys() & posted.keys())
        if repeated:
            raise ParameterRepeated(f"The parameter {repeated[0]} is given twice: in the query and in the body")
        form = {**form, **posted}
    return form
