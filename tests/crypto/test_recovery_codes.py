"""Recovery codes as they are written and typed."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.crypto.recovery_codes import CODE_BYTES, bind_code, parse_code, render_code
from sts.errors import Malformed

DRAWN = st.binary(min_size=CODE_BYTES, max_size=CODE_BYTES)


def test_a_33_a_code_has_80_bits_in_letters_that_no_digit_is_taken_for() -> None:
    assert render_code(b"\0" * 10) == "0000-0000-0000-0000"
    assert render_code(b"\xff" * 10) == "ZZZZ-ZZZZ-ZZZZ-ZZZZ"
    assert re.fullmatch(r"(?:[0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}", render_code(bytes(range(10))))


@given(DRAWN, DRAWN)
def test_codes_differ_as_what_they_are_drawn_from(first: bytes, second: bytes) -> None:
    assert (render_code(first) == render_code(second)) is (first == second)


@given(DRAWN)
def test_a_code_is_read_however_it_is_typed(drawn: bytes) -> None:
    code = render_code(drawn)
    plain = code.replace("-", "")
    for typed in (code, plain, code.lower(), f"  {code}\n", code.replace("-", " "), plain.replace("0", "o")):
        assert parse_code(typed) == plain
    assert parse_code(plain.replace("1", "l")) == parse_code(plain.replace("1", "I")) == plain


@pytest.mark.parametrize(
    "typed",
    ["", "-", "000000", "0" * 15, "0" * 17, "U" * 16, "0" * 15 + "!", "\uff10" * 16, "\u0131" * 16, "0" * 10**6],
)
def test_what_is_no_code_is_refused(typed: str) -> None:
    with pytest.raises(Malformed):
        parse_code(typed)


def test_a_code_is_bound_to_its_owner() -> None:
    assert bind_code("AIDA1", "0" * 16) != bind_code("AIDA2", "0" * 16)
