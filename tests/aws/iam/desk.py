"""Rows called as the endpoint calls them, without the wire: target, demands, handler."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from sts.aws.row import Changes, Command, Find, Operation, Reads, Result, Target
from sts.aws.wire import compile_operation, load_model
from sts.errors import Refusal
from sts.model import Caller, Session, User, role_session_caller, root_caller, user_caller
from tests.directory.store import ACCOUNT_ID, NOW, Store


@dataclass(frozen=True, slots=True)
class Desk:
    """The rows by name, over a store."""

    store: Store
    rows: Mapping[str, Operation]

    def target(self, caller: Caller, name: str, **command: Any) -> Target:
        """Return what the row *name* finds for *command*."""
        find = cast("Find", self.rows[name].target)
        return self.store.read(lambda connection: find(connection, caller, command))

    def demanded(self, caller: Caller, name: str, **command: Any) -> list[tuple[str, str]]:
        """Return the (action, resource) pairs that *command* demands, all in the caller's account."""
        demands = self.rows[name].demands(caller, command, self.target(caller, name, **command))
        assert {demand.resource_account_id for demand in demands} <= {caller.account_id}
        return [(demand.action, demand.resource) for demand in demands]

    def call(self, caller: Caller, name: str, **command: Any) -> Result:
        """Do what *command* says and return the members of the result."""
        target = self.target(caller, name, **command)
        return self.act(caller, name, target, **self.prepare(caller, name, target, command))

    def prepare(self, caller: Caller, name: str, target: Target, command: Command) -> Command:
        """Return *command* as it is done: with what takes long to compute of it."""
        prepare = self.rows[name].prepare
        if prepare is None:
            return command
        prepared = prepare(caller, command, target, "192.0.2.1")

        async def wait() -> Command:
            return await prepared

        return asyncio.run(wait()) if self.store.runner is None else self.store.runner.run(wait())

    def act(self, caller: Caller, name: str, target: Target, **command: Any) -> Result:
        """Do what *command* says to *target*, which was authorized some time ago."""
        handler = self.rows[name].handler
        if isinstance(handler, Reads):
            return self.store.read(lambda connection: handler.run(connection, caller, command, target))
        assert isinstance(handler, Changes)
        result = self.store.change(lambda tx: handler.run(tx, caller, command, target))
        if isinstance(result, Refusal):  # with what it changed kept
            raise result
        return result

    def render(self, caller: Caller, name: str, **command: Any) -> bytes:
        """Do what *command* says and return the answer as XML; it raises for a result that the model does not know."""
        render = compile_operation(load_model("iam"), name, withheld=self.rows[name].not_yet).render
        return render(self.call(caller, name, **command), "request-id")


def open_desk(store: Store, rows: Iterable[Operation]) -> Desk:
    """Return a desk with *rows*."""
    return Desk(store, {row.name: row for row in rows})


def root(account_id: str = ACCOUNT_ID) -> Caller:
    """Return the account's root, calling."""
    return root_caller(account_id, "")


def calling(user: User) -> Caller:
    """Return *user*, calling."""
    return user_caller(user, "")


def session() -> Caller:
    """Return a role session, calling."""
    return role_session_caller(
        Session(
            jti="jti",
            access_key_id="ASIAEXAMPLE",
            account_id=ACCOUNT_ID,
            principal_id="AROAEXAMPLE",
            principal_arn=f"arn:aws:iam::{ACCOUNT_ID}:role/reader",
            session_name="one",
            issued_at=NOW,
            expires_at=NOW,
            chain=(),
        )
    )
