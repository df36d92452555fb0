"""A real HAProxy that runs the configuration which is shipped."""

import csv
import io
import os
import socket
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.faults.processes import REPOSITORY, wait_until
from tests.installed import get_installed
from tests.ports import find_port

CONFIGURATION = REPOSITORY / "deploy/haproxy/haproxy.cfg"


@dataclass(frozen=True)
class Balancer:
    """A running balancer, and the socket on which it tells what it knows of the services."""

    folder: Path
    port: int

    def log(self) -> str:
        return (self.folder / "log").read_text(encoding="utf-8")

    def servers(self) -> list[dict[str, str]]:
        """Return the row of each service in each backend; empty when nobody listens yet."""
        try:
            told = self._ask("show stat")
        except OSError:
            return []
        rows = csv.DictReader(io.StringIO(told.removeprefix("# ")))
        return [row for row in rows if row["svname"] not in {"FRONTEND", "BACKEND"}]

    def sees(self, name: str, status: str) -> bool:
        """Say whether the service *name* has *status*, UP or DOWN, in every backend."""
        seen = [row["status"] for row in self.servers() if row["svname"] == name]
        return bool(seen) and all(each == status for each in seen)

    def requests(self, name: str) -> int:
        """Return how many requests were sent to the service *name*."""
        return sum(int(row["stot"]) for row in self.servers() if row["svname"] == name)

    def _ask(self, command: str) -> str:
        with closing(socket.socket(socket.AF_UNIX)) as line:
            line.connect(str(self.folder / "socket"))
            line.sendall(f"{command}\n".encode())
            return b"".join(iter(lambda: line.recv(65_536), b"")).decode()


def find_haproxy() -> str:
    return get_installed("TEST_HAPROXY")


def environment(port: int, *services: int, certificate: Path | None = None) -> dict[str, str]:
    """Return what the configuration is told, which is all that it may need from around it."""
    told = {"BALANCER_ADDRESS": f"127.0.0.1:{port}"}
    told |= {f"BALANCER_SERVICE_{number}": f"127.0.0.1:{each}" for number, each in enumerate(services, start=1)}
    return told if certificate is None else told | {"BALANCER_CERTIFICATE": str(certificate)}


@contextmanager
def balancing(
    folder: Path, *services: int, port: int | None = None, certificate: Path | None = None
) -> Iterator[Balancer]:
    """Run HAProxy before the *services*, which are ports, until the context ends."""
    folder.mkdir(parents=True, exist_ok=True)
    balancer = Balancer(folder, port or find_port())
    own = folder / "own.cfg"  # beside the shipped file, as an operator would add it
    own.write_text(f"global\n    stats socket {folder}/socket mode 600 level operator\n", encoding="ascii")
    command = [find_haproxy(), "-db", "-f", str(CONFIGURATION), "-f", str(own)]
    told = environment(balancer.port, *services, certificate=certificate)
    with (folder / "log").open("wb") as log:
        process = subprocess.Popen(command, env={**os.environ, **told}, stdout=log, stderr=log)
    try:
        wait_until(lambda: bool(balancer.servers()) or process.poll() is not None)
        assert process.poll() is None, balancer.log()
        yield balancer
    finally:
        process.kill()
        process.wait()
