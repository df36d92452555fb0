"""The form is read in one way or not at all."""

from urllib.parse import quote, quote_plus, unquote_plus, urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.aws.wire import parse_form
from sts.errors import ParameterRepeated, QueryMalformed

pytestmark = pytest.mark.pure

ODD_VALUES = ["ä +=&/%:@ 漢", "x+u@x=,.", "a b+c", "", "%", "+", "=", "a=b=c", "%2500", "🔑"]


@pytest.mark.parametrize("value", ODD_VALUES)
def test_odd_values_survive_every_encoder(value: str) -> None:
    for encoder in (quote, quote_plus):
        assert parse_form(f"ExternalId={encoder(value, safe='')}&Action=A".encode()) == {
            "ExternalId": value,
            "Action": "A",
        }


@given(
    st.dictionaries(st.text(st.characters(exclude_characters="\0", codec="utf-8"), min_size=1), st.text("a %&=ä漢+"))
)
def test_what_the_standard_library_encodes_is_read_back(pairs: dict[str, str]) -> None:
    assert parse_form(urlencode(pairs).encode()) == pairs


@given(
    st.lists(
        st.sampled_from(["%0A", "%0d", "%3D", "=", "_", "\n", "\r", "\r\n", "\t", "%20", "+", " ", "ä", "%c3%A4", "=A"])
    )
)
def test_every_mixture_of_escapes_and_line_ends_is_decoded_like_the_standard_library_does(parts: list[str]) -> None:
    text = "".join(parts)
    assert parse_form(f"a={text}".encode()) == {"a": unquote_plus(text)}


def test_an_empty_body_has_no_parameters() -> None:
    assert parse_form(b"") == {}


def test_a_plus_is_a_space_and_an_encoded_plus_is_a_plus() -> None:
    assert parse_form(b"a=1+2%2B3") == {"a": "1 2+3"}


def test_names_are_decoded_too() -> None:
    assert parse_form(b"Tags%2emember%2E1.Key=a") == {"Tags.member.1.Key": "a"}


def test_utf_8_may_stand_unescaped() -> None:
    assert parse_form("name=ä漢".encode()) == {"name": "ä漢"}


def test_a_semicolon_separates_nothing() -> None:
    assert parse_form(b"a=1;b=2") == {"a": "1;b=2"}


@pytest.mark.parametrize(
    "raw",
    [
        b"a=\xff",
        b"a=%ff",
        b"a=%c3",
        b"%c3=a",
        b"a=%C0%AF",
        b"a=%ED%A0%80",
        b"a=%",
        b"a=%4",
        b"a=%zz",
        b"a=%u0041",
        b"a%=1",
        b"a=\0",
        b"a=%00",
        b"%00=a",
        b"a",
        b"a&b=1",
        b"=1",
        b"=",
        b"&",
        b"a=1&",
        b"&a=1",
        b"a=1&&b=2",
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(raw: bytes) -> None:
    with pytest.raises(QueryMalformed):
        parse_form(raw)


def test_an_escaped_percent_before_two_zeros_is_no_nul() -> None:
    assert parse_form(b"a=%2500") == {"a": "%00"}


def test_five_hundred_parameters_are_read_and_one_more_is_not() -> None:
    pairs = [f"p{number}=1" for number in range(501)]
    assert len(parse_form("&".join(pairs[:500]).encode())) == 500
    with pytest.raises(QueryMalformed, match="more than 500"):
        parse_form("&".join(pairs).encode())


@pytest.mark.parametrize("raw", [b"a=1&a=1", b"a=1&b=2&a=3", b"a=1&%61=2", b"a+b=1&a%20b=2"])
def test_a_parameter_given_twice_is_refused_however_it_is_spelled(raw: bytes) -> None:
    with pytest.raises(ParameterRepeated, match="more than once"):
        parse_form(raw)


def test_a_refusal_shows_no_value() -> None:
    with pytest.raises(ParameterRepeated) as refusal:
        parse_form(b"Password=hunter2&Password=hunter2")
    assert "Password" in refusal.value.message
    assert "hunter2" not in refusal.value.message
