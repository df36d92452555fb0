"""What goes for whoever bears policies: users, groups and roles alike."""

from typing import TypeVar

from sqlalchemy import Connection

from sts.errors import InUse, NotFound
from sts.model import Group, Role, User
from sts.store.attachments import BearerKind, count_attached_policies
from sts.store.groups import find_group_by_id
from sts.store.inline_policies import count_inline_policies
from sts.store.roles import find_role_by_id
from sts.store.users import find_user_by_id

Bearer = User | Group | Role
_B = TypeVar("_B", User, Group, Role)


def kind_of(bearer: Bearer) -> BearerKind:
    """Return which of the three kinds *bearer* is of."""
    if isinstance(bearer, User):
        return BearerKind.USER
    return BearerKind.GROUP if isinstance(bearer, Group) else BearerKind.ROLE


def confirm_bearer(connection: Connection, bearer: _B) -> _B:
    """Return *bearer* as it stands now; raises NotFound when it is gone or bears another ARN.

    What was authorized is a name. When the name has moved on to another bearer in between, nothing is done to either.
    """
    present = _find(connection, bearer)
    if not isinstance(present, type(bearer)) or present.arn != bearer.arn:
        raise NotFound(f"The {kind_of(bearer)} with name {bearer.name} cannot be found.")
    return present


def require_bare(connection: Connection, bearer_id: str) -> None:
    """Raise InUse while the bearer still has policies, attached or inline.

    Nothing goes along in silence: a policy that vanished with its bearer would be missed by whoever reads the records.
    """
    if count_attached_policies(connection, bearer_id):
        raise InUse("Cannot delete entity, must detach all policies first.")
    if count_inline_policies(connection, bearer_id):
        raise InUse("Cannot delete entity, must delete policies first.")


def _find(connection: Connection, bearer: Bearer) -> Bearer | None:
    if isinstance(bearer, User):
        return find_user_by_id(connection, bearer.unique_id)
    if isinstance(bearer, Group):
        return find_group_by_id(connection, bearer.unique_id)
    return find_role_by_id(connection, bearer.unique_id)
