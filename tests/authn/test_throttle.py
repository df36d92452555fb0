from contextlib import suppress
from datetime import timedelta

import pytest

from sts.authn import throttle
from sts.authn.throttle import Buckets, Throttle, build_throttle, name_access_key
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import Throttled
from sts.limits import Rate

pytestmark = pytest.mark.pure

ADDRESS = "192.0.2.7"
ACCOUNT_ID = "111122223333"


def nothing() -> tuple[str, ...]:
    return ()


def fail(gate: Throttle, address: str, access_key_id: str = "") -> None:
    """Fail to prove what a request from *address* claims; raises Throttled when it is sent away unseen."""
    gate.count_failure(gate.admit(address, lambda: name_access_key(access_key_id)))


def count_admitted(gate: Throttle, access_key_id: str = "", tries: int = 100) -> int:
    """Return how many of so many failing proofs are looked at."""
    admitted = 0
    for _ in range(tries):
        with suppress(Throttled):
            fail(gate, ADDRESS, access_key_id)
            admitted += 1
    return admitted


def _wait_of(buckets: Buckets, name: str, clock: ManualClock) -> int:
    """Return for how many seconds *name* is sent away; 0 when it is let in."""
    try:
        buckets.require(name, clock.now())
    except Throttled as throttled:
        return throttled.retry_after_seconds
    return 0


def test_a_burst_is_let_through_and_then_as_many_as_the_rate_allows(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(2, 5))
    for _ in range(5):
        assert _wait_of(buckets, ADDRESS, clock) == 0
        buckets.take(ADDRESS, clock.now())
    assert _wait_of(buckets, ADDRESS, clock) == 1
    clock.tick(timedelta(seconds=0.5))
    assert _wait_of(buckets, ADDRESS, clock) == 0
    buckets.take(ADDRESS, clock.now())
    assert _wait_of(buckets, ADDRESS, clock) == 1


def test_who_is_sent_away_is_told_when_to_come_again_and_is_let_in_then(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(0.1, 1))
    buckets.take(ADDRESS, clock.now())
    clock.tick(timedelta(seconds=3))
    assert _wait_of(buckets, ADDRESS, clock) == 7
    clock.tick(timedelta(seconds=6.9))
    assert _wait_of(buckets, ADDRESS, clock) == 1
    clock.tick(timedelta(seconds=0.1))
    assert _wait_of(buckets, ADDRESS, clock) == 0


def test_a_bucket_holds_no_more_than_a_burst_however_long_it_rests(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(10, 2))
    buckets.take(ADDRESS, clock.now())
    clock.tick(timedelta(days=1))
    for _ in range(2):
        assert _wait_of(buckets, ADDRESS, clock) == 0
        buckets.take(ADDRESS, clock.now())
    assert _wait_of(buckets, ADDRESS, clock) == 1


def test_a_clock_that_is_set_back_lets_nobody_in_and_keeps_nobody_out(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(1, 1))
    buckets.take(ADDRESS, clock.now())
    clock.tick(timedelta(hours=-1))
    assert _wait_of(buckets, ADDRESS, clock) == 1  # and again in a second, not in an hour
    clock.tick(timedelta(seconds=1))
    assert _wait_of(buckets, ADDRESS, clock) == 0


def test_parallel_tries_do_not_go_into_debt(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(1, 1))
    for _ in range(100):
        buckets.take(ADDRESS, clock.now())
    assert _wait_of(buckets, ADDRESS, clock) == 1


def test_the_memory_of_a_flood_from_many_addresses_is_bounded(clock: ManualClock) -> None:
    buckets = Buckets("failed_proofs", Rate(1, 1))
    for number in range(throttle._MOST_BUCKETS + 10):
        buckets.take(str(number), clock.now())
    assert len(buckets._buckets) == throttle._MOST_BUCKETS
    assert _wait_of(buckets, "0", clock) == 0
    assert _wait_of(buckets, str(throttle._MOST_BUCKETS + 9), clock) == 1


