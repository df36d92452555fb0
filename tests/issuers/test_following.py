"""Keys of issuers that publish them: found, followed, kept while an issuer is down, fetched no more than need be."""

import asyncio
import socket
import threading
from collections.abc import Coroutine, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sts.authn.webidentity import Assertion, WebIdentity
from sts.cache import Cache, MemoryCache, open_cache
from sts.clock import ManualClock
from sts.egress.faults import Fault
from sts.errors import IdentityTokenInvalid, IssuerUnreachable
from sts.issuers.keysets import KeySets
from sts.keyring.keyring import Keyring
from sts.providers import PrivateProviders
from sts.telemetry import catalogue
from sts.telemetry.meters import open_meters
from tests.authn.identity_tokens import ACCOUNT_ID, Issuer, Registered, sign
from tests.certificates import Authority
from tests.issuers.publisher import Publisher, count_fetches, follow, publishing
from tests.ports import find_port
from tests.redis_servers import redis_server

MINUTE = timedelta(minutes=1)
MARKED: Any = {"private_addresses": True}
UNREACHABLE = "Couldn't retrieve verification key"


@pytest.fixture
def publisher(clock: ManualClock) -> Iterator[Publisher]:
    with publishing(clock) as started:
        yield started


@pytest.fixture
def key_sets(clock: ManualClock, keyring: Keyring) -> KeySets:
    return follow(clock, keyring)


async def prove(key_sets: KeySets, issuer: Issuer, token: str | None = None, **settings: Any) -> Assertion:
    provider = issuer.provider(**({"key_set": None} | settings))
    identity = WebIdentity("https://sts.example.com", Registered((provider,)), key_sets, issuer.clock)
    return await identity.prove(ACCOUNT_ID, issuer.token() if token is None else token)


def run(work: Coroutine[Any, Any, Any]) -> Any:
    return asyncio.run(work)


def foreign_token(issuer: Issuer, kid: str) -> str:
    return sign(issuer.header(kid=kid), issuer.claims(), issuer.key)


async def flood(key_sets: KeySets, issuer: Issuer, tokens: int) -> None:
    """Show so many tokens, each with a kid that nobody has, a hundred at a time."""
    for hundred in range(0, tokens, 100):
        shown = [foreign_token(issuer, f"made-up-{hundred + number}") for number in range(100)]
        refused = await asyncio.gather(*(prove(key_sets, issuer, each) for each in shown), return_exceptions=True)
        assert all(isinstance(each, IdentityTokenInvalid) for each in refused)


