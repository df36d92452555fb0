"""OpenID Connect providers, by the rules (IAM User Guide, "IAM and AWS STS quotas"; IAM API Reference).

Whoever deletes or disables a provider ends what its tokens began. One that is made later for its issuer is another:
policies that trust the ARN trust it, and nothing else goes over to it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.directory.issuers import verify_issuer
from sts.directory.revocations import begin_anew, end_for_ever
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InputInvalid, NotFound, QuotaExceeded
from sts.providers import Provider, ProviderSettings, render_provider_arn
from sts.store import providers as stored
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags

_CLIENT_ID_LENGTH = 255
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")


@dataclass(frozen=True, slots=True)
class Providers:
    """Changes OpenID Connect providers.

    With *may_be_local* every provider may be on loopback over plain http, else those whose own settings say so.
    """

    entropy: Entropy
    may_be_local: bool = False
    per_account: int = 100
    client_ids: int = 100
    thumbprints: int = 5

    def create(
        self,
        tx: Transaction,
        *,
        account_id: str,
        issuer: str,
        client_ids: Sequence[str] = (),
        thumbprints: Sequence[str] = (),
        settings: ProviderSettings | None = None,
    ) -> Provider:
        """Create a provider; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        settings = settings or ProviderSettings()
        new = Provider(
            unique_id=self.entropy.unique_id("AOIP"),
            account_id=account_id,
            issuer=verify_issuer(issuer, may_be_local=self.may_be_local or settings.private_addresses),
            client_ids=self._verify_client_ids(client_ids),
            thumbprints=self._verify_thumbprints(thumbprints),
            created_at=tx.now,
            settings=settings,
        )
        if stored.find_provider(tx.connection, new.arn) is not None:
            raise AlreadyExists(f"Provider with url {issuer} already exists.")
        if stored.count_providers(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {self.per_account}")
        stored.insert_provider(tx.connection, new)
        touch_provider(tx, new)
        return new

    def delete(self, tx: Transaction, *, provider: Provider) -> None:
        """Delete the provider and end what was begun with its tokens; raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        delete_all_tags(tx.connection, present.unique_id)
        stored.delete_provider(tx.connection, present.unique_id)
        end_for_ever(tx, present.account_id, present.unique_id)
        touch_provider(tx, present)

    def add_client_id(self, tx: Transaction, *, provider: Provider, client_id: str) -> None:
        """Take *client_id* as an audience; one that is taken already is no fault. Raises NotFound, QuotaExceeded."""
        present = confirm_provider(tx.connection, provider)
        self._keep(tx, replace(present, client_ids=self._verify_client_ids((*present.client_ids, client_id))))

    def remove_client_id(self, tx: Transaction, *, provider: Provider, client_id: str) -> None:
        """Take *client_id* as an audience no more; one that is not taken is not missed. Raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        self._keep(tx, replace(present, client_ids=tuple(each for each in present.client_ids if each != client_id)))

    def put_thumbprints(self, tx: Transaction, *, provider: Provider, thumbprints: Sequence[str]) -> None:
        """Keep these thumbprints in place of all that there are; raises NotFound, InputInvalid."""
        present = confirm_provider(tx.connection, provider)
        self._keep(tx, replace(present, thumbprints=self._verify_thumbprints(thumbprints)))

    def disable(self, tx: Transaction, *, provider: Provider) -> bool:
        """Take none of its tokens and end what was begun with them; say whether it was enabled. Raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        self._keep(tx, replace(present, enabled=False))
        end_for_ever(tx, present.account_id, present.unique_id)
        return present.enabled

    def enable(self, tx: Transaction, *, provider: Provider) -> bool:
        """Take the provider's tokens again; what has ended stays so. Say whether it was disabled; raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        if present.enabled:
            return False
        self._keep(tx, replace(present, enabled=True))
        begin_anew(tx, present.account_id, present.unique_id)
        return True

    def _keep(self, tx: Transaction, changed: Provider) -> None:
        stored.update_provider(tx.connection, changed)
        touch_provider(tx, changed)

    def _verify_client_ids(self, client_ids: Sequence[str]) -> tuple[str, ...]:
        if not all(1 <= len(each) <= _CLIENT_ID_LENGTH and each.isprintable() for each in client_ids):
            raise InputInvalid(f"A client ID has 1 to {_CLIENT_ID_LENGTH} characters, and none that cannot be shown.")
        distinct = tuple(dict.fromkeys(client_ids))
        if len(distinct) > self.client_ids:
            raise QuotaExceeded(f"Cannot exceed quota for ClientIdsPerOpenIdConnectProvider: {self.client_ids}")
        return distinct

    def _verify_thumbprints(self, thumbprints: Sequence[str]) -> tuple[str, ...]:
        if len(thumbprints) > self.thumbprints:
            raise InputInvalid(f"Thumbprint list must contain at most {self.thumbprints} entries.")
        if not all(map(_THUMBPRINT.fullmatch, thumbprints)):
            raise InputInvalid("A thumbprint is the SHA-1 of a certificate in 40 hexadecimal digits.")
        return tuple(dict.fromkeys(thumbprints))


def get_provider(connection: Connection, account_id: str, issuer: str) -> Provider:
    """Return the account's provider of this issuer; raises NotFound."""
    found = stored.find_provider(connection, render_provider_arn(account_id, issuer))
    if found is None or found.issuer != issuer:
        raise unknown_provider(render_provider_arn(account_id, issuer))
    return found


def confirm_provider(connection: Connection, authorized: Provider) -> Provider:
    """Return what was authorized as it stands now; raises NotFound when it is gone, whatever bears its issuer."""
    present = stored.find_provider(connection, authorized.arn)
    if present is None or present.unique_id != authorized.unique_id:
        raise unknown_provider(authorized.arn)
    return present


def unknown_provider(arn: str) -> NotFound:
    """Return the refusal of an ARN that no provider has."""
    return NotFound(f"OpenIDConnect Provider not found for arn {arn}")


def touch_provider(tx: Transaction, provider: Provider) -> None:
    """Say that the provider is changed."""
    tx.touch("provider", f"{provider.account_id}/{provider.issuer}")
