"""What goes back from AWS Sign-In's addresses: JSON, and the one table from Refusal to its errors."""

from collections.abc import Mapping, Sequence

import msgspec
from starlette.types import Send

from sts.access import AccessDenied
from sts.aws.errors import message_of
from sts.errors import (
    LoginCodeInvalid,
    LoginEnded,
    LoginOutdated,
    Malformed,
    MediaTypeUnsupported,
    MethodUnsupported,
    PossessionUnproven,
    Refusal,
    Throttled,
    TooLarge,
    Unavailable,
)

JSON = b"application/json"

# AWS's words for what went wrong, with its status (API Reference, CreateOAuth2Token): code, member `error`, status.
_VALIDATION = ("ValidationException", "INVALID_REQUEST", 400)
INTERNAL = ("InternalServerException", "server_error", 500)
ERRORS: Mapping[type[Refusal], tuple[str, str, int]] = {
    AccessDenied: ("AccessDeniedException", "INSUFFICIENT_PERMISSIONS", 403),
    LoginEnded: ("AccessDeniedException", "TOKEN_EXPIRED", 401),
    LoginCodeInvalid: ("AccessDeniedException", "AUTHCODE_EXPIRED", 401),
    LoginOutdated: ("AccessDeniedException", "USER_CREDENTIALS_CHANGED", 403),
    PossessionUnproven: _VALIDATION,
    Malformed: _VALIDATION,
    MediaTypeUnsupported: _VALIDATION,
    MethodUnsupported: ("ValidationException", "INVALID_REQUEST", 405),
    TooLarge: _VALIDATION,
    Throttled: ("TooManyRequestsError", "rate_exceeded", 429),
    Unavailable: ("ServiceUnavailableException", "service_unavailable", 503),
}


def find_error(refusal: Refusal) -> tuple[str, str, int]:
    """Return code, `error` and status for *refusal*: its own row or that of the nearest kind that has one."""
    for kind in type(refusal).__mro__:
        if kind in ERRORS:
            return ERRORS[kind]
    return INTERNAL


async def send_refusal(send: Send, refusal: Refusal, request_id: str) -> None:
    """Answer with the error that *refusal* is."""
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(refusal, Throttled):
        headers = ((b"retry-after", str(refusal.retry_after_seconds).encode("ascii")),)
    if isinstance(refusal, MethodUnsupported):
        headers = ((b"allow", b"POST"),)
    await send_error(send, find_error(refusal), message_of(refusal), request_id, headers)


async def send_error(
    send: Send,
    error: tuple[str, str, int],
    message: str,
    request_id: str,
    headers: Sequence[tuple[bytes, bytes]] = (),
) -> None:
    """Answer with *error*: code, member `error`, status."""
    code, reason, status = error
    body = msgspec.json.encode({"error": reason, "message": message})
    await send_json(send, status, body, request_id, (*headers, (b"x-amzn-errortype", code.encode("ascii"))))


async def send_json(
    send: Send, status: int, body: bytes, request_id: str, more: Sequence[tuple[bytes, bytes]] = ()
) -> None:
    """Answer with *body*, which nothing on its way may keep."""
    headers = [
        (b"content-type", JSON),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"x-amzn-requestid", request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
