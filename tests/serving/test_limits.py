from collections.abc import Iterator
from datetime import timedelta

import pytest

from sts.limits import ServerLimits
from sts.telemetry.catalogue import CONNECTIONS, REFUSED_EARLY
from tests.serving.conftest import Line, Running, running, until

pytestmark = pytest.mark.alone

HEAD = b"POST /slow HTTP/1.1\r\nHost: sts\r\n"
GET = b"GET /x HTTP/1.1\r\nHost: sts\r\n\r\n"
MOMENT = timedelta(seconds=0.2)
LONG = timedelta(seconds=60)


@pytest.fixture
def quick_head() -> Iterator[Running]:
    with running(ServerLimits(head=MOMENT, body=LONG, idle=LONG)) as started:
        yield started


@pytest.fixture
def quick_body() -> Iterator[Running]:
    with running(ServerLimits(head=LONG, body=MOMENT, idle=LONG)) as started:
        yield started


def is_timeout(answer: bytes) -> bool:
    return answer.startswith(b"HTTP/1.1 408 Request Timeout\r\n") and b"<Code>RequestTimeout</Code>" in answer


def test_headers_may_be_as_large_as_the_limit_and_no_larger(usual: Running) -> None:
    fixed = len(b"HoststsConnectioncloseX-A") + 3 * 4
    room = 16 * 1024 - fixed
    sent = b"GET / HTTP/1.1\r\nHost: sts\r\nConnection: close\r\nX-A: %b\r\n\r\n"
    assert usual.exchange(sent % (b"a" * room)).startswith(b"HTTP/1.1 200 ")
    assert usual.exchange(sent % (b"a" * (room + 1))).startswith(b"HTTP/1.1 431 ")


def test_there_may_be_a_hundred_headers_and_no_more(usual: Running) -> None:
    def send(number: int) -> bytes:
        more = b"".join(b"X-%d: a\r\n" % place for place in range(number - 2))
        return usual.exchange(b"GET / HTTP/1.1\r\nHost: sts\r\nConnection: close\r\n" + more + b"\r\n")

    assert send(100).startswith(b"HTTP/1.1 200 ")
    refused = send(101)
    assert refused.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"<Code>RequestHeadersTooLarge</Code>" in refused


def test_trailers_count_as_headers(usual: Running) -> None:
    trailers = b"".join(b"X-%d: a\r\n" % place for place in range(101))
    sent = HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n" + trailers + b"\r\n"
    assert usual.exchange(sent).startswith(b"HTTP/1.1 431 ")


def test_a_target_may_be_as_long_as_the_limit_and_no_longer(usual: Running) -> None:
    sent = b"GET /%b HTTP/1.1\r\nHost: sts\r\nConnection: close\r\n\r\n"
    assert usual.exchange(sent % (b"a" * (16 * 1024 - 1))).startswith(b"HTTP/1.1 200 ")
    refused = usual.exchange(sent % (b"a" * 16 * 1024))
    assert refused.startswith(b"HTTP/1.1 414 ")
    assert b"<Code>RequestURITooLong</Code>" in refused


@pytest.mark.parametrize(
    "begun",
    [
        b"GET / HTTP/1.1\r\nHost: sts\r\nX-Endless: ",
        b"GET / HTTP/1.1\r\nHost: sts\r\nX-Endless-Name-",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;extension=",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\nX-Endless: ",
    ],
)
def test_what_the_parser_keeps_to_itself_is_counted_too(begun: bytes, usual: Running) -> None:
    line = usual.connect()
    line.send(begun)
    for _ in range(64):
        try:
            line.send(b"a" * 4_096)
        except OSError:
            break
    assert line.read_until(b"</ErrorResponse>").startswith(b"HTTP/1.1 431 ")


def test_blank_lines_without_end_are_no_request(usual: Running) -> None:
    line = usual.connect()
    for _ in range(64):
        try:
            line.send(b"\r\n" * 2_048)
        except OSError:
            break
    assert line.read_until(b"</ErrorResponse>").startswith(b"HTTP/1.1 431 ")


def test_a_head_that_comes_byte_by_byte_is_out_of_time(quick_head: Running) -> None:
    line = quick_head.connect()
    line.trickle(HEAD + b"X-A: " + b"a" * 500, 0.02)
    assert is_timeout(line.read_all())


def test_a_head_that_stops_half_way_is_out_of_time(quick_head: Running) -> None:
    assert is_timeout(quick_head.exchange(HEAD))


def test_a_connection_that_never_says_anything_is_closed_without_a_word(quick_head: Running) -> None:
    assert quick_head.connect().read_all() == b""
    assert quick_head.exchange(b"\r\n") == b""
    until(lambda: quick_head.open_connections == 0, "no connection")


def test_a_second_request_has_a_time_of_its_own(quick_head: Running) -> None:
    answer = quick_head.exchange(GET + HEAD)
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert is_timeout(answer[answer.index(b"got /x ") + len(b"got /x ") :])


