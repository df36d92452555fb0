"""Managed policies attached to users, groups and roles (IAM API Reference, "AttachUserPolicy" and its kin)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.access import Demand
from sts.audit.events import Event
from sts.aws.iam.bearers import get_bearer, on_bearer
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import demand, iam_row
from sts.aws.row import Changes, Command, Demands, Operation, Reads, Result, Target
from sts.directory.attachments import Attachments
from sts.evaluator import describe_boundary
from sts.model import Caller
from sts.store.attachments import BearerKind, list_attached_policies
from sts.store.database import Transaction
from sts.store.policies import position_of


@dataclass(frozen=True, slots=True)
class AttachmentOperations:
    """IAM's operations on attachments, the same three for each kind of bearer."""

    attachments: Attachments
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return a row for each operation."""
        return tuple(row for kind in BearerKind for row in _OfKind(self.attachments, self.pager, kind).rows())


@dataclass(frozen=True, slots=True)
class _OfKind:
    attachments: Attachments
    pager: Pager
    kind: BearerKind

    def rows(self) -> tuple[Operation, ...]:
        find, attach, detach = on_bearer(self.kind), self._name("Attach{}Policy"), self._name("Detach{}Policy")
        return (
            iam_row(attach, Event.ATTACHMENT_ADD, find, Changes(self.attach), demands=_of_policy(attach)),
            iam_row(detach, Event.ATTACHMENT_REMOVE, find, Changes(self.detach), demands=_of_policy(detach)),
            iam_row(self._name("ListAttached{}Policies"), Event.ATTACHMENT_LIST, find, Reads(self.list)),
        )

    def attach(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.attachments.attach(tx, bearer=get_bearer(self.kind, command, target), policy_arn=command["PolicyArn"])
        return {}

    def detach(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.attachments.detach(tx, bearer=get_bearer(self.kind, command, target), policy_arn=command["PolicyArn"])
        return {}

    def list(self, connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        bearer, operation = get_bearer(self.kind, command, target), self._name("ListAttached{}Policies")
        found = list_attached_policies(
            connection,
            caller.account_id,
            bearer.unique_id,
            command.get("PathPrefix", "/"),
            after=self.pager.after(command, operation, caller.account_id),
            limit=read_limit(command),
        )
        shown, more = self.pager.page(found, command, operation, caller.account_id, position_of)
        return {"AttachedPolicies": [{"PolicyName": each.name, "PolicyArn": each.arn} for each in shown], **more}

    def _name(self, pattern: str) -> str:
        return pattern.format(self.kind.capitalize())


def _of_policy(operation: str) -> Demands:
    """Return the demands of an operation whose policies may speak of the managed policy and the bearer's boundary."""

    def demands(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
        context = {"iam:policyarn": (command["PolicyArn"],), **describe_boundary(target.boundary_arn)}
        return (demand(f"iam:{operation}", target, context=context),)

    return demands
