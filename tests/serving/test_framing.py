import pytest

from tests.serving.conftest import Running

HOST = b"Host: sts\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
POST = b"POST /framed HTTP/1.1\r\n" + HOST
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: sts\r\n\r\n"

REFUSED = {
    "length and chunks": POST + b"Content-Length: 5\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunks and length": POST + CHUNKED + b"Content-Length: 5\r\n\r\n0\r\n\r\n",
    "length twice": POST + b"Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "two lengths": POST + b"Content-Length: 3\r\nContent-Length: 0\r\n\r\nabc",
    "list of lengths": POST + b"Content-Length: 3, 3\r\n\r\nabc",
    "signed length": POST + b"Content-Length: +3\r\n\r\nabc",
    "hexadecimal length": POST + b"Content-Length: 0x3\r\n\r\nabc",
    "empty length": POST + b"Content-Length: \r\n\r\nabc",
    "huge length": POST + b"Content-Length: 99999999999999999999999\r\n\r\nabc",
    "chunks twice": POST + CHUNKED + CHUNKED + b"\r\n0\r\n\r\n",
    "another coding": POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "another coding last": POST + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
    "misspelt coding": POST + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "hidden coding": POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
    "blank before colon": POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "length among trailers": POST + CHUNKED + b"\r\n0\r\nContent-Length: 3\r\n\r\n",
    "chunks in 1.0": b"POST / HTTP/1.0\r\n" + CHUNKED + b"\r\n0\r\n\r\n",
    "chunk size with a prefix": POST + CHUNKED + b"\r\n0x1\r\na\r\n0\r\n\r\n",
    "chunk size that overflows": POST + CHUNKED + b"\r\nfffffffffffffffff\r\na\r\n0\r\n\r\n",
    "chunk ended by LF": POST + CHUNKED + b"\r\n1\na\n0\n\n",
    "folded header": POST + b"X-A: a\r\n b\r\n\r\n",
    "folded first header": b"POST / HTTP/1.1\r\n Host: sts\r\n\r\n",
    "lines ended by LF": b"GET / HTTP/1.1\nHost: sts\n\n",
    "bare CR": POST + b"X-A: a\rb\r\n\r\n",
    "NUL": POST + b"X-A: a\x00b\r\n\r\n",
    "no name": POST + b": a\r\n\r\n",
    "no host": b"GET / HTTP/1.1\r\n\r\n",
    "two hosts": b"GET / HTTP/1.1\r\nHost: sts\r\nHost: other\r\n\r\n",
    "absolute form": b"GET http://other/ HTTP/1.1\r\nHost: sts\r\n\r\n",
    "authority form": b"CONNECT other:443 HTTP/1.1\r\nHost: sts\r\n\r\n",
    "asterisk form": b"OPTIONS * HTTP/1.1\r\nHost: sts\r\n\r\n",
    "fragment": b"GET /a#b HTTP/1.1\r\nHost: sts\r\n\r\n",
    "raw bytes in the target": b"GET /\xff HTTP/1.1\r\nHost: sts\r\n\r\n",
    "unknown method": b"FETCH / HTTP/1.1\r\nHost: sts\r\n\r\n",
    "HTTP/2 preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "other protocol with a body": (
        POST + b"Connection: upgrade\r\nUpgrade: h2c\r\nContent-Length: 3\r\n\r\nabc"
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(name: str, usual: Running) -> None:
    before = len(usual.app.seen)
    answer = usual.exchange(REFUSED[name] + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n"), answer
    assert answer.count(b"HTTP/1.1 ") == 1
    assert len(usual.app.seen) == before


@pytest.mark.parametrize("request_line", [b"GET / HTTP/2.0", b"GET / HTTP/0.9", b"GET /"])
def test_other_versions_are_refused_as_such(request_line: bytes, usual: Running) -> None:
    answer = usual.exchange(
        request_line + b"\r\nHost: sts\r\n\r\n" if b"HTTP" in request_line else request_line + b"\r\n\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 505 HTTP Version Not Supported\r\n")


def test_a_refusal_is_an_error_that_aws_clients_can_read_and_has_a_request_id(usual: Running) -> None:
    head, _, body = usual.exchange(REFUSED["no host"]).partition(b"\r\n\r\n")
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
    request_id = fields[b"x-amzn-requestid"]
    assert fields[b"content-type"] == b"text/xml"
    assert fields[b"connection"] == b"close"
    assert fields[b"cache-control"] == b"no-store"
    assert int(fields[b"content-length"]) == len(body)
    assert b"date" in fields
    assert b"<Type>Sender</Type><Code>MalformedHTTPRequest</Code>" in body
    assert b"<RequestId>" + request_id + b"</RequestId>" in body


def test_what_is_refused_is_counted_in_the_sums_by_address(usual: Running) -> None:
    list(usual.sums)
    for _ in range(3):
        usual.exchange(REFUSED["no host"])
    (entry,) = (each for each in usual.sums if each.error == "MalformedHTTPRequest")
    assert (entry.address, entry.parameters["count"]) == ("127.0.0.1", 3)


def test_requests_sent_ahead_are_answered_in_their_order(usual: Running) -> None:
    sent = b"".join(b"GET /%d HTTP/1.1\r\nHost: sts\r\n\r\n" % number for number in range(20))
    answer = usual.exchange(sent + b"GET /last HTTP/1.1\r\nHost: sts\r\nConnection: close\r\n\r\n")
    places = [answer.index(b"got /%d " % number) for number in range(20)] + [answer.index(b"got /last")]
    assert places == sorted(places)


def test_answers_owed_for_earlier_requests_come_before_the_refusal_of_a_later_one(usual: Running) -> None:
    answer = usual.exchange(
        b"GET /first HTTP/1.1\r\nHost: sts\r\n\r\nGET /second HTTP/1.1\r\nHost: sts\r\n\r\nbad\r\n\r\n"
    )
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"200", b"400"]
    assert answer.index(b"got /first") < answer.index(b"got /second") < answer.index(b"MalformedHTTPRequest")


def test_a_request_behind_another_is_refused_with_its_own_answer_when_its_body_is_malformed(usual: Running) -> None:
    first = b"GET /first HTTP/1.1\r\nHost: sts\r\n\r\n"
    answer = usual.exchange(first + POST + CHUNKED + b"\r\nzz\r\n")
    assert [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]] == [b"200", b"400"]


