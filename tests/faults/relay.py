"""Stands between the service and PostgreSQL or Redis; hears what is said, and can lose it."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field

_COMMIT = b"COMMIT;"  # as the driver says it


@dataclass
class Relay:
    """Passes everything on until it is told otherwise; it loses what it loses on purpose once."""

    port: int  # of the server
    listening: int = 0
    delay: float = 0  # seconds, before each thing that is passed on
    loses_commit: bool = False  # the next commit is made, and its answer is lost with the connection
    swallows: bool = False  # nothing is passed on, and nobody told: a cable that was pulled
    lost: threading.Event = field(default_factory=threading.Event)
    heard: list[bytes] = field(default_factory=list)  # what the service said, each write of its own

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with closing(writer):
            from_server, to_server = await asyncio.open_connection("127.0.0.1", self.port)
            with closing(to_server):
                losing = asyncio.Event()
                passing = [
                    asyncio.create_task(self._ask(reader, to_server, losing)),
                    asyncio.create_task(self._answer(from_server, writer, losing)),
                ]
                await asyncio.wait(passing, return_when=asyncio.FIRST_COMPLETED)
                for task in passing:
                    task.cancel()

    async def _ask(self, reader: asyncio.StreamReader, server: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await reader.read(65_536):
            self.heard.append(data)
            if self.swallows:
                continue
            if self.loses_commit and _COMMIT in data:
                self.loses_commit = False
                losing.set()
            await asyncio.sleep(self.delay)
            server.write(data)

    async def _answer(self, server: asyncio.StreamReader, client: asyncio.StreamWriter, losing: asyncio.Event) -> None:
        while data := await server.read(65_536):
            if losing.is_set():  # the server has made the commit: this is its answer
                self.lost.set()
                return
            if not self.swallows:
                await asyncio.sleep(self.delay)
                client.write(data)


@contextmanager
def relaying(port: int) -> Iterator[Relay]:
    """Relay to the server at *port*, in a thread of its own."""
    relay, started, ended = Relay(port), threading.Event(), asyncio.Event()
    loops: list[asyncio.AbstractEventLoop] = []

    async def run() -> None:
        async with await asyncio.start_server(relay.serve, "127.0.0.1", 0) as server:
            relay.listening = server.sockets[0].getsockname()[1]
            loops.append(asyncio.get_running_loop())
            started.set()
            await ended.wait()

    def work() -> None:
        with suppress(asyncio.CancelledError):
            asyncio.run(run())

    thread = threading.Thread(target=work)
    thread.start()
    assert started.wait(10)
    try:
        yield relay
    finally:
        loops[0].call_soon_threadsafe(ended.set)
        thread.join()
