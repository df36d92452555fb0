"""Login profiles: the queries."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, delete, insert, select, update

from sts.model import Account, User
from sts.passwords import KeptPassword, LoginProfile, PasswordPolicy
from sts.store.accounts import find_account
from sts.store.aliases import find_account_of_alias
from sts.store.columns import is_among
from sts.store.database import from_microseconds, from_optional_microseconds, to_microseconds, to_optional_microseconds
from sts.store.password_policies import find_password_policy
from sts.store.password_tables import former_password, login_profile
from sts.store.users import find_user_ignoring_case, find_users_by_id

_MOST_FORMER = 24  # as many as a policy may forbid to use again


@dataclass(frozen=True, slots=True)
class Candidate:
    """Whom a name to sign in with stands for, a user or an account's root, and the profile that it may have."""

    owner: User | Account
    owner_id: str
    arn: str
    is_enabled: bool  # the user and its account
    profile: LoginProfile | None
    policy: PasswordPolicy  # of the account, or the usual one


def find_candidate(connection: Connection, account: str, user_name: str) -> Candidate | None:
    """Return whom *user_name*, in any case, means in the account of this number or alias: the number means root."""
    account_id = account if account.isdigit() else find_account_of_alias(connection, account)
    if account_id is None or user_name == account_id:
        return None if account_id is None else find_candidate_by_id(connection, account_id)
    user = find_user_ignoring_case(connection, account_id, user_name)
    return None if user is None else find_candidate_by_id(connection, user.unique_id)


def find_candidate_by_id(connection: Connection, owner_id: str) -> Candidate | None:
    """Return the user of this unique id, or the root of the account of these digits."""
    profile = find_login_profile(connection, owner_id)
    account = find_account(connection, owner_id)
    if account is not None:
        policy = find_password_policy(connection, account.account_id) or PasswordPolicy()
        return Candidate(account, owner_id, account.root_arn, account.enabled, profile, policy)
    for user, is_enabled in find_users_by_id(connection, [owner_id]):
        policy = find_password_policy(connection, user.account_id) or PasswordPolicy()
        return Candidate(user, owner_id, user.arn, is_enabled, profile, policy)
    return None


def find_login_profile(connection: Connection, owner_id: str) -> LoginProfile | None:
    """Return the owner's profile."""
    row = connection.execute(select(login_profile).where(_of(owner_id))).one_or_none()
    return None if row is None else _profile(row)


def list_login_profiles(connection: Connection, owner_ids: Collection[str]) -> Mapping[str, LoginProfile]:
    """Return the profiles of those of these owners that have one, by owner."""
    rows = connection.execute(select(login_profile).where(is_among(login_profile.c.owner_id, owner_ids)))
    return {row.owner_id: _profile(row) for row in rows}


def list_login_profiles_of(connection: Connection, account_id: str) -> Mapping[str, LoginProfile]:
    """Return every profile of the account, by owner."""
    rows = connection.execute(select(login_profile).where(login_profile.c.account_id == account_id))
    return {row.owner_id: _profile(row) for row in rows}


def insert_login_profile(connection: Connection, new: LoginProfile) -> None:
    """Keep a new profile."""
    connection.execute(
        insert(login_profile).values(
            owner_id=new.owner_id,
            account_id=new.account_id,
            created_at=to_microseconds(new.created_at),
            **_changing(new),
        )
    )


def update_login_profile(connection: Connection, changed: LoginProfile) -> None:
    """Keep *changed* in place of the profile of its owner."""
    connection.execute(update(login_profile).where(_of(changed.owner_id)).values(**_changing(changed)))


def note_use(connection: Connection, known: LoginProfile, used: LoginProfile) -> bool:
    """Keep how the password of *known*, which was shown, is kept and how long it is good from now on, as *used* says.

    Says whether it is still the owner's: otherwise nothing is kept.
    """
    same = update(login_profile).where(_of(known.owner_id), login_profile.c.password_hash == known.password.hashed)
    noted = {
        **_password(used.password),
        "first_until": to_optional_microseconds(used.first_until),
    }
    return connection.execute(same.values(**noted)).rowcount == 1


def note_sign_in(connection: Connection, owner_id: str, now: datetime) -> None:
    """Keep that the owner signed in at *now*, by the password or a link that set it, and every factor asked for."""
    connection.execute(update(login_profile).where(_of(owner_id)).values(used_at=to_microseconds(now)))


def insert_former_password(connection: Connection, known: LoginProfile) -> None:
    """Keep the password of *known*, which is about to be another, and of those before it no more than may count."""
    owner, changed_at = former_password.c.owner_id == known.owner_id, to_microseconds(known.changed_at)
    connection.execute(delete(former_password).where(owner, former_password.c.changed_at == changed_at))
    row = {"owner_id": known.owner_id, "changed_at": changed_at, **_password(known.password)}
    connection.execute(insert(former_password).values(**row))
    newest = select(former_password.c.changed_at).where(owner).order_by(former_password.c.changed_at.desc())
    kept = connection.execute(newest.limit(_MOST_FORMER)).scalars().all()
    connection.execute(delete(former_password).where(owner, former_password.c.changed_at.not_in(kept)))


def list_former_passwords(connection: Connection, owner_id: str, limit: int) -> tuple[KeptPassword, ...]:
    """Return up to *limit* passwords that the owner had before the present one, the latest first."""
    query = select(former_password).where(former_password.c.owner_id == owner_id)
    rows = connection.execute(query.order_by(former_password.c.changed_at.desc()).limit(limit))
    return tuple(KeptPassword(hashed=row.password_hash, pepper_version=row.pepper_version) for row in rows)


def delete_login_profile(connection: Connection, owner_id: str) -> None:
    """Remove the profile and what its passwords were before."""
    connection.execute(delete(former_password).where(former_password.c.owner_id == owner_id))
    connection.execute(delete(login_profile).where(_of(owner_id)))


def _of(owner_id: str) -> ColumnElement[bool]:
    return login_profile.c.owner_id == owner_id


def _password(kept: KeptPassword) -> dict[str, Any]:
    return {"password_hash": kept.hashed, "pepper_version": kept.pepper_version}


def _changing(said: LoginProfile) -> dict[str, Any]:
    return {
        **_password(said.password),
        "reset_required": said.reset_required,
        "change_required": said.change_required,
        "first_until": to_optional_microseconds(said.first_until),
        "changed_at": to_microseconds(said.changed_at),
        "used_at": to_optional_microseconds(said.used_at),
    }


def _profile(row: Row[Any]) -> LoginProfile:
    return LoginProfile(
        owner_id=row.owner_id,
        account_id=row.account_id,
        password=KeptPassword(hashed=row.password_hash, pepper_version=row.pepper_version),
        reset_required=row.reset_required,
        change_required=row.change_required,
        first_until=from_optional_microseconds(row.first_until),
        created_at=from_microseconds(row.created_at),
        changed_at=from_microseconds(row.changed_at),
        used_at=from_optional_microseconds(row.used_at),
    )
