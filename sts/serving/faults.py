"""What is answered to a request that does not reach the application: an error of AWS's Query protocol."""

from collections.abc import Iterable
from dataclasses import dataclass
from http import HTTPStatus

from sts.aws.foreign import NAMESPACES
from sts.aws.wire.xml import render_error


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a connection is ended, as its client is told."""

    status: HTTPStatus
    code: str
    message: str


def _malformed(message: str) -> Fault:
    return Fault(HTTPStatus.BAD_REQUEST, "MalformedHTTPRequest", message)


MALFORMED = _malformed("The request is not HTTP/1.1")
# Two ways to read where a request ends are two requests for whoever stands behind: request smuggling (RFC 9112 11.2).
FRAMING = _malformed("The body is framed by one Content-Length, or by Transfer-Encoding: chunked, and by nothing else")
# Which of two hosts is meant would be read differently by a proxy, by us and by the signature (RFC 9112 3.2).
HOST = _malformed("A request has one Host header")
TARGET = _malformed("The request target is a path with an optional query")
UPGRADE = _malformed("No other protocol is offered here")
QUEUED = _malformed("Too many requests were sent without waiting for their answers")
VERSION = Fault(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "HTTPVersionNotSupported", "HTTP/1.1 is spoken here")
URL_TOO_LONG = Fault(HTTPStatus.REQUEST_URI_TOO_LONG, "RequestURITooLong", "The request target is too long")
HEADERS_TOO_LARGE = Fault(
    HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, "RequestHeadersTooLarge", "The headers are too many or too large"
)
TOO_SLOW = Fault(HTTPStatus.REQUEST_TIMEOUT, "RequestTimeout", "The request did not arrive in time")
TOO_MANY = Fault(HTTPStatus.SERVICE_UNAVAILABLE, "ServiceUnavailable", "Too many connections are open: try again")


def render_fault(fault: Fault, request_id: str, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the whole answer, beginning with the status line; *headers* are those of every answer."""
    sender = fault.status < HTTPStatus.INTERNAL_SERVER_ERROR
    body = render_error(fault.code, fault.message, request_id, sender=sender, namespace=NAMESPACES["sts"])
    fields = [
        *headers,
        (b"content-type", b"text/xml"),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"x-amzn-requestid", request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"connection", b"close"),
    ]
    if fault is TOO_MANY:
        fields.append((b"retry-after", b"1"))
    status = f"HTTP/1.1 {fault.status.value} {fault.status.phrase}\r\n".encode("ascii")
    return status + b"".join(name + b": " + value + b"\r\n" for name, value in fields) + b"\r\n" + body