def test_a_body_that_comes_byte_by_byte_is_out_of_time_and_never_acted_on(quick_body: Running) -> None:
    line = quick_body.connect()
    line.send(HEAD + b"Content-Length: 500\r\n\r\n")
    line.trickle(b"a" * 500, 0.02)
    assert is_timeout(line.read_all())
    until(lambda: quick_body.app.cut == ["/slow"], "the application's notice")
    assert quick_body.app.seen == []


@pytest.mark.parametrize("framing", [b"Content-Length: 5\r\n\r\nab", b"Transfer-Encoding: chunked\r\n\r\n5\r\nab"])
def test_a_body_that_stops_half_way_is_out_of_time(framing: bytes, quick_body: Running) -> None:
    assert is_timeout(quick_body.exchange(HEAD + framing))
    assert quick_body.app.seen == []


def test_a_slow_body_behind_a_slow_answer_is_out_of_time_in_its_turn(quick_body: Running) -> None:
    line = quick_body.connect()
    line.send(b"GET /held HTTP/1.1\r\nHost: sts\r\n\r\n" + HEAD + b"Content-Length: 5\r\n\r\nab")
    until(lambda: quick_body.app.seen, "the first request")
    quick_body.app.let_go.set()
    answer = line.read_all()
    assert answer.startswith(b"HTTP/1.1 200 ")
    assert is_timeout(answer[answer.index(b"got /held ") + len(b"got /held ") :])


def test_an_application_that_takes_its_time_is_waited_for(quick_body: Running) -> None:
    line = quick_body.connect()
    line.send(b"GET /held HTTP/1.1\r\nHost: sts\r\n\r\n")
    slow = quick_body.connect()
    slow.send(HEAD + b"Content-Length: 5\r\n\r\n")
    assert is_timeout(slow.read_all())  # by now the first one has waited for longer than a body may take
    quick_body.app.let_go.set()
    assert line.read_until(b"got /held ").startswith(b"HTTP/1.1 200 ")


def test_a_connection_without_a_further_request_is_closed() -> None:
    with running(ServerLimits(head=LONG, body=LONG, idle=MOMENT)) as quick_idle:
        assert quick_idle.exchange(GET).endswith(b"got /x ")
        until(lambda: quick_idle.open_connections == 0, "no connection")


def test_an_answer_before_the_end_of_the_body_ends_the_connection(usual: Running) -> None:
    line = usual.connect()
    line.send(b"POST /early HTTP/1.1\r\nHost: sts\r\nContent-Length: 1000000\r\n\r\nabc")
    answer = line.read_all()
    assert answer.startswith(b"HTTP/1.1 413 ")
    assert answer.count(b"HTTP/1.1 ") == 1


def test_a_body_that_ends_after_its_early_answer_lets_the_connection_live(usual: Running) -> None:
    line = usual.connect()
    line.send(b"POST /early HTTP/1.1\r\nHost: sts\r\nContent-Length: 6\r\n\r\nabc")
    assert line.read_until(b"early").startswith(b"HTTP/1.1 413 ")
    line.send(b"def" + GET)
    assert line.read_until(b"got /x ").startswith(b"HTTP/1.1 200 ")


def test_a_client_that_does_not_read_its_answer_is_left() -> None:
    with running(ServerLimits(head=LONG, body=LONG, idle=MOMENT)) as quick_idle:
        line = quick_idle.connect()
        line.send(b"GET /big?50000000 HTTP/1.1\r\nHost: sts\r\n\r\n")
        until(lambda: quick_idle.app.seen, "the request")
        until(lambda: quick_idle.open_connections == 0, "no connection")


def test_what_the_server_ends_by_itself_is_counted_and_so_are_open_connections() -> None:
    with running(ServerLimits(url_bytes=20, connections=2)) as small:
        numbers = small.server.threshold.meters.numbers
        lines = [small.connect(), small.connect()]
        until(lambda: numbers.read(CONNECTIONS, (), 0) == 2, "two connections")
        small.connect().read_all()
        lines[0].send(b"GET /" + b"x" * 30 + b" HTTP/1.1\r\nHost: sts\r\n\r\n")
        lines[0].read_all()
        counted = {code: numbers.add_up(REFUSED_EARLY, (code,)) for code in ("ServiceUnavailable", "RequestURITooLong")}
        assert counted == {"ServiceUnavailable": [1], "RequestURITooLong": [1]}
        for line in lines:
            line.close()
        until(lambda: numbers.read(CONNECTIONS, (), 0) == 0, "no connection")


def test_one_connection_too_many_is_told_so_and_the_others_go_on() -> None:
    with running(ServerLimits(connections=3)) as few:
        lines = [few.connect() for _ in range(3)]
        until(lambda: few.open_connections == 3, "three connections")
        refused = few.connect().read_all()
        assert refused.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
        assert b"\r\nretry-after: 1\r\n" in refused
        assert b"<Type>Receiver</Type><Code>ServiceUnavailable</Code>" in refused
        lines[0].send(GET)
        assert lines[0].read_until(b"got /x ").startswith(b"HTTP/1.1 200 ")
        lines[1].close()
        until(lambda: few.open_connections == 2, "room")
        assert _is_served(few.connect())


def _is_served(line: Line) -> bool:
    line.send(GET)
    return line.read_until(b"got /x ").startswith(b"HTTP/1.1 200 ")
