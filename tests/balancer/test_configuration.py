"""What the shipped HAProxy configuration promises beside a restart that nobody notices."""

import http.client
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.balancer.conftest import Parts, Topology, running
from tests.balancer.haproxy import CONFIGURATION, Balancer, balancing, find_haproxy
from tests.faults.processes import wait_until
from tests.signing import Key

KEYS = "/.well-known/jwks.json"
READY = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture(scope="module")
def topology(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with running(parts, tmp_path_factory.mktemp("topology")) as begun:
        yield begun


def revoke(topology: Topology, key: Key) -> "subprocess.CompletedProcess[str]":
    told = {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}
    words = ["revoke", "session", "unknown", "--endpoint-url", topology.parts.url]
    command = [sys.executable, "-m", "sts", *words]
    return subprocess.run(command, env={**os.environ, **told}, capture_output=True, text=True, check=False)


def get(port: int, path: str, method: str = "GET", **headers: str) -> http.client.HTTPResponse:
    """Ask for *path* as it is written, and return the answer, read."""
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=30)) as connection:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in headers.items():
            connection.putheader(name, value)
        connection.endheaders()
        answer = connection.getresponse()
        answer.read()
        return answer


def test_nothing_has_to_be_told_for_it_to_be_valid() -> None:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("BALANCER_")}
    command = [find_haproxy(), "-c", "-f", str(CONFIGURATION)]
    done = subprocess.run(command, env=bare, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(
    "path",
    [
        "/metrics",
        "/readyz",
        "/livez",
        "/%6detrics",
        "/%72%65adyz",
        "/livez?x",
        "/metrics/",
        "/readyz%2f",
        "/readyz%3fx",
    ],
)
def test_what_is_for_the_operator_is_not_there_for_clients(topology: Topology, path: str) -> None:
    for method in ("GET", "HEAD", "POST"):
        assert get(topology.balancer.port, path, method).status == 404


def test_head_and_target_that_are_too_large_are_refused_by_the_service_and_in_its_form(topology: Topology) -> None:
    for path, headers, status in (("/?" + "x" * 17_000, {}, 414), ("/", {"x-long": "x" * 17_000}, 431)):
        answer = get(topology.balancer.port, path, **headers)
        assert answer.status == status
        assert answer.headers["x-amzn-requestid"]


def test_the_log_holds_no_query_which_may_hold_a_signature(topology: Topology) -> None:
    get(topology.balancer.port, "/seen?X-Amz-Signature=5ec7e7&X-Amz-Security-Token=5ec7e7")
    wait_until(lambda: "GET /seen\n" in topology.balancer.log())
    assert "5ec7e7" not in topology.balancer.log()


@pytest.mark.parametrize("prefix", ["/ui/link/", "/UI/Link/", "//ui/link/"])
def test_s_19_the_log_does_not_hold_the_link_by_which_a_password_is_set(topology: Topology, prefix: str) -> None:
    get(topology.balancer.port, f"{prefix}5ec7e7.5ec7e7")
    get(topology.balancer.port, "/seen-after")
    wait_until(lambda: "GET /seen-after\n" in topology.balancer.log())
    assert "/ui/link/\n" in topology.balancer.log()
    assert "5ec7e7.5ec7e7" not in topology.balancer.log()


def test_all_unused_connections_but_one_of_each_service_are_closed_long_before_the_service_would(
    topology: Topology,
) -> None:
    def idle() -> list[int]:
        rows = [row for row in topology.balancer.servers() if row["pxname"] == "keys"]
        return [int(row["idle_conn_cur"]) + int(row["safe_conn_cur"]) for row in rows]

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda _: get(topology.balancer.port, KEYS).status, range(64)))
    assert set(answers) == {200}
    assert sum(idle()) > 2
    wait_until(lambda: max(idle()) <= 1)  # for 20 s at most, of the 60 that the service waits


def test_public_keys_are_served_while_the_store_is_down_and_the_rest_says_so_in_the_clients_form(
    topology: Topology,
) -> None:
    balancer, key = topology.balancer, topology.parts.key

    def ready() -> set[str]:
        return {row["status"] for row in balancer.servers() if row["pxname"] == "services"}

    topology.parts.store.stop("immediate")
    try:
        wait_until(lambda: ready() == {"DOWN"})
        assert get(balancer.port, KEYS).status == 200
        client = topology.boto("sts", key)
        with pytest.raises(client.exceptions.ClientError) as caught:
            client.get_caller_identity()
        revoked = revoke(topology, key)
    finally:
        topology.parts.store.start()
    told = caught.value.response
    assert (told["Error"]["Code"], told["ResponseMetadata"]["HTTPStatusCode"]) == ("ServiceUnavailable", 503)
    assert told["ResponseMetadata"]["HTTPHeaders"]["retry-after"] == "1"
    assert len(told["ResponseMetadata"]["RequestId"]) == 36
    assert revoked.returncode == 1
    assert "answers 503" in revoked.stderr
    assert "ServiceUnavailable: No service is ready: try again" in revoked.stderr
    wait_until(lambda: ready() == {"UP"})
    assert topology.boto("sts", key).get_caller_identity()["Account"] == topology.parts.account_id


def test_a_request_that_was_not_sent_goes_to_the_other_service(topology: Topology) -> None:
    topology.two.kill()
    try:
        for _ in range(6):
            assert topology.boto("sts", topology.parts.key).get_caller_identity()["Account"]
    finally:
        topology.two.start()
    wait_until(lambda: topology.balancer.sees("two", "UP"))


@dataclass
class Dying:
    """Stands for a service that dies between a request and its answer, which a real one does at no chosen instant."""

    listener: socket.socket
    asked: list[bytes] = field(default_factory=list)

    def serve(self) -> None:
        """Answer checks, and close the connection on everything else."""
        while True:
            try:
                line, _ = self.listener.accept()
            except OSError:
                return
            with line:
                head = line.recv(65_536)
                if head.startswith(b"GET /readyz "):
                    line.sendall(READY)
                elif head:
                    self.asked.append(head.partition(b" HTTP")[0])


@contextmanager
def dying(folder: Path) -> Iterator[tuple[Balancer, list[Dying]]]:
    with ExitStack() as stack:
        services = [Dying(socket.create_server(("127.0.0.1", 0))) for _ in range(2)]
        for each in services:
            thread = threading.Thread(target=each.serve)
            thread.start()
            stack.callback(thread.join)
            stack.callback(each.listener.close)
            stack.callback(each.listener.shutdown, socket.SHUT_RDWR)
        yield stack.enter_context(balancing(folder, *(each.listener.getsockname()[1] for each in services))), services


def test_a_request_that_was_sent_is_never_sent_again_unless_it_only_reads_public_keys(tmp_path: Path) -> None:
    with dying(tmp_path) as (balancer, services):
        for method, path in (("POST", "/"), ("GET", "/?Action=AssumeRole"), ("GET", "/api/x")):
            assert get(balancer.port, path, method).status == 502
            assert [asked for each in services for asked in each.asked] == [f"{method} {path}".encode()]
            for each in services:
                each.asked.clear()
        assert get(balancer.port, KEYS).status == 502
        assert [len(each.asked) for each in services] == [2, 2]
