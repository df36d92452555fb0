"""The whole front: prove, decide, do, record; whatever the operation.

A plain ASGI application: nothing stands between the server and it but the router.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, cast

import structlog
from starlette.types import Receive, Scope, Send

from sts.access import AccessDenied, Decider, require
from sts.audit.record import Entry, shorten
from sts.audit.recording import Recorder, Recording
from sts.audit.sums import Sums
from sts.authn.arrival import begin_entry, describe_circumstances
from sts.authn.signature import Prover
from sts.aws.errors import INTERNAL_FAILURE, find_wire_error, message_of
from sts.aws.foreign import name_service, render_refusal
from sts.aws.operations import Offered, Operations
from sts.aws.request import QueryRequest, read_request
from sts.aws.row import Acts, Changes, Command, Find, Limit, Proof, Reads, Recall, Result, Target, find_identifiers
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import (
    CredentialUnknown,
    CredentialUnsuitable,
    MethodUnsupported,
    OperationMissing,
    OperationUnknown,
    QueryMalformed,
    Refusal,
    Throttled,
    TooLarge,
)
from sts.model import Caller
from sts.receipts import Receipts
from sts.store.database import Database, Transaction
from sts.store.policies import SERVICE_ACCOUNT
from sts.telemetry.meters import Meters

_log = structlog.get_logger("sts.aws")


class Identifier(Protocol):
    """What proves who sent a request whose parameters hold the proof."""

    async def prove(self, command: Command, address: str) -> tuple[Caller, Command]:
        """Return who sent *command* from *address*, and the command with what the proof adds to it."""
        ...


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status, an XML or JSON document, and headers beside the usual ones."""

    status: int
    body: bytes
    media_type: str = "text/xml"
    headers: Sequence[tuple[bytes, bytes]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class QueryEndpoint:
    """`POST /` and `GET /`."""

    operations: Operations
    proof: Prover
    web_identities: Identifier
    access: Decider
    receipts: Receipts
    journal: Recorder
    sums: Sums
    meters: Meters
    database: Database
    clock: Clock
    entropy: Entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        entry = begin_entry(scope, self.entropy.request_id(), self.clock.now())
        try:
            answer = Answer(200, await self._answer(scope, receive, entry))
        except Refusal as refusal:
            answer = _refuse(scope, entry, refusal, self._explain(scope, entry, refusal))
        except Exception:  # noqa: BLE001  a bug
            answer = _fail(scope, entry)
        await send_answer(send, answer, entry.request_id)

    def _explain(self, scope: Scope, entry: Entry, refusal: Refusal) -> str:
        message = _describe(scope, refusal)
        return message + self.receipts.introduce(entry, refusal) if isinstance(refusal, AccessDenied) else message

    async def _answer(self, scope: Scope, receive: Receive, entry: Entry) -> bytes:
        async with Recording(self.journal, self.sums, self.meters, entry) as recording:
            request = await read_request(scope, receive)
            offered = self.operations.named(request.form)
            entry.operation, entry.event = offered.qualified_name, offered.row.event
            command = await self._prove(request, offered, entry)
            entry.parameters = shorten({k: v for k, v in command.items() if k not in offered.model.secrets})
            target = await self._find(offered, entry, command)
            await self._decide(scope, offered, entry, command, target)
            result = await self._do(offered, recording, command, target)
        if offered.row.finish is not None:
            result = await asyncio.to_thread(offered.row.finish, result)
        return offered.model.render(result, entry.request_id)

    async def _prove(self, request: QueryRequest, offered: Offered, entry: Entry) -> Command:
        """Prove who sent *request*, and return what it asks for: a signature is over it, a token is part of it."""
        _require_within(offered.row.limit, request, offered.row.name)
        if offered.row.proof is Proof.WEB_IDENTITY:
            entry.service = offered.row.service
            entry.caller, command = await self.web_identities.prove(offered.model.parse(request.form), entry.address)
            return command
        try:
            proven = await self.proof.prove(request.parts, offered.row.service, entry.address)
        except Refusal as refusal:
            entry.claimed = getattr(refusal, "claimed", None)
            raise
        entry.caller, entry.region, entry.service = proven.caller, proven.region, proven.service
        _require_credential(offered, proven.caller)
        return offered.model.parse(request.form)

    async def _find(self, offered: Offered, entry: Entry, command: Command) -> Target:
        caller = entry.get_caller()
        if isinstance(offered.row.handler, Acts):
            found = await cast("Recall", offered.row.target)(caller, command, entry.address)
            return replace(found, region=entry.region)
        find = cast("Find", offered.row.target)
        return await self.database.read(lambda connection: find(connection, caller, command))

    async def _decide(self, scope: Scope, offered: Offered, entry: Entry, command: Command, target: Target) -> None:
        caller = entry.get_caller()
        demands = offered.row.demands(caller, command, target)
        entry.pairs = tuple((demand.action, demand.resource) for demand in demands)
        decisions = await self.access.decide(caller, describe_circumstances(scope, entry), demands)
        entry.decisions = tuple(decision.as_record() for decision in decisions)
        entry.crosses_accounts = any(
            demand.resource_account_id not in {caller.account_id, SERVICE_ACCOUNT} for demand in demands
        )
        entry.owner_account_id = target.owner_account_id
        require(caller, decisions)

    async def _do(self, offered: Offered, recording: Recording, command: Command, target: Target) -> Result:
        caller = recording.entry.get_caller()
        handler, prepare = offered.row.handler, offered.row.prepare
        if prepare is not None:
            command = await prepare(caller, command, target, recording.entry.address)
        if isinstance(handler, Acts):
            done = await handler.run(caller, command, target)
            recording.entry.made = done.made
            return done.result
        if isinstance(handler, Reads):
            read = handler.run
            return await self.database.read(lambda connection: read(connection, caller, command, target))
        return await recording.change(partial(_change, handler, recording.entry, command, target))


def _require_credential(offered: Offered, caller: Caller) -> None:
    if caller.credential in offered.row.credentials:
        return
    detail = f"{offered.row.name} takes no {caller.credential} credentials"
    if offered.row.service == "iam":
        raise CredentialUnknown("The security token included in the request is invalid.", detail=detail)
    raise CredentialUnsuitable(f"Cannot call {offered.row.name} with session credentials", detail=detail)


def _require_within(limit: Limit, request: QueryRequest, name: str) -> None:
    if len(request.parts.body) > limit.body:
        raise TooLarge(f"The body of {name} is at most {limit.body} bytes")
    if len(request.form) > limit.parameters:
        raise QueryMalformed(f"{name} takes at most {limit.parameters} parameters")


def _change(
    handler: Changes, entry: Entry, command: Command, target: Target, transaction: Transaction
) -> Result | Refusal:
    result = handler.run(transaction, entry.get_caller(), command, target)
    if isinstance(result, Refusal):
        return result
    entry.made = find_identifiers(result)
    return result


async def send_answer(send: Send, answer: Answer, request_id: str) -> None:
    """Send *answer* with the headers that AWS clients look at; credentials are never to be kept by anything between."""
    headers = [
        (b"content-type", answer.media_type.encode("ascii")),
        (b"content-length", str(len(answer.body)).encode("ascii")),
        (b"x-amzn-requestid", request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        *answer.headers,
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": answer.body})


def _refuse(scope: Scope, entry: Entry, refusal: Refusal, message: str) -> Answer:
    error = find_wire_error(refusal)
    if error is INTERNAL_FAILURE:
        return _fail(scope, entry)
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(refusal, Throttled):
        headers.append((b"retry-after", str(refusal.retry_after_seconds).encode("ascii")))
    if isinstance(refusal, MethodUnsupported):
        headers.append((b"allow", b"GET, POST"))
    body, media_type, more = render_refusal(scope, error, message, entry)
    return Answer(error.status, body, media_type, (*headers, *more))


def _describe(scope: Scope, refusal: Refusal) -> str:
    """Return the text for the caller; whoever comes for another service is told what leads it here."""
    service = name_service(scope) if isinstance(refusal, OperationMissing | OperationUnknown) else None
    if service is None:
        return message_of(refusal)
    return (
        f"This service offers sts and iam, not {service}: set AWS_ENDPOINT_URL_STS and AWS_ENDPOINT_URL_IAM to it "
        "rather than AWS_ENDPOINT_URL"
    )


def _fail(scope: Scope, entry: Entry) -> Answer:
    """Answer for what is being handled, a fault of ours: the caller learns the request id, the log the rest."""
    _log.exception("request.failed", operation=entry.operation)
    message = "The request could not be answered because of an error in the service"
    body, media_type, more = render_refusal(scope, INTERNAL_FAILURE, message, entry)
    return Answer(INTERNAL_FAILURE.status, body, media_type, more)
