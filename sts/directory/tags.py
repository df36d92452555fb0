"""Tags of users, roles, policies, instance profiles, MFA devices, providers (IAM User Guide, "Tags for IAM resources").

A key is kept as it was written. The case of a user's or a role's keys does not count: `Team` takes the place of `team`.
Those of the others differ by case, but none has both: they would be one condition key of two values, which a Deny that
wants either does not meet, and whoever may tag would be rid of it.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from sqlalchemy import Connection

from sts.directory.bearers import confirm_bearer, kind_of
from sts.directory.instance_profiles import confirm_profile
from sts.directory.mfa_devices import confirm_device
from sts.directory.policies import get_changeable_policy
from sts.directory.providers import confirm_provider
from sts.errors import InputInvalid, QuotaExceeded
from sts.folding import fold_letters
from sts.model import InstanceProfile, MfaDevice, Policy, Role, User
from sts.providers import Provider
from sts.store.database import Transaction
from sts.store.tags import count_other_tags, delete_tags, find_tags, put_tags
from sts.tags import Tags, find_fault

Tagged: TypeAlias = User | Role | Policy | InstanceProfile | MfaDevice | Provider

_KEY_LENGTH, _VALUE_LENGTH = 128, 256


@dataclass(frozen=True, slots=True)
class Tagging:
    """Ties tags to what can bear them, *per_bearer* at most to each."""

    per_bearer: int = 50

    def put(self, tx: Transaction, *, bearer: Tagged, tags: Sequence[tuple[str, str]]) -> None:
        """Give the bearer *tags*, each in place of the one of the same key.

        Raises InputInvalid, QuotaExceeded, and NotFound when the bearer is no longer what was authorized.
        """
        present = _confirm(tx.connection, bearer)
        _verify(tags)
        _verify_spelling(present, find_tags(tx.connection, bearer_id(present)), tags)
        new = {_key_of(present, key): (key, value) for key, value in tags}
        if count_other_tags(tx.connection, bearer_id(present), new.keys()) + len(new) > self.per_bearer:
            raise QuotaExceeded(f"Cannot exceed quota for TagsPer{type(present).__name__}: {self.per_bearer}")
        put_tags(tx.connection, bearer_id(present), new)
        _touch(tx, present)

    def remove(self, tx: Transaction, *, bearer: Tagged, keys: Collection[str]) -> None:
        """Take the tags of these keys away; one that is not there is not missed. Raises NotFound as `put` does."""
        present = _confirm(tx.connection, bearer)
        delete_tags(tx.connection, bearer_id(present), {_key_of(present, key) for key in keys})
        _touch(tx, present)


def bearer_id(bearer: Tagged) -> str:
    """Return the unique id, or of a device the serial number, under which the bearer's tags are kept."""
    if isinstance(bearer, MfaDevice):
        return bearer.serial_number
    return bearer.policy_id if isinstance(bearer, Policy) else bearer.unique_id


def _confirm(connection: Connection, authorized: Tagged) -> Tagged:
    if isinstance(authorized, Policy):
        return get_changeable_policy(connection, authorized)
    if isinstance(authorized, InstanceProfile):
        return confirm_profile(connection, authorized)
    if isinstance(authorized, MfaDevice):
        return confirm_device(connection, authorized)
    if isinstance(authorized, Provider):
        return confirm_provider(connection, authorized)
    return confirm_bearer(connection, authorized)


def _key_of(bearer: Tagged, key: str) -> str:
    return fold_letters(key) if isinstance(bearer, User | Role) else key


def _verify(tags: Sequence[tuple[str, str]]) -> None:
    if any(not 1 <= len(key) <= _KEY_LENGTH or len(value) > _VALUE_LENGTH for key, value in tags):
        raise InputInvalid(f"A tag has a key of 1 to {_KEY_LENGTH} characters and a value of up to {_VALUE_LENGTH}.")
    fault = find_fault([key for key, _ in tags])
    if fault is not None:
        raise InputInvalid(fault)


def _verify_spelling(bearer: Tagged, present: Tags, tags: Sequence[tuple[str, str]]) -> None:
    spelt = {fold_letters(key): key for key in present if key not in dict(tags)}
    for key, _ in tags:
        found = spelt.get(fold_letters(key))
        if found is not None and not isinstance(bearer, User | Role):
            raise InputInvalid(f"Duplicate tag keys found: there is {found}, which differs from {key} by case alone.")


def _touch(tx: Transaction, bearer: Tagged) -> None:
    if isinstance(bearer, User | Role):  # the tags of others are in no snapshot
        tx.touch(kind_of(bearer), bearer.unique_id)
