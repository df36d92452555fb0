"""Connections to addresses that were checked, and to no others."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpcore2

_MOST_TRIED = 3
_TRY_SECONDS = 1.0  # that an address has to answer in when there is another


@dataclass(frozen=True, slots=True)
class Checked(httpcore2.AsyncNetworkBackend):
    """Connects to one of *addresses*, whatever name the HTTP client asks for.

    The client still sends the name, and compares it with the certificate. A name that leads elsewhere by now, because
    whoever owns it wants the check to see one address and the connection another, changes nothing.
    """

    addresses: Sequence[str]
    opened: list[httpcore2.AsyncNetworkStream] = field(default_factory=list)

    async def connect_tcp(
        self,
        host: str,  # noqa: ARG002  it was looked up
        port: int,
        timeout: float | None = None,  # noqa: ASYNC109  the client's signature
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.AsyncNetworkStream:
        """Return a connection to the first of the addresses that answers."""
        system = httpcore2.AnyIOBackend()
        *others, last = self.addresses[:_MOST_TRIED]
        for address in others:
            try:
                stream = await system.connect_tcp(address, port, _TRY_SECONDS, local_address, socket_options)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout):
                continue
            break
        else:
            stream = await system.connect_tcp(last, port, timeout, local_address, socket_options)
        self.opened.append(stream)
        return stream

    async def close(self) -> None:
        """Hang up: the client forgets a connection whose TLS is interrupted by a time that is over."""
        for stream in self.opened:
            await stream.aclose()
