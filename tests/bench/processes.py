"""Servers as child processes: started, measured through /proc, and ended."""

import contextlib
import http.client
import os
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_HOST = "127.0.0.1"
_TICK = 1_000_000 / os.sysconf("SC_CLK_TCK")  # microseconds
_PATIENCE = 60.0  # seconds
_LOOK = 0.01


@dataclass(frozen=True)
class Memory:
    """Megabytes: resident, and with shared pages divided among those who share them."""

    rss: float
    pss: float


@dataclass(frozen=True)
class Server:
    """A running server."""

    port: int
    process: subprocess.Popen[bytes]
    start_seconds: float

    @property
    def host(self) -> str:
        return f"{_HOST}:{self.port}"

    def read_cpu(self) -> float:
        """Return the microseconds of CPU time, user and system, that the server's processes have taken so far."""
        return read_cpu(self.process.pid)

    def read_memory(self) -> Memory:
        """Return what the server's processes take of the memory now."""
        sums = {"Rss": 0, "Pss": 0}
        for pid in _find_family(self.process.pid):
            for line in Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines():
                name, _, value = line.partition(":")
                if name in sums:
                    sums[name] += int(value.split()[0])
        return Memory(sums["Rss"] / 1024, sums["Pss"] / 1024)


def read_cpu(process: int) -> float:
    """Return the microseconds of CPU time, user and system, that *process* and its descendants have taken so far."""
    return sum(_read_ticks(pid) for pid in _find_family(process)) * _TICK


def _find_family(process: int) -> list[int]:
    """Return *process* and all that descend from it."""
    found = [process]
    for pid in found:
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(FileNotFoundError, ProcessLookupError):  # a thread may end while this looks
                found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def _read_ticks(pid: int) -> int:
    # The name of the program stands in brackets and may hold blanks; what is counted stands behind it (proc(5)).
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@contextmanager
def serving(
    command: Sequence[str], path: str, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[Server]:
    """Run *command*, whose `{port}` is a free one, until the context ends; yield it once it answers at *path*."""
    port = _find_port()
    filled = [part.replace("{port}", str(port)) for part in command]
    begun = time.monotonic()
    with log.open("wb") as output:
        process = subprocess.Popen(filled, stdout=output, stderr=output, env={**os.environ, **(environment or {})})
    try:
        _await_answer(process, port, path, log)
        yield Server(port, process, time.monotonic() - begun)
    finally:
        process.terminate()
        process.wait(_PATIENCE)


def _await_answer(process: subprocess.Popen[bytes], port: int, path: str, log: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while not _answers(port, path):
        if process.poll() is not None or time.monotonic() > end:
            raise SystemExit(f"{process.args!r} does not answer:\n{log.read_text(encoding='utf-8', errors='replace')}")
        time.sleep(_LOOK)


def _answers(port: int, path: str) -> bool:
    connection = http.client.HTTPConnection(_HOST, port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status == http.HTTPStatus.OK
    except OSError:
        return False
    finally:
        connection.close()


def _find_port() -> int:
    with socket.socket() as probe:
        probe.bind((_HOST, 0))
        return int(probe.getsockname()[1])
