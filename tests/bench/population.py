"""Accounts full of users and roles, made by the directory's own verbs, and who of them assumes what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sts.app import build_accounts, lay_foundation
from sts.clock import SystemClock
from sts.directory.access_keys import AccessKeys
from sts.directory.attachments import Attachments
from sts.directory.inline_policies import InlinePolicies
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.settings import read_settings
from sts.store.database import Transaction
from tests.signing import Key

_PER_ACCOUNT = 1_000  # the default quota of roles
_READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


@dataclass(frozen=True)
class Assumption:
    """A user's key, and the role that trusts this user."""

    key: Key
    role_arn: str


@dataclass(frozen=True)
class _Verbs:
    users: Users
    access_keys: AccessKeys
    roles: Roles
    inline_policies: InlinePolicies
    attachments: Attachments

    def settle(self, tx: Transaction, account_id: str, number: int) -> Assumption:
        """Make a user with a key and a policy of its own, and a role that trusts the user and has a managed policy."""
        user = self.users.create(tx, account_id=account_id, name=f"user-{number}")
        minted = self.access_keys.create(tx, owner=user)
        trust = _policy({"Principal": {"AWS": user.arn}, "Action": "sts:AssumeRole"})
        role = self.roles.create(tx, account_id=account_id, name=f"role-{number}", trust_policy=trust)
        own = _policy({"Action": "sts:AssumeRole", "Resource": role.arn})
        self.inline_policies.put(tx, bearer=user, name="own", document=own)
        self.attachments.attach(tx, bearer=role, policy_arn=_READ_ONLY)
        return Assumption(Key(minted.key.access_key_id, str(minted.secret)), role.arn)


def settle(environment: Mapping[str, str], size: int) -> tuple[Assumption, ...]:
    """Put *size* users and as many roles into the store that *environment* tells of, in one transaction."""
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    accounts, verbs = build_accounts(at), _build_verbs(at.entropy, at.keyring)

    def work(tx: Transaction) -> tuple[Assumption, ...]:
        made = (accounts.create(tx).account.account_id for _ in range(0, size, _PER_ACCOUNT))
        return tuple(verbs.settle(tx, account_id, number) for account_id, number in _spread(made, size))

    settled, _ = at.database.transact_now(work, at.clock.now())
    at.database.close()
    return settled


def _build_verbs(entropy: Entropy, keyring: Keyring) -> _Verbs:
    return _Verbs(Users(entropy), AccessKeys(entropy, keyring), Roles(entropy), InlinePolicies(), Attachments())


def _spread(accounts: Iterator[str], size: int) -> Iterator[tuple[str, int]]:
    for first, account_id in enumerate(accounts):
        start = first * _PER_ACCOUNT
        for number in range(start, min(start + _PER_ACCOUNT, size)):
            yield account_id, number


def _policy(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
