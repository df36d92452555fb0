"""Service processes that are ended and begun again on their port."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.faults.processes import REPOSITORY, Server, wait_until
from tests.ports import find_port


@dataclass
class Node:
    """`sts serve` on a port, as an operator's unit or container runs it."""

    name: str
    folder: Path
    environment: Mapping[str, str]
    options: tuple[str, ...] = ()
    port: int = field(default_factory=find_port)
    before: tuple[str, ...] = ()  # a command that becomes the service
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def server(self) -> Server:
        assert self.process is not None
        return Server(self.folder, self.port, self.process)

    def log(self) -> str:
        return (self.folder / f"{self.name}.log").read_text(encoding="utf-8")

    def start(self) -> None:
        """Start the service and wait until it answers."""
        with (self.folder / f"{self.name}.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.before, sys.executable, "-m", "sts", "serve", "--port", str(self.port), *self.options],
                env=dict(self.environment), cwd=REPOSITORY, stdout=log, stderr=log,
            )  # fmt: skip
        wait_until(lambda: self.server.is_listening() or self.server.process.poll() is not None)
        assert self.process.poll() is None, self.log()

    def tell_to_end(self) -> None:
        self.server.process.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> int:
        """Return the exit code of a process that was told to end."""
        return self.server.process.wait(60)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


def run_sts(environment: Mapping[str, str], *words: str) -> Any:
    """Run a command of `sts` that must succeed, and return the JSON that it prints."""
    command = [sys.executable, "-m", "sts", *words, "--json"]
    done = subprocess.run(command, env=dict(environment), cwd=REPOSITORY, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def told(home: Path, **settings: str) -> dict[str, str]:
    """Return an environment that holds *settings* and none of whoever runs the tests."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("STS_", "AWS_"))}
    return kept | {"STS_HOME": str(home)} | settings


@contextmanager
def started(*nodes: Node) -> Iterator[None]:
    with ExitStack() as stack:
        for node in nodes:
            stack.callback(node.kill)
            node.start()
        yield
