"""The groups of the account, and its managed policies: who is in a group, what a policy says, and who has it."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.model import Group, Policy
from sts.signin.administering import (
    LIMIT,
    cut,
    describe_borne,
    find_list,
    find_named,
    get_noun,
    indent,
    parse_asked,
    show,
)
from sts.signin.answer import Answer, Shown
from sts.signin.row import Find, Page, Target, on_target
from sts.signin.visit import Visit
from sts.store import policies
from sts.store.attachments import BearerKind, Usage, list_bearers
from sts.store.details import find_details
from sts.store.groups import list_groups, list_members
from sts.store.tags import find_tags

_GROUPS, _POLICIES = "/ui/groups", "/ui/policies"
_GROUP, _POLICY, _SERVICE_POLICY = f"{_GROUPS}/{{}}", f"{_POLICIES}/{{}}", f"{_POLICIES}/aws/{{}}"
_OF_GROUP = ("iam:GetGroup", "iam:ListAttachedGroupPolicies", "iam:ListGroupPolicies", "iam:GetGroupPolicy")
_OF_POLICY = ("iam:GetPolicy", "iam:GetPolicyVersion", "iam:ListEntitiesForPolicy")
_MOST_SHOWN = 100  # members of a group, bearers of a policy


def account_policy_rows() -> tuple[Page, ...]:
    """Return the rows of groups and policies: none of them changes anything."""
    group, listing = find_named(BearerKind.GROUP), Event.POLICY_LIST
    groups, every_policy = on_target("iam:ListGroups"), on_target("iam:ListPolicies")
    policy, read = on_target(*_OF_POLICY), Event.POLICY_READ
    return (
        show("ShowGroups", _GROUPS, Event.GROUP_LIST, find=find_list("group"), demands=groups, run=_list_groups),
        show("ShowGroup", _GROUP, Event.GROUP_READ, find=group, demands=on_target(*_OF_GROUP), run=_show_group),
        show("ShowPolicies", _POLICIES, listing, find=find_list("policy"), demands=every_policy, run=_list_policies),
        show("ShowPolicy", _POLICY, read, find=_find_policy(None), demands=policy, run=_show_policy),
        show(
            "ShowServicePolicy",
            _SERVICE_POLICY,
            read,
            find=_find_policy(policies.SERVICE_ACCOUNT),
            demands=policy,
            run=_show_policy,
        ),
    )


async def _list_groups(visit: Visit, _target: Target) -> Answer:
    asked, account_id = parse_asked(visit), visit.caller.account_id
    visit.entry.parameters = {"after": asked.after}
    found = await visit.read(lambda connection: list_groups(connection, account_id, "/", asked.after, LIMIT))
    groups, after = cut(found, lambda group: group.name)
    return Shown("groups.html", {"groups": groups, "after": after, "asked": asked})


async def _show_group(visit: Visit, target: Target) -> Answer:
    return Shown("group.html", await visit.read(partial(_read_group, get_noun(target))))


def _read_group(group: Group, connection: Connection) -> Mapping[str, Any]:
    members = list_members(connection, group.unique_id, None, _MOST_SHOWN + 1)
    return {
        "group": group,
        "members": members[:_MOST_SHOWN],
        "are_more": len(members) > _MOST_SHOWN,
        **describe_borne(find_details(connection, [group.unique_id])[group.unique_id]),
    }


async def _list_policies(visit: Visit, _target: Target) -> Answer:
    asked = parse_asked(visit)
    visit.entry.parameters = {"after": asked.after}
    own, service = await visit.read(lambda connection: _read_policies(connection, visit.caller.account_id, asked.after))
    shown, after = cut(own, lambda policy: policy.name)
    return Shown("policies.html", {"policies": shown, "service": service, "after": after, "asked": asked})


def _read_policies(
    connection: Connection, account_id: str, after: str | None
) -> tuple[tuple[Policy, ...], tuple[Policy, ...]]:
    """Return a page of the account's own policies, and on the first page those that the service keeps."""

    def read(owner: str, position: str | None) -> tuple[Policy, ...]:
        return policies.list_policies(
            connection,
            account_id,
            (owner,),
            "/",
            only_attached=False,
            only_boundaries=False,
            after=position,
            limit=LIMIT,
        )

    if after is None:
        return read(account_id, None), read(policies.SERVICE_ACCOUNT, None)
    return read(account_id, f"{after.lower()} {account_id}"), ()


def _find_policy(owner: str | None) -> Find:
    """Return what finds the policy of this name that *owner* has, or without one the account of who asks."""

    async def find(visit: Visit) -> Target:
        viewer = visit.caller.account_id
        return await visit.read(lambda connection: _find(connection, owner or viewer, visit.rest, viewer))

    return find


def _find(connection: Connection, owner: str, name: str, viewer: str) -> Target:
    found = policies.find_policy_named(connection, owner, name, viewer)
    if found is None:
        return Target(iam_arn(owner, f"policy/{name}"))
    return Target(found.arn, found, tags=find_tags(connection, found.policy_id))


async def _show_policy(visit: Visit, target: Target) -> Answer:
    account_id = visit.caller.account_id
    return Shown("policy.html", await visit.read(partial(_read_policy, get_noun(target), account_id)))


def _read_policy(policy: Policy, account_id: str, connection: Connection) -> Mapping[str, Any]:
    bearers = list_bearers(
        connection,
        policy.policy_id,
        account_id,
        tuple(BearerKind),
        "/",
        usages=tuple(Usage),
        after=None,
        limit=_MOST_SHOWN + 1,
    )
    return {
        "policy": policy,
        "document": indent(policies.get_default_document(connection, policy.policy_id)),
        "bearers": sorted(bearers[:_MOST_SHOWN], key=lambda bearer: (bearer.kind, bearer.name)),
        "are_more": len(bearers) > _MOST_SHOWN,
    }
