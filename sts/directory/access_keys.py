"""Long-term access keys, by the rules: two at most of a user or an account's root, their secrets shown once.

The secret is kept sealed for its access key id, because SigV4 needs it back: a sealed secret that is moved to the row
of another key does not open.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.directory.owners import Owner, confirm_owner, user_id_of
from sts.directory.resealing import Resealed, SealedValue, reseal_page
from sts.entropy import Entropy
from sts.errors import NotFound, QuotaExceeded
from sts.keyring.keyring import Keyring
from sts.model import AccessKey, Secret
from sts.store import access_keys
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class MintedKey:
    """A new access key, and its secret for the only time."""

    key: AccessKey
    secret: Secret


@dataclass(frozen=True, slots=True)
class AccessKeys:
    """Changes access keys."""

    entropy: Entropy
    keyring: Keyring
    per_owner: int = 2

    def create(self, tx: Transaction, *, owner: Owner) -> MintedKey:
        """Create an active key; raises NotFound when the owner is gone or renamed, QuotaExceeded."""
        confirm_owner(tx.connection, owner)
        user_id = user_id_of(owner)
        if len(access_keys.list_access_keys(tx.connection, owner.account_id, user_id)) >= self.per_owner:
            raise QuotaExceeded(f"Cannot exceed quota for AccessKeysPerUser: {self.per_owner}")
        minted = self._mint(tx, owner.account_id, user_id)
        access_keys.insert_access_key(tx.connection, minted.key)
        tx.touch("access-key", minted.key.access_key_id)
        return minted

    def update(self, tx: Transaction, *, owner: Owner, access_key_id: str, active: bool) -> AccessKey:
        """Make the owner's key active, or not; raises NotFound."""
        key = get_access_key(tx.connection, owner, access_key_id)
        access_keys.update_access_key(tx.connection, key.access_key_id, active=active)
        tx.touch("access-key", key.access_key_id)
        return replace(key, active=active)

    def delete(self, tx: Transaction, *, owner: Owner, access_key_id: str) -> None:
        """Delete the owner's key; raises NotFound."""
        key = get_access_key(tx.connection, owner, access_key_id)
        access_keys.delete_access_key(tx.connection, key.access_key_id)
        tx.touch("access-key", key.access_key_id)

    def reseal(self, tx: Transaction, *, after: str, limit: int) -> Resealed:
        """Seal anew the secrets of up to *limit* keys behind *after* that are not under the current sealing key."""
        keys = access_keys.list_after(tx.connection, after, limit)
        page = [SealedValue(key.access_key_id, key.sealed_secret) for key in keys]

        def put(access_key_id: str, sealed: bytes) -> None:
            access_keys.update_sealed_secret(tx.connection, access_key_id, sealed)
            tx.touch("access-key", access_key_id)  # what a process remembers does not open once the old key is removed

        return reseal_page(self.keyring, page, limit, put)

    def _mint(self, tx: Transaction, account_id: str, user_id: str | None) -> MintedKey:
        access_key_id = self.entropy.access_key_id("AKIA", account_id)
        secret = Secret(self.entropy.secret_access_key())
        key = AccessKey(
            access_key_id=access_key_id,
            account_id=account_id,
            user_id=user_id,
            active=True,
            sealed_secret=self.keyring.seal(secret.encode(), associated_data=access_key_id.encode()),
            created_at=tx.now,
        )
        return MintedKey(key, secret)


def list_owned(connection: Connection, owner: Owner) -> tuple[AccessKey, ...]:
    """Return the keys of *owner*, by access key id."""
    return access_keys.list_access_keys(connection, owner.account_id, user_id_of(owner))


def get_access_key(connection: Connection, owner: Owner, access_key_id: str) -> AccessKey:
    """Return the key of this id that *owner* has; raises NotFound, whoever else may have it."""
    confirm_owner(connection, owner)
    key = access_keys.find_access_key(connection, access_key_id)
    if key is None or key.account_id != owner.account_id or key.user_id != user_id_of(owner):
        raise NotFound(f"The Access Key with id {access_key_id} cannot be found.")
    return key
