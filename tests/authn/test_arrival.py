from collections.abc import Sequence
from ipaddress import ip_network
from typing import Any

import pytest

from sts.authn.arrival import find_client

pytestmark = pytest.mark.pure

TRUSTED = tuple(map(ip_network, ("10.0.0.0/8", "fd00::/8")))
STRANGER = "203.0.113.9"
PROXY = "10.0.0.1"


def _scope(peer: str | None, headers: Sequence[tuple[str, str]], scheme: str = "http") -> dict[str, Any]:
    client = None if peer is None else (peer, 4711)
    return {"client": client, "scheme": scheme, "headers": [(name.encode(), text.encode()) for name, text in headers]}


def _address(peer: str | None, *forwarded: str) -> str | None:
    client, _ = find_client(_scope(peer, [("x-forwarded-for", each) for each in forwarded]), TRUSTED)
    return None if client is None else client[0]


def _scheme(peer: str, *forwarded: str, scheme: str = "http") -> str:
    return find_client(_scope(peer, [("x-forwarded-proto", each) for each in forwarded], scheme), TRUSTED)[1]


@pytest.mark.parametrize(
    ("forwarded", "address"),
    [
        ([], PROXY),
        ([STRANGER], STRANGER),
        ([f"{STRANGER}, 10.1.1.1"], STRANGER),
        ([f"127.0.0.1, {STRANGER}"], STRANGER),
        ([f"10.9.9.9, {STRANGER}"], STRANGER),
        (["127.0.0.1", STRANGER], STRANGER),
        ([STRANGER, "10.1.1.1"], STRANGER),
        (["10.2.2.2, 10.1.1.1"], "10.2.2.2"),
        ([f"{STRANGER}:55555"], STRANGER),
        (["2001:db8::9"], "2001:db8::9"),
        (["[2001:db8::9]:443"], "2001:db8::9"),
        (["2001:0DB8:0:0::9, fd00::1"], "2001:db8::9"),
        (["::ffff:203.0.113.9"], STRANGER),
        (["unknown"], PROXY),
        ([f"{STRANGER}, unknown, 10.1.1.1"], "10.1.1.1"),
        ([f"{STRANGER},"], PROXY),
        (["' OR 1=1"], PROXY),
    ],
)
def test_the_client_is_the_rightmost_that_is_no_trusted_proxy(forwarded: list[str], address: str) -> None:
    assert _address(PROXY, *forwarded) == address


@pytest.mark.parametrize("peer", [STRANGER, "127.0.0.1", "2001:db8::1", "::1"])
def test_a_stranger_is_not_believed_whatever_it_says(peer: str) -> None:
    assert _address(peer, "127.0.0.1") == peer
    assert _address(peer, "10.0.0.1") == peer
    assert _scheme(peer, "https") == "http"
    assert _scheme(peer, "http", scheme="https") == "https"


def test_a_proxy_is_known_by_its_address_also_when_that_is_written_as_ipv6() -> None:
    assert _address("::ffff:10.0.0.1", STRANGER) == STRANGER


def test_a_request_without_a_peer_has_no_address() -> None:
    assert _address(None, STRANGER) is None


@pytest.mark.parametrize(
    ("forwarded", "scheme"),
    [
        (["https"], "https"),
        (["HTTPS"], "https"),
        (["http"], "http"),
        (["https, http"], "http"),
        (["https", "http"], "http"),
        (["http", "https"], "http"),
        (["https, https"], "https"),
        (["wss"], "http"),
        ([""], "http"),
    ],
)
def test_the_way_was_https_only_if_every_proxy_says_so(forwarded: list[str], scheme: str) -> None:
    assert _scheme(PROXY, *forwarded) == scheme
    assert _scheme(PROXY, *forwarded, scheme="https") == scheme


def test_without_a_word_of_the_proxy_the_way_is_the_connections_own() -> None:
    assert _scheme(PROXY, scheme="https") == "https"
    assert _scheme(PROXY) == "http"
