import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx2
import pytest

from sts.limits import ServerLimits
from tests.serving.conftest import Line, Running, is_refused, running, until

ROOT = Path(__file__).parents[2]
GET = b"GET /x HTTP/1.1\r\nHost: sts\r\n\r\n"
HELD = b"GET /held HTTP/1.1\r\nHost: sts\r\n\r\n"
LONG = timedelta(seconds=60)


@pytest.fixture
def patient() -> Iterator[Running]:
    """A server that drains for longer than any test takes, until the test ends it."""
    with running(ServerLimits(drain=LONG)) as started:
        yield started


@pytest.fixture
def prompt() -> Iterator[Running]:
    with running(ServerLimits(drain=timedelta(0))) as started:
        yield started


def test_while_it_drains_it_answers_and_ends_each_connection_with_its_answer(patient: Running) -> None:
    idle = patient.connect()
    until(lambda: patient.open_connections == 1, "the connection")
    patient.server.handle_exit(signal.SIGTERM, None)
    assert patient.server.threshold.readiness.draining
    for line in (idle, patient.connect()):
        line.send(GET)
        answer = line.read_all()
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert b"\r\nconnection: close\r\n" in answer
    assert not patient.app.ended


def test_what_is_under_way_is_finished_after_the_listener_has_closed(prompt: Running) -> None:
    held, half = prompt.connect(), prompt.connect()
    held.send(HELD)
    half.send(GET[:20])
    until(lambda: prompt.app.seen and prompt.open_connections == 2, "the request")
    prompt.server.handle_exit(signal.SIGTERM, None)
    until(lambda: not any(each.is_serving() for each in prompt.server.servers), "the end of listening")
    with pytest.raises(ConnectionError):
        prompt.connect()
    half.send(GET[20:])
    assert half.read_all().endswith(b"got /x ")
    assert not prompt.app.ended
    prompt.app.let_go.set()
    assert held.read_all().endswith(b"got /held ")
    until(lambda: prompt.app.ended, "the application's end")


def test_what_is_under_way_is_waited_for_no_longer_than_it_may_take() -> None:
    with running(ServerLimits(drain=timedelta(0), finish=timedelta(seconds=0.2))) as hasty:
        line = hasty.connect()
        line.send(HELD)
        until(lambda: hasty.app.seen, "the request")
        hasty.server.handle_exit(signal.SIGTERM, None)
        until(lambda: hasty.app.ended, "the application's end")
        assert not hasty.app.let_go.is_set()


def test_idle_connections_do_not_keep_it_from_ending(prompt: Running) -> None:
    line = prompt.connect()
    line.send(GET)
    line.read_until(b"got /x ")
    prompt.server.handle_exit(signal.SIGTERM, None)
    assert line.read_all() == b""
    until(lambda: prompt.app.ended, "the application's end")


def test_a_worker_drains_when_its_supervisor_is_gone(patient: Running) -> None:
    patient.server.supervisor = os.getppid()
    assert not patient.server.threshold.readiness.draining
    patient.server.supervisor = 1 if os.getppid() != 1 else 2
    until(lambda: patient.server.threshold.readiness.draining, "the draining")


@contextmanager
def _serve(home: Path, drain: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    environment = {**os.environ, "STS_HOME": str(home), "STS_DRAIN_SECONDS": drain}
    command = [sys.executable, "-m", "sts", "serve", "--port", "0", "--json"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as process:
        assert process.stderr is not None
        line = next(line for line in process.stderr if "running on" in line)
        reader = threading.Thread(target=process.stderr.read, daemon=True)
        reader.start()
        try:
            yield process, line.split("running on ")[1].split('"')[0]
        finally:
            process.kill()
            process.wait()
            reader.join()


def test_the_first_sigterm_fails_readiness_alone_and_a_later_one_ends_at_once(home: Path) -> None:
    with _serve(home, "600") as (process, url), httpx2.Client(trust_env=False) as client:
        assert client.get(f"{url}/readyz").status_code == 200
        process.send_signal(signal.SIGTERM)
        until(lambda: client.get(f"{url}/readyz").status_code == 503, "readyz to say no")
        assert client.get(f"{url}/readyz").json() == {"status": "draining"}
        assert client.get(f"{url}/livez").status_code == 200
        assert len(client.get(f"{url}/.well-known/jwks.json").json()["keys"]) > 0

        def told_again() -> bool:
            process.send_signal(signal.SIGTERM)
            return process.poll() is not None

        until(told_again, "the end")
        assert process.returncode == -signal.SIGTERM


def test_a_request_half_sent_when_the_process_is_told_to_end_is_answered(home: Path) -> None:
    body = b"Action=GetCallerIdentity&Version=2011-06-15"
    head = (
        b"POST / HTTP/1.1\r\nHost: sts\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
    )
    with _serve(home, "0") as (process, url):
        port = int(url.rpartition(":")[2])
        in_head, in_body, kept = Line(port), Line(port), Line(port)
        in_head.send(head[:20])
        in_body.send(head % len(body) + body[:10])
        kept.send(GET)  # what came before its answer has been read by then
        kept.read_until(b"\r\n\r\n")
        process.send_signal(signal.SIGTERM)
        until(lambda: is_refused(port), "the end of listening")
        assert process.poll() is None
        for line, rest in ((in_head, (head % len(body))[20:] + body), (in_body, body[10:])):
            line.send(rest)
            answer = line.read_all()
            assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
            assert b"MissingAuthenticationToken" in answer
            assert b"\r\nconnection: close\r\n" in answer
            line.close()
        assert process.wait(20) == 0
        kept.close()


def test_ctrl_c_does_not_wait_for_a_balancer(home: Path) -> None:
    with _serve(home, "600") as (process, _):
        process.send_signal(signal.SIGINT)
        assert process.wait(20) == 0
