"""What a row of the operations table consists of. A row that states no proof, demands or limit cannot be written."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from sqlalchemy import Connection

from sts.access import Context, Demand
from sts.audit.events import Event
from sts.errors import Refusal
from sts.model import ADMINISTERING, Caller, Credential
from sts.store.database import Transaction
from sts.tags import Tags

_IDENTIFIERS = frozenset(
    {
        "AccessKeyId",
        "Arn",
        "GroupId",
        "InstanceProfileId",
        "OpenIDConnectProviderArn",
        "PolicyId",
        "RoleId",
        "SerialNumber",
        "UserId",
        "VersionId",
    }
)

Command = Mapping[str, Any]  # parsed and validated, under AWS's member names; absent members are absent
Result = dict[str, Any]  # under AWS's member names, rendered as the service model says


class Proof(StrEnum):
    """How the caller of an operation is proven."""

    SIGNATURE = "signature"
    WEB_IDENTITY = "web-identity"  # by a token among the parameters


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: the ARN that is authorized, and the noun that bears it (None: it does not exist)."""

    arn: str
    account_id: str
    noun: Any = None
    owner_account_id: str | None = None  # the account that the record is filed under beside the caller's
    tags: Tags = field(default_factory=dict)  # that the resource of this ARN bears
    boundary_arn: str | None = None  # of the policy that is the resource's permissions boundary
    is_granted: bool = False  # by the account itself: no policy is asked
    context: Context = field(default_factory=dict)  # condition keys that were learnt in finding it
    region: str = ""  # that the request was signed for, where the handler Acts


Find = Callable[[Connection, Caller, Command], Target]  # in the store
Recall = Callable[[Caller, Command, str], Awaitable[Target]]  # in memory; the last is the client's address
Prepare = Callable[[Caller, Command, Target, str], Awaitable[Command]]  # the last is the client's address
Demands = Callable[[Caller, Command, Target], tuple[Demand, ...]]


@dataclass(frozen=True, slots=True)
class Reads:
    """A handler that reads the store, in one read transaction."""

    run: Callable[[Connection, Caller, Command, Target], Result]


@dataclass(frozen=True, slots=True)
class Changes:
    """A handler that changes the store, in the transaction that also takes its audit record.

    When it raises a Refusal, nothing is changed; when it returns one, that is the answer and its changes are kept.
    """

    run: Callable[[Transaction, Caller, Command, Target], Result | Refusal]


@dataclass(frozen=True, slots=True)
class Acts:
    """A handler that works on keys and memory, without a transaction."""

    run: Callable[[Caller, Command, Target], Awaitable["Done"]]


@dataclass(frozen=True, slots=True)
class Done:
    """What a handler that Acts answers, and the identifiers of what it made, for the record."""

    result: Result
    made: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limit:
    """What a request may cost: the size of its body in bytes and the number of its parameters."""

    body: int
    parameters: int


SMALL = Limit(body=64 * 1024, parameters=500)
DOCUMENT = Limit(body=1024 * 1024, parameters=500)  # the model takes a policy document of up to 131,072 characters


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A row: what is asked, how the caller is proven, what must be allowed, what is done, what it may cost.

    *credentials* are the kinds that are taken.
    """

    service: str
    name: str
    event: Event
    proof: Proof
    target: Find | Recall  # a Recall where the handler Acts
    demands: Demands
    handler: Reads | Changes | Acts
    limit: Limit
    prepare: Prepare | None = None  # what takes long to compute of the command before it is done
    finish: Callable[[Result], Result] | None = None  # what takes long to compute of a durable result: in a thread
    credentials: frozenset[Credential] = ADMINISTERING
    not_yet: frozenset[str] = frozenset()  # members of the model that are not offered: refused by name, never ignored


def find_identifiers(result: Result) -> Mapping[str, str]:
    """Return the identifiers in *result*, of the result itself and of the structures in it; never a secret."""
    found = {name: value for name, value in result.items() if name in _IDENTIFIERS}
    for value in result.values():
        if isinstance(value, dict):
            found |= find_identifiers(value)
    return found
