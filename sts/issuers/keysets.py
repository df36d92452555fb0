"""The keys that an issuer's tokens are verified with."""

from collections import OrderedDict
from dataclasses import dataclass, field

from sts.crypto.jwk import KeySet, parse_key_set
from sts.errors import IssuerUnreachable, KeyMalformed
from sts.providers import Provider

_HELD = 1_024  # uploaded key sets that are remembered as parsed


@dataclass(slots=True)
class KeySets:
    """Finds the keys of providers: those that were uploaded for it."""

    _uploaded: OrderedDict[str, KeySet] = field(default_factory=OrderedDict)

    async def find(self, provider: Provider, kid: str | None) -> KeySet:  # noqa: ARG002  what is uploaded is all there is
        """Return the keys of *provider* for a token that names the key *kid*; raises IssuerUnreachable."""
        if provider.settings.key_set is None:
            raise IssuerUnreachable("The keys of the identity provider cannot be had", detail="none are uploaded")
        return self._parse_uploaded(provider.settings.key_set)

    def _parse_uploaded(self, document: str) -> KeySet:
        if document in self._uploaded:
            self._uploaded.move_to_end(document)
            return self._uploaded[document]
        try:
            parsed = parse_key_set(document.encode("utf-8"))
        except KeyMalformed as fault:
            raise IssuerUnreachable("The keys of the identity provider cannot be had", detail=fault.message) from None
        self._uploaded[document] = parsed
        if len(self._uploaded) > _HELD:
            self._uploaded.popitem(last=False)
        return parsed
