"""The span of a request, from its head to its answer."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer, get_current_span
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sts.authn.arrival import Network, find_entry, is_within

_CARRIED = (b"traceparent", b"tracestate")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT"})
_FAULT = 500


@dataclass(frozen=True, slots=True)
class TracedRequests:
    """The application (ASGI) with a span around each request.

    What the request says of its trace (W3C Trace Context) is taken as its parent from *trusted* peers. From others it
    is a link: a stranger decides neither what belongs to a trace nor, by its flag, what is sampled.
    """

    app: ASGIApp
    tracer: Tracer
    trusted: Sequence[Network]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request (ASGI)."""
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        parent, links = self._find_origin(scope)
        method = scope["method"] if scope["method"] in _METHODS else "HTTP"
        with self.tracer.start_as_current_span(
            method,
            context=parent,
            kind=SpanKind.SERVER,
            attributes={"http.request.method": method, "url.scheme": scope["scheme"]},
            links=links,
            record_exception=False,
            set_status_on_exception=False,
        ) as span:

            async def watch(message: Message) -> None:
                if message["type"] == "http.response.start":
                    _note_answer(span, scope, method, message["status"])
                await send(message)

            await self.app(scope, receive, watch)

    def _find_origin(self, scope: Scope) -> tuple[Context, Sequence[Link]]:
        carried = {name.decode(): value.decode("latin-1") for name, value in scope["headers"] if name in _CARRIED}
        claimed = TraceContextTextMapPropagator().extract(carried, Context())
        told = get_current_span(claimed).get_span_context()
        if not told.is_valid:
            return Context(), ()
        client = scope.get("client")
        if client is not None and is_within(client[0], self.trusted):
            return claimed, ()
        return Context(), (Link(told),)


def _note_answer(span: Span, scope: Mapping[str, Any], method: str, status: int) -> None:
    span.set_attribute("http.response.status_code", status)
    entry = find_entry(scope)
    if entry is not None:
        span.set_attribute("sts.request_id", entry.request_id)
        if entry.operation is not None:
            span.update_name(entry.operation)
            span.set_attribute("sts.operation", entry.operation)
        if entry.error is not None:
            span.set_attribute("error.type", entry.error)
    elif "endpoint" in scope:  # one of our own paths, not what a stranger wrote
        span.update_name(f"{method} {scope['path']}")
    if status >= _FAULT:
        span.set_status(Status(StatusCode.ERROR))