def test_failures_of_one_address_do_not_touch_another(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    fail(gate, ADDRESS)
    with pytest.raises(Throttled):
        gate.admit(ADDRESS, nothing)
    gate.admit("192.0.2.8", nothing)


def test_all_addresses_of_an_ipv6_network_are_one(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    fail(gate, "2001:db8:0:1::1")
    with pytest.raises(Throttled):
        gate.admit("2001:db8:0:1:ffff::2", nothing)
    gate.admit("2001:db8:0:2::1", nothing)


def test_requests_without_an_address_share_a_bucket(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    fail(gate, "")
    with pytest.raises(Throttled):
        gate.admit("", nothing)


def test_callers_are_counted_each_by_itself(clock: ManualClock) -> None:
    gate = build_throttle(None, Rate(1, 2), clock)
    gate.count_caller("AIDAONE")
    gate.count_caller("AIDAONE")
    with pytest.raises(Throttled):
        gate.count_caller("AIDAONE")
    gate.count_caller("AIDATWO")


def test_without_rates_nobody_is_sent_away(clock: ManualClock) -> None:
    gate = build_throttle(None, None, clock)
    for _ in range(10_000):
        fail(gate, ADDRESS)
        gate.count_caller("AIDAONE")


@pytest.fixture
def keys(entropy: Entropy) -> list[str]:
    """Three access key ids of one account."""
    return [entropy.access_key_id("AKIA", ACCOUNT_ID) for _ in range(3)]


def test_beyond_an_address_s_rate_what_was_proven_from_there_is_looked_at_and_has_a_count_of_its_own(
    clock: ManualClock, entropy: Entropy, keys: list[str]
) -> None:
    gate = build_throttle(Rate(1, 10), None, clock)
    gate.learn(ADDRESS, (keys[0], ACCOUNT_ID))
    assert count_admitted(gate) == 10
    assert count_admitted(gate) == 0
    for _ in range(1_000):
        assert gate.admit(ADDRESS, lambda: name_access_key(keys[0]))
    assert count_admitted(gate, entropy.access_key_id("AKIA", "444455556666")) == 0
    assert count_admitted(gate, keys[0]) == 20  # the key's own and its account's
    assert count_admitted(gate, keys[0]) == 0


def test_a_stranger_who_names_a_key_uses_up_that_key_and_its_account_and_no_other_s(
    clock: ManualClock, keys: list[str], entropy: Entropy
) -> None:
    gate = build_throttle(Rate(1, 10), None, clock)
    other = entropy.access_key_id("AKIA", "444455556666")
    gate.learn(ADDRESS, (keys[0], ACCOUNT_ID))
    gate.learn(ADDRESS, (keys[1], ACCOUNT_ID))
    gate.learn(ADDRESS, (other, "444455556666"))
    assert count_admitted(gate, keys[0]) == 30  # the address's as well
    with pytest.raises(Throttled):
        gate.admit(ADDRESS, lambda: name_access_key(keys[2]))  # of the account, and never proven itself
    assert gate.admit(ADDRESS, lambda: name_access_key(keys[1]))
    assert gate.admit(ADDRESS, lambda: name_access_key(other))


def test_a_new_session_of_a_known_account_is_looked_at(clock: ManualClock, keys: list[str], entropy: Entropy) -> None:
    gate = build_throttle(Rate(1, 10), None, clock)
    gate.learn(ADDRESS, (keys[0], ACCOUNT_ID))
    count_admitted(gate)
    assert gate.admit(ADDRESS, lambda: name_access_key(entropy.access_key_id("ASIA", ACCOUNT_ID)))


def test_what_was_proven_from_elsewhere_or_an_hour_ago_is_not_known(clock: ManualClock, keys: list[str]) -> None:
    gate = build_throttle(Rate(0.001, 1), None, clock)
    gate.learn("192.0.2.8", (keys[0], ACCOUNT_ID))
    gate.learn(ADDRESS, (keys[1], ACCOUNT_ID))
    fail(gate, ADDRESS)
    assert gate.admit(ADDRESS, lambda: name_access_key(keys[0]))  # by its account
    clock.tick(timedelta(minutes=59, seconds=59))
    fail(gate, ADDRESS)
    assert gate.admit(ADDRESS, lambda: name_access_key(keys[1]))
    clock.tick(timedelta(seconds=1))
    with pytest.raises(Throttled):
        gate.admit(ADDRESS, lambda: name_access_key(keys[1]))


def test_the_memory_of_what_was_proven_is_bounded(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    for number in range(throttle._MOST_KNOWN):
        gate.learn(str(number), ("AKIA", ACCOUNT_ID))
    assert len(gate.known._proven_at) == throttle._MOST_KNOWN
