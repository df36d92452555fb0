"""Each way in which a stranger's host could harm whoever fetches from it, tried against a real listener on loopback."""

import asyncio
import gzip
import hashlib
import socket
import ssl
import threading
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from sts.egress.faults import Fault, FetchFailed
from sts.egress.fetching import Allowance, Egress
from sts.egress.names import SystemResolver
from sts.egress.trust import Trust
from tests.certificates import Authority
from tests.egress.listener import Listener, Speak, say, serve

HOST = "issuer.example.com"
PRIVATE = Allowance(private=True)
DOCUMENT = b'{"keys": []}'
SHORT = timedelta(milliseconds=300)
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("stranger"))


class Names:
    """Answers each look-up with the next of *answers*, and the last for ever."""

    def __init__(self, *answers: Sequence[str]) -> None:
        self.answers = list(answers)
        self.asked: list[str] = []

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        assert port
        self.asked.append(host)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def fetch(url: str, allowance: Allowance = PRIVATE, egress: Egress | None = None) -> bytes:
    return asyncio.run((egress or Egress()).fetch(url, allowance))


def fails(url: str, allowance: Allowance = PRIVATE, egress: Egress | None = None) -> Fault:
    with pytest.raises(FetchFailed) as failed:
        fetch(url, allowance, egress)
    assert failed.value.reason
    return failed.value.fault


def trusting(authority: Authority, *, private: bool = True) -> Allowance:
    return Allowance(private=private, authorities=authority.file.read_text(encoding="ascii"))


def thumbprint(certificate: Path) -> str:
    return hashlib.sha1(ssl.PEM_cert_to_DER_cert(certificate.read_text(encoding="ascii"))).hexdigest()  # noqa: S324


def chain(folder: Path, leaf: tuple[Path, Path], *above: Path) -> tuple[Path, Path]:
    """Return the files of a certificate that is sent with those *above* it, and of its key."""
    together = folder / "chain.pem"
    together.write_bytes(b"".join(each.read_bytes() for each in (leaf[0], *above)))
    return together, leaf[1]


def test_a_document_is_fetched_and_nothing_but_what_it_needs_is_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")  # nobody listens there
    with Listener(serve(DOCUMENT)) as listener:
        assert fetch(f"http://127.0.0.1:{listener.port}/keys?a=b") == DOCUMENT
    head = listener.requests[0].decode().lower()
    assert head.startswith(f"get /keys?a=b http/1.1\r\nhost: 127.0.0.1:{listener.port}\r\n")
    assert "accept-encoding: identity\r\n" in head
    assert not {"cookie", "authorization", "referer"} & {line.partition(":")[0] for line in head.splitlines()}


def test_a_document_may_come_in_chunks_or_end_with_the_connection() -> None:
    for answer in (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n"
        + DOCUMENT[:5]
        + b"\r\n7\r\n"
        + DOCUMENT[5:]
        + b"\r\n0\r\n\r\n",
        b"HTTP/1.0 200 OK\r\n\r\n" + DOCUMENT,
        b"HTTP/1.1 200 OK\r\nContent-Encoding: identity\r\nContent-Length: 12\r\n\r\n" + DOCUMENT,
    ):
        with Listener(say(answer)) as listener:
            assert fetch(f"http://127.0.0.1:{listener.port}/") == DOCUMENT


@pytest.mark.parametrize("status", [300, 301, 302, 303, 304, 305, 307, 308])
def test_r_10_no_redirect_is_followed(status: int) -> None:
    with Listener(serve(DOCUMENT)) as inside:
        head = b"HTTP/1.1 %d Moved\r\nLocation: http://127.0.0.1:%d/\r\n" % (status, inside.port)
        with Listener(serve(b"", head)) as listener:
            assert fails(f"http://127.0.0.1:{listener.port}/") is Fault.REDIRECT
        assert len(listener.requests) == 1
        assert not inside.connections


@pytest.mark.parametrize("status", [201, 204, 400, 401, 404, 418, 500, 503])
def test_r_10_only_a_plain_success_is_one(status: int) -> None:
    with Listener(serve(b"" if status == 204 else DOCUMENT, b"HTTP/1.1 %d Word\r\n" % status)) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/") is Fault.STATUS


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "br", "zstd", "x-gzip", "identity, gzip"])
def test_r_10_no_compressed_answer_is_taken(encoding: str) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n" % encoding.encode()
    with Listener(serve(gzip.compress(DOCUMENT), head)) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/") is Fault.ENCODING