def test_keys_are_found_by_the_issuers_metadata_and_fetched_once(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        for _ in range(3):
            assert (await prove(key_sets, publisher.issuer)).subject == "somebody"

    run(walk())
    assert (publisher.looks, publisher.fetches) == (1, 1)


def test_uploaded_keys_are_all_there_is_and_nothing_is_fetched(publisher: Publisher, key_sets: KeySets) -> None:
    uploaded = publisher.keys
    assert run(prove(key_sets, publisher.issuer, key_set=uploaded))
    publisher.rotate(keep=True)
    with pytest.raises(IdentityTokenInvalid, match="key is unknown"):
        run(prove(key_sets, publisher.issuer, key_set=uploaded))
    assert not publisher.listener.connections


def test_one_fetch_serves_all_who_wait_though_the_first_gives_up(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        publisher.gate.clear()
        first = asyncio.ensure_future(prove(key_sets, publisher.issuer))
        others = [asyncio.ensure_future(prove(key_sets, publisher.issuer)) for _ in range(200)]
        await asyncio.sleep(0.05)
        first.cancel()
        publisher.gate.set()
        assert len(await asyncio.gather(*others)) == 200
        assert first.cancelled()

    run(walk())
    assert (publisher.looks, publisher.fetches) == (1, 1)


@pytest.mark.parametrize("change", ["/", "x", "upper", "http", None, 7, "missing"])
def test_r_03_metadata_of_another_issuer_are_refused(publisher: Publisher, key_sets: KeySets, change: Any) -> None:
    own = publisher.issuer.issuer
    named = {
        "/": f"{own}/",
        "x": f"{own}x",
        "upper": own.replace("realm", "Realm"),
        "http": own.replace("http", "https"),
    }
    publisher.metadata = {} if change == "missing" else {"issuer": named.get(change, change)}
    with pytest.raises(IssuerUnreachable, match=UNREACHABLE) as refused:
        run(prove(key_sets, publisher.issuer))
    assert "another issuer" in str(refused.value.detail)
    assert not publisher.fetches


def test_metadata_of_an_issuer_that_ends_with_a_slash_are_found(clock: ManualClock, key_sets: KeySets) -> None:
    with publishing(clock) as publisher:
        publisher.issuer.issuer += "/"
        publisher.metadata = {"issuer": publisher.issuer.issuer}
        assert run(prove(key_sets, publisher.issuer))


@pytest.mark.parametrize(
    "address",
    [
        "file:///etc/passwd",
        "http://169.254.169.254/latest/meta-data/",
        "http://10.0.0.1/keys",
        "https://[::ffff:127.0.0.1]/keys",
        "gopher://127.0.0.1:6379/_INFO",
        "/keys",
        "",
        7,
        None,
        ["https://issuer.example.com/keys"],
    ],
)
def test_r_10_metadata_lead_to_no_address_that_may_not_be_fetched(
    publisher: Publisher, key_sets: KeySets, address: Any
) -> None:
    publisher.jwks_uri = address
    with pytest.raises(IssuerUnreachable, match=UNREACHABLE):
        run(prove(key_sets, publisher.issuer))
    assert not publisher.fetches


@pytest.mark.parametrize(
    ("private", "settings"),
    [(PrivateProviders.NONE, {}), (PrivateProviders.NONE, MARKED), (PrivateProviders.MARKED, {})],
)
def test_r_10_an_issuer_on_loopback_is_not_asked_unless_it_may_be_there(
    publisher: Publisher, clock: ManualClock, keyring: Keyring, private: PrivateProviders, settings: Any
) -> None:
    cache = MemoryCache(clock)
    assert run(prove(follow(clock, keyring, cache), publisher.issuer, **settings))
    seen = publisher.listener.connections
    with pytest.raises(IssuerUnreachable, match=UNREACHABLE):  # nor by what was fetched while it might be there
        run(prove(follow(clock, keyring, cache, private=private), publisher.issuer, **settings))
    assert publisher.listener.connections == seen


def test_an_issuer_on_loopback_is_asked_where_it_is_marked_and_marks_count(
    publisher: Publisher, clock: ManualClock, keyring: Keyring
) -> None:
    marking = follow(clock, keyring, private=PrivateProviders.MARKED)
    assert run(prove(marking, publisher.issuer, **MARKED))


@pytest.mark.parametrize(
    "keys", ["", "null", "[]", "{}", '{"keys": {}}', '{"keys": [], "keys": []}', "<html>", "{" * 9_999]
)
def test_what_is_no_key_set_takes_the_place_of_none(publisher: Publisher, key_sets: KeySets, keys: str) -> None:
    async def walk() -> None:
        await prove(key_sets, publisher.issuer)
        publisher.keys = keys
        publisher.clock.tick(10 * MINUTE)
        assert await prove(key_sets, publisher.issuer)

    run(walk())
    assert publisher.fetches == 2


def test_an_issuer_that_withdraws_all_its_keys_is_believed(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        await prove(key_sets, publisher.issuer)
        publisher.keys = '{"keys": []}'
        publisher.clock.tick(10 * MINUTE)
        with pytest.raises(IdentityTokenInvalid, match="key is unknown"):
            await prove(key_sets, publisher.issuer)

    run(walk())


def test_r_12_a_thousand_made_up_kids_cost_two_fetches(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        await flood(key_sets, publisher.issuer, 1_000)
        assert (publisher.looks, publisher.fetches) == (2, 2)  # the first of all, and one for a key that is not known
        assert await prove(key_sets, publisher.issuer)
        for minutes in range(1, 5):
            publisher.clock.tick(MINUTE)
            await flood(key_sets, publisher.issuer, 100)
            assert publisher.fetches == 2 + minutes

    run(walk())


def test_r_12_a_token_that_no_key_could_verify_costs_no_fetch(publisher: Publisher, key_sets: KeySets) -> None:
    issuer = publisher.issuer
    for header in (
        {"alg": "none"},
        {"alg": "HS256"},
        {"alg": "RS512"},
        {"crit": ["x"]},
        {"kid": 7},
        {"kid": "k" * 257},
    ):
        with pytest.raises(IdentityTokenInvalid):
            run(prove(key_sets, issuer, sign(issuer.header(**header), issuer.claims(), issuer.key)))
    assert not publisher.listener.connections


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_j_04_an_address_that_a_token_names_is_not_fetched_from(
    publisher: Publisher, key_sets: KeySets, clock: ManualClock, name: str
) -> None:
    issuer = publisher.issuer
    with publishing(clock) as canary:
        for kid in (issuer.key.kid, "unknown"):
            brought = {name: canary.jwks_uri, "kid": kid}
            with pytest.raises(IdentityTokenInvalid):
                run(prove(key_sets, issuer, sign(issuer.header(**brought), issuer.claims(), canary.issuer.key)))
        assert not canary.listener.connections


def test_r_13_a_new_key_is_followed_at_once(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        await prove(key_sets, publisher.issuer)
        before = publisher.issuer.token()
        publisher.rotate(keep=True)
        assert await prove(key_sets, publisher.issuer)
        assert await prove(key_sets, publisher.issuer, before)

    run(walk())
    assert publisher.fetches == 2


def test_r_13_nobody_is_refused_while_an_issuer_rotates(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        for rotations in range(1, 4):
            before = publisher.issuer.token()
            await prove(key_sets, publisher.issuer, before)
            publisher.rotate(keep=True)
            shown = [before, publisher.issuer.token()] * 100
            assert len(await asyncio.gather(*(prove(key_sets, publisher.issuer, each) for each in shown))) == 200
            assert publisher.fetches == 1 + rotations
            publisher.clock.tick(timedelta(seconds=30))

    run(walk())


def test_r_13_a_key_that_was_withdrawn_is_refused_after_five_minutes(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        before = publisher.issuer.token(exp=int(publisher.issuer.now) + 3_600)
        await prove(key_sets, publisher.issuer, before)
        publisher.rotate(keep=False)
        assert await prove(key_sets, publisher.issuer, before)
        publisher.clock.tick(5 * MINUTE)
        with pytest.raises(IdentityTokenInvalid, match="key is unknown"):
            await prove(key_sets, publisher.issuer, before)

    run(walk())


def test_r_13_a_new_key_is_followed_half_a_minute_after_a_flood_of_unknown_ones(
    publisher: Publisher, key_sets: KeySets
) -> None:
    async def walk() -> None:
        await flood(key_sets, publisher.issuer, 200)
        publisher.rotate(keep=True)
        with pytest.raises(IdentityTokenInvalid, match="key is unknown"):
            await prove(key_sets, publisher.issuer)
        publisher.clock.tick(timedelta(seconds=30))
        assert await prove(key_sets, publisher.issuer)

    run(walk())


def test_r_11_keys_serve_for_a_day_while_their_issuer_is_down(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        clock = publisher.clock
        await prove(key_sets, publisher.issuer)
        publisher.fail()
        for _ in range(60):
            clock.tick(MINUTE)
            assert await prove(key_sets, publisher.issuer)
        clock.tick(23 * 60 * MINUTE - timedelta(seconds=1))
        assert await prove(key_sets, publisher.issuer)
        clock.tick(timedelta(seconds=1))
        with pytest.raises(IssuerUnreachable, match=UNREACHABLE):
            await prove(key_sets, publisher.issuer)
        publisher.recover()
        clock.tick(10 * MINUTE)
        assert await prove(key_sets, publisher.issuer)

    run(walk())


class Running(ManualClock):
    """A clock that goes on each time it is looked at, as the real one does."""

    def now(self) -> datetime:
        return self.tick(timedelta(milliseconds=1))


def test_keys_serve_by_a_clock_that_runs_and_by_one_that_is_set_back_a_little(
    publisher: Publisher, clock: ManualClock, keyring: Keyring
) -> None:
    async def walk() -> None:
        running = Running(clock.now())
        key_sets = follow(running, keyring)
        assert await prove(key_sets, publisher.issuer)
        publisher.fail()
        running.tick(timedelta(seconds=-30))
        assert await prove(key_sets, publisher.issuer)

    run(walk())
    assert (publisher.looks, publisher.fetches) == (1, 1)


def test_r_11_an_issuer_that_is_down_is_asked_less_and_less(publisher: Publisher, key_sets: KeySets) -> None:
    async def walk() -> None:
        publisher.fail()
        for _ in range(3_600):  # an hour, with a token in each second
            with pytest.raises(IssuerUnreachable, match=UNREACHABLE):
                await prove(key_sets, publisher.issuer)
            publisher.clock.tick(timedelta(seconds=1))

    run(walk())
    # At once, after 5, 10, 20, 40, 80 and 160 seconds, and then each 300.
    assert publisher.looks == 7 + 10
    assert not publisher.fetches


def test_r_11_nobody_waits_for_an_issuer_that_hangs_once_it_is_known_to(
    publisher: Publisher, key_sets: KeySets
) -> None:
    def hang(_line: socket.socket, ended: threading.Event) -> None:
        ended.wait()

    async def walk() -> None:
        await prove(key_sets, publisher.issuer)
        publisher.clock.tick(10 * MINUTE)
        publisher.speak, key_sets.patience = hang, timedelta(milliseconds=200)
        assert await prove(key_sets, publisher.issuer)  # it has waited
        key_sets.patience = timedelta(hours=1)
        publisher.clock.tick(10 * MINUTE)
        assert await asyncio.gather(*(prove(key_sets, publisher.issuer) for _ in range(50)))
        with pytest.raises(TimeoutError):  # the fetch for this one goes on for an hour
            await asyncio.wait_for(prove(key_sets, publisher.issuer, foreign_token(publisher.issuer, "new")), 0.05)

    run(walk())
    assert publisher.looks == 3


def test_r_11_an_issuer_that_hangs_costs_the_others_nothing(clock: ManualClock, key_sets: KeySets) -> None:
    async def walk(hanging: Publisher, other: Publisher) -> None:
        hanging.gate.clear()
        stuck = [asyncio.ensure_future(prove(key_sets, hanging.issuer)) for _ in range(50)]
        await asyncio.sleep(0)
        assert len(await asyncio.gather(*(prove(key_sets, other.issuer) for _ in range(50)))) == 50
        assert not any(each.done() for each in stuck)
        hanging.gate.set()
        assert len(await asyncio.gather(*stuck)) == 50

    with publishing(clock) as hanging, publishing(clock) as other:
        run(walk(hanging, other))
        assert (hanging.fetches, other.fetches) == (1, 1)


def test_a_new_key_of_an_issuer_that_is_down_may_be_one_and_is_not_called_unknown(
    publisher: Publisher, key_sets: KeySets
) -> None:
    async def walk() -> None:
        await prove(key_sets, publisher.issuer)
        publisher.fail()
        publisher.rotate(keep=True)
        for _ in range(2):
            with pytest.raises(IssuerUnreachable, match=UNREACHABLE):
                await prove(key_sets, publisher.issuer)
        publisher.recover()
        publisher.clock.tick(timedelta(seconds=5))
        assert await prove(key_sets, publisher.issuer)

    run(walk())


def test_that_an_issuer_is_down_and_up_again_is_logged_once_and_each_fetch_counted(
    publisher: Publisher, clock: ManualClock, keyring: Keyring
) -> None:
    meters = open_meters()
    key_sets = follow(clock, keyring, meters=meters)

    async def walk() -> None:
        publisher.fail()
        for _ in range(3):
            with pytest.raises(IssuerUnreachable):
                await prove(key_sets, publisher.issuer)
            clock.tick(10 * MINUTE)
        publisher.recover()
        for _ in range(3):
            assert await prove(key_sets, publisher.issuer)

    with capture_logs() as logs:
        run(walk())
    issuer = publisher.issuer.issuer
    down = {"event": "provider.down", "log_level": "warning", "issuer": issuer, "fault": "status"}
    assert logs == [
        down | {"reason": "it answers 503"},
        {"event": "provider.up", "log_level": "info", "issuer": issuer},
    ]
    assert (count_fetches(meters, "status"), count_fetches(meters, "done")) == (3, 1)


def test_every_fault_is_told_apart_by_the_metric() -> None:
    assert set(catalogue.PROVIDER_FETCHES.labels["outcome"]) == {"done", *Fault}


@pytest.mark.parametrize("form", ["memory", "redis"])
def test_one_process_fetches_for_all_and_for_those_that_begin_while_an_issuer_is_down(
    publisher: Publisher, clock: ManualClock, keyring: Keyring, tmp_path: Path, form: str
) -> None:
    async def walk(url: str) -> None:
        cache = open_cache(url, clock)
        try:
            assert await prove(follow(clock, keyring, cache), publisher.issuer)
            assert await prove(follow(clock, keyring, cache), publisher.issuer)
            publisher.fail()
            clock.tick(60 * MINUTE)
            assert await prove(follow(clock, keyring, cache), publisher.issuer)
        finally:
            await cache.close()

    if form == "memory":
        run(walk("memory://"))
    else:
        with redis_server(tmp_path / "redis") as server:
            run(walk(server.url))
    assert (publisher.fetches, publisher.looks) == (1, 2)


def test_what_is_held_is_bounded_and_what_is_dropped_is_found_in_the_cache(
    clock: ManualClock, keyring: Keyring
) -> None:
    key_sets = follow(clock, keyring, most=1)

    async def walk(one: Publisher, other: Publisher) -> None:
        for _ in range(2):
            for publisher in (one, other):
                assert await prove(key_sets, publisher.issuer)
                assert await prove(key_sets, publisher.issuer, key_set=publisher.keys)

    with publishing(clock) as one, publishing(clock) as other:
        run(walk(one, other))
        assert (one.fetches, other.fetches) == (1, 1)
    assert (len(key_sets._held), len(key_sets._uploaded)) == (1, 1)


class Touched:
    """A cache in which every value that is read was altered by somebody else."""

    def __init__(self, clock: ManualClock, at: int) -> None:
        self.cache, self.at = MemoryCache(clock), at

    def __getattr__(self, name: str) -> Any:
        return getattr(self.cache, name)

    async def get(self, key: str) -> bytes | None:
        value = await self.cache.get(key)
        return value and value[: self.at] + bytes([value[self.at] ^ 1]) + value[self.at + 1 :]


@pytest.mark.parametrize("at", [0, 10, 40, 100])
def test_what_somebody_else_wrote_into_the_cache_is_a_miss(
    publisher: Publisher, clock: ManualClock, keyring: Keyring, at: int
) -> None:
    touched: Any = Touched(clock, at)
    for fetches in (1, 2):
        assert run(prove(follow(clock, keyring, touched), publisher.issuer))
        assert publisher.fetches == fetches


def test_keys_that_came_by_another_providers_authorities_are_not_shared(
    publisher: Publisher, clock: ManualClock, keyring: Keyring, tmp_path: Path
) -> None:
    cache, own = MemoryCache(clock), Authority(tmp_path).file.read_text(encoding="ascii")

    async def walk() -> None:
        key_sets = follow(clock, keyring, cache)
        assert await prove(key_sets, publisher.issuer, authorities=own)
        assert await prove(key_sets, publisher.issuer)
        assert await prove(follow(clock, keyring, cache), publisher.issuer)

    run(walk())
    assert publisher.fetches == 2


def test_without_its_cache_a_process_fetches_for_itself(
    publisher: Publisher, clock: ManualClock, keyring: Keyring
) -> None:
    async def walk() -> None:
        cache: Cache = open_cache(f"redis://127.0.0.1:{find_port()}", clock)
        try:
            assert await prove(follow(clock, keyring, cache), publisher.issuer)
        finally:
            await cache.close()

    run(walk())
    assert publisher.fetches == 1