def test_too_many_requests_ahead_of_their_answers_end_the_connection(usual: Running) -> None:
    answer = usual.exchange(b"GET /many HTTP/1.1\r\nHost: sts\r\n\r\n" * 200)
    codes = [part[:3] for part in answer.split(b"HTTP/1.1 ")[1:]]
    assert codes == [b"200"] * 33 + [b"400"]  # one at work, thirty-two behind it
    assert b"without waiting" in answer


def test_a_trailer_is_no_header_of_its_request(usual: Running) -> None:
    sent = POST + CHUNKED + b"Connection: close\r\n\r\n3\r\nabc\r\n0\r\nX-Forwarded-For: 10.0.0.1\r\n\r\n"
    assert usual.exchange(sent).endswith(b"got /framed abc")
    assert [name for name, _ in usual.app.headers[-1]] == [b"host", b"transfer-encoding", b"connection"]


def test_a_request_without_a_body_may_offer_another_protocol_and_is_answered_in_this_one(usual: Running) -> None:
    sent = b"GET /up HTTP/1.1\r\nHost: sts\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    answer = usual.exchange(sent + SMUGGLED)
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"connection: close" in answer
    assert answer.endswith(b"got /up ")


def test_a_health_check_in_http_1_0_needs_no_host(usual: Running) -> None:
    assert usual.exchange(b"GET /probe HTTP/1.0\r\n\r\n").endswith(b"got /probe ")


def test_a_client_that_waits_for_leave_to_send_gets_it(usual: Running) -> None:
    line = usual.connect()
    line.send(POST + b"Expect: 100-continue\r\nContent-Length: 3\r\nConnection: close\r\n\r\n")
    assert line.read_until(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
    line.send(b"abc")
    assert line.read_all().endswith(b"got /framed abc")
