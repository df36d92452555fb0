"""Service-linked roles (IAM API Reference, "CreateServiceLinkedRole" and its kin)."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.access import Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.roles import describe_roles, get_role
from sts.aws.iam.rows import demand, iam_row
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.service_linked_roles import ServiceLinkedRoles, name_service_role, parse_deletion
from sts.model import SERVICE_LINKED_PATH, Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


@dataclass(frozen=True, slots=True)
class ServiceLinkedRoleOperations:
    """The rows about service-linked roles."""

    linked: ServiceLinkedRoles

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        create, status = "CreateServiceLinkedRole", "GetServiceLinkedRoleDeletionStatus"
        on_role = on_bearer(BearerKind.ROLE)
        return (
            iam_row(create, Event.ROLE_CREATE, _find_new, Changes(self._create), demands=_demand_creating),
            iam_row("DeleteServiceLinkedRole", Event.ROLE_DELETE, on_role, Changes(self._delete)),
            iam_row(status, Event.ROLE_DELETION_READ, _find_deletion, Reads(self._get_status)),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        role = self.linked.create(
            tx,
            account_id=target.account_id,
            service=command["AWSServiceName"],
            suffix=command.get("CustomSuffix"),
            description=command.get("Description", ""),
        )
        (described,) = describe_roles(tx.connection, [role])
        return {"Role": described}

    def _delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        return {"DeletionTaskId": self.linked.delete(tx, role=get_role(command, target))}

    def _get_status(self, _connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        self.linked.verify_deleted(target.noun, target.account_id)
        return {"Status": "SUCCEEDED"}  # a deletion is done before its task id is handed out


def _find_new(_connection: Connection, caller: Caller, command: Command) -> Target:
    name = name_service_role(command["AWSServiceName"], command.get("CustomSuffix"))
    return Target(_role_arn(caller, command["AWSServiceName"], name), caller.account_id)


def _find_deletion(_connection: Connection, caller: Caller, command: Command) -> Target:
    deletion = parse_deletion(command["DeletionTaskId"])
    return Target(_role_arn(caller, deletion.service, deletion.role_name), caller.account_id, deletion)


def _role_arn(caller: Caller, service: str, name: str) -> str:
    return iam_arn(caller.account_id, f"role{SERVICE_LINKED_PATH}{service}/{name}")


def _demand_creating(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
    context = {"iam:awsservicename": (command["AWSServiceName"],)}
    return (demand("iam:CreateServiceLinkedRole", target, context=context),)
