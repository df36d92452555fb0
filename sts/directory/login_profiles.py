"""Login profiles, by the rules: nobody but its owner ever knows a password that lasts.

One that an administrator sets is a first password, whatever PasswordResetRequired says: it is good for a week, and only
to choose another.
"""

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from sts.directory.owners import Owner, confirm_owner, owner_id_of
from sts.directory.password_rules import PasswordRules, find_rules
from sts.directory.revocations import revoke_principal
from sts.errors import AlreadyExists, NotFound, PasswordMismatch, PasswordRefused
from sts.hashing import PasswordHasher
from sts.model import Account
from sts.passwords import KeptPassword, LoginProfile
from sts.sessions import end_sessions
from sts.store import links, login_profiles, password_failures
from sts.store.database import Database, Transaction

FIRST_PASSWORD_LIFE = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class NewPasswords:
    """Looks at new passwords, and hashes them: before the transaction that keeps them, because that takes long."""

    database: Database
    hasher: PasswordHasher

    async def make_chosen(self, owner: Owner, password: str) -> KeptPassword:
        """Return *password*, which *owner* chose, as it is to be kept: it is not the present one either.

        Otherwise whoever set a first password would know the lasting one. Raises PasswordRefused, PasswordMalformed,
        Throttled.
        """
        rules = await self._require(owner, password)
        with self.hasher.place():
            for former in rules.former:
                await self._require_other(former, password)
            return await self.hasher.hash(password)

    async def make_first(self, owner: Owner, password: str) -> KeptPassword:
        """Return *password*, which somebody else sets for *owner*, as it is to be kept; raises as `make_chosen` does.

        It is compared with none of the owner's: the answer would tell whether a guess is one of them.
        """
        await self._require(owner, password)
        with self.hasher.place():
            return await self.hasher.hash(password)

    async def describe_rules(self, owner: Owner) -> str:
        """Return what a password of *owner* has to be, for who chooses one."""
        return (await self.database.read(lambda connection: find_rules(connection, owner))).describe()

    async def _require(self, owner: Owner, password: str) -> PasswordRules:
        rules = await self.database.read(lambda connection: find_rules(connection, owner))
        await asyncio.to_thread(rules.require, password)  # the list is read for the first time
        return rules

    async def _require_other(self, former: KeptPassword, password: str) -> None:
        try:
            await self.hasher.verify(former, password)
        except PasswordMismatch:
            return
        raise PasswordRefused("Password should not be the present one, or one that was used before")


def create_login_profile(
    tx: Transaction, *, owner: Owner, password: KeptPassword, reset_required: bool
) -> LoginProfile:
    """Create a profile with a first password; raises NotFound, AlreadyExists."""
    confirm_owner(tx.connection, owner)
    if login_profiles.find_login_profile(tx.connection, owner_id_of(owner)) is not None:
        raise AlreadyExists(f"Login Profile for User {_name(owner)} already exists.")
    new = LoginProfile(
        owner_id=owner_id_of(owner),
        account_id=owner.account_id,
        password=password,
        reset_required=reset_required,
        first_until=tx.now + FIRST_PASSWORD_LIFE,
        created_at=tx.now,
        changed_at=tx.now,
    )
    login_profiles.insert_login_profile(tx.connection, new)
    password_failures.begin_count(tx.connection, new.owner_id, tx.now)
    return new


def update_login_profile(
    tx: Transaction, *, owner: Owner, password: KeptPassword | None, reset_required: bool | None
) -> None:
    """Set another first password, or ask for another at the next sign-in, None leaves as it is; raises NotFound."""
    confirm_owner(tx.connection, owner)
    changed = get_login_profile(tx.connection, owner)
    if reset_required is not None:
        must = changed.change_required or reset_required  # only another password ends it
        changed = replace(changed, reset_required=reset_required, change_required=must)
    if password is not None:
        login_profiles.insert_former_password(tx.connection, changed)
        _end_what_began(tx, owner)
        first_until = tx.now + FIRST_PASSWORD_LIFE
        changed = replace(changed, password=password, first_until=first_until, changed_at=tx.now)
    login_profiles.update_login_profile(tx.connection, changed)


def require_change(tx: Transaction, *, owner: Owner) -> None:
    """Have the owner choose another password, which somebody else may know; raises NotFound.

    All that the owner has begun ends: it may have been begun by whoever knew the password.
    """
    confirm_owner(tx.connection, owner)
    known = get_login_profile(tx.connection, owner)
    login_profiles.update_login_profile(tx.connection, replace(known, change_required=True))
    revoke_principal(tx, principal=owner)
    end_sessions(tx, owner_id_of(owner))


def choose_password(tx: Transaction, *, owner: Owner, password: KeptPassword) -> None:
    """Keep the password that *owner* chose for itself, in a profile that is made if there is none; raises NotFound.

    Wrong passwords are forgotten, and what began with the old one ends.
    """
    confirm_owner(tx.connection, owner)
    known = login_profiles.find_login_profile(tx.connection, owner_id_of(owner))
    if known is None:
        known = create_login_profile(tx, owner=owner, password=password, reset_required=False)
    else:
        login_profiles.insert_former_password(tx.connection, known)
    chosen = replace(
        known, password=password, reset_required=False, change_required=False, first_until=None, changed_at=tx.now
    )
    login_profiles.update_login_profile(tx.connection, chosen)
    password_failures.unlock(tx.connection, owner_id_of(owner))
    _end_what_began(tx, owner)


def delete_login_profile(tx: Transaction, *, owner: Owner) -> None:
    """Delete the profile: its owner signs in no more, nor sets a password by a link; raises NotFound."""
    confirm_owner(tx.connection, owner)
    get_login_profile(tx.connection, owner)
    _end_what_began(tx, owner)
    login_profiles.delete_login_profile(tx.connection, owner_id_of(owner))


def get_login_profile(connection: Connection, owner: Owner) -> LoginProfile:
    """Return the owner's profile; raises NotFound."""
    profile = login_profiles.find_login_profile(connection, owner_id_of(owner))
    if profile is None:
        raise NotFound(f"Login Profile for User {_name(owner)} cannot be found.")
    return profile


def _end_what_began(tx: Transaction, owner: Owner) -> None:
    """End the link that could set the password, and the browser sessions: who knew the old one may have begun them."""
    links.delete_link_of(tx.connection, owner_id_of(owner))
    end_sessions(tx, owner_id_of(owner))


def _name(owner: Owner) -> str:
    return "root" if isinstance(owner, Account) else owner.name
