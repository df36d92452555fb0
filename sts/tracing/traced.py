"""Every part with a span around its verbs, and the receiver that they are sent to."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from contextvars import copy_context
from dataclasses import dataclass, replace
from functools import partial
from typing import TypeVar

from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import OTELResourceDetector, Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from sqlalchemy import Connection
from starlette.middleware import Middleware

from sts.access import Decider, Demand
from sts.audit.record import Entry
from sts.audit.recording import Recorder
from sts.authn.arrival import Network
from sts.authn.signature import Proven, Prover, SignedParts
from sts.aws.endpoint import Identifier
from sts.aws.row import Acts, Changes, Command, Done, Operation, Reads, Result, Target
from sts.cache import Cache
from sts.cache.watched import WatchedCache
from sts.errors import Refusal
from sts.evaluator import Circumstances
from sts.model import Caller
from sts.policy.evaluate import Decision
from sts.store.database import Database, Transaction
from sts.store.watched import WatchedDatabase
from sts.tracing.requests import TracedRequests
from sts.tracing.spans import CallSpans, Spans

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class TracedProof:
    """Proves within a span."""

    proof: Prover
    spans: Spans

    async def prove(self, parts: SignedParts, service: str, address: str) -> Proven:
        """Return who signed *parts* for *service* and sent them from *address*."""
        with self.spans.within("prove"):
            return await self.proof.prove(parts, service, address)


@dataclass(frozen=True, slots=True)
class TracedWebIdentities:
    """Proves by tokens within a span."""

    proof: Identifier
    spans: Spans

    async def prove(self, command: Command, address: str) -> tuple[Caller, Command]:
        """Return who sent *command* from *address*, and the command with what the proof adds to it."""
        with self.spans.within("prove"):
            return await self.proof.prove(command, address)


@dataclass(frozen=True, slots=True)
class TracedAccess:
    """Decides within a span."""

    access: Decider
    spans: Spans

    async def decide(
        self, caller: Caller, circumstances: Circumstances, demands: Sequence[Demand]
    ) -> tuple[Decision, ...]:
        """Return a decision for each of *demands*, up to the first that is not allowed."""
        with self.spans.within("decide"):
            return await self.access.decide(caller, circumstances, demands)


@dataclass(frozen=True, slots=True)
class TracedJournal:
    """Records within a span: the wait for the commit, which others share, and the commit."""

    journal: Recorder
    spans: Spans

    @property
    def code_of(self) -> Callable[[Refusal], str]:
        """What tells the wire's code for a refusal."""
        return self.journal.code_of

    async def record(self, entry: Entry) -> None:
        """Record *entry*."""
        with self.spans.within("record"):
            await self.journal.record(entry)

    async def change(self, entry: Entry, change: Callable[[Transaction], _T | Refusal]) -> _T:
        """Make *change*, which is what is done, and record *entry* in the same transaction."""
        with self.spans.within("record"):
            context = copy_context()  # the writer makes the change of each request, in a context of its own
            return await self.journal.change(entry, lambda transaction: context.run(self._do, change, transaction))

    def _do(self, change: Callable[[Transaction], _T], transaction: Transaction) -> _T:
        with self.spans.within("do"):
            return change(transaction)


@dataclass(frozen=True, slots=True)
class Traced:
    """Puts spans around parts, and sends them until it is closed."""

    provider: TracerProvider
    spans: Spans
    trusted: Sequence[Network]
    store_system: str
    cache_system: str

    def around_requests(self) -> list[Middleware]:
        """Return what stands before the application."""
        return [Middleware(TracedRequests, tracer=self.spans.tracer, trusted=self.trusted)]

    def around_database(self, database: Database) -> Database:
        """Return *database*, each read and each transaction in a span."""
        return WatchedDatabase(database, CallSpans(self.spans, "store", self.store_system))

    def around_cache(self, cache: Cache) -> Cache:
        """Return *cache*, each call in a span."""
        return WatchedCache(cache, CallSpans(self.spans, "cache", self.cache_system))

    def around_proof(self, proof: Prover) -> Prover:
        """Return *proof* in a span."""
        return TracedProof(proof, self.spans)

    def around_web_identities(self, proof: Identifier) -> Identifier:
        """Return *proof* in a span."""
        return TracedWebIdentities(proof, self.spans)

    def around_access(self, access: Decider) -> Decider:
        """Return *access* in a span."""
        return TracedAccess(access, self.spans)

    def around_journal(self, journal: Recorder) -> Recorder:
        """Return *journal* in a span."""
        return TracedJournal(journal, self.spans)

    def around_rows(self, rows: Iterable[Operation]) -> Iterable[Operation]:
        """Return *rows*, what each does in a span; what changes the store has its span within the journal's."""
        return [replace(row, handler=self._around_handler(row.handler)) for row in rows]

    def _around_handler(self, handler: Reads | Changes | Acts) -> Reads | Changes | Acts:
        if isinstance(handler, Acts):
            return Acts(partial(self._act, handler))
        return Reads(partial(self._read, handler)) if isinstance(handler, Reads) else handler

    async def _act(self, handler: Acts, caller: Caller, command: Command, target: Target) -> Done:
        with self.spans.within("do"):
            return await handler.run(caller, command, target)

    def _read(self, handler: Reads, connection: Connection, caller: Caller, command: Command, target: Target) -> Result:
        with self.spans.within("do"):
            return handler.run(connection, caller, command, target)

    async def close(self) -> None:
        """Send what waits, for as long as the receiver may take, and let go of it."""
        await asyncio.to_thread(self.provider.shutdown)


def open_traced(
    receiver: str, version: str, trusted: Sequence[Network], *, store_system: str, cache_system: str
) -> Traced:
    """Return what sends traces to *receiver* (OTLP over HTTP), by the settings of OpenTelemetry's own variables.

    *trusted* are the networks of those who may say which trace a request belongs to.
    """
    ours = Resource({"service.name": "sts", "service.version": version})
    resource = Resource.create().merge(ours).merge(OTELResourceDetector().detect())
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(receiver)))
    spans = Spans(provider.get_tracer("sts", version))
    return Traced(provider, spans, trusted, store_system, cache_system)
