"""Inline policies of users, groups and roles (IAM API Reference, "PutUserPolicy" and its kin)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.bearers import NAME_MEMBERS, get_bearer, on_bearer
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_bounded
from sts.aws.row import DOCUMENT, Changes, Command, Operation, Reads, Result, Target
from sts.directory.inline_policies import InlinePolicies, get_inline_policy
from sts.model import Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction
from sts.store.inline_policies import list_inline_policies


@dataclass(frozen=True, slots=True)
class InlinePolicyOperations:
    """IAM's operations on inline policies, the same four for each kind of bearer."""

    policies: InlinePolicies
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return a row for each operation."""
        return tuple(row for kind in BearerKind for row in _OfKind(self.policies, self.pager, kind).rows())


@dataclass(frozen=True, slots=True)
class _OfKind:
    policies: InlinePolicies
    pager: Pager
    kind: BearerKind

    def rows(self) -> tuple[Operation, ...]:
        noun, find = self.kind.capitalize(), on_bearer(self.kind)
        put, delete = f"Put{noun}Policy", f"Delete{noun}Policy"
        may_put, may_delete = on_bounded(f"iam:{put}"), on_bounded(f"iam:{delete}")
        return (
            iam_row(put, Event.INLINE_POLICY_PUT, find, Changes(self.put), demands=may_put, limit=DOCUMENT),
            iam_row(f"Get{noun}Policy", Event.INLINE_POLICY_READ, find, Reads(self.get)),
            iam_row(delete, Event.INLINE_POLICY_DELETE, find, Changes(self.delete), demands=may_delete),
            iam_row(f"List{noun}Policies", Event.INLINE_POLICY_LIST, find, Reads(self.list)),
        )

    def put(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        bearer = get_bearer(self.kind, command, target)
        self.policies.put(tx, bearer=bearer, name=command["PolicyName"], document=command["PolicyDocument"])
        return {}

    def get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        bearer, name = get_bearer(self.kind, command, target), command["PolicyName"]
        document = get_inline_policy(connection, bearer, name)
        return {NAME_MEMBERS[self.kind]: bearer.name, "PolicyName": name, "PolicyDocument": document}

    def delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.policies.delete(tx, bearer=get_bearer(self.kind, command, target), name=command["PolicyName"])
        return {}

    def list(self, connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        bearer, operation = get_bearer(self.kind, command, target), f"List{self.kind.capitalize()}Policies"
        after = self.pager.after(command, operation, caller.account_id)
        found = list_inline_policies(connection, bearer.unique_id, after, read_limit(command))
        shown, more = self.pager.page(found, command, operation, caller.account_id, str)
        return {"PolicyNames": list(shown), **more}
