"""The canonical request that AWS Signature Version 4 signs (IAM User Guide, "Create a signed AWS API request").

Everything is bytes: a header's value is signed as it came over the wire, whatever its encoding was.
"""

import re
from collections.abc import Mapping, Sequence
from urllib.parse import quote, unquote_to_bytes

from sts.errors import QueryMalformed

_UNRESERVED = re.compile(r"[A-Za-z0-9_.~-]*", re.ASCII)
_BROKEN_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2})", re.ASCII)


def render_canonical_head(
    method: str,
    path: str,
    query: Sequence[tuple[str, str]],
    headers: Mapping[str, Sequence[bytes]],
    signed: Sequence[str],
) -> bytes:
    """Return the canonical request up to the payload's hash.

    *query* is encoded pairs as `parse_query` returns them, *signed* the sorted names of the signed headers, each of
    which *headers* holds.
    """
    lines = b"".join(b"%s:%s\n" % (name.encode("latin-1"), _fold(headers[name])) for name in signed)
    query_text = "&".join(f"{name}={value}" for name, value in sorted(query))
    head = f"{method}\n{render_canonical_path(path)}\n{query_text}\n"
    return b"%s%s\n%s\n" % (head.encode("latin-1"), lines, ";".join(signed).encode("latin-1"))


def render_canonical_path(path: str) -> str:
    """Return the path as every service but S3 signs it: without dot segments and empty ones, then encoded once more.

    *path* is as sent, so what is percent-encoded there is encoded twice here.
    """
    if path in {"", "/"}:
        return "/"
    kept: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del kept[-1:]
        elif segment not in {"", "."}:
            kept.append(segment)
    tail = "/" if kept and path.endswith("/") else ""
    return quote(f"/{'/'.join(kept)}{tail}".encode("latin-1"), safe="/~")


def parse_query(query: str) -> list[tuple[str, str]]:
    """Return the pairs of *query* in canonical encoding, in the order sent; raises QueryMalformed.

    A plus is a space, as in every form that this service decodes: what is signed is what is acted on. A parameter
    without a value has an empty one.
    """
    if _BROKEN_ESCAPE.search(query):
        raise QueryMalformed("The query string holds a broken percent escape")
    pairs = (pair.partition("=") for pair in query.split("&") if pair)
    return [(_encode(name), _encode(value)) for name, _, value in pairs]


def _encode(text: str) -> str:
    if _UNRESERVED.fullmatch(text):
        return text
    return quote(unquote_to_bytes(text.replace("+", " ").encode("latin-1")), safe="-_.~")


def _fold(values: Sequence[bytes]) -> bytes:
    """Trim each value, fold its runs of blanks, and join repeated headers in the order received."""
    return b",".join(b" ".join(value.split()) for value in values)
