"""OpenID Connect providers, by the rules (IAM User Guide, "IAM and AWS STS quotas"; IAM API Reference).

Whoever deletes or disables a provider ends what its tokens began. One that is made later for its issuer is another:
policies that trust the ARN trust it, and nothing else goes over to it.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.directory.issuers import verify_issuer
from sts.directory.provider_settings import verify_settings
from sts.directory.resealing import Resealed, SealedValue, reseal_page
from sts.directory.revocations import begin_anew, end_for_ever
from sts.entropy import Entropy
from sts.errors import AlreadyExists, InputInvalid, NotFound, QuotaExceeded
from sts.keyring.keyring import Keyring
from sts.model import Secret
from sts.providers import PrivateProviders, Provider, ProviderSettings, render_provider_arn
from sts.store import providers as stored
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags

_CLIENT_ID_LENGTH = 255
_THUMBPRINT = re.compile(r"[0-9A-Fa-f]{40}")
_CLIENT_SECRET = re.compile(r"[\x20-\x7e]{1,1024}")


@dataclass(frozen=True, slots=True)
class Providers:
    """Changes OpenID Connect providers; *private* bounds which of them may be on loopback over plain http."""

    entropy: Entropy
    keyring: Keyring
    private: PrivateProviders = PrivateProviders.NONE
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
        client_secret: Secret | None = None,
    ) -> Provider:
        """Create a provider; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        asked = Provider(
            unique_id=self.entropy.unique_id("AOIP"),
            account_id=account_id,
            issuer=issuer,
            client_ids=tuple(client_ids),
            thumbprints=tuple(thumbprints),
            created_at=tx.now,
            settings=settings or ProviderSettings(),
        )
        self._verify_place(asked)
        new = self._verify(asked if client_secret is None else self.seal_client_secret(asked, client_secret))
        if stored.find_provider(tx.connection, new.arn) is not None:
            raise AlreadyExists(f"Provider with url {issuer} already exists.")
        if stored.count_providers(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for OpenIdConnectProvidersPerAccount: {self.per_account}")
        _require_name_free(tx.connection, new)
        stored.insert_provider(tx.connection, new)
        _touch(tx, new)
        return new

    def update(self, tx: Transaction, *, provider: Provider, change: Callable[[Provider], Provider]) -> Provider:
        """Make *change* to the provider as it stands now, and return it; its issuer and its unique id stay.

        Raises NotFound, InputInvalid, AlreadyExists, QuotaExceeded.
        """
        present = confirm_provider(tx.connection, provider)
        changed = self._verify(change(present))
        # Only what is set may allow it: whoever takes an audience away is not kept from it by another rule since.
        if changed.settings != present.settings:
            self._verify_place(changed)
        _require_name_free(tx.connection, changed)
        stored.update_provider(tx.connection, changed)
        _touch(tx, changed)
        return changed

    def add_client_id(self, tx: Transaction, *, provider: Provider, client_id: str) -> None:
        """Take *client_id* as an audience; one that is taken already is no fault. Raises what `update` does."""

        def add(present: Provider) -> Provider:
            return replace(present, client_ids=(*present.client_ids, client_id))

        self.update(tx, provider=provider, change=add)

    def remove_client_id(self, tx: Transaction, *, provider: Provider, client_id: str) -> None:
        """Take *client_id* as an audience no more; one that is not taken is not missed. Raises NotFound."""

        def remove(present: Provider) -> Provider:
            return replace(present, client_ids=tuple(each for each in present.client_ids if each != client_id))

        self.update(tx, provider=provider, change=remove)

    def put_thumbprints(self, tx: Transaction, *, provider: Provider, thumbprints: Sequence[str]) -> None:
        """Keep these thumbprints in place of all that there are; raises NotFound, InputInvalid."""
        self.update(tx, provider=provider, change=lambda present: replace(present, thumbprints=tuple(thumbprints)))

    def delete(self, tx: Transaction, *, provider: Provider) -> None:
        """Delete the provider and end what was begun with its tokens; raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        delete_all_tags(tx.connection, present.unique_id)
        stored.delete_provider(tx.connection, present.unique_id)
        end_for_ever(tx, present.account_id, present.unique_id)
        _touch(tx, present)

    def disable(self, tx: Transaction, *, provider: Provider) -> bool:
        """Take none of its tokens and end what was begun with them; say whether it was enabled. Raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        self._keep_standing(tx, present, enabled=False)
        end_for_ever(tx, present.account_id, present.unique_id)
        return present.enabled

    def enable(self, tx: Transaction, *, provider: Provider) -> bool:
        """Take the provider's tokens again; what has ended stays so. Say whether it was disabled; raises NotFound."""
        present = confirm_provider(tx.connection, provider)
        if present.enabled:
            return False
        self._keep_standing(tx, present, enabled=True)
        begin_anew(tx, present.account_id, present.unique_id)
        return True

    def seal_client_secret(self, provider: Provider, secret: Secret) -> Provider:
        """Return *provider* with this client secret, sealed for it alone; raises InputInvalid."""
        if not _CLIENT_SECRET.fullmatch(secret):
            raise InputInvalid("A client secret has 1 to 1024 printable characters of ASCII.")
        sealed = self.keyring.seal(secret.encode("ascii"), associated_data=provider.unique_id.encode("ascii"))
        return replace(provider, settings=replace(provider.settings, sealed_client_secret=sealed))

    def reseal(self, tx: Transaction, *, after: str, limit: int) -> Resealed:
        """Seal anew the secrets of up to *limit* providers behind *after* that are not under the current key."""
        sealing = {each.unique_id: each for each in stored.list_sealing(tx.connection, after, limit)}
        page = [SealedValue(named, each.settings.sealed_client_secret or b"") for named, each in sealing.items()]

        def put(unique_id: str, sealed: bytes) -> None:
            stored.update_sealed_client_secret(tx.connection, unique_id, sealed)
            _touch(tx, sealing[unique_id])  # what a process remembers does not open once the old key is removed

        return reseal_page(self.keyring, page, limit, put)

    def _keep_standing(self, tx: Transaction, present: Provider, *, enabled: bool) -> None:
        stored.update_provider(tx.connection, replace(present, enabled=enabled))
        _touch(tx, present)

    def _verify_place(self, asked: Provider) -> None:
        """Raise InputInvalid unless the provider may be where its issuer and its mark say that it is.

        An administrator's mark alone would have the service connect to hosts of its operator's own network.
        """
        if asked.settings.private_addresses and not self.private.let(asked.settings):
            raise InputInvalid(
                "This service lets no provider be on a private address, as its setting STS_ALLOW_PRIVATE_PROVIDERS"
                " says: leave private_addresses out."
            )
        verify_issuer(asked.issuer, may_be_local=self.private.let(asked.settings))

    def _verify(self, asked: Provider) -> Provider:
        return replace(
            asked,
            client_ids=self._verify_client_ids(asked.client_ids),
            thumbprints=self._verify_thumbprints(asked.thumbprints),
            settings=verify_settings(asked.issuer, asked.settings),
        )

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


def find_provider(connection: Connection, account_id: str, name: str) -> Provider | None:
    """Return the account's provider of this name in any case, or of this issuer: no name has a colon."""
    if "://" not in name:
        return stored.find_provider_named(connection, account_id, name)
    found = stored.find_provider(connection, render_provider_arn(account_id, name))
    return found if found is not None and found.issuer == name else None


def confirm_provider(connection: Connection, authorized: Provider) -> Provider:
    """Return what was authorized as it stands now; raises NotFound when it is gone, whatever bears its issuer."""
    present = stored.find_provider(connection, authorized.arn)
    if present is None or present.unique_id != authorized.unique_id:
        raise unknown_provider(authorized.arn)
    return present


def unknown_provider(arn: str) -> NotFound:
    """Return the refusal of an ARN that no provider has."""
    return NotFound(f"OpenIDConnect Provider not found for arn {arn}")


def _require_name_free(connection: Connection, provider: Provider) -> None:
    name = provider.settings.name
    namesake = None if name is None else stored.find_provider_named(connection, provider.account_id, name)
    if namesake is not None and namesake.unique_id != provider.unique_id:
        raise AlreadyExists(f"A provider called {name} already exists.")


def _touch(tx: Transaction, provider: Provider) -> None:
    tx.touch("provider", f"{provider.account_id}/{provider.issuer}")
