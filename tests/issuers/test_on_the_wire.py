"""What a caller of AssumeRoleWithWebIdentity sees of an issuer that is out of order, and what the others see: nothing.

The client of the tests waits for five seconds at most: whatever an issuer does, there is an answer by then.
"""

import gzip
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from sts.clock import ManualClock
from tests.authn.identity_tokens import Issuer
from tests.certificates import Authority
from tests.egress.listener import Listener, Speak, say, serve
from tests.issuers.publisher import Publisher, publishing
from tests.issuers.relying import rely
from tests.service import Service, Tenant, running


@pytest.fixture
def publisher(clock: ManualClock) -> Iterator[Publisher]:
    with publishing(clock) as started:
        yield started


def _hang(_line: socket.socket, ended: threading.Event) -> None:
    ended.wait()


def _drip(line: socket.socket, ended: threading.Event) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n\r\n{")
    while not ended.wait(0.2):
        line.sendall(b" ")


FAULTS: dict[str, Speak] = {
    "redirecting": say(b"HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\nContent-Length: 0\r\n\r\n"),
    "compressed": serve(gzip.compress(b"{}"), b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\n"),
    "huge": serve(b" " * (256 * 1024 + 1)),
    "out of order": serve(b"", b"HTTP/1.1 500 Oops\r\n"),
    "no HTTP": say(b"\x00\x01\x02\r\n\r\n"),
    "no JSON": serve(b"<html>"),
    "silent": say(b""),
    "hanging": _hang,
    "slow": _drip,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_r_10_an_issuer_that_is_out_of_order_is_the_models_error_within_five_seconds(
    service: Service, tenant: Tenant, publisher: Publisher, fault: str
) -> None:
    relier = rely(service, tenant, publisher.issuer, private_addresses=True)
    publisher.speak = FAULTS[fault]
    for _ in range(2):
        reply = relier.assume()
        assert (reply.status, reply.code) == (400, "IDPCommunicationError")
        assert "127.0.0.1" not in reply.message  # whom the service reaches is not for every caller
    assert publisher.looks == 1
    publisher.recover()
    publisher.clock.tick(timedelta(seconds=5))
    assert relier.assume().status == 200


def test_r_11_while_an_issuer_hangs_others_and_other_requests_are_answered(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    with publishing(clock) as hanging, publishing(clock) as other, ThreadPoolExecutor() as threads:
        stuck = rely(service, service.tenant(), hanging.issuer, private_addresses=True)
        working = rely(service, tenant, other.issuer, private_addresses=True)
        hanging.gate.clear()
        waiting = [threads.submit(stuck.assume) for _ in range(5)]
        for _ in range(5):
            assert working.assume().status == 200
            assert service.call(tenant.key, "GetCallerIdentity", "sts").status == 200
        assert not any(each.done() for each in waiting)
        hanging.gate.set()
        assert [each.result().status for each in waiting] == [200] * 5
        assert hanging.fetches == 1


def test_r_10_an_issuer_within_is_not_connected_to_unless_that_is_allowed(
    service: Service, tenant: Tenant, clock: ManualClock, tmp_path: Path
) -> None:
    authority = Authority(tmp_path / "authority")
    with Listener(serve(b"{}"), authority.sign("inside", "localhost")) as inside:
        issuer = Issuer(clock, f"https://localhost:{inside.port}")
        own = authority.file.read_text(encoding="ascii")
        reply = rely(service, tenant, issuer, authorities=own).assume()
        assert (reply.status, reply.code) == (400, "IDPCommunicationError")
        assert not inside.connections
        allowed = rely(service, service.tenant(), issuer, authorities=own, private_addresses=True)
        assert allowed.assume().code == "IDPCommunicationError"  # it publishes nothing
        assert inside.requests


def test_r_10_an_issuer_within_that_was_marked_is_not_connected_to_once_marks_do_not_count(
    home: Path, clock: ManualClock, service: Service, tenant: Tenant, publisher: Publisher
) -> None:
    relier = rely(service, tenant, publisher.issuer, private_addresses=True)
    assert relier.assume().status == 200
    seen = publisher.listener.connections
    with running(home, clock) as strict:
        realm = replace(relier.realm, service=strict)
        reply = replace(relier, realm=realm).assume()
    assert (reply.status, reply.code) == (400, "IDPCommunicationError")
    assert publisher.listener.connections == seen


def test_every_issuer_may_be_within_where_the_setting_says_so(
    home: Path, clock: ManualClock, publisher: Publisher
) -> None:
    with running(home, clock, STS_ALLOW_PRIVATE_PROVIDERS="on") as service:
        assert rely(service, service.tenant(), publisher.issuer).assume().status == 200
