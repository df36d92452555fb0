"""Passwords are hashed whole, by their code points, with a salt and a cost that the hash says."""

import pytest

from sts.crypto.passwords import (
    MOST_CODE_POINTS,
    Cost,
    count_code_points,
    encode_password,
    hash_password,
    read_cost,
    verify_password,
)
from sts.errors import PasswordMalformed, PasswordMismatch

pytestmark = pytest.mark.pure

SALT = bytes(range(16))
CHEAP = Cost(memory_kib=8, passes=1)


def test_a_39_a_hash_is_argon2id_of_no_less_than_the_least_cost_and_says_so() -> None:
    hashed = hash_password(b"peppered", SALT, Cost())
    assert hashed.startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert read_cost(hashed) == Cost(memory_kib=19_456, passes=2, lanes=1)


def test_a_39_two_salts_make_two_hashes_of_one_password() -> None:
    hashes = {hash_password(b"peppered", salt, CHEAP) for salt in (SALT, SALT[::-1])}
    assert len(hashes) == 2
    for hashed in hashes:
        verify_password(hashed, b"peppered")


@pytest.mark.parametrize("other", [b"", b"peppere", b"peppered ", b"Peppered", b"peppered\0"])
def test_what_was_not_hashed_is_refused(other: bytes) -> None:
    with pytest.raises(PasswordMismatch):
        verify_password(hash_password(b"peppered", SALT, CHEAP), other)


@pytest.mark.parametrize("hashed", ["", "$argon2id$v=19$m=8,t=1,p=1$c2FsdA", "peppered", "$2b$10$abc"])
def test_what_is_no_hash_is_nobodys(hashed: str) -> None:
    with pytest.raises(PasswordMismatch):
        verify_password(hashed, b"peppered")
    with pytest.raises(PasswordMismatch):
        read_cost(hashed)


def test_a_07_a_password_counts_by_code_points_and_is_the_same_however_it_is_composed() -> None:
    assert count_code_points("\N{GRINNING FACE}" * 15) == 15
    assert encode_password("caf\u00e9") == encode_password("cafe\u0301")
    assert count_code_points("cafe\u0301") == 4


def test_a_05_case_and_space_are_kept() -> None:
    assert (
        len({encode_password(each) for each in ("pass word", "Pass word", " pass word", "pass word ", "pass  word")})
        == 5
    )


def test_a_04_nothing_is_cut_off_not_even_behind_a_nul() -> None:
    assert encode_password("a" * 80) != encode_password("a" * 72 + "b" * 8)
    assert encode_password("long\0one") != encode_password("long\0two")


def test_a_03_up_to_the_limit_all_is_taken_and_one_more_is_refused() -> None:
    assert len(encode_password("a" * MOST_CODE_POINTS)) == MOST_CODE_POINTS
    for long in ("a" * (MOST_CODE_POINTS + 1), "a" * 1_048_576, "\u0344" * (MOST_CODE_POINTS // 2 + 1)):
        with pytest.raises(PasswordMalformed, match="at most 1024"):  # the last grows as it is normalized
            encode_password(long)


def test_half_of_a_surrogate_pair_is_no_text() -> None:
    with pytest.raises(PasswordMalformed, match="Unicode"):
        encode_password("a\ud800")


@pytest.mark.parametrize(
    "wanted",
    [
        Cost(memory_kib=38_912),
        Cost(passes=3),
        Cost(memory_kib=65_536, passes=3),
        Cost(memory_kib=20_000),
        Cost(lanes=4),
    ],
)
def test_a_18_what_is_spent_beside_a_cheaper_hash_makes_up_for_it_over_no_more_memory(wanted: Cost) -> None:
    rest = wanted.find_rest(Cost())
    made_up = 0 if rest is None else rest.filled_kib
    assert abs(Cost().filled_kib + made_up - wanted.filled_kib) < wanted.passes
    assert rest is None or rest.memory_kib <= wanted.memory_kib


def test_nothing_is_spent_beside_a_hash_that_costs_as_much_or_more() -> None:
    for spent in (Cost(), Cost(passes=3), Cost(memory_kib=20_000)):
        assert Cost().find_rest(spent) is None


def test_the_least_that_is_spent_can_be_hashed() -> None:
    rest = Cost(memory_kib=8, passes=2).find_rest(Cost(memory_kib=8, passes=1))
    assert rest is not None
    assert hash_password(b"a", b"s" * 16, rest).startswith("$argon2id$v=19$m=8,t=1,p=1$")
