"""What is wanted again is kept before what is wanted once."""

import random

import pytest

from sts.store.segments import Segments

pytestmark = pytest.mark.pure

ROOM = 5_000


def want(segments: Segments[int, str], key: int) -> bool:
    """Look for *key* as a snapshot does, which holds ROOM values; say whether it was there."""
    if segments.find(key) is not None:
        return True
    segments.put(key, str(key))
    if len(segments) > ROOM:
        segments.pop(segments.find_oldest())
    return False


def use(segments: Segments[int, str], keys: range) -> int:
    return sum(want(segments, key) for key in keys)


def test_who_wants_everything_once_pushes_out_nothing_that_is_in_use() -> None:
    segments: Segments[int, str] = Segments()
    for _ in range(2):
        use(segments, range(3_000))
    assert use(segments, range(100_000, 200_000)) == 0
    assert use(segments, range(3_000)) > 2_400  # the last of them were still new when they were wanted again


def test_what_is_in_use_no_more_gives_way() -> None:
    segments: Segments[int, str] = Segments()
    for _ in range(3):
        use(segments, range(4_000))
    source = random.Random(20261124)  # noqa: S311  the same each time
    for _ in range(40):
        for key in source.choices(range(10_000, 14_000), k=1_000):
            want(segments, key)
    assert use(segments, range(10_000, 14_000)) > 3_800


def test_a_request_that_looks_often_wants_a_thing_once() -> None:
    segments: Segments[int, str] = Segments()
    for key in range(3_000):
        assert [want(segments, key) for _ in range(3)] == [False, True, True]
    use(segments, range(10_000, 20_000))
    assert use(segments, range(3_000)) == 0


def test_little_room_keeps_what_was_wanted_last() -> None:
    segments: Segments[int, str] = Segments()
    for key in (1, 2, 3, 1):
        want(segments, key)
    assert [segments.find_oldest(), segments.pop(2), segments.find_oldest(), len(segments), 2 in segments] == [
        2,
        "2",
        3,
        2,
        False,
    ]