def _flood(line: socket.socket, ended: threading.Event) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
    while not ended.is_set():
        line.sendall(bytes(65_536))


def test_r_10_a_document_without_an_end_is_left_at_the_limit() -> None:
    with Listener(_flood) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/") is Fault.SIZE


def test_r_10_a_document_has_a_limit() -> None:
    egress = Egress(largest=1_000)
    with Listener(serve(b"x" * 1_000)) as listener:
        assert len(fetch(f"http://127.0.0.1:{listener.port}/", egress=egress)) == 1_000
    with Listener(serve(b"x" * 1_001)) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/", egress=egress) is Fault.SIZE


def test_r_10_a_head_has_a_limit() -> None:
    with Listener(say(b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 100_000)) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/") is Fault.ANSWER


def _hang(_line: socket.socket, ended: threading.Event) -> None:
    ended.wait()


def _drip(line: socket.socket, ended: threading.Event) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while not ended.wait(0.02):
        line.sendall(b" ")


def _drip_head(line: socket.socket, ended: threading.Event) -> None:
    line.sendall(b"HTTP/1.1 200 OK\r\nX: ")
    while not ended.wait(0.02):
        line.sendall(b"y")


def _promise(line: socket.socket, ended: threading.Event) -> None:
    while not ended.wait(0.001):
        line.sendall(b"HTTP/1.1 103 Early Hints\r\n\r\n")


@pytest.mark.parametrize("speak", [_hang, _drip, _drip_head, _promise])
def test_r_10_the_whole_exchange_has_a_time(speak: Speak) -> None:
    with Listener(speak) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/", egress=Egress(longest=SHORT)) is Fault.TIME


def test_r_10_a_host_that_never_begins_tls_has_a_time() -> None:
    with Listener(_hang) as listener:  # it waits for the end of a head that never comes
        assert fails(f"https://127.0.0.1:{listener.port}/", egress=Egress(longest=SHORT)) is Fault.TIME


def test_r_10_a_name_server_that_never_answers_has_a_time() -> None:
    async def never(_host: str, _port: int) -> Sequence[str]:
        await asyncio.Event().wait()
        return ()

    assert fails(f"https://{HOST}/", egress=Egress(resolve=never, longest=SHORT)) is Fault.TIME


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-x\r\n",
        b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx",
    ],
)
def test_r_10_what_is_no_http_is_not_taken(answer: bytes) -> None:
    with Listener(say(answer)) as listener:
        assert fails(f"http://127.0.0.1:{listener.port}/") in {Fault.ANSWER, Fault.CONNECTION}


def test_r_10_nobody_listening_is_told() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
    assert fails(f"http://127.0.0.1:{port}/") is Fault.CONNECTION


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0x7f.1",
        "0177.0.0.1",
        "017700000001",
        "0",
        "0.0.0.0",  # noqa: S104  nobody binds it
        "127.0.0.1.",
        "localhost",
        "LOCALHOST",
        "localhost.",
        "[::1]",
        "[0:0:0:0:0:0:0:1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[::127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "169.254.169.254",
    ],
)
def test_r_10_no_spelling_of_an_internal_address_is_connected_to(host: str) -> None:
    with Listener(serve(DOCUMENT)) as listener:
        assert fails(f"https://{host}:{listener.port}/", Allowance()) in {Fault.ADDRESS, Fault.NAME}
        if host not in {"127.0.0.1", "localhost", "[::1]"}:
            fault = fails(f"http://{host}:{listener.port}/", Allowance())
            assert fault is Fault.ADDRESS
    assert not listener.connections


@pytest.mark.parametrize("addresses", [["127.0.0.1"], ["8.8.8.8", "127.0.0.1"], ["127.0.0.1", "8.8.8.8"], ["::1"], []])
def test_r_10_a_name_that_leads_inside_is_not_connected_to(addresses: Sequence[str]) -> None:
    with Listener(serve(DOCUMENT)) as listener:
        fault = fails(f"https://{HOST}:{listener.port}/", Allowance(), Egress(resolve=Names(addresses)))
    assert fault is (Fault.ADDRESS if addresses else Fault.NAME)
    assert not listener.connections


