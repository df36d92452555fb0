"""Accounts full of users and roles, made by the directory's own verbs, and who of them assumes what."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from itertools import chain

from pyotp import TOTP

from sts.app import build_accounts
from sts.clock import SystemClock
from sts.crypto.totp import step_at
from sts.directory.access_keys import AccessKeys
from sts.directory.attachments import Attachments
from sts.directory.inline_policies import InlinePolicies
from sts.directory.mfa_devices import MfaDevices
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.keyring.keyring import Keyring
from sts.model import User
from sts.settings import read_settings
from sts.store.database import Transaction
from tests.signing import Key

_PER_ACCOUNT = 1_000  # the default quota of roles
_ACTIONS = ("sts:AssumeRole", "sts:TagSession")
_PRESENT = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
_READ_ONLY = "arn:aws:iam::aws:policy/IAMReadOnlyAccess"


@dataclass(frozen=True)
class Device:
    """A user's MFA device."""

    serial_number: str
    seed: str = field(repr=False)

    def show(self, at: datetime) -> Mapping[str, str]:
        """Return the parameters that show the code of the step after that of *at*: it is taken for 30 s at least."""
        return {"SerialNumber": self.serial_number, "TokenCode": TOTP(self.seed).at(at, counter_offset=1)}


@dataclass(frozen=True)
class Assumption:
    """A user's key, and the role that trusts this user; the tags that are passed, and the device that is shown.

    In place of a key there may be the token of a provider that the role trusts.
    """

    key: Key | None
    role_arn: str
    tags: Mapping[str, str] = field(default_factory=dict)
    device: Device | None = None
    token: str | None = None


@dataclass(frozen=True)
class _Verbs:
    users: Users
    access_keys: AccessKeys
    roles: Roles
    inline_policies: InlinePolicies
    attachments: Attachments
    mfa_devices: MfaDevices

    def settle(self, tx: Transaction, account_id: str, number: int, devices: int) -> tuple[Assumption, ...]:
        """Make a user with a key and a policy of its own, and a role that trusts the user and has a managed policy.

        A user with *devices* assumes the role with each of them: it asks for a second factor then.
        """
        user = self.users.create(tx, account_id=account_id, name=f"user-{number}")
        minted = self.access_keys.create(tx, owner=user)
        asked = {"Condition": _PRESENT} if devices else {}
        trust = _policy({"Principal": {"AWS": user.arn}, "Action": _ACTIONS, **asked})
        role = self.roles.create(tx, account_id=account_id, name=f"role-{number}", trust_policy=trust)
        own = _policy({"Action": _ACTIONS, "Resource": role.arn})
        self.inline_policies.put(tx, bearer=user, name="own", document=own)
        self.attachments.attach(tx, bearer=role, policy_arn=_READ_ONLY)
        plain = Assumption(Key(minted.key.access_key_id, str(minted.secret)), role.arn)
        held = (self._hand_device(tx, user, f"{user.name}-{each}") for each in range(devices))
        return tuple(replace(plain, device=device) for device in held) or (plain,)

    def _hand_device(self, tx: Transaction, user: User, name: str) -> Device:
        minted = self.mfa_devices.create(tx, account_id=user.account_id, name=name)
        self.mfa_devices.enable(tx, owner=user, device=minted.device, step=step_at(tx.now) - 1)
        return Device(minted.device.serial_number, str(minted.seed))


def settle(environment: Mapping[str, str], size: int, devices: int = 0) -> tuple[Assumption, ...]:
    """Put *size* users and as many roles into the store that *environment* tells of, in one transaction.

    With *devices* each user has so many, and comes up once for each of them: all with the first, then with the second.
    """
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    accounts, verbs = build_accounts(at), _build_verbs(at.entropy, at.keyring)

    def work(tx: Transaction) -> list[tuple[Assumption, ...]]:
        made = (accounts.create(tx).account.account_id for _ in range(0, size, _PER_ACCOUNT))
        return [verbs.settle(tx, account_id, number, devices) for account_id, number in _spread(made, size)]

    settled, _ = at.database.transact_now(work, at.clock.now())
    at.database.close()
    return tuple(chain.from_iterable(zip(*settled, strict=True)))


def _build_verbs(entropy: Entropy, keyring: Keyring) -> _Verbs:
    return _Verbs(
        Users(entropy),
        AccessKeys(entropy, keyring),
        Roles(entropy),
        InlinePolicies(),
        Attachments(),
        MfaDevices(entropy, keyring),
    )


def _spread(accounts: Iterator[str], size: int) -> Iterator[tuple[str, int]]:
    for first, account_id in enumerate(accounts):
        start = first * _PER_ACCOUNT
        for number in range(start, min(start + _PER_ACCOUNT, size)):
            yield account_id, number


def _policy(statement: dict[str, object]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement}]})
