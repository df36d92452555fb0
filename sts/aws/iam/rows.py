"""What the rows of IAM have in common: they are signed, and each demands its own action on its target."""

from collections.abc import Collection

from sts.access import Context, Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.row import SMALL, Changes, Command, Demands, Find, Limit, Operation, Proof, Reads, Target
from sts.model import Caller


def iam_row(
    name: str,
    event: Event,
    target: Find,
    handler: Reads | Changes,
    *,
    demands: Demands | None = None,
    limit: Limit = SMALL,
    not_yet: Collection[str] = (),
) -> Operation:
    """Return the row of the operation *name*; it demands `iam:NAME` on its target unless *demands* says otherwise."""
    return Operation(
        service="iam",
        name=name,
        event=event,
        proof=Proof.SIGNATURE,
        target=target,
        demands=demands or on_target(f"iam:{name}"),
        handler=handler,
        limit=limit,
        not_yet=frozenset(not_yet),
    )


def on_target(action: str) -> Demands:
    """Return the demands of an operation that needs *action* on its target, and nothing else."""

    def demands(_caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
        return (demand(action, target),)

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
        context=context or {},
    )
