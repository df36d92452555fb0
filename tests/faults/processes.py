"""Real servers in processes of their own, which can be killed, starved and held up."""

import http.client
import os
import signal
import subprocess
import sys
import time
import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from tests.ports import find_port
from tests.service import VERSIONS
from tests.signing import Key, encode, sign

REPOSITORY = Path(__file__).parents[2]
PACE = 0.01  # seconds between two looks at what another process does: nothing here can wake this one


@dataclass(frozen=True)
class Answer:
    """An answer, whole."""

    status: int
    body: bytes

    def find(self, name: str) -> str | None:
        """Return the text of the first element called *name*."""
        root = ET.fromstring(self.body)  # noqa: S314  our own answer
        return next((node.text for node in root.iter() if node.tag.rpartition("}")[2] == name), None)


@dataclass
class Server:
    """A server process on a home."""

    home: Path
    port: int
    process: "subprocess.Popen[bytes]"
    is_killed: bool = False

    @property
    def database_path(self) -> Path:
        return self.home / "sts.db"

    def call(self, key: Key, action: str, service: str = "iam", **parameters: str) -> Answer:
        """Call an operation on a connection of its own; raises OSError or HTTPException when the server is gone."""
        with closing(self.begin(key, action, service, **parameters)) as connection:
            return finish(connection)

    def begin(self, key: Key, action: str, service: str = "iam", **parameters: str) -> http.client.HTTPConnection:
        """Send a call and return its connection, on which the answer is to come."""
        body = encode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()
        headers = sign(
            key, method="POST", host=f"127.0.0.1:{self.port}", path="/", query="", body=body, at=datetime.now(UTC),
            service=service, region="us-east-1",
        )  # fmt: skip
        headers["content-type"] = "application/x-www-form-urlencoded"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request("POST", "/", body, headers)
        except OSError:
            connection.close()
            raise
        return connection

    def is_listening(self) -> bool:
        try:
            with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)) as connection:
                connection.request("GET", "/livez")
                return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False

    def kill(self) -> None:
        """End the process as a crash does."""
        self.is_killed = True
        self.process.kill()
        self.process.wait()

    def end(self) -> int:
        """Ask the process to end, and return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(30)


def finish(connection: http.client.HTTPConnection) -> Answer:
    """Return the answer of a call that was begun."""
    answer = connection.getresponse()
    return Answer(answer.status, answer.read())


def wait_until(holds: Callable[[], bool], seconds: float = 20) -> None:
    """Look until *holds*; fail when it does not at a look that begins *seconds* from now, or later."""
    late_at = time.monotonic() + seconds
    is_late = False
    while not holds():
        assert not is_late, "it did not come to be"
        time.sleep(PACE)
        is_late = time.monotonic() >= late_at


_ISSUER = "http://127.0.0.1:8080"  # of all servers of a store, whatever their ports


@contextmanager
def serving(home: Path, port: int | None = None, /, **environment: str) -> Iterator[Server]:
    """Run `sts serve` on *home* until the context ends."""
    chosen = port or find_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "sts", "serve", "--port", str(chosen), "--log-level", "error"],
        env={**os.environ, "STS_HOME": str(home), "STS_DRAIN_SECONDS": "0", "STS_ISSUER": _ISSUER} | environment,
        cwd=REPOSITORY,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    server = Server(home, chosen, process)
    try:
        wait_until(lambda: server.is_listening() or process.poll() is not None)
        assert process.poll() is None, "the server ended before it began"
        yield server
    finally:
        server.kill()
