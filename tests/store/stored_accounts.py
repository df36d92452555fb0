"""Accounts that the tests of a store put into it."""

from sts.model import Account
from sts.store.accounts import insert_account, list_accounts
from sts.store.database import Database, Transaction
from tests.conftest import BEGINNING

FIRST, SECOND = "111122223333", "444455556666"


def account(account_id: str) -> Account:
    return Account(account_id=account_id, name="spoken of nowhere", created_at=BEGINNING)


def add(tx: Transaction, account_id: str) -> None:
    insert_account(tx.connection, account(account_id))
    tx.touch("account", account_id)


def kept(database: Database) -> list[str]:
    return [each.account_id for each in database.read_now(list_accounts)]
