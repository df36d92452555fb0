from datetime import timedelta

import pytest

from sts.authn import throttle
from sts.authn.throttle import Buckets, build_throttle
from sts.clock import ManualClock
from sts.errors import Throttled
from sts.limits import Rate

pytestmark = pytest.mark.pure

ADDRESS = "192.0.2.7"


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
    gate.count_failure(ADDRESS)
    with pytest.raises(Throttled):
        gate.admit(ADDRESS)
    gate.admit("192.0.2.8")


def test_all_addresses_of_an_ipv6_network_are_one(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    gate.count_failure("2001:db8:0:1::1")
    with pytest.raises(Throttled):
        gate.admit("2001:db8:0:1:ffff::2")
    gate.admit("2001:db8:0:2::1")


def test_requests_without_an_address_share_a_bucket(clock: ManualClock) -> None:
    gate = build_throttle(Rate(1, 1), None, clock)
    gate.count_failure("")
    with pytest.raises(Throttled):
        gate.admit("")


def test_callers_are_counted_by_their_key(clock: ManualClock) -> None:
    gate = build_throttle(None, Rate(1, 2), clock)
    gate.count_caller("AKIA1")
    gate.count_caller("AKIA1")
    with pytest.raises(Throttled):
        gate.count_caller("AKIA1")
    gate.count_caller("AKIA2")


def test_without_rates_nobody_is_sent_away(clock: ManualClock) -> None:
    gate = build_throttle(None, None, clock)
    for _ in range(10_000):
        gate.admit(ADDRESS)
        gate.count_failure(ADDRESS)
        gate.count_caller("AKIA1")
