"""A span, and what may stand in it."""

from collections.abc import Awaitable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, get_current_span

from sts.errors import Refusal, Unavailable

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Spans:
    """Opens spans within those of requests."""

    tracer: Tracer

    @contextmanager
    def within(
        self, name: str, kind: SpanKind = SpanKind.INTERNAL, attributes: Mapping[str, str] | None = None
    ) -> Iterator[None]:
        """Open a span for as long as the context lasts; what goes on beside all requests has none."""
        if not get_current_span().get_span_context().is_valid:
            yield
            return
        with self.tracer.start_as_current_span(
            name,
            kind=kind,
            attributes=attributes,
            # Neither the words of an error nor its trace: both may say who wanted what.
            record_exception=False,
            set_status_on_exception=False,
        ) as span:
            try:
                yield
            except BaseException as error:
                _note(span, error)
                raise


def _note(span: Span, error: BaseException) -> None:
    span.set_attribute("error.type", type(error).__name__)
    if not isinstance(error, Refusal) or isinstance(error, Unavailable):
        span.set_status(Status(StatusCode.ERROR))


@dataclass(frozen=True, slots=True)
class CallSpans:
    """A watch that opens a span around each call of *part*, which is a *system* such as redis."""

    spans: Spans
    part: str
    system: str

    async def __call__(self, name: str, call: Awaitable[_T]) -> _T:
        """Return what *call* returns, and raise what it raises."""
        attributes = {"db.system.name": self.system, "db.operation.name": name}
        with self.spans.within(f"{self.part} {name}", SpanKind.CLIENT, attributes):
            return await call
