"""The table of the administration's operations: method and path, event, what it demands, how it is read and done."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sts.access import Demand
from sts.api import audit
from sts.audit.events import Event
from sts.errors import MethodUnsupported, OperationUnknown
from sts.model import Caller

Parameters = Mapping[str, str]
Command = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A row: none of its fields has a default, so that none is forgotten."""

    name: str
    event: Event
    parse: Callable[[Parameters], Command]  # raises Malformed kin
    demand: Callable[[Caller], Demand]
    read: Callable[[Connection, Caller, Command], bytes]  # returns JSON


OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/audit/records"): Operation(
        name="ListAuditRecords",
        event=Event.AUDIT_READ,
        parse=audit.parse_range,
        demand=audit.demand_records,
        read=audit.render_records,
    ),
}


def get_operation(method: str, path: str) -> Operation:
    """Return the operation at this address; raises OperationUnknown, MethodUnsupported."""
    found = OPERATIONS.get((method, path))
    if found is not None:
        return found
    if any(path == offered for _, offered in OPERATIONS):
        raise MethodUnsupported(f"The method {method} is not offered at {path}")
    raise OperationUnknown(f"Nothing is offered at {path}")
