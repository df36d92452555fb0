"""The whole front: prove, decide, do, record; whatever the operation."""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

import msgspec
import structlog
from starlette.types import Receive, Scope, Send

from sts.access import Access, require
from sts.api.errors import INTERNAL_FAILURE, find_error, render_message
from sts.api.operations import get_operation
from sts.audit.journal import Journal
from sts.audit.record import Entry
from sts.audit.recording import Recording
from sts.audit.sums import Sums
from sts.authn.arrival import begin_entry, describe_circumstances
from sts.authn.signature import SignatureProof, SignedParts
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import (
    MethodUnsupported,
    ParameterInvalid,
    ParameterRepeated,
    QueryMalformed,
    Refusal,
    Throttled,
    TooLarge,
)
from sts.store.database import Database

_SERVICE = "sts"  # what requests are signed for: every SDK knows it
_MOST_PARAMETERS = 16

_log = structlog.get_logger("sts.api")


@dataclass(frozen=True, slots=True, kw_only=True)
class AdministrationEndpoint:
    """Everything under `/api/`."""

    proof: SignatureProof
    access: Access
    journal: Journal
    sums: Sums
    database: Database
    clock: Clock
    entropy: Entropy

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        entry = begin_entry(scope, self.entropy.request_id(), self.clock.now())
        try:
            body = await self._answer(scope, receive, entry)
        except Refusal as refusal:
            await _send_refusal(send, refusal, entry.request_id)
        except Exception:  # noqa: BLE001  a bug: the caller learns the request id, the log the rest
            _log.exception("request.failed", request_id=entry.request_id, operation=entry.operation)
            await _send_error(
                send, INTERNAL_FAILURE, "An error in the service kept it from answering", entry.request_id
            )
        else:
            await _send(send, 200, body, entry.request_id)

    async def _answer(self, scope: Scope, receive: Receive, entry: Entry) -> bytes:
        async with Recording(self.journal, self.sums, entry):
            # The path as it was sent: with escapes undone it would have other spellings, past whatever stands in front.
            operation = get_operation(scope["method"], scope["raw_path"].decode("latin-1"))
            entry.operation, entry.event = f"sts-admin:{operation.name}", operation.event
            await self._prove(scope, receive, entry)
            caller = entry.get_caller()
            command = operation.parse(_parse_query(scope["query_string"]))
            entry.parameters = command
            demand = operation.demand(caller)
            entry.pairs = ((demand.action, demand.resource),)
            decisions = await self.access.decide(caller, describe_circumstances(scope, entry), (demand,))
            entry.decisions = tuple(decision.as_record() for decision in decisions)
            require(caller, decisions)
            return await self.database.read(lambda connection: operation.read(connection, caller, command))

    async def _prove(self, scope: Scope, receive: Receive, entry: Entry) -> None:
        await _refuse_body(receive)
        raw_path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        parts = SignedParts(scope["method"], raw_path, query, scope["headers"], b"")
        try:
            proven = await self.proof.prove(parts, _SERVICE, entry.address)
        except Refusal as refusal:
            entry.claimed = getattr(refusal, "claimed", None)
            raise
        entry.caller, entry.region, entry.service = proven.caller, proven.region, proven.service


async def _refuse_body(receive: Receive) -> None:
    """Read to the end of a request that has no body; raises TooLarge at the first byte of one."""
    more = True
    while more:
        message = await receive()
        if message.get("body"):
            raise TooLarge("No operation here takes a body")
        more = message.get("more_body", False)


def _parse_query(query: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(
            query.decode("ascii"), keep_blank_values=True, errors="strict", max_num_fields=_MOST_PARAMETERS
        )
    except ValueError as fault:
        raise QueryMalformed("The query cannot be decoded, or has too many parameters") from fault
    parameters = dict(pairs)
    if len(parameters) != len(pairs):
        raise ParameterRepeated("A parameter is given twice")
    # A presigned URL ends up in histories and logs of others, and would open the audit to whoever reads those.
    if any(name.lower().startswith("x-amz-") for name in parameters):
        raise ParameterInvalid("A presigned URL is not taken here: sign in the Authorization header")
    return parameters


async def _send_refusal(send: Send, refusal: Refusal, request_id: str) -> None:
    headers: tuple[tuple[bytes, bytes], ...] = ()
    if isinstance(refusal, Throttled):
        headers = ((b"retry-after", str(refusal.retry_after_seconds).encode("ascii")),)
    if isinstance(refusal, MethodUnsupported):
        headers = ((b"allow", b"GET"),)
    await _send_error(send, find_error(refusal), render_message(refusal), request_id, headers)


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
