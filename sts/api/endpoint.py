"""The whole front: prove, decide, do, record; whatever the operation."""

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from sts.access import AccessDenied, Decider, Demand, require
from sts.api.errors import INTERNAL_FAILURE, find_error, render_message
from sts.api.operations import find_methods, get_operation
from sts.api.request import Asked, parse_asked, read_request
from sts.api.row import Acts, Command, Operation, Parts, Reads, Target
from sts.audit.record import Entry, shorten
from sts.audit.recording import Recorder, Recording
from sts.audit.sums import Sums
from sts.authn.arrival import begin_entry, describe_circumstances
from sts.authn.signature import Prover, SignedParts
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import CredentialUnsuitable, InputInvalid, MethodUnsupported, ParameterInvalid, Refusal, Throttled
from sts.model import ADMINISTERING, Secret
from sts.receipts import Receipts
from sts.store.database import Database
from sts.telemetry.meters import Meters

_SERVICE = "sts"  # what requests are signed for: every SDK knows it

_log = structlog.get_logger("sts.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationEndpoint:
    """Everything under `/api/`."""

    proof: Prover
    access: Decider
    receipts: Receipts
    journal: Recorder
    sums: Sums
    meters: Meters
    database: Database
    parts: Parts
    clock: Clock
    entropy: Entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        entry = begin_entry(scope, self.entropy.request_id(), self.clock.now())
        try:
            body = await self._answer(scope, receive, entry)
        except Refusal as refusal:
            message = self._explain(entry, refusal)
            await _send_refusal(send, refusal, message, entry.request_id, find_methods(_read_path(scope)))
        except Exception:  # noqa: BLE001  a bug: the caller learns the request id, the log the rest
            _log.exception("request.failed", operation=entry.operation)
            await _send_error(
                send, INTERNAL_FAILURE, "An error in the service kept it from answering", entry.request_id
            )
        else:
            await _send(send, 200, body, entry.request_id)

    def _explain(self, entry: Entry, refusal: Refusal) -> str:
        message = render_message(refusal)
        return message + self.receipts.introduce(entry, refusal) if isinstance(refusal, AccessDenied) else message

    async def _answer(self, scope: Scope, receive: Receive, entry: Entry) -> bytes:
        async with Recording(self.journal, self.sums, self.meters, entry) as recording:
            # The path as it was sent: with escapes undone it would have other spellings, past whatever stands in front.
            operation = get_operation(scope["method"], _read_path(scope))
            entry.operation, entry.event = f"sts-admin:{operation.name}", operation.event
            parts = await read_request(scope, receive, operation.largest_body)
            await self._prove(parts, entry)
            caller = entry.get_caller()
            command = _parse(operation, parse_asked(scope, parts.body))
            entry.parameters = shorten({k: v for k, v in command.items() if not isinstance(v, Secret)})
            target = await self.database.read(lambda connection: operation.target(connection, caller, command))
            if operation.demands:
                await self._decide(scope, operation, entry, target)
            return await self._do(operation, recording, command, target)

    async def _prove(self, parts: SignedParts, entry: Entry) -> None:
        try:
            proven = await self.proof.prove(parts, _SERVICE, entry.address)
        except Refusal as refusal:
            entry.claimed = getattr(refusal, "claimed", None)
            raise
        entry.caller, entry.region, entry.service = proven.caller, proven.region, proven.service
        if proven.caller.credential not in ADMINISTERING:
            raise CredentialUnsuitable("This cannot be called with a session token without MFA, or a federation token")

    async def _decide(self, scope: Scope, operation: Operation, entry: Entry, target: Target) -> None:
        caller = entry.get_caller()
        action = f"sts-admin:{operation.name}"
        demand = Demand(action=action, resource=target.arn, resource_account_id=caller.account_id)
        entry.pairs = ((demand.action, demand.resource),)
        decisions = await self.access.decide(caller, describe_circumstances(scope, entry), (demand,))
        entry.decisions = tuple(decision.as_record() for decision in decisions)
        require(caller, decisions)

    async def _do(self, operation: Operation, recording: Recording, command: Command, target: Target) -> bytes:
        caller, parts = recording.entry.get_caller(), self.parts
        if isinstance(operation.handler, Acts):
            return await operation.handler.run(parts, target)
        if isinstance(operation.handler, Reads):
            read = operation.handler.run
            return await self.database.read(lambda connection: read(parts, connection, caller, command, target))
        change = operation.handler.run
        return await recording.change(lambda transaction: change(parts, transaction, caller, command, target))


def _parse(operation: Operation, asked: Asked) -> Command:
    """Parse what is asked; a member that cannot be what it says is told as any other fault of a request's form."""
    try:
        return operation.parse(asked)
    except InputInvalid as invalid:
        raise ParameterInvalid(invalid.message) from None


def _read_path(scope: Scope) -> str:
    raw_path: bytes = scope["raw_path"]
    return raw_path.decode("latin-1")


async def _send_refusal(send: Send, refusal: Refusal, message: str, request_id: str, methods: Sequence[str]) -> None:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(refusal, Throttled):
        headers = ((b"retry-after", str(refusal.retry_after_seconds).encode("ascii")),)
    if isinstance(refusal, MethodUnsupported):
        headers = ((b"allow", ", ".join(methods).encode("ascii")),)
    await _send_error(send, find_error(refusal), message, request_id, headers)


async def _send_error(
    send: Send, error: tuple[str, int], message: str, request_id: str, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    code, status = error
    body = msgspec.json.encode({"__type": code, "message": message})
    await _send(send, status, body, request_id, (*headers, (b"x-amzn-errortype", code.encode("ascii"))))


async def _send(
    send: Send, status: int, body: bytes, request_id: str, more: tuple[tuple[bytes, bytes], ...] = ()
) -> None:
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode("ascii")),
        (b"x-amzn-requestid", request_id.encode("ascii")),
        (b"cache-control", b"no-store"),
        (b"x-content-type-options", b"nosniff"),
        *more,
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
