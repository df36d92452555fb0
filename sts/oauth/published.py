"""What is published for everybody to read and to keep for five minutes: documents with an ETag."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import Response

_MAX_AGE_SECONDS = 300


def render_published(request: Request, body: bytes, etag: str, media_type: str) -> Response:
    """Return the document, or 304 when the client has it."""
    headers = _headers(etag)
    if etag in _tags(request.headers.get("if-none-match", "")):
        return Response(status_code=304, headers=headers)
    return Response(body, media_type=media_type, headers=headers)


def _headers(etag: str) -> Mapping[str, str]:
    return {
        "cache-control": f"public, max-age={_MAX_AGE_SECONDS}",
        "etag": etag,
        "access-control-allow-origin": "*",  # nothing secret, and no credentials are read here
        "x-content-type-options": "nosniff",
    }


def _tags(header: str) -> set[str]:
    return {tag.strip().removeprefix("W/") for tag in header.split(",")}
