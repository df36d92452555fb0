"""The credential report: a line of CSV for root and for each user (IAM User Guide, "Generate credential reports").

It is made when it is fetched, and so always of now: GenerateCredentialReport has nothing to do and says it is done.
"""

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.account import find_everything
from sts.aws.iam.rows import iam_row
from sts.aws.row import Command, Operation, Reads, Result, Target
from sts.clock import Clock
from sts.directory.accounts import get_account
from sts.model import Caller
from sts.passwords import LoginProfile, PasswordPolicy
from sts.store.credential_report import ReportedKey, find_device_owners, list_reported_keys
from sts.store.login_profiles import list_login_profiles_of
from sts.store.password_policies import find_password_policy
from sts.store.users import list_users

_KEYS = 2
_MOST_USERS = 1_000_000  # an account may not have as many
_KEY_COLUMNS = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    "user",
    "arn",
    "user_creation_time",
    "password_enabled",
    "password_last_used",
    "password_last_changed",
    "password_next_rotation",
    "mfa_active",
    *(f"access_key_{number}_{name}" for number in range(1, _KEYS + 1) for name in _KEY_COLUMNS),
    *(f"cert_{number}_{name}" for number in (1, 2) for name in ("active", "last_rotated")),
)
_NONE, _UNSUPPORTED = "N/A", "not_supported"
_NO_PASSWORD = ("FALSE", _NONE, _NONE, _NONE)
_UNUSED = "no_information"
_NO_CERTIFICATES = ("FALSE", _NONE, "FALSE", _NONE)


@dataclass(frozen=True, slots=True)
class CredentialReport:
    """The two rows about the report."""

    clock: Clock

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        event = Event.CREDENTIAL_REPORT
        return (
            iam_row("GenerateCredentialReport", event, find_everything, Reads(_generate)),
            iam_row("GetCredentialReport", event, find_everything, Reads(self._get)),
        )

    def _get(self, connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        text = io.StringIO(newline="")
        csv.writer(text, lineterminator="\n").writerows((COLUMNS, *_report(connection, target.account_id)))
        return {
            "Content": text.getvalue().encode(),
            "ReportFormat": "text/csv",
            "GeneratedTime": self.clock.now(),
        }


def _generate(_connection: Connection, _caller: Caller, _command: Command, _target: Target) -> Result:
    return {"State": "COMPLETE"}


def _report(connection: Connection, account_id: str) -> Iterator[Sequence[str]]:
    account, profiles = get_account(connection, account_id), list_login_profiles_of(connection, account_id)
    policy = find_password_policy(connection, account_id) or PasswordPolicy()
    keys, owners = list_reported_keys(connection, account_id), find_device_owners(connection, account_id)
    root = "<root_account>", account.root_arn, _time(account.created_at), *_root_password(profiles.get(account_id))
    yield *root, _flag(on=account_id in owners), *_keys(keys.get(None, ())), *_NO_CERTIFICATES
    for user in list_users(connection, account_id, "/", None, _MOST_USERS):
        password = _password(profiles.get(user.unique_id), policy)
        named = user.name, user.arn, _time(user.created_at), *password
        yield *named, _flag(on=user.unique_id in owners), *_keys(keys.get(user.unique_id, ())), *_NO_CERTIFICATES


def _root_password(profile: LoginProfile | None) -> Sequence[str]:
    return _UNSUPPORTED, _NONE if profile is None else _last_use(profile), _UNSUPPORTED, _UNSUPPORTED


def _password(profile: LoginProfile | None, policy: PasswordPolicy) -> Sequence[str]:
    if profile is None:
        return _NO_PASSWORD
    ends_at = policy.find_end(profile.changed_at)
    return "TRUE", _last_use(profile), _time(profile.changed_at), _NONE if ends_at is None else _time(ends_at)


def _last_use(profile: LoginProfile) -> str:
    return _UNUSED if profile.used_at is None else _time(profile.used_at)


def _keys(keys: Sequence[ReportedKey]) -> Iterator[str]:
    for key in keys:
        yield _flag(on=key.active)
        yield _time(key.created_at)
        yield _NONE if key.used_at is None else _time(key.used_at)
        yield key.region or _NONE
        yield key.service or _NONE
    for _ in range(_KEYS - len(keys)):
        yield from ("FALSE", _NONE, _NONE, _NONE, _NONE)


def _flag(*, on: bool) -> str:
    return "TRUE" if on else "FALSE"


def _time(at: datetime) -> str:
    return at.astimezone(UTC).replace(microsecond=0).isoformat()
