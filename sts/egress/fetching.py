"""Fetch a document from a host that a stranger named: bounded in where, how long, how much and how many at once."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime

import httpcore2

from sts.egress.addresses import verify_address
from sts.egress.faults import Fault, FetchFailed
from sts.egress.names import Resolver, SystemResolver
from sts.egress.network import Checked
from sts.egress.target import Target, parse_target
from sts.egress.trust import Trust, find_pinned, make_blind_context, make_pinned_context, read_chain

_LARGEST = 256 * 1024  # bytes of a document
_LONGEST = timedelta(seconds=4)  # from the look-up of the name to the last byte
_AT_ONCE = 8  # fetches from one host
_OK, _FIRST_REDIRECT, _PAST_REDIRECTS = 200, 300, 400


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is allowed for a host's sake.

    *private* lets it be on loopback or a private network, on loopback over plain http too. *authorities* (PEM) are
    trusted in place of the system's CAs. *thumbprints* (SHA-1) pin the top of its chain where those fail.
    """

    private: bool = False
    authorities: str | None = None
    thumbprints: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Document:
    """What a host answered, and when it was by the host's clock; None where it does not say."""

    body: bytes
    date: datetime | None


@dataclass(slots=True)
class _Turn:
    turns: asyncio.Semaphore
    waiting: int = 0


@dataclass(slots=True)
class Egress:
    """Fetches documents. Nothing of the environment counts: no proxy, no credentials, no cookie."""

    resolve: Resolver = field(default_factory=SystemResolver)
    longest: timedelta = _LONGEST
    largest: int = _LARGEST
    _trust: Trust = field(default_factory=Trust)
    _turns: dict[str, _Turn] = field(default_factory=dict)

    async def fetch(self, url: str, allowance: Allowance) -> bytes:
        """Return the document at *url*; raises FetchFailed."""
        return (await self.fetch_dated(url, allowance)).body

    async def fetch_dated(self, url: str, allowance: Allowance) -> Document:
        """Do what `fetch` does, and tell the host's time."""
        target = parse_target(url, private=allowance.private)
        try:
            async with asyncio.timeout(self.longest.total_seconds()), self._turn(target.host):
                return await self._fetch(target, allowance)
        except TimeoutError:
            seconds = self.longest.total_seconds()
            raise FetchFailed(Fault.TIME, f"{target.authority} did not answer within {seconds:g} s") from None

    @asynccontextmanager
    async def _turn(self, host: str) -> AsyncIterator[None]:
        """Wait for one of the few turns that *host* has: a slow one is not made slower by us, nor holds up others."""
        turn = self._turns.setdefault(host, _Turn(asyncio.Semaphore(_AT_ONCE)))
        turn.waiting += 1
        try:
            async with turn.turns:
                yield
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[host]

    async def _fetch(self, target: Target, allowance: Allowance) -> Document:
        network = Checked(await self._find_addresses(target, allowance))
        try:
            return await self._exchange_trusted(target, network, allowance)
        finally:
            await network.close()

    async def _exchange_trusted(self, target: Target, network: Checked, allowance: Allowance) -> Document:
        context = await self._trust.find(allowance.authorities)
        try:
            return await self._exchange(target, network, context)
        except FetchFailed as failed:
            if failed.fault is not Fault.TLS or not allowance.thumbprints:
                raise
            anchor = find_pinned(await _look_at_chain(target, network), allowance.thumbprints)
            if anchor is None:
                raise
        return await self._exchange(target, network, make_pinned_context(anchor))

    async def _find_addresses(self, target: Target, allowance: Allowance) -> list[str]:
        """Return where the name leads. One address that is refused refuses all: an honest name has none."""
        found = await self.resolve(target.host, target.port)
        plain = target.scheme == "http"
        checked = [verify_address(address, private=allowance.private, plain=plain) for address in found]
        if not checked:
            raise FetchFailed(Fault.NAME, f"{target.host} has no address")
        return checked

    async def _exchange(self, target: Target, network: Checked, context: ssl.SSLContext) -> Document:
        """Ask for the document and read it."""
        headers = [
            (b"Host", target.authority.encode("ascii")),
            (b"Accept", b"application/json"),
            (b"Accept-Encoding", b"identity"),
            (b"User-Agent", b"sts"),
            (b"Connection", b"close"),
        ]
        pool = httpcore2.AsyncConnectionPool(ssl_context=context, network_backend=network, max_connections=1)
        try:
            async with pool, pool.stream("GET", target.as_url(), headers=headers) as response:
                _verify_head(response)
                return Document(await self._read(response), _read_date(response))
        except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
            raise _tell(error, target) from None
        except (httpcore2.ProtocolError, httpcore2.UnsupportedProtocol) as error:
            raise FetchFailed(Fault.ANSWER, f"{target.authority} does not speak HTTP: {error}") from None

    async def _read(self, response: httpcore2.Response) -> bytes:
        """Return the body; a length that is announced is not believed, and one that is too much not waited for."""
        body = bytearray()
        async for chunk in response.aiter_stream():
            body += chunk
            if len(body) > self.largest:
                raise FetchFailed(Fault.SIZE, f"the document is larger than {self.largest} bytes")
        return bytes(body)


def _verify_head(response: httpcore2.Response) -> None:
    if _FIRST_REDIRECT <= response.status < _PAST_REDIRECTS:
        raise FetchFailed(Fault.REDIRECT, f"it answers {response.status}, and redirects are not followed")
    if response.status != _OK:
        raise FetchFailed(Fault.STATUS, f"it answers {response.status}")
    encodings = {value.strip().lower() for name, value in response.headers if name.lower() == b"content-encoding"}
    if encodings - {b"identity", b""}:
        # A kilobyte that inflates to a gigabyte is within every limit that counts what arrives.
        raise FetchFailed(Fault.ENCODING, "the answer is compressed, though that was not asked for")


def _read_date(response: httpcore2.Response) -> datetime | None:
    for name, value in response.headers:
        if name.lower() == b"date":
            with suppress(ValueError):
                date = parsedate_to_datetime(value.decode("latin-1"))
                return date if date.tzinfo is not None else None
    return None


async def _look_at_chain(target: Target, network: Checked) -> list[bytes]:
    """Return the certificates that the host shows, without sending it anything."""
    try:
        plain = await network.connect_tcp(target.host, target.port)
        stream = await plain.start_tls(make_blind_context(), target.host)
    except (httpcore2.NetworkError, httpcore2.TimeoutException) as error:
        raise _tell(error, target) from None
    return read_chain(stream.get_extra_info("ssl_object"))


def _tell(error: Exception, target: Target) -> FetchFailed:
    cause: BaseException | None = error
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or cause.__context__
    if cause is not None:
        return FetchFailed(Fault.TLS, f"{target.authority} cannot be trusted: {cause}")
    return FetchFailed(Fault.CONNECTION, f"{target.authority} cannot be reached: {error}")
