import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from sts.api.request import read_request
from sts.authn.signature import SignedParts
from sts.errors import Malformed, TooLarge

SCOPE = {
    "type": "http", "method": "POST", "raw_path": b"/api/users/disable", "query_string": b"",
    "headers": [(b"content-type", b"application/json")],
}  # fmt: skip


def read(messages: Sequence[dict[str, Any]], largest: int = 10) -> SignedParts:
    """Read a request that comes in as *messages*; more of it than them is never waited for."""
    coming = iter(messages)

    async def receive() -> dict[str, Any]:
        return next(coming)

    return asyncio.run(read_request(SCOPE, receive, largest))


def piece(body: bytes, *, more: bool = False) -> dict[str, Any]:
    return {"type": "http.request", "body": body, "more_body": more}


def test_a_body_is_put_together_from_its_pieces() -> None:
    parts = read([piece(b"12345", more=True), piece(b"67890")])
    assert (parts.method, parts.path, parts.body) == ("POST", "/api/users/disable", b"1234567890")


def test_half_a_body_is_never_acted_on() -> None:
    with pytest.raises(Malformed, match="ended before its body did"):
        read([piece(b'{"name":', more=True), {"type": "http.disconnect"}])


@pytest.mark.parametrize(
    ("largest", "told"), [(10, "The body is at most 10 bytes"), (0, "This operation takes no body")]
)
def test_a_body_that_is_too_large_is_refused_at_the_first_byte_too_many(largest: int, told: str) -> None:
    with pytest.raises(TooLarge, match=told):
        read([piece(b"x" * (largest + 1), more=True)], largest)
