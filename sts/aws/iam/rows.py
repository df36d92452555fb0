"""What the rows of IAM have in common: they are signed, and each demands its own action on its target."""

from collections.abc import Collection

from sts.access import Context, Demand
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


def demand(action: str, target: Target, resource: str | None = None, context: Context | None = None) -> Demand:
    """Return the demand of *action* on *target*, or on another *resource* of the target's account."""
    return Demand(
        action=action,
        resource=resource or target.arn,
        resource_account_id=target.account_id,
        context=context or {},
    )
