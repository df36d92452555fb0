"""Which addresses may be connected to, one by one, and what is taken for a URL."""

from ipaddress import ip_address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.egress.addresses import verify_address
from sts.egress.faults import Fault, FetchFailed
from sts.egress.target import parse_target

pytestmark = pytest.mark.pure

PUBLIC = ("8.8.8.8", "1.1.1.1", "172.15.255.255", "172.32.0.0", "100.63.255.255", "2606:4700::1111", "2a00:1450::1")
PRIVATE = (
    "127.0.0.1",
    "127.255.255.254",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "::1",
    "fd12:3456::1",
)
NEVER = (
    "0.0.0.0",  # noqa: S104  nobody binds it
    "0.1.2.3",
    "169.254.169.254",
    "169.254.170.2",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::127.0.0.1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:a9fe:a9fe",
    "64:ff9b::127.0.0.1",
    "64:ff9b::8.8.8.8",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "3fff::1",
    "5f00::1",
    "fd00:ec2::254",
    "fe80::1",
    "fe80::1%lo",
    "fec0::1",
    "ff02::1",
)


@pytest.mark.parametrize("address", PUBLIC)
def test_r_10_a_public_address_may_be_connected_to(address: str) -> None:
    assert verify_address(address, private=False, plain=False) == address


@pytest.mark.parametrize("address", PRIVATE)
def test_r_10_a_private_address_needs_leave(address: str) -> None:
    with pytest.raises(FetchFailed, match="no public address"):
        verify_address(address, private=False, plain=False)
    assert verify_address(address, private=True, plain=False) == address


@pytest.mark.parametrize("address", NEVER)
def test_r_10_leave_for_private_addresses_opens_no_other(address: str) -> None:
    for private in (False, True):
        with pytest.raises(FetchFailed) as failed:
            verify_address(address, private=private, plain=False)
        assert failed.value.fault is Fault.ADDRESS


def test_r_10_plain_http_is_for_loopback_only() -> None:
    assert verify_address("127.0.0.1", private=True, plain=True)
    assert verify_address("::1", private=True, plain=True)
    for address in ("10.0.0.1", "fd12::1", "8.8.8.8"):
        with pytest.raises(FetchFailed, match="loopback only"):
            verify_address(address, private=True, plain=True)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "https:",
        "https://",
        "https:///path",
        "//host/path",
        "host/path",
        "file:///etc/passwd",
        "FILE:///etc/passwd",
        "ftp://host/",
        "gopher://host:6379/_",
        "data:application/json,{}",
        "dict://host:11211/",
        "jar:https://host/",
        "https://user@host/",
        "https://user:word@host/",
        "https://host@127.0.0.1/",
        "https://host:0/",
        "https://host:65536/",
        "https://host:port/",
        "https://host:-1/",
        "https://ho st/",
        "https://host/a b",
        "https://host\\@127.0.0.1/",
        "https://host/\r\nHost: other",
        "https://host/\x00",
        "https://h\N{LATIN SMALL LETTER O WITH DIAERESIS}st/",
        "https://\N{FULLWIDTH DIGIT ONE}27.0.0.1/",
        "https://127%2e0.0.1/",
        "https://[::1/",
        "https://[fe80::1%25lo]/",
        "https://[v1.x]/",
        "https://host/#fragment",
        "https://host/" + "x" * 2_048,
    ],
)
def test_r_10_what_is_no_plain_https_address_is_not_fetched(url: str) -> None:
    for private in (False, True):
        with pytest.raises(FetchFailed) as failed:
            parse_target(url, private=private)
        assert failed.value.fault is Fault.ADDRESS


def test_r_10_http_is_taken_only_where_private_addresses_are() -> None:
    with pytest.raises(FetchFailed, match="http is not https"):
        parse_target("http://127.0.0.1:8080/", private=False)
    assert parse_target("http://127.0.0.1:8080/", private=True).port == 8080


@pytest.mark.parametrize(
    ("url", "authority", "path"),
    [
        ("https://host", "host", "/"),
        ("https://HOST:443/a?b=c", "host", "/a?b=c"),
        ("https://host:8443/realms/x", "host:8443", "/realms/x"),
        ("https://[::1]:8443/", "[::1]:8443", "/"),
        ("https://host/a/../b;c", "host", "/a/../b;c"),
    ],
)
def test_an_address_is_taken_apart_once(url: str, authority: str, path: str) -> None:
    target = parse_target(url, private=False)
    assert (target.authority, target.path) == (authority, path)


@given(st.ip_addresses().map(str))
def test_r_10_what_may_be_connected_to_is_public_to_others_too(address: str) -> None:
    """Python's own table of special addresses is the oracle: ours lets nothing through that is special there."""
    try:
        verify_address(address, private=False, plain=False)
    except FetchFailed:
        return
    judged = ip_address(address)
    assert judged.is_global
    assert not any((judged.is_multicast, judged.is_loopback, judged.is_link_local, judged.is_reserved))


@given(st.text(alphabet="htps:/@[].%\\\t #?127.0localhost-x", max_size=40).map("https://".__add__))
def test_r_10_whatever_is_taken_for_an_address_is_sent_to_the_host_that_was_judged(url: str) -> None:
    try:
        target = parse_target(url, private=False)
    except FetchFailed:
        return
    told = target.as_url()
    assert told.host.decode() == target.host
    assert set(target.host) <= set("abcdefghijklmnopqrstuvwxyz0123456789.-_:")
    assert target.path.startswith("/")
    assert not set(target.authority) & set("@/?#")
    assert not set(target.authority + target.path) & set("\\\t\r\n #")
