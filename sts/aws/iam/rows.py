"""What the rows of IAM have in common: they are signed, and each demands its own action on its target."""

from collections.abc import Callable, Collection
from dataclasses import replace

from sqlalchemy import Connection

from sts.access import Context, Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.row import SMALL, Changes, Command, Demands, Find, Limit, Operation, Prepare, Proof, Reads, Result, Target
from sts.aws.tags import describe_request
from sts.directory.tags import bearer_id
from sts.evaluator import describe_bearer, describe_boundary
from sts.model import Caller, InstanceProfile, MfaDevice, Policy, Role, User
from sts.providers import Provider
from sts.store.boundaries import find_boundary_arn
from sts.store.tags import find_tags


def iam_row(
    name: str,
    event: Event,
    target: Find,
    handler: Reads | Changes,
    *,
    demands: Demands | None = None,
    limit: Limit = SMALL,
    prepare: Prepare | None = None,
    finish: Callable[[Result], Result] | None = None,
    not_yet: Collection[str] = (),
) -> Operation:
    """Return the row of the operation *name*; it demands `iam:NAME` on its target unless *demands* says otherwise."""
    return Operation(
        service="iam",
        name=name,
        event=event,
        proof=Proof.SIGNATURE,
        target=_describing(target),
        demands=demands or on_target(f"iam:{name}"),
        handler=handler,
        limit=limit,
        prepare=prepare,
        finish=finish,
        not_yet=frozenset(not_yet),
    )


def _describing(find: Find) -> Find:
    """Return *find* with the tags and the boundary of what it finds: policies may speak of them."""

    def find_described(connection: Connection, caller: Caller, command: Command) -> Target:
        target = find(connection, caller, command)
        if isinstance(target.noun, User | Role):
            target = replace(target, boundary_arn=find_boundary_arn(connection, target.noun.unique_id))
        if isinstance(target.noun, User | Role | Policy | InstanceProfile | MfaDevice | Provider):
            target = replace(target, tags=find_tags(connection, bearer_id(target.noun)))
        return target

    return find_described


def on_target(action: str) -> Demands:
    """Return the demands of an operation that needs *action* on its target, and nothing else."""

    def demands(_caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
        return (demand(action, target),)

    return demands


def unless_granted(action: str) -> Demands:
    """Return the demands of an operation that an account may grant to each of its users for themselves."""

    def demands(_caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
        return () if target.is_granted else (demand(action, target),)

    return demands


def on_tagging(action: str, tag_action: str) -> Demands:
    """Return the demands of an operation that may bring tags: *tag_action* as well when it does, in the same context.

    Without the second demand whoever may create could tag, and so take what policies give to the bearers of a tag.
    """

    def demands(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
        tags = describe_request(command)
        asked = demand(action, target, context={**tags, **describe_boundary(command.get("PermissionsBoundary"))})
        tagging = (demand(tag_action, target, context=tags),) if "Tags" in command and tag_action != action else ()
        return (asked, *tagging)

    return demands


def on_bounded(action: str) -> Demands:
    """Return the demands of an operation whose policies may speak of the boundary that its target has at present."""

    def demands(_caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
        return (demand(action, target, context=describe_boundary(target.boundary_arn)),)

    return demands


def on_both(action: str, kind: str, new_name: str) -> Demands:
    """Return the demands of a rename: *action* on what is there and on what it becomes (IAM API, "UpdateUser").

    *kind* is `user` or `group`, *new_name* the member that gives the name. Without the second demand whoever may rename
    one user could move it under the path of others, where more is allowed.
    """

    def demands(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
        prefix = iam_arn(target.account_id, kind)
        path, name = target.arn.removeprefix(prefix).rsplit("/", 1)
        moved = f"{prefix}{command.get('NewPath', f'{path}/')}{command.get(new_name, name)}"
        return tuple(demand(action, target, resource) for resource in dict.fromkeys((target.arn, moved)))

    return demands


def demand(action: str, target: Target, resource: str | None = None, context: Context | None = None) -> Demand:
    """Return the demand of *action* on *target*, or on another *resource* of the target's account."""
    return Demand(
        action=action,
        resource=resource or target.arn,
        resource_account_id=target.account_id,
        context={**describe_bearer(target.arn, target.tags), **(context or {})},
    )
