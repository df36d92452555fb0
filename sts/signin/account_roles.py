"""The roles of the account: who may assume each, what it may do, when it was last used; and the end of its sessions."""

from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import Connection

from sts.access import Demand
from sts.audit.events import Event
from sts.directory import revocations
from sts.directory.trust import show_trust
from sts.evaluator import describe_boundary
from sts.model import Role
from sts.policy.wording import describe_trust
from sts.signin.administering import (
    LIMIT,
    administer,
    cut,
    describe_borne,
    find_list,
    find_named,
    get_noun,
    indent,
    parse_asked,
    show,
)
from sts.signin.answer import Answer, Moved, Shown
from sts.signin.row import Page, Target, demand_on, on_target
from sts.signin.visit import Visit
from sts.store.attachments import BearerKind
from sts.store.details import find_details
from sts.store.roles import find_role_uses, list_roles

_ROLES, _REVOKE = "/ui/account/roles", "/ui/account/roles/revoke/{}"
_ROLE = f"{_ROLES}/{{}}"
_POLICIES = ("iam:ListAttachedRolePolicies", "iam:ListRolePolicies", "iam:GetRolePolicy")


def account_role_rows() -> tuple[Page, ...]:
    """Return the rows of the list of roles, the page of one, and the form that ends its sessions."""
    find, revoke = find_named(BearerKind.ROLE), Event.PRINCIPAL_REVOKE
    lists, every = on_target("iam:ListRoles"), find_list("role")
    return (
        show("ShowAccountRoles", _ROLES, Event.ROLE_LIST, find=every, demands=lists, run=_list),
        show("ShowAccountRole", _ROLE, Event.ROLE_READ, find=find, demands=_demand, run=_show),
        administer("RevokePrincipal", _REVOKE, revoke, find=find, run=_revoke, back=_ROLE),
    )


def _demand(visit: Visit, target: Target) -> tuple[Demand, ...]:
    """Return what the page of a role demands; AWS lets policies speak of its boundary at GetRole alone of these."""
    get = demand_on(visit, "iam:GetRole", target)
    bounded = replace(get, context={**get.context, **describe_boundary(target.boundary_arn)})
    return bounded, *(demand_on(visit, action, target) for action in _POLICIES)


async def _list(visit: Visit, _target: Target) -> Answer:
    asked, account_id = parse_asked(visit), visit.caller.account_id
    visit.entry.parameters = {"after": asked.after}

    def read(connection: Connection) -> tuple[Any, ...]:
        found = list_roles(connection, account_id, "/", asked.after, LIMIT)
        return found, find_role_uses(connection, [role.unique_id for role in found])

    found, uses = await visit.read(read)
    roles, after = cut(found, lambda role: role.name)
    return Shown("account-roles.html", {"roles": roles, "uses": uses, "after": after, "asked": asked})


async def _show(visit: Visit, target: Target) -> Answer:
    return Shown("account-role.html", await visit.read(partial(_read, get_noun(target))))


def _read(role: Role, connection: Connection) -> Mapping[str, Any]:
    trust = show_trust(connection, role.trust_policy)
    return {
        "role": role,
        "trust": indent(trust),
        "sentences": describe_trust(trust),
        **describe_borne(find_details(connection, [role.unique_id])[role.unique_id]),
        "use": find_role_uses(connection, [role.unique_id]).get(role.unique_id),
    }


async def _revoke(visit: Visit, target: Target) -> Answer:
    role = get_noun(target)
    visit.entry.parameters = {"arn": target.arn}
    await visit.change(lambda tx: revocations.revoke_principal(tx, principal=role))
    return Moved(f"{_ROLES}/{role.name}")
