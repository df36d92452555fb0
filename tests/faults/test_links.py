"""A link while the cache is away: nothing is changed that the person is told was not."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from sts.app import build_links
from sts.clock import ManualClock
from tests.faults.stores import health
from tests.redis_servers import RedisServer, redis_server, until
from tests.service import Service, running
from tests.signin.browsing import Browser, Seen
from tests.signin.people import Person, change, make_person

NEW = "another phrase nobody knows"


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisServer]:
    with redis_server(tmp_path) as started:
        yield started


@pytest.fixture
def service(home: Path, clock: ManualClock, redis: RedisServer) -> Iterator[Service]:
    with running(home, clock, STS_CACHE_URL=redis.url) as started:
        yield started


def make_link(service: Service, person: Person) -> str:
    minted = change(service, lambda at, tx: build_links(at, service.settings).create(tx, owner=person.user))
    return minted.url.removeprefix(service.settings.issuer)


def choose(browser: Browser, page: Seen, path: str) -> Seen:
    return browser.go(page, path, new_password=NEW, new_password_again=NEW)


def test_a_link_is_not_used_up_where_a_factor_cannot_be_asked_for(service: Service, redis: RedisServer) -> None:
    alice = make_person(service, service.tenant().account_id, with_device=True)
    path, browser = make_link(service, alice), Browser(service)
    page = browser.get(path)
    redis.stop()
    refused = choose(browser, page, path)
    assert refused.status == 503
    assert "Nothing was changed" in refused.text
    redis.start()
    until(lambda: not health(service)[1].get("degraded"), "Redis")
    assert choose(browser, browser.get(path), path).path == "/ui/sign-in/code"
    assert Person(service, alice.user, NEW, alice.device).sign_in()


def test_a_link_signs_in_without_the_cache_who_has_no_further_step(service: Service, redis: RedisServer) -> None:
    alice = make_person(service, service.tenant().account_id)
    path, browser = make_link(service, alice), Browser(service)
    page = browser.get(path)
    redis.stop()
    assert choose(browser, page, path).path == "/ui/"


def test_a_15_of_many_who_redeem_one_link_at_once_at_two_servers_one_does(
    service: Service, home: Path, clock: ManualClock, redis: RedisServer
) -> None:
    alice = make_person(service, service.tenant().account_id)
    path = make_link(service, alice)
    with running(home, clock, STS_CACHE_URL=redis.url) as other:
        browsers = [Browser(server) for server in (service, other) for _ in range(8)]
        pages = [browser.get(path) for browser in browsers]

        def redeem(number: int) -> bool:
            browser, phrase = browsers[number], f"phrase of the number {number:02}"
            form = pages[number].form(path) | {"new-password": phrase, "new-password-again": phrase}
            return browser.ask("POST", path, form=form).status == 303

        with ThreadPoolExecutor(len(browsers)) as threads:
            redeemed = list(threads.map(redeem, range(len(browsers))))
    assert redeemed.count(True) == 1
    winner = f"phrase of the number {redeemed.index(True):02}"
    assert Person(service, alice.user, winner).sign_in()
