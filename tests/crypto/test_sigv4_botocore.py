"""botocore signs, we verify: requests of every odd shape, and every change of a signed part refused."""

import itertools
import string
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore import auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials
from hypothesis import given, settings
from hypothesis import strategies as st

from sts.crypto.sigv4 import parse_signature, verify_signature
from sts.errors import CredentialUnknown, Refusal

pytestmark = pytest.mark.pure

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Signed:
    """A request as it goes over the wire."""

    method: str
    path: str
    query: str
    headers: tuple[tuple[bytes, bytes], ...]
    body: bytes


@pytest.fixture(autouse=True, scope="module")
def _still_clock() -> Iterator[None]:
    """Let botocore, which reads the clock itself, sign at one instant."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(auth, "get_current_datetime", lambda: NOW)
        yield


def _sign(
    method: str = "GET",
    path: str = "/",
    query: str = "",
    headers: tuple[tuple[str, str], ...] = (),
    body: bytes = b"",
    *,
    token: str | None = None,
    presigned: bool = False,
) -> Signed:
    request = AWSRequest(method=method, url=f"https://sts.example:8443{path}{'?' if query else ''}{query}", data=body)
    for name, value in headers:
        request.headers.add_header(name, value)
    credentials = Credentials("AKIDEXAMPLE", SECRET, token)
    signer: Any = auth.SigV4QueryAuth if presigned else auth.SigV4Auth
    request.data = "" if presigned else body
    signer(credentials, "sts", "eu-west-1").add_auth(request)
    parts = urlsplit(request.url)
    sent = [("Host", "sts.example:8443"), *request.headers.items()]
    return Signed(
        method,
        parts.path,
        parts.query,
        tuple((name.encode(), str(value).encode()) for name, value in sent),
        b"" if presigned else body,
    )


def _verify(signed: Signed, now: datetime = NOW) -> None:
    claimed = parse_signature(signed.method, signed.path, signed.query, signed.headers)
    if claimed.access_key_id != "AKIDEXAMPLE":
        raise CredentialUnknown("no such key")  # its name is not signed: it is bound by the secret that it leads to
    verify_signature(claimed, signed.body, SECRET, service="sts", now=now)


def _refused(signed: Signed) -> bool:
    try:
        _verify(signed)
    except Refusal:
        return True
    return False


METHODS = ("GET", "POST")
PATHS = ("/", "/a/b", "/a%2Fb/", "/a%20b", "/%E6%BC%A2", "/a/../b/./c", "//a//b", "/~a-b_c.d", "/a+b", "/a%25b", "/a:b")
QUERIES = (
    "",
    "Action=GetCallerIdentity&Version=2011-06-15",
    "b=2&a=1&a=0&B=3&A=",
    "empty=&also=",
    "name=a%20b%2Bc%2F%3D%26%25&%E6%BC%A2=%C3%A4",
    "p=~tilde-dash_under.dot",
)
HEADERS: tuple[tuple[tuple[str, str], ...], ...] = (
    (),
    (("My-Header", "  spaces   inside  "), ("X-Amz-Meta", "m")),
    (("Repeated", "b"), ("Repeated", "a"), ("repeated", "c")),
    (("Empty", ""), ("Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), ("User-Agent", "unsigned")),
)
TABLE = list(itertools.product(METHODS, PATHS, QUERIES, HEADERS))


def test_the_table_is_large_enough() -> None:
    assert len(TABLE) >= 200


@pytest.mark.parametrize("token", [None, "FwoGZXIvYXdz//////////wEa+=="], ids=["long-term", "session"])
@pytest.mark.parametrize("presigned", [False, True], ids=["header", "presigned"])
def test_every_request_that_botocore_signs_verifies(*, presigned: bool, token: str | None) -> None:
    for method, path, query, headers in TABLE:
        body = b"Action=AssumeRole&Tag=%C3%A4" if method == "POST" else b""
        if presigned:
            # Its presigner reads a query as a mapping, and headers of a URL are those that a browser would send.
            query, headers, body = ("a=1&b=%20" if query else ""), (), b""  # noqa: PLW2901  as above
        signed = _sign(method, path, query, headers, body, token=token, presigned=presigned)
        _verify(signed)
        assert _refused(replace(signed, method="PUT"))
        assert _refused(replace(signed, body=signed.body + b"&x=y"))


# Blanks other than the space are folded by botocore in ways that no AWS page knows.
_VALUES = st.text(st.characters(exclude_categories=("Cc", "Cs", "Z"), include_characters=" "), max_size=20)
_NAMES = st.text(string.ascii_letters + "-", min_size=1, max_size=12).filter(
    lambda name: (
        name.lower() not in {*auth.SIGNED_HEADERS_BLACKLIST, "host", "date", "authorization"}
        and not name.lower().startswith("x-amz-")
    )
)
_ENCODED = st.text(max_size=12).map(lambda text: quote(text.encode("utf-8", "replace"), safe="-_.~"))
# A signature in the header and a part of another in the query are refused together.
_PARAMETERS = _ENCODED.filter(lambda name: name != "" and not name.startswith("X-Amz-"))


@settings(max_examples=150, deadline=None)
@given(
    segments=st.lists(_ENCODED | st.sampled_from((".", "..", "")), max_size=4),
    pairs=st.lists(st.tuples(_PARAMETERS, _ENCODED), max_size=5),
    headers=st.lists(st.tuples(_NAMES, _VALUES), max_size=4),
    body=st.binary(max_size=50),
)
def test_any_request_that_botocore_signs_verifies(
    segments: list[str], pairs: list[tuple[str, str]], headers: list[tuple[str, str]], body: bytes
) -> None:
    query = "&".join(f"{name}={value}" for name, value in pairs)
    _verify(_sign("POST", f"/{'/'.join(segments)}", query, tuple(headers), body))


def _flips(raw: bytes) -> Iterator[bytes]:
    for place, bit in itertools.product(range(len(raw)), range(8)):
        yield raw[:place] + bytes([raw[place] ^ 1 << bit]) + raw[place + 1 :]


def _same_header(one: bytes, other: bytes) -> bool:
    """Tell whether two header values are one to whoever signs them: blanks are folded."""
    return one.split() == other.split()


def test_one_flipped_bit_in_any_signed_part_is_refused() -> None:
    signed = _sign(
        "POST",
        "/a/b%20c",
        "Action=GetCallerIdentity&x=%2F",
        (("X-Amz-Target", "T 1"), ("Extra", "v")),
        b"body=1",
        token="token",
    )
    _verify(signed)
    assert all(_refused(replace(signed, body=body)) for body in _flips(signed.body))
    assert all(_refused(replace(signed, method=raw.decode("latin-1"))) for raw in _flips(b"POST"))
    for raw in _flips(signed.path.encode()):
        assert _refused(replace(signed, path=raw.decode("latin-1"))), raw
    for raw in _flips(signed.query.encode()):
        # %2F and %2f are two spellings of one character, as are a blank query name and none.
        if raw.lower() != signed.query.encode().lower() or raw.replace(b"f", b"F") != signed.query.encode():
            assert _refused(replace(signed, query=raw.decode("latin-1"))), raw
    for place, (name, value) in enumerate(signed.headers):
        for raw in _flips(value):
            headers = (*signed.headers[:place], (name, raw), *signed.headers[place + 1 :])
            assert _same_header(raw, value) or _refused(replace(signed, headers=headers)), (name, raw)
        without = signed.headers[:place] + signed.headers[place + 1 :]
        assert _refused(replace(signed, headers=without)), name


def test_one_flipped_bit_in_a_presigned_url_is_refused() -> None:
    signed = _sign("GET", "/", "Action=GetCallerIdentity&Version=2011-06-15", token="to/ken", presigned=True)
    _verify(signed)
    for raw in _flips(signed.query.encode()):
        other = raw.decode("latin-1")
        if other.upper() != signed.query.upper() or "%" not in other:
            assert _refused(replace(signed, query=other)), other


def test_another_header_that_is_not_signed_changes_nothing_and_an_amz_header_does() -> None:
    signed = _sign("GET", "/", "a=1")
    _verify(replace(signed, headers=(*signed.headers, (b"accept", b"*/*"))))
    assert _refused(replace(signed, headers=(*signed.headers, (b"x-amz-acl", b"public"))))


def test_a_date_header_serves_where_there_is_no_amz_date() -> None:
    signed = _sign("GET", "/", "a=1", (("Date", "Sun, 01 Mar 2026 00:00:00 GMT"),))
    assert b"x-amz-date" not in {name.lower() for name, _ in signed.headers}
    _verify(signed)
