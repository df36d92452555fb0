"""Errors in the caller's own protocol: Query's XML, EC2's XML, or JSON for services that speak that.

With a single AWS_ENDPOINT_URL every service of a client talks to this address: what is not offered here must still be
an error that its client can read.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Scope

from sts.audit.record import Entry
from sts.aws.errors import ERRORS, WireError
from sts.aws.request import find_header
from sts.aws.wire.faults import cut
from sts.aws.wire.xml import escape, render_error
from sts.entropy import Entropy
from sts.errors import OperationUnknown

Rendered = tuple[bytes, str, Sequence[tuple[bytes, bytes]]]

NAMESPACES = {
    "sts": "https://sts.amazonaws.com/doc/2011-06-15/",
    "iam": "https://iam.amazonaws.com/doc/2010-05-08/",
}
_EC2_SCOPE = b"/ec2/aws4_request"
_SCOPE = re.compile(rb"(?:/|%2[Ff])(?P<service>[a-z0-9-]{1,64})(?:/|%2[Ff])aws4_request", re.ASCII)
_UNKNOWN_PATH = WireError("UnknownOperationException", 404)
_UNKNOWN_TARGET = WireError("UnknownOperationException", 400)
_OPERATION_UNKNOWN = ERRORS[OperationUnknown]


@dataclass(frozen=True, slots=True)
class UnknownPath:
    """Answers at every address that nothing else takes: there REST services' clients come."""

    entropy: Entropy

    async def refuse(self, request: Request, _: Exception) -> Response:
        """Say in JSON that there is nothing here; the request is not read."""
        message = f"This service does not offer {cut(request.method)} {cut(request.url.path)}"
        body, media_type, more = render_json_error(_UNKNOWN_PATH, message)
        response = Response(body, _UNKNOWN_PATH.status, media_type=media_type)
        response.headers["cache-control"] = "no-store"  # what is not here now may be in a moment
        response.raw_headers += [(b"x-amzn-requestid", self.entropy.request_id().encode("ascii")), *more]
        return response


def name_service(scope: Scope) -> str | None:
    """Return the service that the request claims to be signed for, where it is none of those that are offered."""
    claimed = _SCOPE.search(find_header(scope["headers"], b"authorization") or scope["query_string"])
    service = claimed["service"].decode("ascii") if claimed else None
    return None if service in NAMESPACES else service


def render_refusal(scope: Scope, error: WireError, message: str, entry: Entry) -> Rendered:
    """Return the body of *error*, its media type, and headers that go with it."""
    headers = scope["headers"]
    target = find_header(headers, b"x-amz-target")
    media_type = (find_header(headers, b"content-type") or b"").split(b";", 1)[0]
    if target is not None or media_type.startswith(b"application/x-amz-json") or scope["path"] != "/":
        return render_json_error(_UNKNOWN_TARGET if error is _OPERATION_UNKNOWN else error, message)
    if _EC2_SCOPE in (find_header(headers, b"authorization") or b""):
        return render_ec2_error(error, message, entry.request_id), "text/xml", ()
    sender = error.status < 500  # noqa: PLR2004  HTTP: from 500 on the fault is ours
    namespace = NAMESPACES[(entry.operation or "sts:").partition(":")[0]]
    body = render_error(error.code, message, entry.request_id, sender=sender, namespace=namespace)
    return body, "text/xml", ()


def render_json_error(error: WireError, message: str) -> Rendered:
    """Return the error as AWS's JSON protocols write it: its code in `__type` and in `x-amzn-errortype`."""
    body = msgspec.json.encode({"__type": error.code, "message": message})
    return body, "application/x-amz-json-1.1", ((b"x-amzn-errortype", error.code.encode("ascii")),)


def render_ec2_error(error: WireError, message: str, request_id: str) -> bytes:
    """Return the error as EC2's variant of the Query protocol writes it."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Response><Errors><Error><Code>{error.code}</Code><Message>{escape(message)}</Message></Error></Errors>"
        f"<RequestID>{request_id}</RequestID></Response>"
    ).encode()
