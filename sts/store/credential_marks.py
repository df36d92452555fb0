"""What a login or a sign-in under way stands on, as a mark: it is another one whenever any of that has changed.

Marks are compared for equality alone, in the transaction that builds on them: that clocks are apart has no part in it.
"""

import hashlib

from sqlalchemy import Connection

from sts.store import mfa_devices
from sts.store.database import to_microseconds
from sts.store.login_profiles import find_login_profile
from sts.store.revocations import find_revoked_among, name_sign_ins


def mark_credentials(connection: Connection, principal_id: str) -> bytes:
    """Return what changes whenever the principal's password or second factors do."""
    profile = find_login_profile(connection, principal_id)
    password = None if profile is None else (to_microseconds(profile.changed_at), profile.change_required)
    devices = mfa_devices.list_owned(connection, principal_id)
    told = [(each.serial_number, to_microseconds(each.enabled_at)) for each in devices if each.enabled_at is not None]
    return hashlib.sha256(repr((password, told)).encode("utf-8")).digest()


def mark_sign_in(connection: Connection, account_id: str, principal_id: str) -> bytes:
    """Return what changes as `mark_credentials` does, and whenever what the principal has begun is ended.

    Who is disabled is revoked, and who is enabled again is revoked up to another instant: neither mark comes back.
    """
    subjects = (account_id, principal_id, name_sign_ins(principal_id))
    revoked = find_revoked_among(connection, subjects).before
    told = (mark_credentials(connection, principal_id), [revoked.get(subject) for subject in subjects])
    return hashlib.sha256(repr(told).encode("utf-8")).digest()
