"""Passwords under a pepper that is rotated, removed or another folder's."""

import asyncio
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from sts.clock import ManualClock
from sts.crypto.passwords import Cost
from sts.entropy import Entropy
from sts.errors import PasswordMalformed, PasswordMismatch, Throttled
from sts.hashing import PasswordHasher
from sts.keyring.keyring import Keyring, open_keyring
from sts.keyring.rotation import Purpose

PASSWORD = "correct horse battery staple"
CHEAP = Cost(memory_kib=8, passes=1)


def open_keys(folder: Path, clock: ManualClock) -> Keyring:
    return open_keyring(folder, clock, Entropy(), create=True, algorithms=["ES256"])


@pytest.fixture
def keyring(tmp_path: Path, clock: ManualClock) -> Keyring:
    return open_keys(tmp_path / "keys", clock)


@pytest.fixture
def hasher(keyring: Keyring) -> PasswordHasher:
    return PasswordHasher(keyring, Entropy(), CHEAP)


def test_a_password_outlives_a_rotation_of_the_pepper_and_is_then_due_to_be_hashed_anew(
    hasher: PasswordHasher, keyring: Keyring
) -> None:
    kept = asyncio.run(hasher.hash(PASSWORD))
    assert (kept.pepper_version, hasher.is_stale(kept)) == (1, False)
    keyring.rotate(Purpose.PEPPER, emergency=True)
    asyncio.run(hasher.verify(kept, PASSWORD))
    assert hasher.is_stale(kept)
    again = asyncio.run(hasher.hash(PASSWORD))
    assert (again.pepper_version, hasher.is_stale(again)) == (2, False)


def test_a_41_without_its_pepper_a_hash_is_good_for_nothing_and_costs_the_same(
    hasher: PasswordHasher, keyring: Keyring, tmp_path: Path, clock: ManualClock
) -> None:
    kept = asyncio.run(hasher.hash(PASSWORD))
    stranger = replace(hasher, keyring=open_keys(tmp_path / "others", clock))
    with pytest.raises(PasswordMismatch, match="not the one that was hashed"):
        asyncio.run(stranger.verify(kept, PASSWORD))
    keyring.remove(Purpose.PEPPER, 1)
    before = hasher.computed
    with pytest.raises(PasswordMismatch, match="The pepper of the password is gone"):
        asyncio.run(hasher.verify(kept, PASSWORD))
    assert hasher.computed - before == 1
    assert hasher.is_stale(kept)


def test_a_39_one_password_is_kept_differently_for_each_who_has_it(hasher: PasswordHasher) -> None:
    kept = [asyncio.run(hasher.hash(PASSWORD)) for _ in range(2)]
    assert kept[0].hashed != kept[1].hashed
    assert "hashed" not in repr(kept[0])


def test_a_42_few_hashes_are_computed_at_once_and_few_wait(hasher: PasswordHasher) -> None:
    narrow = replace(hasher, most_waiting=1)
    with narrow.place(), pytest.raises(Throttled) as caught, narrow.place():
        pytest.fail("there was a second place")
    assert caught.value.rate == "passwords"
    with narrow.place():
        asyncio.run(narrow.hash(PASSWORD))


@pytest.mark.skipif(sys.platform != "linux", reason="niceness is a process's elsewhere")
def test_a_42_threads_that_hash_wait_for_those_that_answer(hasher: PasswordHasher) -> None:
    def look() -> int:
        return os.getpriority(os.PRIO_PROCESS, threading.get_native_id())

    assert hasher._threads.submit(look).result() == min(19, look() + 10)


def test_what_is_no_password_is_not_hashed(hasher: PasswordHasher) -> None:
    for text in ("a" * 1_025, "\ud800"):
        with pytest.raises(PasswordMalformed):
            asyncio.run(hasher.hash(text))
    assert hasher.computed == 0
