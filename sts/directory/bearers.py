"""What goes for whoever bears policies: users, groups and roles alike."""

from collections.abc import Callable, Mapping
from typing import Final, TypeAlias, TypeVar

from sqlalchemy import Connection

from sts.errors import InUse, NotFound, Unmodifiable
from sts.model import Group, Role, User
from sts.store.attachments import BearerKind, count_attached_policies
from sts.store.groups import find_group, find_group_by_id
from sts.store.inline_policies import count_inline_policies
from sts.store.roles import find_role, find_role_by_id
from sts.store.users import find_user, find_user_by_id

Bearer: TypeAlias = User | Group | Role
_Same = TypeVar("_Same", bound=User | Group | Role)

_KINDS: Final[Mapping[type[Bearer], BearerKind]] = {
    User: BearerKind.USER,
    Group: BearerKind.GROUP,
    Role: BearerKind.ROLE,
}
_BY_NAME: Final[Mapping[BearerKind, Callable[[Connection, str, str], Bearer | None]]] = {
    BearerKind.USER: find_user,
    BearerKind.GROUP: find_group,
    BearerKind.ROLE: find_role,
}
_BY_ID: Final[Mapping[BearerKind, Callable[[Connection, str], Bearer | None]]] = {
    BearerKind.USER: find_user_by_id,
    BearerKind.GROUP: find_group_by_id,
    BearerKind.ROLE: find_role_by_id,
}


def kind_of(bearer: Bearer) -> BearerKind:
    """Return what *bearer* is; the kind is also the noun under which its changes are told."""
    return _KINDS[type(bearer)]


def find_bearer(connection: Connection, kind: BearerKind, account_id: str, name: str) -> Bearer | None:
    """Return the user, group or role called exactly *name* in the account."""
    return _BY_NAME[kind](connection, account_id, name)


def confirm_bearer(connection: Connection, authorized: _Same) -> _Same:
    """Return what was authorized as it stands now.

    Raises NotFound when it is gone or bears another ARN: what is acted on must be what the policies spoke of.
    """
    kind = kind_of(authorized)
    present = _BY_ID[kind](connection, authorized.unique_id)
    if not isinstance(present, type(authorized)) or present.arn != authorized.arn:
        raise unknown_bearer(kind, authorized.name)
    return present


def confirm_changeable(connection: Connection, authorized: _Same) -> _Same:
    """Do what `confirm_bearer` does, for a change of what the bearer may do; raises Unmodifiable too.

    A service-linked role is not its account's to change: neither whom it trusts nor what it may do.
    """
    present = confirm_bearer(connection, authorized)
    if isinstance(present, Role):
        require_unlinked(present)
    return present


def require_unlinked(role: Role) -> None:
    """Raise Unmodifiable for a service-linked role."""
    if role.linked_service is not None:
        raise Unmodifiable(
            f"Cannot perform the operation on the protected role '{role.name}' - it is linked to "
            f"{role.linked_service}: it can be described, tagged, and deleted by DeleteServiceLinkedRole"
        )


def unknown_bearer(kind: BearerKind, name: str) -> NotFound:
    """Return the refusal of a name that no bearer of this kind has."""
    return NotFound(f"The {kind} with name {name} cannot be found.")


def require_bare(connection: Connection, bearer_id: str) -> None:
    """Raise InUse while the bearer still has policies, attached or inline.

    Nothing goes along in silence: a policy that vanished with its bearer would be missed by whoever reads the records.
    """
    if count_attached_policies(connection, bearer_id):
        raise InUse("Cannot delete entity, must detach all policies first.")
    if count_inline_policies(connection, bearer_id):
        raise InUse("Cannot delete entity, must delete policies first.")
