"""Account aliases, unique over all accounts (IAM User Guide, "Your AWS account ID and its alias")."""

import re

from sts.errors import AlreadyExists, InputInvalid, NotFound
from sts.store import aliases
from sts.store.database import Transaction

_ALIAS = re.compile(r"(?!.*--)[a-z0-9][a-z0-9-]{1,61}[a-z0-9]")
_ACCOUNT_ID = re.compile(r"[0-9]{12}")


def create_alias(tx: Transaction, *, account_id: str, alias: str) -> None:
    """Give the account *alias* in place of the one that it had; raises InputInvalid, AlreadyExists.

    One that looks like an account's number is refused: whoever reads it would take one account for another.
    """
    if not _ALIAS.fullmatch(alias) or _ACCOUNT_ID.fullmatch(alias):
        raise InputInvalid(
            "An account alias has 3 to 63 letters in lower case, digits and single hyphens between them."
        )
    if aliases.find_account_of_alias(tx.connection, alias) is not None:
        raise AlreadyExists(f"The account alias {alias} already exists.")
    aliases.put_alias(tx.connection, account_id, alias)


def delete_alias(tx: Transaction, *, account_id: str, alias: str) -> None:
    """Take the alias from the account; raises NotFound when it has not this one, whoever else may."""
    if not aliases.delete_alias(tx.connection, account_id, alias):
        raise NotFound(f"The account alias {alias} cannot be found.")