def test_r_10_a_name_that_changes_between_check_and_connection_gains_nothing(authority: Authority) -> None:
    certificate = authority.sign("changing", HOST)
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    with (
        Listener(serve(DOCUMENT), certificate) as checked,
        Listener(serve(b"secret"), certificate, "127.0.0.2", checked.port) as other,
    ):
        assert fetch(f"https://{HOST}:{checked.port}/", trusting(authority), Egress(resolve=names)) == DOCUMENT
    assert names.asked == [HOST]
    assert not other.connections
    assert f"host: {HOST}:{checked.port}".encode() in checked.requests[0].lower()


def test_r_10_a_pinned_host_is_looked_up_once_too(authority: Authority, tmp_path: Path) -> None:
    names = Names(["127.0.0.1"], ["127.0.0.2"])
    certificate = chain(tmp_path, authority.sign("pinned-once", HOST), authority.file)
    allowance = Allowance(private=True, thumbprints=(thumbprint(authority.file),))
    with Listener(serve(DOCUMENT), certificate) as listener:
        assert fetch(f"https://{HOST}:{listener.port}/", allowance, Egress(resolve=names)) == DOCUMENT
    assert names.asked == [HOST]


@pytest.mark.parametrize("addresses", [["127.0.0.3", "127.0.0.1"], ["127.0.0.1", "127.0.0.3"]])
def test_a_host_of_several_addresses_is_tried_at_the_next_when_one_is_down(addresses: Sequence[str]) -> None:
    with Listener(serve(DOCUMENT)) as listener:
        egress = Egress(resolve=Names(addresses))
        assert fetch(f"http://{HOST}:{listener.port}/", egress=egress) == DOCUMENT
        assert listener.connections == 1


def test_contexts_of_own_authorities_are_bounded(authority: Authority, stranger: Authority) -> None:
    async def walk() -> None:
        trust = Trust(most=1)
        for each in (authority, stranger, authority):
            pem = each.file.read_text(encoding="ascii")
            assert await trust.find(pem) is await trust.find(pem)
            assert list(trust._contexts) == [pem]

    asyncio.run(walk())


def test_a_name_that_nobody_has_is_told() -> None:
    assert fails("https://no-such-host.invalid/", Allowance()) is Fault.NAME
    assert fails(f"https://{'x' * 64}.example.com/", Allowance()) is Fault.NAME


def test_r_10_a_certificate_is_verified_against_the_providers_own_authorities(
    authority: Authority, stranger: Authority
) -> None:
    with Listener(serve(DOCUMENT), authority.sign("own", "127.0.0.1")) as listener:
        url = f"https://127.0.0.1:{listener.port}/"
        assert fetch(url, trusting(authority)) == DOCUMENT
        assert fails(url, trusting(stranger)) is Fault.TLS
        assert fails(url, PRIVATE) is Fault.TLS
    assert len(listener.requests) == 1


