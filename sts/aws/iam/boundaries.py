"""Permissions boundaries of users and roles (IAM API Reference, "PutUserPermissionsBoundary" and its kin)."""

from collections.abc import Callable
from dataclasses import dataclass

from sts.access import Demand
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.roles import get_role
from sts.aws.iam.rows import demand, iam_row, on_bounded
from sts.aws.iam.users import get_user
from sts.aws.row import Changes, Command, Demands, Operation, Result, Target
from sts.directory.boundaries import Bounded, bound, unbound
from sts.evaluator import describe_boundary
from sts.model import Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


def boundary_rows() -> tuple[Operation, ...]:
    """Return IAM's rows about permissions boundaries: the same two for users and roles."""
    return (*_OfKind(BearerKind.USER, get_user).rows(), *_OfKind(BearerKind.ROLE, get_role).rows())


@dataclass(frozen=True, slots=True)
class _OfKind:
    kind: BearerKind
    get: Callable[[Command, Target], Bounded]

    def rows(self) -> tuple[Operation, ...]:
        find, noun = on_bearer(self.kind), self.kind.capitalize()
        put, delete = f"Put{noun}PermissionsBoundary", f"Delete{noun}PermissionsBoundary"
        return (
            iam_row(put, Event.BOUNDARY_PUT, find, Changes(self.put), demands=_of_new(f"iam:{put}")),
            iam_row(delete, Event.BOUNDARY_REMOVE, find, Changes(self.delete), demands=on_bounded(f"iam:{delete}")),
        )

    def put(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        bound(tx, bearer=self.get(command, target), policy_arn=command["PermissionsBoundary"])
        return {}

    def delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        unbound(tx, bearer=self.get(command, target))
        return {}


def _of_new(action: str) -> Demands:
    """Return the demands of an operation whose policies may speak of the boundary that is to be."""

    def demands(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
        return (demand(action, target, context=describe_boundary(command["PermissionsBoundary"])),)

    return demands
