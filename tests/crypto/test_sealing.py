"""Sealed values and MACs: bound to their place, their key, their format."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sts.crypto.sealing import mac, open_sealed, parse_sealed, seal, verify_mac
from sts.errors import SealBroken

pytestmark = pytest.mark.pure

KEY = bytes(range(32))
OTHER = bytes(range(1, 33))
NONCE = bytes(12)
PLACE = b"AKIDEXAMPLE"
VALUE = seal(b"secret", key=KEY, version=7, nonce=NONCE, associated_data=PLACE)


def _open(value: bytes, *, key: bytes = KEY, place: bytes = PLACE) -> bytes:
    return open_sealed(parse_sealed(value), key=key, associated_data=place)


@settings(deadline=None)
@given(st.binary(max_size=100), st.binary(min_size=1, max_size=40), st.integers(0, 2**32 - 1))
def test_what_was_sealed_opens_in_its_place(plaintext: bytes, place: bytes, version: int) -> None:
    value = seal(plaintext, key=KEY, version=version, nonce=NONCE, associated_data=place)
    assert parse_sealed(value).version == version
    assert _open(value, place=place) == plaintext


def test_a_sealed_value_begins_with_its_format_and_its_keys_version() -> None:
    assert VALUE[:17] == b"\x01" + (7).to_bytes(4, "big") + NONCE
    assert b"secret" not in VALUE


def test_a_value_in_another_place_or_under_another_key_does_not_open() -> None:
    with pytest.raises(SealBroken):
        _open(VALUE, place=b"AKIDOTHER")
    with pytest.raises(SealBroken):
        _open(VALUE, key=OTHER)


def test_every_flipped_bit_every_prefix_and_every_byte_behind_is_refused() -> None:
    flips = (
        VALUE[:place] + bytes([VALUE[place] ^ 1 << bit]) + VALUE[place + 1 :]
        for place, bit in itertools.product(range(len(VALUE)), range(8))
    )
    for other in (*flips, *(VALUE[:length] for length in range(len(VALUE))), VALUE + b"\0"):
        with pytest.raises(SealBroken):
            _open(other)


def test_the_place_is_mandatory() -> None:
    with pytest.raises(ValueError, match="place"):
        seal(b"x", key=KEY, version=1, nonce=NONCE, associated_data=b"")
    with pytest.raises(ValueError, match="place"):
        _open(VALUE, place=b"")
    with pytest.raises(ValueError, match="use"):
        mac(KEY, b"", b"data")


def test_a_mac_tells_uses_parts_and_keys_apart() -> None:
    made = mac(KEY, b"label", b"ab", b"c")
    verify_mac(made, KEY, b"label", b"ab", b"c")
    others = [
        mac(KEY, b"label", b"a", b"bc"),
        mac(KEY, b"label", b"abc"),
        mac(KEY, b"label", b"ab", b"c", b""),
        mac(KEY, b"labela", b"b", b"c"),
        mac(OTHER, b"label", b"ab", b"c"),
        made[:-1],
        b"",
    ]
    for other in others:
        with pytest.raises(SealBroken):
            verify_mac(other, KEY, b"label", b"ab", b"c")
