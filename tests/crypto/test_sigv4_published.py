"""The numbers that AWS published in its Signature Version 4 test suite, with their example key."""

from datetime import UTC, datetime

import pytest

from sts.crypto.sigv4 import derive_signing_key, parse_signature, verify_signature
from sts.errors import SignatureMismatch

pytestmark = pytest.mark.pure

SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
NOW = datetime(2015, 8, 30, 12, 36, tzinfo=UTC)
UNRESERVED = "-._~0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
FORM = (b"content-type", b"application/x-www-form-urlencoded")
FORM_UTF8 = (b"content-type", b"application/x-www-form-urlencoded; charset=utf8")

# name, method, path, query, further headers, body, signature
CASES: list[tuple[str, str, str, str, list[tuple[bytes, bytes]], bytes, str]] = [
    (
        "get-header-key-duplicate",
        "GET",
        "/",
        "",
        [(b"My-Header1", b"value2"), (b"My-Header1", b"value2"), (b"My-Header1", b"value1")],
        b"",
        "c9d5ea9f3f72853aea855b47ea873832890dbdd183b4468f858259531a5138ea",
    ),
    (
        "get-header-value-order",
        "GET",
        "/",
        "",
        [(b"My-Header1", value) for value in (b"value4", b"value1", b"value3", b"value2")],
        b"",
        "08c7e5a9acfcfeb3ab6b2185e75ce8b1deb5e634ec47601a50643f830c755c01",
    ),
    (
        "get-header-value-trim",
        "GET",
        "/",
        "",
        [(b"My-Header1", b" value1"), (b"My-Header2", b' "a   b   c"')],
        b"",
        "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ),
    (
        "get-unreserved",
        "GET",
        f"/{UNRESERVED}",
        "",
        [],
        b"",
        "07ef7494c76fa4850883e2b006601f940f8a34d404d0cfa977f52a65bbf5f24f",
    ),
    ("get-utf8", "GET", "/\u1234", "", [], b"", "8318018e0b0f223aa2bbf98705b62bb787dc9c0e678f255a891fd03141be5d85"),
    ("get-vanilla", "GET", "/", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
        "get-relative",
        "GET",
        "/example/..",
        "",
        [],
        b"",
        "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ),
    ("get-slashes", "GET", "//././", "", [], b"", "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"),
    (
        "get-query",
        "GET",
        "/",
        "Param1=value1",
        [],
        b"",
        "a67d582fa61cc504c4bae71f336f98b97f1ea3c7a6bfe1b6e45aec72011b9aeb",
    ),
    (
        "get-vanilla-query-order-key-case",
        "GET",
        "/",
        "Param2=value2&Param1=value1",
        [],
        b"",
        "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
    ),
    (
        "get-vanilla-query-unreserved",
        "GET",
        "/",
        f"{UNRESERVED}={UNRESERVED}",
        [],
        b"",
        "9c3e54bfcdf0b19771a7f523ee5669cdf59bc7cc0884027167c21bb143a40197",
    ),
    (
        "get-vanilla-utf8-query",
        "GET",
        "/",
        "\u1234=bar",
        [],
        b"",
        "2cdec8eed098649ff3a119c94853b13c643bcf08f8b0a1d91e12c9027818dd04",
    ),
    ("post-vanilla", "POST", "/", "", [], b"", "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"),
    (
        "post-query",
        "POST",
        "/",
        "Param1=value1",
        [],
        b"",
        "28038455d6de14eafc1f9222cf5aa6f1a96197d7deb8263271d420d138af7f11",
    ),
    (
        "post-header-value-case",
        "POST",
        "/",
        "",
        [(b"My-Header1", b"VALUE1")],
        b"",
        "cdbc9802e29d2942e5e10b5bccfdd67c5f22c7c4e8ae67b53629efa58b974b7d",
    ),
    (
        "post-vanilla-query-nonunreserved",
        "POST",
        "/",
        "%40%23%24%25%5E=&%2B=%2F%2C%3F%3E%3C%60%22%3B%3A%5C%7C%5D%5B%7B%7D",
        [],
        b"",
        "66c82657c86e26fb25238d0e69f011edc4c6df5ae71119d7cb98ed9b87393c1e",
    ),
    (
        "post-empty-value",
        "POST",
        "/",
        "p=",
        [],
        b"",
        "e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b",
    ),
    ("post-no-value", "POST", "/", "p", [], b"", "e71688addb58a26418614085fb730ba3faa623b461c17f48f2fbdb9361b94a9b"),
    (
        "post-x-www-form-urlencoded",
        "POST",
        "/",
        "",
        [FORM],
        b"Param1=value1",
        "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ),
    (
        "post-x-www-form-urlencoded-parameters",
        "POST",
        "/",
        "",
        [FORM_UTF8],
        b"Param1=value1",
        "1a72ec8f64bd914b0e42e42607c7fbce7fb2c7465f63e3092b3b0d39fa77a6fe",
    ),
]


def _headers(further: list[tuple[bytes, bytes]], signature: str) -> list[tuple[bytes, bytes]]:
    headers = [(b"Host", b"example.amazonaws.com"), (b"X-Amz-Date", b"20150830T123600Z"), *further]
    signed = ";".join(sorted({name.decode().lower() for name, _ in headers}))
    authorization = (
        "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, "
        f"SignedHeaders={signed}, Signature={signature}"
    )
    return [*headers, (b"Authorization", authorization.encode())]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[0])
def test_every_published_request_verifies(
    case: tuple[str, str, str, str, list[tuple[bytes, bytes]], bytes, str],
) -> None:
    _, method, path, query, further, body, signature = case
    claimed = parse_signature(method, path, query, _headers(further, signature))
    assert claimed.access_key_id == "AKIDEXAMPLE"
    verify_signature(claimed, body, SECRET, service="service", now=NOW)
    with pytest.raises(SignatureMismatch):
        verify_signature(claimed, body + b"x", SECRET, service="service", now=NOW)
    with pytest.raises(SignatureMismatch):
        verify_signature(claimed, body, SECRET + "x", service="service", now=NOW)


def test_the_published_signing_key_is_derived() -> None:
    # IAM User Guide, "Examples of how to derive a signing key".
    key = derive_signing_key(SECRET, "20150830", "us-east-1", "iam")
    assert key.hex() == "c4afb1cc5771d871763a393e44b703571b55cc28424d1a5e86da6ed3c154a4b9"
