"""Signing in while something is down, or goes down in the middle; and through several processes at once."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.redis_servers import RedisServer, redis_server
from tests.service import Service, running
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, make_person

CROWD = 50


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path / "redis") as started:
        yield started


@pytest.fixture
def two(home: Path, clock: ManualClock, redis: RedisServer) -> Iterator[tuple[Service, Service]]:
    """Two servers on one store and one Redis."""
    with (
        running(home, clock, STS_CACHE_URL=redis.url) as one,
        running(home, clock, STS_CACHE_URL=redis.url) as other,
    ):
        yield one, other


@pytest.fixture
def alice(two: tuple[Service, Service]) -> Person:
    return make_person(two[0], two[0].tenant().account_id, with_device=True)


def _move(browser: Browser, to: Service) -> Browser:
    """Return a browser with the same cookies that a balancer leads to another server."""
    return Browser(to, dict(browser.cookies))


def _is_signed_out(browser: Browser) -> bool:
    return browser.get("/ui/").path.startswith("/ui/sign-in?")


def test_a_sign_in_goes_on_at_another_server(two: tuple[Service, Service], alice: Person) -> None:
    browser = Browser(two[0])
    page = alice.enter_password(browser)
    browser = _move(browser, two[1])
    assert browser.go(page, "/ui/sign-in/code", code=alice.code()).path == "/ui/"
    assert not _is_signed_out(_move(browser, two[0]))


def test_s_04_who_has_left_is_out_at_every_server_also_without_redis(
    two: tuple[Service, Service], alice: Person, redis: RedisServer
) -> None:
    browser, home = alice.sign_in()
    thieves = [_move(browser, server) for server in two]
    redis.stop()
    assert not any(_is_signed_out(each) for each in thieves)
    assert browser.go(home, "/ui/sign-out").path == "/ui/signed-out"
    assert all(_is_signed_out(each) for each in thieves)


def test_without_redis_a_sign_in_of_several_steps_is_refused_with_a_page_that_says_so(
    alice: Person, redis: RedisServer
) -> None:
    browser = Browser(alice.service)
    page = alice.enter_password(browser)
    redis.stop()
    seen = browser.go(page, "/ui/sign-in/code", code=alice.code())
    assert seen.status == 503
    assert "not possible for the moment" in seen.text
    assert _is_signed_out(browser)
    again = Browser(alice.service)
    refused = alice.enter_password(again)  # the password is right, and what comes next cannot be kept
    assert refused.status == 503
    assert _is_signed_out(again)


def test_a_28_of_fifty_who_show_one_code_at_two_servers_one_is_signed_in(
    two: tuple[Service, Service], alice: Person
) -> None:
    browser = Browser(two[0])
    page, code = alice.enter_password(browser), alice.code()

    def show(number: int) -> Seen:
        return _move(browser, two[number % 2]).send(page, "/ui/sign-in/code", code=code)

    with ThreadPoolExecutor(CROWD) as pool:
        seen = list(pool.map(show, range(CROWD)))
    begun = [each for each in seen if any(cookie.startswith("__Host-sts-session=") for cookie in each.cookies_set)]
    assert len(begun) == 1
    assert {each.status for each in seen} <= {303, 400, 403, 429}


def test_a_server_that_ends_between_password_and_code_leaves_no_session_that_was_not_earned(
    home: Path, clock: ManualClock
) -> None:
    with running(home, clock) as first:
        alice = make_person(first, first.tenant().account_id, with_device=True)
        browser = Browser(first)
        page = alice.enter_password(browser)
    with running(home, clock) as second:
        seen = _move(browser, second).go(page, "/ui/sign-in/code", code=alice.code())
        assert seen.status == 400
        assert "sign in again" in seen.text.lower()
        assert _is_signed_out(_move(browser, second))
