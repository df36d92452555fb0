"""Real OpenID providers of two makes: npm's oidc-provider, and Canaille from PyPI."""

import json
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from sts.crypto.jwk import generate_signing_key, render_private_jwk
from tests.installed import get_installed
from tests.issuers.signing_in import REDIRECT

FOLDER = Path(__file__).parent
NAME, PASSWORD = "alice", "correct horse battery staple"
CANAILLE_CLIENT = "client-canaille"


@contextmanager
def node_provider(port: int) -> Iterator[str]:
    """Run oidc-provider on *port*, with keys that it makes now, and return its issuer."""
    issuer = f"http://127.0.0.1:{port}"
    environment = {
        "PATH": os.environ["PATH"],
        "TEST_NODE_MODULES": get_installed("TEST_NODE_MODULES"),
        "PROVIDER": json.dumps({"issuer": issuer, "port": port, "redirect": REDIRECT}),
    }
    command = [get_installed("TEST_NODE"), str(FOLDER / "provider.mjs")]
    with _started(command, environment, "listening"):
        yield issuer


@contextmanager
def canaille(port: int, folder: Path, algorithm: str) -> Iterator[str]:
    """Run Canaille on *port*, with one person and one client whose ID tokens it signs with *algorithm*."""
    host = f"127.0.0.1:{port}"
    people = {"name": NAME, "password": PASSWORD, "client_id": CANAILLE_CLIENT, "redirect": REDIRECT}
    keys = [render_private_jwk(generate_signing_key(name)) for name in ("RS256", "ES256")]
    environment = {
        "PATH": os.environ["PATH"],
        "SECRET_KEY": "for the tests alone",
        "SERVER_NAME": host,
        "PREFERRED_URL_SCHEME": "http",
        "CANAILLE__DATABASE": "sql",
        "CANAILLE__JAVASCRIPT": "false",
        "CANAILLE_SQL__DATABASE_URI": f"sqlite:///{folder / 'canaille.db'}",
        "CANAILLE_OIDC__ACTIVE_JWKS": json.dumps(keys),
        "PEOPLE": json.dumps(people | {"algorithm": algorithm}),
    }
    program = get_installed("TEST_CANAILLE")
    python = str(Path(program).with_name("python"))
    for command in ([program, "install"], [python, str(FOLDER / "canaille_people.py")]):
        subprocess.run(command, env=environment, cwd=folder, check=True, capture_output=True, timeout=60)
    with _started([program, "run", "--bind", host], environment, "Running on"):
        yield f"http://{host}"


@contextmanager
def _started(command: Sequence[str], environment: dict[str, str], ready: str) -> Iterator[None]:
    """Run *command* until the context ends; it says *ready* when it listens."""
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            assert process.stdout is not None
            said: list[str] = []
            while ready not in "".join(said[-1:]):
                said.append(process.stdout.readline())
                assert said[-1], "".join(said)
            yield
        finally:
            process.terminate()
