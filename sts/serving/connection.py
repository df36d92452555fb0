"""A connection that keeps its limits: uvicorn's protocol, which waits for half a request forever, with deadlines.

Of a request the server waits for the head, then for the body, each in all and not between two bytes: one byte a second
buys no more time than silence. What breaks a limit is answered once, after every answer that is still owed for earlier
requests of the connection (RFC 9112, section 9.3.2: answers go in the order of requests), and the connection ends.
"""

import asyncio
from datetime import timedelta
from enum import Enum, auto
from typing import Any

import httptools
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import ServerState

from sts.serving.deadline import Deadline
from sts.serving.faults import HEADERS_TOO_LARGE, MALFORMED, QUEUED, TOO_MANY, TOO_SLOW, Fault, render_fault
from sts.serving.head import Head, Refused
from sts.serving.threshold import Threshold

# After the last answer a connection is read for so long, and what comes is thrown away: closing it with bytes unread
# would reset it, and the answer could be lost on its way (RFC 9112, section 9.6).
LINGER = timedelta(seconds=2)
_REQUEST_LINE = 64  # bytes of it beside the target, generously
_MOST_QUEUED = 32  # requests sent ahead of their answers; a read can hold thousands of small ones


class _Phase(Enum):
    WAITING = auto()  # between requests
    HEAD = auto()
    BODY = auto()


