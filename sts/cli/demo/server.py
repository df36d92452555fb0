"""The service as a child process on a loopback port."""

import http.client
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import click

HOST = "127.0.0.1"
_USUAL_PORT = 8080
_START_SECONDS = 30.0
_STOP_SECONDS = 15.0
_LOOK_SECONDS = 0.05
_TAIL_LINES = 15


@dataclass(frozen=True, slots=True)
class Server:
    """A running service."""

    port: int
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def endpoint(self) -> str:
        """The address of the service, which is its issuer too."""
        return endpoint_at(self.port)

    def wait(self) -> None:
        """Wait for as long as the service runs, which should be until the reader ends it."""
        code = self.process.wait()
        raise click.ClickException(f"The service ended by itself, with exit code {code}.\n{self.tail()}")

    def tail(self) -> str:
        """Return the end of what the service said."""
        lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"The end of {self.log}:", *lines[-_TAIL_LINES:]])

    def fetch(self, path: str) -> bytes:
        """Return the body at *path*; raises OSError or HTTPException kin, or ClickException unless it is 200."""
        connection = http.client.HTTPConnection(HOST, self.port, timeout=5)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read()
        finally:
            connection.close()
        if answer.status != http.HTTPStatus.OK:
            raise click.ClickException(f"{self.endpoint}{path} answers {answer.status}.\n{self.tail()}")
        return body


def endpoint_at(port: int) -> str:
    """Return the address of a service on *port*."""
    return f"http://{HOST}:{port}"


def find_port(asked: int | None) -> int:
    """Return *asked*, or the usual port, or any free one; raises ClickException when *asked* is taken."""
    if asked is not None:
        if not _is_free(asked):
            raise click.ClickException(f"Port {asked} is taken. Give another with --port, or none.")
        return asked
    if _is_free(_USUAL_PORT):
        return _USUAL_PORT
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do: a port may rest after its last use
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


@contextmanager
def serving(port: int, environment: Mapping[str, str], log: Path) -> Iterator[Server]:
    """Start `sts serve` on *port* and yield it when it can answer; it has ended when the context has."""
    command = [sys.executable, "-m", "sts", "serve", "--host", HOST, "--port", str(port)]
    alone = {**environment, "STS_DRAIN_SECONDS": "0"}  # no balancer is to be told that it ends
    with log.open("wb") as output:
        process = subprocess.Popen(command, env=alone, stdout=output, stderr=output)  # noqa: S603  our own program
    server = Server(port, process, log)
    try:
        _await_ready(server)
        yield server
    finally:
        _stop(process)


def _await_ready(server: Server) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while not _is_listening(server.port):
        if server.process.poll() is not None:
            raise click.ClickException(f"The service did not start.\n{server.tail()}")
        if time.monotonic() > deadline:
            raise click.ClickException(f"The service did not answer in {_START_SECONDS:.0f} s.\n{server.tail()}")
        time.sleep(_LOOK_SECONDS)
    server.fetch("/readyz")


def _is_listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex((HOST, port)) == 0


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
