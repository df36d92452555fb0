"""Accounts, by the rules: each begins with one administrator and that user's access key; root has no key at first."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.directory.access_keys import AccessKeys, MintedKey
from sts.directory.managed import ADMINISTRATOR
from sts.directory.names import verify_account_id
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.errors import AlreadyExists, NotFound
from sts.model import Account, User
from sts.store import accounts, attachments
from sts.store.database import Transaction

_SMALLEST = 100_000_000_000  # a number that is drawn does not begin with 0, which spreadsheets and YAML would lose
_ACCOUNTS = 900_000_000_000


@dataclass(frozen=True, slots=True)
class Beginning:
    """A new account, its first administrator, and that user's key."""

    account: Account
    administrator: User
    minted: MintedKey


@dataclass(frozen=True, slots=True)
class Accounts:
    """Makes accounts."""

    entropy: Entropy
    users: Users
    access_keys: AccessKeys

    def create(
        self, tx: Transaction, *, account_id: str | None = None, name: str = "", administrator: str = "admin"
    ) -> Beginning:
        """Create an account, its number given or drawn, with a user that has AdministratorAccess, and a key.

        The managed policies must be installed. Raises InputInvalid, and AlreadyExists for a number that is taken.
        """
        account = self._open(tx, self._draw() if account_id is None else account_id, name)
        user = self.users.create(tx, account_id=account.account_id, name=administrator)
        attachments.insert_attachment(
            tx.connection, user.unique_id, ADMINISTRATOR.policy_id, account.account_id, tx.now
        )
        return Beginning(account, user, self.access_keys.create(tx, owner=user))

    def create_root_key(self, tx: Transaction, *, account_id: str) -> MintedKey:
        """Create an access key of the account's root; raises NotFound, QuotaExceeded."""
        return self.access_keys.create(tx, owner=get_account(tx.connection, account_id))

    def _open(self, tx: Transaction, account_id: str, name: str) -> Account:
        verify_account_id(account_id)
        if accounts.find_account(tx.connection, account_id) is not None:
            raise AlreadyExists(f"Account {account_id} already exists.")
        account = Account(account_id=account_id, name=name, created_at=tx.now)
        accounts.insert_account(tx.connection, account)
        tx.touch("account", account_id)
        return account

    def _draw(self) -> str:
        return str(_SMALLEST + int.from_bytes(self.entropy.draw(8), "big") % _ACCOUNTS)


def get_account(connection: Connection, account_id: str) -> Account:
    """Return the account of these twelve digits; raises NotFound."""
    found = accounts.find_account(connection, account_id)
    if found is None:
        raise NotFound(f"Account {account_id} cannot be found.")
    return found