class Connection(HttpToolsProtocol):
    """One client's connection."""

    def __init__(
        self,
        threshold: Threshold,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        super().__init__(config, server_state, app_state, _loop)
        self.threshold = threshold
        self.limits = threshold.limits
        self.timeout_keep_alive = threshold.limits.idle.total_seconds()  # type: ignore[assignment]  # fractions too
        self._deadline = Deadline(self.loop)
        self._stalled = Deadline(self.loop)
        self._phase = _Phase.WAITING
        self._head = Head(self.limits)
        self._unparsed = 0  # bytes since the parser last told of anything
        self._unanswered = 0  # requests that the application has or will have
        self._last = False  # nothing follows the request that is arriving
        self._deaf = False  # nothing more is read
        self._parting: bytes | None = None

    # What the loop calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent has it
        """Take the connection, or say that there are too many: a client learns more from 503 than from silence."""
        super().connection_made(transport)
        self.threshold.meters.move_connections(1)
        if len(self.connections) > self.limits.connections:
            self.connections.discard(self)
            self._deaf = True
            transport.write(self._render(TOO_MANY))
            self._hang_up()
            return
        self._watch()

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        if self._deaf:
            return
        self._unset_keepalive_if_required()
        self._unparsed += len(data)
        try:
            self.parser.feed_data(data)
            # The parser keeps a field, a chunk's extensions and blank lines to itself until they end.
            if self._unparsed > self.limits.header_bytes + self.limits.url_bytes + _REQUEST_LINE:
                raise Refused(HEADERS_TOO_LARGE)
        except httptools.HttpParserUpgrade:
            self._deaf = True  # its answer is the last one here
        except (httptools.HttpParserError, Refused) as error:
            cause = error if isinstance(error, Refused) else error.__context__
            self._refuse(cause.fault if isinstance(cause, Refused) else MALFORMED)
            return
        self._watch()

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of everything."""
        super().connection_lost(exc)
        self.threshold.meters.move_connections(-1)
        self._deaf = True
        self._unset_keepalive_if_required()
        self._deadline.clear()
        self._stalled.clear()

    def pause_writing(self) -> None:
        """Give a client that does not read its answer as long as an idle one, not forever."""
        super().pause_writing()
        self._stalled.start(self.limits.idle, self.transport.abort)

    def resume_writing(self) -> None:
        """Go on: the client reads."""
        super().resume_writing()
        self._stalled.clear()

    def shutdown(self) -> None:
        """End when what has begun is answered: also a request whose head is only half here."""
        if self._phase is _Phase.HEAD and not self._deaf:
            self._last = True
        else:
            super().shutdown()

    def timeout_keep_alive_handler(self) -> None:
        """End a connection that nobody uses."""
        self._hang_up()

    # What the parser calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._enter(_Phase.HEAD)
        self._head = Head(self.limits)

    def on_url(self, url: bytes) -> None:
        """Take a piece of the request target."""
        self._head.take_url(url)
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header. Trailers are counted and dropped: what comes after a body is no header of its request."""
        lower = name.lower()
        self._head.take_header(lower, value)
        if self._phase is _Phase.HEAD:
            # As the parent does it: this is called a dozen times a request, and a call costs more than the work.
            self.headers.append((lower, value))
            if lower == b"expect" and value.lower() == b"100-continue":
                self.expect_100_continue = True

    def on_headers_complete(self) -> None:
        """Hand the request to the application, or queue it behind those before it."""
        upgrade = self.parser.should_upgrade()
        method = self.parser.get_method().decode("ascii")
        self._head.complete(self.parser.get_http_version(), method, self.url, upgrade=upgrade)
        if len(self.pipeline) >= _MOST_QUEUED:
            raise Refused(QUEUED)
        super().on_headers_complete()
        self._enter(_Phase.BODY)
        self._unanswered += 1
        if upgrade or self._last or self.threshold.readiness.draining:
            self.cycle.keep_alive = False

    def on_body(self, body: bytes) -> None:
        """Take a piece of the body."""
        self._unparsed = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        """Owe the application nothing more of this request."""
        super().on_message_complete()
        self._enter(_Phase.WAITING)
        if self._unanswered == 0:
            self._await_next()

    # What the application's answers call

    def on_response_complete(self) -> None:
        """Go on to the next request, or wait for it, or part."""
        self._unanswered -= 1
        super().on_response_complete()
        if self.transport.is_closing():
            self._stalled.start(self.limits.idle, self.transport.abort)
        elif self._unanswered == 0:
            self._settle()

    def _settle(self) -> None:
        """Nothing is owed to the client: decide what is waited for."""
        if self._phase is not _Phase.WAITING or self._parting is not None:
            self._unset_keepalive_if_required()
        if self._parting is not None:
            self._part(self._parting)
        elif self._phase is _Phase.BODY:
            # Answered before it was sent in full, which is a refusal: the rest is nobody's.
            self._deadline.restart(LINGER, self._hang_up)

    # How it waits and ends

    def _enter(self, phase: _Phase) -> None:
        self._phase = phase
        self._unparsed = 0
        self._deadline.clear()

    def _watch(self) -> None:
        """Start the deadline of whatever the client still owes."""
        if self._phase is _Phase.BODY:
            self._deadline.start(self.limits.body, self._give_up)
        elif self._phase is _Phase.HEAD:
            self._deadline.start(self.limits.head, self._give_up)
        elif self._unanswered == 0 and self.timeout_keep_alive_task is None:
            self._deadline.start(self.limits.head, self._hang_up)

    def _await_next(self) -> None:
        self.timeout_keep_alive_task = self.loop.call_later(self.timeout_keep_alive, self.timeout_keep_alive_handler)

    def _give_up(self) -> None:
        if self.flow.read_paused:  # not the client is slow, we are: earlier requests are still being answered
            self._watch()
        else:
            self._refuse(TOO_SLOW)

    def _refuse(self, fault: Fault) -> None:
        self._deaf = True
        self._deadline.clear()
        if self._phase is _Phase.BODY and not self._abandon(self.cycle):
            self._hang_up()
            return
        answer = self._render(fault)
        if self._unanswered:
            self._parting = answer
        else:
            self._part(answer)

    def _abandon(self, cycle: RequestResponseCycle) -> bool:
        """Take the request that is arriving from the application; False when it has begun to answer."""
        if cycle.response_started:
            return False
        if self.pipeline and self.pipeline[0][0] is cycle:
            self.pipeline.popleft()
            cycle.response_complete = True
        cycle.disconnected = True
        cycle.message_event.set()
        self._unanswered -= 1
        return True

    def _render(self, fault: Fault) -> bytes:
        request_id = self.threshold.note(fault, self.client[0] if self.client else "")
        return render_fault(fault, request_id, self.server_state.default_headers)

    def _part(self, answer: bytes) -> None:
        self.transport.write(answer)
        if self.transport.can_write_eof():
            self.transport.write_eof()
            self.flow.resume_reading()
            self._deadline.restart(LINGER, self._hang_up)
        else:
            self._hang_up()

    def _hang_up(self) -> None:
        self.transport.close()
        self._stalled.start(LINGER, self.transport.abort)
