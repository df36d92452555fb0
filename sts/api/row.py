"""What a row of the administration's table consists of. None of its fields has a default, so that none is forgotten."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sts.api.request import Asked
from sts.audit.events import Event
from sts.audit.search import Searches
from sts.clock import Clock
from sts.directory.links import SignInLinks
from sts.directory.providers import Providers
from sts.errors import NotFound
from sts.issuers.checking import IssuerCheck
from sts.model import Caller
from sts.store.database import Transaction

Command = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Target:
    """What a command is about: the ARN that is authorized, of the caller's own account, and the noun that bears it.

    The noun is None where none is needed, or none has the name: that it is not found only those are told who may.
    """

    arn: str
    noun: Any = None

    def get_noun(self) -> Any:
        """Return the noun; raises NotFound."""
        if self.noun is None:
            raise NotFound(f"There is no {self.arn}")
        return self.noun


@dataclass(frozen=True, slots=True)
class Parts:
    """What handlers work with, beside the store."""

    searches: Searches
    links: SignInLinks
    providers: Providers
    issuers: IssuerCheck
    clock: Clock


@dataclass(frozen=True, slots=True)
class Reads:
    """A handler that reads the store, in one read transaction, and returns JSON."""

    run: Callable[[Parts, Connection, Caller, Command, Target], bytes]


@dataclass(frozen=True, slots=True)
class Changes:
    """A handler that changes the store, in the transaction that also takes its audit record, and returns JSON."""

    run: Callable[[Parts, Transaction, Caller, Command, Target], bytes]


@dataclass(frozen=True, slots=True)
class Acts:
    """A handler that asks others than the store, without a transaction, and returns JSON."""

    run: Callable[[Parts, Target], Awaitable[bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """A row: it demands `sts-admin:NAME` on its target, which is of the caller's own account.

    Only what the bearer of a credential does to that credential alone demands nothing.
    """

    name: str
    event: Event
    demands: bool
    largest_body: int  # bytes; 0: it takes none
    parse: Callable[[Asked], Command]  # raises Malformed kin
    target: Callable[[Connection, Caller, Command], Target]
    handler: Reads | Changes | Acts
