import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from sts.errors import Refusal
from sts.limits import ServerLimits
from sts.serving.listeners import allow_files, bind
from sts.serving.server import Server
from tests.health.scraping import Scrape, parse
from tests.redis_servers import RedisServer, redis_server
from tests.serving.conftest import Application, is_refused, make_threshold, until

ROOT = Path(__file__).parents[2]

# Keeps two workers of a kind that the test gives.
SUPERVISING = """
import sys
from datetime import timedelta
from sts.errors import Refusal
from sts.serving.listeners import bind
from sts.serving.workers import Supervisor
sockets = bind("127.0.0.1", 0)
print("port", sockets[0].getsockname()[1], flush=True)
try:
    Supervisor([sys.executable, "-c", sys.argv[1]], sockets, 2, timedelta(seconds=float(sys.argv[2]))).run()
except Refusal as refusal:
    sys.exit(refusal.message)
"""
# Says its own number, in one piece since others write there too, once it has the socket; ends when it is asked to.
OBEDIENT = """
import os, signal, socket, sys
socket.socket(fileno=int(sys.argv[sys.argv.index("--listener") + 1])).listen()
assert sys.argv[sys.argv.index("--supervisor") + 1] == str(os.getppid())
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
os.write(1, b"\\n%d\\n" % os.getpid())
while True:
    signal.pause()
"""
# Listens no more when it is asked to end, and takes its time to.
DEAF = OBEDIENT.replace("lambda *_: sys.exit(0)", "lambda *_: os.closerange(3, 256)")
STUBBORN = OBEDIENT.replace("lambda *_: sys.exit(0)", "signal.SIG_IGN")


@dataclass
class Supervised:
    process: "subprocess.Popen[str]"
    pids: list[int] = field(default_factory=list)
    port: int = 0


@contextmanager
def supervising(worker: str, grace: float = 20) -> Iterator[Supervised]:
    command = [sys.executable, "-c", SUPERVISING, worker, str(grace)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=ROOT, text=True) as process:
        supervised = Supervised(process)
        try:
            yield supervised
        finally:
            for pid in supervised.pids:
                _kill(pid)
            process.kill()


def _kill(pid: int) -> None:
    if _is_alive(pid):
        os.kill(pid, signal.SIGKILL)


def _is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


def _read_pids(supervised: Supervised, number: int) -> list[int]:
    assert supervised.process.stdout is not None
    while len(supervised.pids) < number:
        line = supervised.process.stdout.readline()
        assert line, supervised.process.stderr
        if line.startswith("port "):
            supervised.port = int(line.removeprefix("port "))
        elif line.strip().isdigit():
            supervised.pids.append(int(line))
    return supervised.pids[-number:]


def test_a_worker_that_crashes_is_replaced_and_the_others_are_left_alone() -> None:
    with supervising(OBEDIENT) as supervised:
        first, second = _read_pids(supervised, 2)
        os.kill(first, signal.SIGKILL)
        third = _read_pids(supervised, 3)[-1]
        assert third not in {first, second}
        assert _is_alive(second)


def test_sigterm_ends_all_workers_and_then_the_supervisor() -> None:
    with supervising(OBEDIENT) as supervised:
        pids = _read_pids(supervised, 2)
        supervised.process.send_signal(signal.SIGTERM)
        assert supervised.process.wait(20) == 0
        assert not any(map(_is_alive, pids))


def test_nobody_is_let_in_once_the_workers_listen_no_more() -> None:
    with supervising(DEAF, grace=600) as supervised:
        _read_pids(supervised, 2)
        with socket.create_connection(("127.0.0.1", supervised.port)):
            supervised.process.send_signal(signal.SIGTERM)
        until(lambda: is_refused(supervised.port), "a port that is closed")
        assert supervised.process.poll() is None


def test_workers_that_do_not_end_are_killed_after_their_grace() -> None:
    with supervising(STUBBORN, grace=0.2) as supervised:
        pids = _read_pids(supervised, 2)
        supervised.process.send_signal(signal.SIGTERM)
        assert supervised.process.wait(20) == 0
        assert not any(map(_is_alive, pids))


def test_a_second_sigterm_does_not_wait_for_workers() -> None:
    with supervising(STUBBORN, grace=600) as supervised:
        pids = _read_pids(supervised, 2)

        def told_again() -> bool:
            supervised.process.send_signal(signal.SIGTERM)
            return supervised.process.poll() is not None

        until(told_again, "the end")
        assert not any(map(_is_alive, pids))


def test_workers_that_cannot_start_end_the_supervisor_with_a_reason() -> None:
    with supervising("raise SystemExit(1)") as supervised:
        _, told = supervised.process.communicate(timeout=20)
        assert supervised.process.returncode == 1
        assert "A worker did not start" in told


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    with redis_server(tmp_path_factory.mktemp("redis")) as server:
        yield server


