"""IAM's operations on what an account asks of its passwords."""

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.account import find_everything
from sts.aws.iam.rows import iam_row, unless_granted
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.password_rules import lets_change
from sts.errors import NotFound
from sts.model import Caller
from sts.passwords import PasswordPolicy
from sts.store.database import Transaction
from sts.store.password_policies import delete_password_policy, find_password_policy, put_password_policy


def password_policy_rows() -> tuple[Operation, ...]:
    """Return the rows."""
    read, update, end = "GetAccountPasswordPolicy", "UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"
    return (
        iam_row(read, Event.PASSWORD_POLICY_READ, _find, Reads(_get), demands=unless_granted(f"iam:{read}")),
        iam_row(update, Event.PASSWORD_POLICY_UPDATE, find_everything, Changes(_update)),
        iam_row(end, Event.PASSWORD_POLICY_DELETE, find_everything, Changes(_delete)),
    )


def _find(connection: Connection, caller: Caller, _command: Command) -> Target:
    return Target("*", caller.account_id, is_granted=lets_change(connection, caller))


def _get(connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
    policy = find_password_policy(connection, target.account_id)
    if policy is None:
        raise _no_policy(target)
    optional = {
        "MaxPasswordAge": policy.maximum_age_days,
        "PasswordReusePrevention": policy.former_passwords,
    }
    described = {
        "MinimumPasswordLength": policy.minimum_length,
        "RequireSymbols": policy.require_symbols,
        "RequireNumbers": policy.require_numbers,
        "RequireUppercaseCharacters": policy.require_uppercase,
        "RequireLowercaseCharacters": policy.require_lowercase,
        "AllowUsersToChangePassword": policy.allow_change,
        "ExpirePasswords": policy.maximum_age_days is not None,
        "HardExpiry": policy.hard_expiry,
    }
    return {"PasswordPolicy": described | {name: said for name, said in optional.items() if said is not None}}


def _update(tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
    """Keep what is said; what is not said is as it is without a policy (IAM API, "UpdateAccountPasswordPolicy")."""
    usual = PasswordPolicy()
    said = PasswordPolicy(
        minimum_length=command.get("MinimumPasswordLength", usual.minimum_length),
        require_symbols=command.get("RequireSymbols", False),
        require_numbers=command.get("RequireNumbers", False),
        require_uppercase=command.get("RequireUppercaseCharacters", False),
        require_lowercase=command.get("RequireLowercaseCharacters", False),
        allow_change=command.get("AllowUsersToChangePassword", False),
        maximum_age_days=command.get("MaxPasswordAge"),
        former_passwords=command.get("PasswordReusePrevention"),
        hard_expiry=command.get("HardExpiry", False),
    )
    put_password_policy(tx.connection, target.account_id, said)
    return {}


def _delete(tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
    if not delete_password_policy(tx.connection, target.account_id):
        raise _no_policy(target)
    return {}


def _no_policy(target: Target) -> NotFound:
    return NotFound(f"The Password Policy with domain name {target.account_id} cannot be found.")
