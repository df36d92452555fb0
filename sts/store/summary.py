"""How much of everything an account has, counted in one statement."""

from collections.abc import Mapping

from sqlalchemy import ColumnElement, Connection, FromClause, func, select

from sts.store.password_tables import login_profile
from sts.store.provider_tables import oidc_provider
from sts.store.tables import access_key, group, instance_profile, mfa_device, policy, policy_version, role, user


def count_everything(connection: Connection, account_id: str) -> Mapping[str, int]:
    """Return the counts under AWS's names (IAM API Reference, "GetAccountSummary")."""
    own_versions = policy_version.join(policy, policy.c.policy_id == policy_version.c.policy_id)
    in_use, of_root = mfa_device.c.owner_id.is_not(None), mfa_device.c.owner_id == account_id
    counts = {
        "Users": _count(user, user.c.account_id == account_id),
        "Groups": _count(group, group.c.account_id == account_id),
        "Roles": _count(role, role.c.account_id == account_id),
        "Policies": _count(policy, policy.c.account_id == account_id),
        "PolicyVersionsInUse": _count(own_versions, policy.c.account_id == account_id),
        "InstanceProfiles": _count(instance_profile, instance_profile.c.account_id == account_id),
        "MFADevices": _count(mfa_device, mfa_device.c.account_id == account_id),
        "MFADevicesInUse": _count(mfa_device, mfa_device.c.account_id == account_id, in_use),
        "AccountMFAEnabled": _count(mfa_device, mfa_device.c.account_id == account_id, of_root),
        "AccountAccessKeysPresent": _count(
            access_key, access_key.c.account_id == account_id, access_key.c.user_id.is_(None)
        ),
    }
    counts["Providers"] = _count(oidc_provider, oidc_provider.c.account_id == account_id)
    counts["AccountPasswordPresent"] = _count(login_profile, login_profile.c.owner_id == account_id)
    row = connection.execute(select(*(count.label(name) for name, count in counts.items()))).mappings().one()
    return {name: row[name] for name in counts}


def _count(what: FromClause, *conditions: ColumnElement[bool]) -> ColumnElement[int]:
    return select(func.count()).select_from(what).where(*conditions).scalar_subquery()