@dataclass
class Log:
    """What a service and its workers log."""

    process: "subprocess.Popen[str]"
    lines: list[dict[str, Any]] = field(default_factory=list)

    def read(self) -> None:
        assert self.process.stderr is not None
        self.lines += (json.loads(line) for line in self.process.stderr)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [line for line in self.lines if name in line["event"]]


@contextmanager
def serving(home: Path, redis: RedisServer) -> Iterator[Log]:
    environment = {**os.environ, "STS_HOME": str(home), "STS_CACHE_URL": redis.url, "STS_DRAIN_SECONDS": "0"}
    command = [sys.executable, "-m", "sts", "serve", "--port", "0", "--workers", "2", "--json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as process:
        log = Log(process)
        reader = threading.Thread(target=log.read)
        reader.start()
        try:
            until(lambda: len(log.events("running on")) == 2, "two workers")
            yield log
        finally:
            for line in log.events("worker.started"):
                _kill(line["pid"])
            process.kill()
            reader.join()


def test_two_processes_serve_one_address_and_one_that_is_killed_is_replaced(home: Path, redis: RedisServer) -> None:
    with serving(home, redis) as log, httpx2.Client(trust_env=False) as client:
        (url,) = {line["event"].removeprefix("running on ") for line in log.events("running on")}
        first, second = (line["pid"] for line in log.events("worker.started"))
        os.kill(first, signal.SIGKILL)
        until(lambda: len(log.events("running on")) == 3, "the replacement")
        assert [line["pid"] for line in log.events("worker.ended")] == [first]
        assert client.get(f"{url}/readyz").status_code == 200
        os.kill(log.process.pid, signal.SIGTERM)
        assert log.process.wait(30) == 0
        assert not _is_alive(second)


def _scrape(url: str) -> Scrape:
    """Ask on a connection of its own, which any worker may take."""
    with httpx2.Client(trust_env=False) as client:
        return parse(client.get(f"{url}/metrics").text)


def test_whichever_worker_is_asked_tells_what_all_have_counted_also_before_a_crash(
    home: Path, redis: RedisServer
) -> None:
    with serving(home, redis) as log:
        url = log.events("running on")[0]["event"].removeprefix("running on ")
        for _ in range(20):
            with httpx2.Client(trust_env=False) as client:
                assert client.get(f"{url}/?Action=Invented").status_code == 400
        asked = {"operation": "other", "outcome": "refused"}
        assert [_scrape(url).find("sts_requests_total", **asked) for _ in range(10)] == [20] * 10
        pids = {line["pid"] for line in log.events("worker.started")}
        os.kill(min(pids), signal.SIGKILL)
        until(lambda: len(log.events("running on")) == 3, "the replacement")
        after = [_scrape(url) for _ in range(10)]
        assert [each.find("sts_requests_total", **asked) for each in after] == [20] * 10
        (bound,) = {each.find("sts_snapshot_bound_bytes", worker=worker) for each in after for worker in "01"}
        assert bound
        assert all(each.sum("process_resident_memory_bytes", worker="1") for each in after)


def test_workers_end_when_their_supervisor_is_killed(home: Path, redis: RedisServer) -> None:
    with serving(home, redis) as log:
        pids = [line["pid"] for line in log.events("worker.started")]
        log.process.kill()
        until(lambda: not any(map(_is_alive, pids)), "the workers' end")
        assert len(log.events("serve.orphaned")) == 2


def test_a_port_that_is_taken_is_refused_before_anything_else_is_done() -> None:
    (taken,) = bind("127.0.0.1", 0)
    with taken:
        taken.listen()
        port = taken.getsockname()[1]
        refused = subprocess.run(
            [sys.executable, "-m", "sts", "serve", "--port", str(port)], capture_output=True, text=True, check=False
        )
        assert refused.returncode == 1
        assert f"Cannot listen on 127.0.0.1 port {port}: address already in use" in refused.stderr


def test_a_port_that_another_took_while_the_service_started_is_refused_in_the_same_words() -> None:
    (bound,) = bind("127.0.0.1", 0)
    port = bound.getsockname()[1]
    app = Application()
    (taken,) = bind("127.0.0.1", port)  # beside each other, since neither listens yet
    with bound, taken:
        taken.listen()
        with pytest.raises(Refusal, match=f"Cannot listen on 127.0.0.1 port {port}: address already in use"):
            Server(app, make_threshold(ServerLimits()), [bound]).run()
    assert app.ended


def test_an_ipv6_address_can_be_listened_on() -> None:
    (listener,) = bind("::1", 0)
    with listener:
        assert listener.getsockname()[0] == "::1"


def test_more_connections_than_a_process_may_have_files_refuse_the_start() -> None:
    allow_files(ServerLimits().connections)
    limited = (
        "import resource; resource.setrlimit(resource.RLIMIT_NOFILE, (100, 500));"
        "from sts.serving.listeners import allow_files;"
        "allow_files(200); print(resource.getrlimit(resource.RLIMIT_NOFILE)); allow_files(300)"
    )
    done = subprocess.run([sys.executable, "-c", limited], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout == "(456, 500)\n"
    assert "lower the setting to 244" in done.stderr
