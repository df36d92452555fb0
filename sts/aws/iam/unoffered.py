"""What clients ask of a user before they delete it, of kinds that are not offered: there is none, and they are told so.

Without these, a client that clears a user of everything first could not delete one (AWS CLI, configuration tools).
"""

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import find_user_or_caller, require_user
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.errors import NotFound
from sts.model import Account, Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


def unoffered_rows() -> tuple[Operation, ...]:
    """Return a row for each list of what nobody has, and for the login profile that nobody has."""
    on_user, keys, specific = on_bearer(BearerKind.USER), "SSHPublicKeys", "ServiceSpecificCredentials"
    return (
        iam_row("ListSSHPublicKeys", Event.CREDENTIAL_LIST, find_user_or_caller, _none_of(keys)),
        iam_row("ListSigningCertificates", Event.CREDENTIAL_LIST, find_user_or_caller, _none_of("Certificates")),
        iam_row(
            "ListServiceSpecificCredentials",
            Event.CREDENTIAL_LIST,
            find_user_or_caller,
            _none_of(specific),
            not_yet={"AllUsers"},
        ),
        iam_row("GetLoginProfile", Event.LOGIN_PROFILE_READ, find_user_or_caller, Reads(_get_login_profile)),
        iam_row("DeleteLoginProfile", Event.LOGIN_PROFILE_DELETE, on_user, Changes(_delete_login_profile)),
    )


def _none_of(member: str) -> Reads:
    """Return a handler that shows an empty list as *member*, of an existing user."""

    def show(_connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        if not isinstance(target.noun, Account):
            require_user(target)
        return {member: [], "IsTruncated": False}

    return Reads(show)


def _get_login_profile(_connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
    raise _no_login_profile(target)


def _delete_login_profile(_tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
    raise _no_login_profile(target)


def _no_login_profile(target: Target) -> NotFound:
    name = target.arn.rsplit("/", 1)[-1] if isinstance(target.noun, Account) else require_user(target).name
    return NotFound(f"Login Profile for User {name} cannot be found.")
