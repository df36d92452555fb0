"""An operation of a model, compiled into plain functions."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sts.aws.wire.form import Form
from sts.aws.wire.models import ErrorModel, ServiceModel, read_error
from sts.aws.wire.scalars import is_secret
from sts.aws.wire.structures import compile_input
from sts.aws.wire.xml import compile_output


@dataclass(frozen=True, slots=True)
class OperationModel:
    """An operation: what it takes, what it gives, what it may answer instead.

    *parse* takes a Form and returns the members that it has, or raises ParameterInvalid. *render* takes the members of
    a result and the request id. *errors* goes by the names of shapes. *secrets* are the input members that may stand in
    no record and no message.
    """

    service: str
    name: str
    members: tuple[str, ...]
    required: tuple[str, ...]
    secrets: frozenset[str]
    errors: Mapping[str, ErrorModel]
    parse: Callable[[Form], dict[str, Any]]
    render: Callable[[Mapping[str, Any], str], bytes]


def compile_operation(model: ServiceModel, name: str, *, withheld: frozenset[str] = frozenset()) -> OperationModel:
    """Compile the operation *name* of *model*, without the input members *withheld*, which are not offered (yet).

    Raises KeyError when the model has no such operation or member, ValueError for a trait that this wire does not know.
    """
    described = model.operations[name]
    shape = model.shapes[described["input"]["shape"]] if "input" in described else {"members": {}}
    for strange in sorted(withheld - shape["members"].keys()):
        raise KeyError(f"{name} has no member {strange} to withhold")
    members = {member: model.get_shape(reference) for member, reference in shape["members"].items()}
    return OperationModel(
        service=model.name,
        name=name,
        members=tuple(member for member in members if member not in withheld),
        required=tuple(shape.get("required", ())),
        secrets=frozenset(member for member in members if is_secret(members[member], member)),
        errors={error["shape"]: read_error(model, error["shape"]) for error in described.get("errors", ())},
        parse=compile_input(model, name, withheld),
        render=compile_output(model, name),
    )