@pytest.mark.parametrize(
    "authorities", ["", "nonsense", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"]
)
def test_authorities_that_cannot_be_read_trust_nobody(authority: Authority, authorities: str) -> None:
    with Listener(serve(DOCUMENT), authority.sign("unread", "127.0.0.1")) as listener:
        allowance = Allowance(private=True, authorities=authorities)
        assert fails(f"https://127.0.0.1:{listener.port}/", allowance) is Fault.TLS
    assert not listener.requests


def test_r_10_a_certificate_of_another_name_is_refused(authority: Authority) -> None:
    with Listener(serve(DOCUMENT), authority.sign("another", "other.example.com")) as listener:
        for host in (HOST, "127.0.0.1", "example.com", "sub.other.example.com"):
            egress = Egress(resolve=Names(["127.0.0.1"]))
            assert fails(f"https://{host}:{listener.port}/", trusting(authority), egress) is Fault.TLS
    assert not listener.requests


def test_a_thumbprint_pins_the_top_of_a_chain_that_no_authority_vouches_for(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    pinned = thumbprint(authority.file)
    with Listener(serve(DOCUMENT), chain(tmp_path, authority.sign("pin", "127.0.0.1"), authority.file)) as listener:
        url = f"https://127.0.0.1:{listener.port}/"
        for known in ((pinned,), (pinned.upper(),), ("0" * 40, pinned)):
            assert fetch(url, Allowance(private=True, thumbprints=known)) == DOCUMENT
        for unknown in (("0" * 40,), (thumbprint(stranger.file),), ()):
            assert fails(url, Allowance(private=True, thumbprints=unknown)) is Fault.TLS
    assert len(listener.requests) == 3


def test_a_thumbprint_adds_nothing_where_an_authority_vouches(authority: Authority) -> None:
    with Listener(serve(DOCUMENT), authority.sign("vouched", "127.0.0.1")) as listener:
        allowance = Allowance(private=True, authorities=trusting(authority).authorities, thumbprints=("0" * 40,))
        assert fetch(f"https://127.0.0.1:{listener.port}/", allowance) == DOCUMENT


def test_a_chain_to_which_somebody_added_the_pinned_certificate_is_refused(
    authority: Authority, stranger: Authority, tmp_path: Path
) -> None:
    forged = chain(tmp_path, stranger.sign("forged", "127.0.0.1"), stranger.file, authority.file)
    with Listener(serve(DOCUMENT), forged) as listener:
        allowance = Allowance(private=True, thumbprints=(thumbprint(authority.file),))
        assert fails(f"https://127.0.0.1:{listener.port}/", allowance) is Fault.TLS
    assert not listener.requests


def test_a_pinned_chain_still_needs_the_right_name(authority: Authority, tmp_path: Path) -> None:
    with Listener(serve(DOCUMENT), chain(tmp_path, authority.sign("misnamed", HOST), authority.file)) as listener:
        allowance = Allowance(private=True, thumbprints=(thumbprint(authority.file),))
        assert fails(f"https://127.0.0.1:{listener.port}/", allowance) is Fault.TLS
    assert not listener.requests


def test_one_certificate_alone_may_be_pinned(authority: Authority) -> None:
    certificate = authority.sign("alone", "127.0.0.1")
    with Listener(serve(DOCUMENT), certificate) as listener:
        allowance = Allowance(private=True, thumbprints=(thumbprint(certificate[0]),))
        assert fetch(f"https://127.0.0.1:{listener.port}/", allowance) == DOCUMENT


def test_r_11_a_host_that_hangs_takes_eight_turns_and_holds_up_nobody_else() -> None:
    async def crowd(hanging: Listener, answering: Listener) -> None:
        egress = Egress(resolve=Names(["127.0.0.1"]), longest=timedelta(seconds=4))
        url = f"http://stuck.example.com:{hanging.port}/"
        stuck = [asyncio.ensure_future(egress.fetch(url, PRIVATE)) for _ in range(40)]
        url = f"http://other.example.com:{answering.port}/"
        assert await asyncio.gather(*(egress.fetch(url, PRIVATE) for _ in range(40))) == [DOCUMENT] * 40
        assert not any(each.done() for each in stuck)
        assert hanging.connections <= 8  # at once: the rest is left no time
        done = await asyncio.gather(*stuck, return_exceptions=True)
        assert [isinstance(each, FetchFailed) and each.fault for each in done] == [Fault.TIME] * 40

    with Listener(_hang) as hanging, Listener(serve(DOCUMENT)) as answering:
        asyncio.run(crowd(hanging, answering))


def test_a_name_that_hangs_is_looked_up_in_one_thread_and_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    answered, threads = threading.Event(), []

    def look_up(host: str, port: int, **_options: object) -> list[tuple[object, ...]]:
        threads.append(host)
        if host == "stuck.example.com":
            answered.wait()
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", port))]

    # The system's resolver cannot be made to hang on loopback without a name server of the machine's own.
    monkeypatch.setattr(socket, "getaddrinfo", look_up)

    async def ask() -> None:
        resolver = SystemResolver(most=2)
        for _ in range(5):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(resolver("stuck.example.com", 443), 0.01)
        assert await resolver("other.example.com", 443) == ["127.0.0.1"]
        stuck = asyncio.ensure_future(resolver("stuck.example.com", 443))
        await asyncio.sleep(0)
        answered.set()
        assert await stuck == ["127.0.0.1"]

    asyncio.run(ask())
    assert threads == ["stuck.example.com", "other.example.com"]


def test_more_names_than_there_may_be_threads_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    answered = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_a, **_o: answered.wait() and [])  # as above

    async def ask() -> None:
        resolver = SystemResolver(most=1)
        stuck = asyncio.ensure_future(resolver("stuck.example.com", 443))
        await asyncio.sleep(0)
        with pytest.raises(FetchFailed, match="too many names"):
            await resolver("other.example.com", 443)
        answered.set()
        assert await stuck == []

    asyncio.run(ask())
