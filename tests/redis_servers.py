"""Real Redis servers for tests: private, on free ports of loopback, in folders of the test's own."""

import contextlib
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hiredis

from tests.ports import find_port

_PATIENCE_SECONDS = 20.0
_SLOTS = 16_384


def until(condition: Callable[[], object], what: str) -> None:
    """Ask until *condition* holds; what never comes fails with its name."""
    end = time.monotonic() + _PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < end, f"in vain waited for: {what}"
        time.sleep(0.02)


def ask(port: int, *command: str | bytes | int) -> Any:
    """Send one command on a connection of its own and return the answer; an error is an exception that is returned."""
    with socket.create_connection(("127.0.0.1", port), timeout=5) as line:
        line.sendall(hiredis.pack_command(command))  # type: ignore[arg-type]  # declared for a tuple of one
        reader = hiredis.Reader()
        while (answer := reader.gets()) is False:
            received = line.recv(65_536)
            if not received:
                raise ConnectionError("the server closed the connection")
            reader.feed(received)
        return answer


@dataclass
class RedisServer:
    """A server that can be stopped, started again, and made to hang."""

    folder: Path
    options: tuple[str, ...] = ()
    program: str = "redis-server"
    port: int = field(default_factory=find_port)
    process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"redis://127.0.0.1:{self.port}"

    def start(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen(self._command(), stdout=log, stderr=log, cwd=self.folder)
        until(self._answers, f"{self.program} on port {self.port}")

    def _command(self) -> list[str]:
        # No saving: what a test stops is gone.
        return [self.program, *("--port", str(self.port), "--bind", "127.0.0.1", "--save", ""), *self.options]

    def _answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, (self.folder / "log").read_text(encoding="utf-8")
        with contextlib.suppress(OSError):
            return bool(self.ask("PING") == b"PONG")
        return False

    def ask(self, *command: str | bytes | int) -> Any:
        return ask(self.port, *command)

    def info(self, section: str) -> dict[str, str]:
        lines = self.ask("INFO", section).decode().splitlines()
        return dict(line.split(":", 1) for line in lines if ":" in line)

    def hang(self) -> None:
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def stop(self) -> None:
        if self.process is not None:
            self._signal(signal.SIGKILL)
            self.process.wait()
            self.process = None

    def _signal(self, number: signal.Signals) -> None:
        assert self.process is not None
        os.kill(self.process.pid, number)


@contextmanager
def redis_server(folder: Path, *options: str) -> Iterator[RedisServer]:
    server = RedisServer(folder, options)
    server.start()
    try:
        yield server
    finally:
        server.stop()


@dataclass
class SentinelSet:
    """A primary, its replica, and the three sentinels that watch them under the name `main`."""

    servers: tuple[RedisServer, RedisServer]
    sentinels: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        return f"redis+sentinel://{','.join(f'127.0.0.1:{each.port}' for each in self.sentinels)}/main"

    def primary(self) -> RedisServer:
        _, port = self.sentinels[-1].ask("SENTINEL", "GET-MASTER-ADDR-BY-NAME", "main")
        return next(each for each in self.servers if each.port == int(port))


class Sentinel(RedisServer):
    """A sentinel; its file, which it writes into, tells it from the beginning what it would take seconds to find."""

    def introduce(self, primary: RedisServer, replica: RedisServer, others: tuple["Sentinel", ...]) -> None:
        self.folder.mkdir(parents=True)
        known = [f"known-sentinel main 127.0.0.1 {each.port} {each.name}" for each in others if each is not self]
        lines = [
            f"myid {self.name}",
            f"monitor main 127.0.0.1 {primary.port} 2",
            "down-after-milliseconds main 500",
            "failover-timeout main 5000",
            f"known-replica main 127.0.0.1 {replica.port}",
            *known,
        ]
        text = "".join(f"sentinel {line}\n" for line in lines)
        (self.folder / "sentinel.conf").write_text(text, encoding="ascii")

    @property
    def name(self) -> str:
        return f"{self.port:040x}"

    def _command(self) -> list[str]:
        return [self.program, str(self.folder / "sentinel.conf"), "--port", str(self.port), "--bind", "127.0.0.1"]


@contextmanager
def sentinel_set(folder: Path) -> Iterator[SentinelSet]:
    with ExitStack() as stack:
        primary = stack.enter_context(redis_server(folder / "one", "--repl-diskless-sync-delay", "0"))
        replica = stack.enter_context(redis_server(folder / "two", "--replicaof", f"127.0.0.1 {primary.port}"))
        until(lambda: replica.info("replication")["master_link_status"] == "up", "a replica that follows its primary")
        sentinels = tuple(Sentinel(folder / f"sentinel-{each}", program="redis-sentinel") for each in range(3))
        for sentinel in sentinels:
            stack.callback(sentinel.stop)
            sentinel.introduce(primary, replica, sentinels)
            sentinel.start()
        for sentinel in sentinels:
            until(lambda s=sentinel: _knows(s), "a sentinel that knows the replica")  # type: ignore[misc]
        yield SentinelSet((primary, replica), sentinels)


def _knows(sentinel: RedisServer) -> bool:
    (replica,) = sentinel.ask("SENTINEL", "REPLICAS", "main")
    link: bytes = dict(zip(replica[::2], replica[1::2], strict=True))[b"master-link-status"]
    return link == b"ok"


@dataclass
class RedisCluster:
    """Three servers that share the slots."""

    servers: tuple[RedisServer, ...]

    @property
    def url(self) -> str:
        return f"redis+cluster://{','.join(f'127.0.0.1:{each.port}' for each in self.servers)}"

    def holder(self, slot: int) -> RedisServer:
        for first, last, (_, port, *_rest), *_ in self.servers[0].ask("CLUSTER", "SLOTS"):
            if first <= slot <= last:
                return next(each for each in self.servers if each.port == port)
        raise LookupError(slot)

    def slot(self, key: str) -> int:
        slot: int = self.servers[0].ask("CLUSTER", "KEYSLOT", key)
        return slot


@contextmanager
def redis_cluster(folder: Path) -> Iterator[RedisCluster]:
    with ExitStack() as stack:
        servers = []
        for number in range(3):
            bus = find_port()  # the usual one, ten thousand higher, may be none
            options = ("--cluster-enabled", "yes", "--cluster-port", str(bus), "--cluster-node-timeout", "1000")
            server = stack.enter_context(redis_server(folder / str(number), *options))
            first, last = _SLOTS * number // 3, _SLOTS * (number + 1) // 3 - 1
            assert server.ask("CLUSTER", "ADDSLOTSRANGE", first, last) == b"OK"
            assert server.ask("CLUSTER", "SET-CONFIG-EPOCH", number + 1) == b"OK"
            servers.append((server, bus))
        for server, bus in servers[1:]:
            assert servers[0][0].ask("CLUSTER", "MEET", "127.0.0.1", server.port, bus) == b"OK"
        for server, _ in servers:
            until(lambda s=server: _is_whole(s), "a cluster that knows all its slots")  # type: ignore[misc]
        yield RedisCluster(tuple(server for server, _ in servers))


def _is_whole(server: RedisServer) -> bool:
    told = server.ask("CLUSTER", "INFO")
    return b"cluster_state:ok" in told and b"cluster_known_nodes:3" in told and len(server.ask("CLUSTER", "SLOTS")) == 3
