"""Codes against the numbers of RFC 6238, and which steps they are looked for in."""

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from pyotp import TOTP

from sts.crypto.totp import encode_seed, find_pair, find_step, render_uri, step_at

pytestmark = pytest.mark.pure

SEED = b"12345678901234567890"
# RFC 6238 appendix B, for SHA-1; its codes have eight digits, of which six-digit codes are the last.
PUBLISHED = [
    (59, "94287082"),
    (1111111109, "07081804"),
    (1111111111, "14050471"),
    (1234567890, "89005924"),
    (2000000000, "69279037"),
    (20000000000, "65353130"),
]
NOW = step_at(datetime(2026, 3, 2, 12, tzinfo=UTC))


def code(step: int) -> str:
    return TOTP(encode_seed(SEED)).at(step * 30)


@pytest.mark.parametrize(("seconds", "published"), PUBLISHED)
def test_codes_are_those_that_the_rfc_publishes(seconds: int, published: str) -> None:
    step = step_at(datetime.fromtimestamp(seconds, UTC))
    assert find_step(SEED, published[2:], step) == step


@pytest.mark.parametrize(("away", "found"), [(-2, False), (-1, True), (0, True), (1, True), (2, False)])
def test_a_29_a_code_is_looked_for_one_step_to_each_side(away: int, *, found: bool) -> None:
    assert find_step(SEED, code(NOW + away), NOW) == (NOW + away if found else None)


@pytest.mark.parametrize("spelt", ["\u00b2" * 6, "12345", "1234567", "12345a", " 12345", "12345\n", "-12345", ""])
def test_only_six_digits_of_ascii_are_a_code(spelt: str) -> None:
    assert find_step(SEED, spelt, NOW) is None
    assert find_pair(SEED, spelt, code(NOW), NOW) is None
    assert find_pair(SEED, code(NOW - 1), spelt, NOW) is None


@pytest.mark.parametrize("zero", [0x0660, 0x0966, 0xFF10], ids=["Arabic", "Devanagari", "full width"])
def test_the_right_number_in_another_alphabet_is_no_code(zero: int) -> None:
    assert find_step(SEED, "".join(chr(zero + int(digit)) for digit in code(NOW)), NOW) is None


def test_two_codes_are_a_pair_when_the_second_follows_the_first() -> None:
    assert find_pair(SEED, code(NOW - 1), code(NOW), NOW) == NOW
    assert find_pair(SEED, code(NOW), code(NOW + 1), NOW) == NOW + 1
    assert find_pair(SEED, code(NOW), code(NOW - 1), NOW) is None
    assert find_pair(SEED, code(NOW), code(NOW), NOW) is None
    assert find_pair(SEED, code(NOW - 2), code(NOW), NOW) is None


@pytest.mark.parametrize(("away", "found"), [(-5, False), (-4, True), (4, True), (5, False)])
def test_a_pair_is_looked_for_as_far_as_is_said(away: int, *, found: bool) -> None:
    pair = code(NOW + away - 1), code(NOW + away)
    assert find_pair(SEED, *pair, NOW, reach=4) == (NOW + away if found else None)


def test_an_authenticator_reads_the_uri() -> None:
    parts = urlsplit(render_uri(encode_seed(SEED), name="ann@111122223333", issuer="sts.example.com"))
    assert (parts.scheme, parts.netloc, parts.path) == ("otpauth", "totp", "/sts.example.com:ann%40111122223333")
    assert parse_qs(parts.query) == {"secret": [encode_seed(SEED)], "issuer": ["sts.example.com"]}
