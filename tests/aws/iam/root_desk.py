"""A desk where root asks for what is done with users, roles, policies and what they bear."""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from sts.access import Demand
from sts.aws.iam.attachments import AttachmentOperations
from sts.aws.iam.authorization_details import AuthorizationDetails
from sts.aws.iam.boundaries import boundary_rows
from sts.aws.iam.inline_policies import InlinePolicyOperations
from sts.aws.iam.instance_profiles import InstanceProfileOperations
from sts.aws.iam.paging import Pager
from sts.aws.iam.policies import PolicyOperations
from sts.aws.iam.roles import RoleOperations
from sts.aws.iam.service_linked_roles import ServiceLinkedRoleOperations
from sts.aws.iam.tags import TagOperations
from sts.aws.iam.users import UserOperations
from sts.aws.row import Result, Target
from sts.aws.wire import ServiceModel, compile_operation, load_model
from sts.directory.attachments import Attachments
from sts.directory.inline_policies import InlinePolicies
from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.policies import Policies
from sts.directory.roles import Roles
from sts.directory.service_linked_roles import ServiceLinkedRoles
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.model import Caller
from tests.aws.iam.desk import Desk, open_desk, root
from tests.directory.store import ENTROPY, OTHER_ACCOUNT_ID, Store


@dataclass(frozen=True, slots=True)
class RootDesk:
    """A desk and the account's root, who asks there."""

    desk: Desk
    caller: Caller

    @property
    def store(self) -> Store:
        """The store that the rows work on."""
        return self.desk.store

    def ask(self, operation: str, **command: Any) -> Result:
        """Do what *command* says; the result must be one that the service model can say."""
        return self.act(operation, self.target(operation, **command), **command)

    def target(self, operation: str, **command: Any) -> Target:
        """Return what *command* is about."""
        return self.desk.target(self.caller, operation, **command)

    def act(self, operation: str, target: Target, **command: Any) -> Result:
        """Do what *command* says to *target*, which was authorized some time ago."""
        result = self.desk.act(self.caller, operation, target, **command)
        compile_operation(iam_model(), operation).render(result, "request-id")
        return result

    def demand(self, operation: str, **command: Any) -> Demand:
        """Return the one demand of *command*."""
        (only,) = self.demands(operation, **command)
        return only

    def demands(self, operation: str, **command: Any) -> tuple[Demand, ...]:
        """Return the demands of *command*."""
        return self.desk.rows[operation].demands(self.caller, command, self.target(operation, **command))

    def abroad(self) -> "RootDesk":
        """Return the desk as the root of another account finds it."""
        return replace(self, caller=root(OTHER_ACCOUNT_ID))


def open_root_desk(store: Store) -> RootDesk:
    """Return a desk with the rows of users, roles, linked roles, policies, tags, attachments and inline policies."""
    pager, tagging = Pager(store.keyring), Tagging()
    rows = (
        *UserOperations(Users(ENTROPY), tagging, pager).rows(),
        *RoleOperations(Roles(ENTROPY), tagging, pager).rows(),
        *ServiceLinkedRoleOperations(ServiceLinkedRoles(Roles(ENTROPY), store.keyring)).rows(),
        *PolicyOperations(Policies(ENTROPY), tagging, pager).rows(),
        *InstanceProfileOperations(InstanceProfiles(ENTROPY), tagging, pager).rows(),
        *AuthorizationDetails(pager).rows(),
        *boundary_rows(),
        *TagOperations(tagging, pager).rows(),
        *AttachmentOperations(Attachments(), pager).rows(),
        *InlinePolicyOperations(InlinePolicies(), pager).rows(),
    )
    return RootDesk(open_desk(store, rows), root())


@cache
def iam_model() -> ServiceModel:
    """Return IAM's service model."""
    return load_model("iam")
