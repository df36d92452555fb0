"""What is wrong with a provider, told before a token needs it."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import timedelta

from sts.clock import Clock
from sts.crypto.jwk import KeySet, parse_key_set
from sts.egress.faults import FetchFailed
from sts.egress.fetching import Egress
from sts.issuers.published import METADATA_PATH, fetch_key_set, find_source
from sts.providers import PrivateProviders, Provider

_SKEW = timedelta(seconds=60)  # that is forgiven to the times of its tokens


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: *what* in a word, and in *words*; while one is *grave*, no token is taken."""

    what: str
    words: str
    grave: bool = True


@dataclass(frozen=True, slots=True)
class IssuerCheck:
    """Looks at providers as a token would have it done, past all that is remembered."""

    egress: Egress
    clock: Clock
    private: PrivateProviders = PrivateProviders.NONE

    async def check(self, provider: Provider) -> tuple[Finding, ...]:
        """Return what is wrong with *provider*, nothing where its tokens would be taken."""
        faults = [finding async for finding in self._find_faults(provider)]
        return (*_find_refusals(provider), *self._find_idle_mark(provider), *faults)

    def _find_idle_mark(self, provider: Provider) -> list[Finding]:
        if not provider.settings.private_addresses or self.private.let(provider.settings):
            return []
        words = "it is marked for private addresses, which the setting STS_ALLOW_PRIVATE_PROVIDERS refuses to all"
        return [Finding("private_addresses", words, grave=False)]

    async def _find_faults(self, provider: Provider) -> AsyncIterator[Finding]:
        uploaded = provider.settings.key_set
        try:
            document = uploaded.encode() if uploaded is not None else await self._fetch(provider)
        except FetchFailed as failed:
            yield Finding(failed.fault, failed.reason)
            return
        for finding in _judge_keys(provider, parse_key_set(document)):
            yield finding
        if uploaded is None:
            async for finding in self._judge_clock(provider):
                yield finding

    async def _fetch(self, provider: Provider) -> bytes:
        return await fetch_key_set(self.egress, find_source(provider, private=self.private))

    async def _judge_clock(self, provider: Provider) -> AsyncIterator[Finding]:
        source = find_source(provider, private=self.private)
        try:
            answer = await self.egress.fetch_dated(source.issuer.rstrip("/") + METADATA_PATH, source.allowance)
        except FetchFailed as failed:  # it answered a moment ago
            yield Finding(failed.fault, failed.reason, grave=False)
            return
        ahead = timedelta() if answer.date is None else answer.date - self.clock.now()
        if abs(ahead) > _SKEW:
            way = "ahead of" if ahead > timedelta() else "behind"
            seconds = abs(round(ahead.total_seconds()))
            yield Finding(
                "clock", f"its clock is {seconds} s {way} this service's: tokens seem too old or too new", False
            )


def _find_refusals(provider: Provider) -> list[Finding]:
    """Return why no token is taken, whatever the issuer does."""
    found = []
    if not provider.enabled:
        found.append(Finding("disabled", "it is disabled: its tokens are refused"))
    if not provider.client_ids:
        found.append(Finding("client_ids", "it has no client ID, so no token is for an audience that is taken"))
    return found


def _judge_keys(provider: Provider, keys: KeySet) -> list[Finding]:
    wanted = set(provider.settings.algorithms)
    if any(key.algorithms.keys() & wanted for key in keys.keys):
        return []
    has = sorted({name for key in keys.keys for name in key.algorithms}) or ["nothing that is taken"]
    asked = ", ".join(provider.settings.algorithms)
    return [Finding("keys", f"it has no key for {asked}: its keys are for {', '.join(has)}")]
