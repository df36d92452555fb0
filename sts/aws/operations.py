"""The operations that are offered: every row compiled with its model, found by Action and Version."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Self

from sts.aws.catalogue import NOT_OFFERED
from sts.aws.row import Operation
from sts.aws.wire import Form, OperationModel, ServiceModel, compile_operation, load_model
from sts.errors import OperationMissing, OperationUnknown

SERVICES = ("sts", "iam")


@dataclass(frozen=True, slots=True)
class Offered:
    """A row with its compiled model."""

    row: Operation
    model: OperationModel

    @property
    def qualified_name(self) -> str:
        """The operation's name with its service: `sts:AssumeRole`."""
        return f"{self.row.service}:{self.row.name}"


@dataclass(frozen=True, slots=True)
class Operations:
    """The table, compiled: by API version and name."""

    offered: Mapping[tuple[str, str], Offered]

    @classmethod
    def compile(cls, rows: Iterable[Operation]) -> Self:
        """Compile *rows*; raises KeyError for a name that no model has, ValueError for an operation's second row."""
        models = {name: load_model(name) for name in SERVICES}
        offered: dict[tuple[str, str], Offered] = {}
        for row in rows:
            place = (models[row.service].api_version, row.name)
            if place in offered:
                raise ValueError(f"{row.name} has two rows for version {place[0]}")
            offered[place] = _compile(row, models[row.service])
        return cls(MappingProxyType(offered))

    def named(self, form: Form) -> Offered:
        """Return the operation that *form* asks for; raises OperationMissing or OperationUnknown."""
        name = form.get("Action")
        if not name:
            raise OperationMissing("The request is missing the parameter Action")
        version = form.get("Version", "NO_VERSION_SPECIFIED")
        offered = self.offered.get((version, name))
        if offered is None:
            reason = f": {NOT_OFFERED[name]}" if name in NOT_OFFERED else ""
            raise OperationUnknown(f"Could not find operation {name[:128]} for version {version[:64]}{reason}")
        return offered


def _compile(row: Operation, model: ServiceModel) -> Offered:
    return Offered(row, compile_operation(model, row.name, withheld=row.not_yet))
