"""Names to addresses, by the system's resolver, which cannot be interrupted."""

import asyncio
import socket
import threading
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field

from sts.egress.faults import Fault, FetchFailed

_MOST = 64  # lookups at once: each that hangs holds a thread until the system gives up
Addresses = Sequence[str]
Resolver = Callable[[str, int], Awaitable[Addresses]]


@dataclass(slots=True)
class SystemResolver:
    """Asks the system, in a thread for each name.

    Whoever asks for a name that is being looked up waits for the same answer: a name server that never answers holds
    one thread, however often its name is asked for. The threads are daemons: none delays the end of the process.
    """

    most: int = _MOST
    _under_way: dict[tuple[str, int], Future[Addresses]] = field(default_factory=dict)

    async def __call__(self, host: str, port: int) -> Addresses:
        """Return the addresses of *host*; raises FetchFailed."""
        under_way = self._under_way.get((host, port)) or self._begin(host, port)
        try:
            return await asyncio.shield(asyncio.wrap_future(under_way))
        except (OSError, UnicodeError) as error:  # UnicodeError: a label that is too long to be asked for
            raise FetchFailed(Fault.NAME, f"{host} cannot be found: {error}") from None

    def _begin(self, host: str, port: int) -> Future[Addresses]:
        if len(self._under_way) >= self.most:
            raise FetchFailed(Fault.NAME, "too many names are being looked up")
        answer: Future[Addresses] = Future()
        self._under_way[host, port] = answer
        answer.add_done_callback(lambda _: self._under_way.pop((host, port), None))
        threading.Thread(target=_look_up, args=(host, port, answer), name="resolve", daemon=True).start()
        return answer


def _look_up(host: str, port: int, answer: Future[Addresses]) -> None:
    answer.set_running_or_notify_cancel()
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except Exception as error:  # noqa: BLE001  it is raised again where it is waited for
        answer.set_exception(error)
    else:
        answer.set_result([str(address[0]) for *_, address in found])
