"""The keys that an issuer's tokens are verified with, followed as the issuer changes them."""

import asyncio
from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

import structlog

from sts.clock import Clock
from sts.crypto.jwk import KeySet, parse_key_set
from sts.egress.faults import Fault, FetchFailed
from sts.egress.fetching import Egress
from sts.errors import IssuerUnreachable, KeyMalformed
from sts.issuers.held import Held
from sts.issuers.published import Source, fetch_key_set, find_source
from sts.issuers.shared import SharedKeySets
from sts.providers import PrivateProviders, Provider
from sts.telemetry.meters import Meters

_MOST = 1_024  # issuers whose keys are held, and as many uploaded sets
_PATIENCE = timedelta(seconds=4)  # for metadata and keys together: a client waits for an answer
_UNREACHABLE = "Couldn't retrieve verification key from your identity provider"

_log = structlog.get_logger("sts.issuers")


@dataclass(slots=True)
class KeySets:
    """Finds the keys of providers: those that were uploaded for it, or those that its issuer publishes.

    Whoever finds an issuer's keys wanting waits for the one fetch that is under way. While an issuer is down what was
    fetched before serves, up to a day, and nobody waits: fetches go on beside the requests, further and further apart.
    """

    egress: Egress
    shared: SharedKeySets
    clock: Clock
    meters: Meters
    private: PrivateProviders = PrivateProviders.NONE
    patience: timedelta = _PATIENCE
    most: int = _MOST
    _uploaded: OrderedDict[str, KeySet] = field(default_factory=OrderedDict)
    _held: OrderedDict[Source, Held] = field(default_factory=OrderedDict)
    _under_way: set[asyncio.Task[None]] = field(default_factory=set)

    async def find(self, provider: Provider, kid: str | None) -> KeySet:
        """Return the keys of *provider* for a token that names the key *kid*, which may still not be among them.

        Raises IssuerUnreachable when there are none that serve, or the one that is named may be among those that cannot
        be had.
        """
        if provider.settings.key_set is not None:
            return self._parse_uploaded(provider.settings.key_set)
        source = find_source(provider, private=self.private)
        held = self._hold(source)
        if held.is_wanting(kid, self.clock.now()):
            await self._follow(source, held, kid, self.clock.now())
        if held.keys is None or not held.serves(self.clock.now()) or (held.failures and not held.knows(kid)):
            raise IssuerUnreachable(_UNREACHABLE, detail=held.fault)
        return held.keys

    def _hold(self, source: Source) -> Held:
        held = self._held.setdefault(source, Held())
        self._held.move_to_end(source)
        if len(self._held) > self.most:
            self._held.popitem(last=False)
        return held

    async def _follow(self, source: Source, held: Held, kid: str | None, now: datetime) -> None:
        """Have the keys fetched, once for all who wait, unless that was done too lately."""
        if held.fetching is None:
            if not held.may_fetch(now):
                return
            if held.is_fresh(now):
                held.sought_at = now
            held.fetching = asyncio.create_task(self._refresh(source, held, kid))
            self._under_way.add(held.fetching)
            held.fetching.add_done_callback(self._under_way.discard)
        if held.failures and held.serves(now) and held.knows(kid):
            return
        # Who gives up waiting must not end the fetch for the others.
        await asyncio.shield(held.fetching)

    async def _refresh(self, source: Source, held: Held, kid: str | None) -> None:
        fetched: bytes | None = None
        try:
            async with asyncio.timeout(self.patience.total_seconds()):
                await self._recall(source, held)
                if held.is_wanting(kid, self.clock.now()):
                    fetched = await self._fetch(source, held)
            self._note_success(source, held)
        except TimeoutError:
            self._note_failure(source, held, FetchFailed(Fault.TIME, "the issuer did not answer in time"))
        except FetchFailed as failed:
            self._note_failure(source, held, failed)
        finally:
            held.fetching = None
        if fetched is not None and held.fetched_at is not None:
            await self.shared.keep(source, fetched, held.fetched_at)

    async def _recall(self, source: Source, held: Held) -> None:
        """Take what another process fetched since."""
        found = await self.shared.find(source)
        if found is None:
            return
        document, fetched_at = found
        if held.fetched_at is None or fetched_at > held.fetched_at:
            with suppress(KeyMalformed):  # another version of this service could read it
                held.adopt(parse_key_set(document), min(fetched_at, self.clock.now()))

    async def _fetch(self, source: Source, held: Held) -> bytes:
        now = self.clock.now()
        document = await fetch_key_set(self.egress, source)
        held.adopt(parse_key_set(document), now)
        self.meters.count_provider_fetch("done")
        return document

    def _note_success(self, source: Source, held: Held) -> None:
        if held.failures:
            _log.info("provider.up", issuer=source.issuer)
        held.note_success()

    def _note_failure(self, source: Source, held: Held, failed: FetchFailed) -> None:
        self.meters.count_provider_fetch(failed.fault)
        if not held.failures:
            _log.warning("provider.down", issuer=source.issuer, fault=failed.fault, reason=failed.reason)
        held.note_failure(failed.reason, self.clock.now())

    def _parse_uploaded(self, document: str) -> KeySet:
        parsed = self._uploaded.get(document)
        if parsed is None:
            try:
                parsed = parse_key_set(document.encode("utf-8"))
            except KeyMalformed as fault:
                raise IssuerUnreachable(_UNREACHABLE, detail=fault.message) from None
        self._uploaded[document] = parsed
        self._uploaded.move_to_end(document)
        if len(self._uploaded) > self.most:
            self._uploaded.popitem(last=False)
        return parsed
