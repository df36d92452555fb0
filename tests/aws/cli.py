"""The AWS CLI, in a home of a test's own."""

import json
import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.service import REGION
from tests.signing import Key

_REFUSED = {254, 255}  # as the second line of the CLI and the first exit when the service has refused


@dataclass(frozen=True)
class Cli:
    """An AWS CLI with a home of the test's own."""

    program: str
    home: Path
    environment: dict[str, str] = field(default_factory=dict)

    def run(self, *words: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command and return how it ended."""
        kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
        return subprocess.run(
            [self.program, *words],
            env={**kept, "HOME": str(self.home), **self.environment, **environment},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def get(self, *words: str, **environment: str) -> Any:
        """Run a command that succeeds and return what it prints."""
        done = self.run(*words, **environment)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout or "null")

    def fail(self, *words: str, **environment: str) -> str:
        """Run a command that the service refuses and return what it says."""
        done = self.run(*words, **environment)
        assert done.returncode in _REFUSED, done.stderr or done.stdout
        return done.stderr.strip()


def open_cli(program: str, home: Path, url: str) -> Cli:
    """Return the CLI that knows the service at *url* and nobody's keys."""
    pointed = {"AWS_ENDPOINT_URL": url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    return Cli(program, home, {**pointed, "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"})


def as_environment(key: Key) -> dict[str, str]:
    """Return the variables that carry *key*."""
    token = {} if key.token is None else {"AWS_SESSION_TOKEN": key.token}
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret, **token}
