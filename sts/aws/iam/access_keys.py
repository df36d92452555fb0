"""IAM's operations on access keys."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import find_user_or_caller, require_owner
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.access_keys import AccessKeys, list_owned
from sts.directory.owners import Owner
from sts.errors import NotFound, ParameterInvalid
from sts.model import AccessKey, Account, Caller
from sts.store.access_keys import find_access_key, find_last_use
from sts.store.database import Transaction
from sts.store.tags import find_tags
from sts.store.users import find_user_by_id

_STATUSES = {"Active": True, "Inactive": False}


@dataclass(frozen=True, slots=True)
class AccessKeyOperations:
    """The rows about access keys; all but the last are authorized on the user that the key belongs to, or on root."""

    access_keys: AccessKeys
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        owner = find_user_or_caller
        return (
            iam_row("CreateAccessKey", Event.ACCESS_KEY_CREATE, owner, Changes(self._create)),
            iam_row("ListAccessKeys", Event.ACCESS_KEY_LIST, owner, Reads(self._list)),
            iam_row("UpdateAccessKey", Event.ACCESS_KEY_UPDATE, owner, Changes(self._update)),
            iam_row("DeleteAccessKey", Event.ACCESS_KEY_DELETE, owner, Changes(self._delete)),
            iam_row("GetAccessKeyLastUsed", Event.ACCESS_KEY_READ, _find_bearer, Reads(self._get_last_used)),
        )

    def _create(self, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
        owner = require_owner(target)
        minted = self.access_keys.create(tx, owner=owner)
        return {"AccessKey": {**_describe(owner, minted.key), "SecretAccessKey": minted.secret}}

    def _list(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        owner = require_owner(target)
        after = self.pager.after(command, "ListAccessKeys", target.account_id)
        keys = [key for key in list_owned(connection, owner) if after is None or key.access_key_id > after]
        shown, more = self.pager.page(
            keys[: read_limit(command)], command, "ListAccessKeys", target.account_id, lambda key: key.access_key_id
        )
        return {"AccessKeyMetadata": [_describe(owner, key) for key in shown], **more}

    def _update(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        active = _STATUSES.get(command["Status"])
        if active is None:
            # The model knows the status that a key takes by itself beside those that it can be given.
            raise ParameterInvalid(f"Status can be set to {' or '.join(_STATUSES)}, not to {command['Status']}")
        self.access_keys.update(tx, owner=require_owner(target), access_key_id=command["AccessKeyId"], active=active)
        return {}

    def _delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.access_keys.delete(tx, owner=require_owner(target), access_key_id=command["AccessKeyId"])
        return {}

    def _get_last_used(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        if target.noun is None:
            raise NotFound(f"The Access Key with id {command['AccessKeyId']} cannot be found.")
        user = None if target.noun.user_id is None else find_user_by_id(connection, target.noun.user_id)
        named = {} if user is None else {"UserName": user.name}
        return {**named, "AccessKeyLastUsed": _describe_last_use(connection, target.noun.access_key_id)}


def _find_bearer(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the key under the ARN of whom it belongs to.

    A key of another account and one that does not exist are the same: both stand for any user.
    """
    key = find_access_key(connection, command["AccessKeyId"])
    if key is None or key.account_id != caller.account_id:
        return Target(iam_arn(caller.account_id, "user/"), caller.account_id)
    user = None if key.user_id is None else find_user_by_id(connection, key.user_id)
    if user is None:
        return Target(iam_arn(caller.account_id, "root"), caller.account_id, key)
    return Target(user.arn, caller.account_id, key, tags=find_tags(connection, user.unique_id))


def _describe(owner: Owner, key: AccessKey) -> Result:
    named = {} if isinstance(owner, Account) else {"UserName": owner.name}
    return {
        **named,
        "AccessKeyId": key.access_key_id,
        "Status": "Active" if key.active else "Inactive",
        "CreateDate": key.created_at,
    }


def _describe_last_use(connection: Connection, access_key_id: str) -> Result:
    use = find_last_use(connection, access_key_id)
    if use is None:
        return {"ServiceName": "N/A", "Region": "N/A"}
    return {"LastUsedDate": use.used_at, "ServiceName": use.service, "Region": use.region}
