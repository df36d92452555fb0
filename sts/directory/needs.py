"""What is asked of a principal that signs in: the second factor that they have, to enrol one, another password."""

from datetime import datetime

from sqlalchemy import Connection

from sts.directory.factor_requirements import is_factor_required
from sts.passwords import PasswordPolicy
from sts.sessions import Needs
from sts.store import mfa_devices
from sts.store.login_profiles import find_login_profile
from sts.store.password_policies import find_password_policy


def find_needs(connection: Connection, account_id: str, owner_id: str, now: datetime) -> Needs:
    """Return what is asked of the owner of credentials: also another password, where theirs is older than it may be."""
    profile = find_login_profile(connection, owner_id)
    policy = find_password_policy(connection, account_id) or PasswordPolicy()
    return Needs(
        has_factor=bool(mfa_devices.list_owned(connection, owner_id)),
        must_enrol=is_factor_required(connection, account_id=account_id, owner_id=owner_id),
        must_change=profile is not None and (profile.must_change or policy.is_over(profile.changed_at, now)),
    )
