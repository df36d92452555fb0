"""Requests, prepared and signed beforehand, and rounds of them that `wrk` replays."""

import os
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from tests.bench.population import Assumption
from tests.bench.processes import Server
from tests.bench.production import Production
from tests.signing import Key, encode, sign

THREADS = 1
_REPLAY = Path(__file__).with_name("replay.lua")
_MARK = "REPLAYED "


@dataclass(frozen=True)
class Round:
    """What one round measured."""

    requests: int
    per_second: float
    p99_milliseconds: float
    cpu_microseconds: float  # of the server's processes, for each request
    parts_microseconds: float | None  # of the store and the cache that it has beside it, for each request


class _Replayed(msgspec.Struct):
    requests: int
    microseconds: int
    p99: int
    refused: int
    broken: int


def prepare(assumptions: Iterable[Assumption], host: str, path: Path, size: int = 0) -> datetime:
    """Write a signed AssumeRole, or with a token an AssumeRoleWithWebIdentity, for each of *assumptions* to *path*.

    Bodies shorter than *size* are filled up.

    Returns the instant as of which they are signed, and codes shown.

    A signature is good for fifteen minutes, and a code for less than one: prepare anew before each round.
    """
    at = datetime.now(UTC)
    lines = (_render(each, host, at, number, size).hex() for number, each in enumerate(assumptions))
    path.write_text("\n".join(lines) + "\n", encoding="ascii")
    return at


def _render(assumption: Assumption, host: str, at: datetime, number: int, size: int) -> bytes:
    form = {
        "Action": "AssumeRole" if assumption.token is None else "AssumeRoleWithWebIdentity",
        "Version": "2011-06-15",
        "RoleArn": assumption.role_arn,
        "RoleSessionName": f"session-{number}",
        **_pass_tags(assumption.tags),
        **(assumption.device.show(at) if assumption.device else {}),
        **({"WebIdentityToken": assumption.token} if assumption.token else {}),
    }
    body = encode(form).encode()
    if len(body) < size:
        body += b"&Filler=" + (size - len(body) - len(b"&Filler=")) * b"x"
    headers = {
        "user-agent": "wrk replaying",
        "content-type": "application/x-www-form-urlencoded",
        "content-length": str(len(body)),
        **(_sign(assumption.key, host, body, at) if assumption.key else {"host": host}),
    }
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST / HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


def _sign(key: Key, host: str, body: bytes, at: datetime) -> dict[str, str]:
    return sign(key, method="POST", host=host, path="/", query="", body=body, at=at, service="sts", region="us-east-1")


def _pass_tags(tags: Mapping[str, str]) -> dict[str, str]:
    """Return the parameters that pass *tags*, of which the first is transitive."""
    passed: dict[str, str] = {}
    for number, (key, value) in enumerate(tags.items(), 1):
        passed |= {f"Tags.member.{number}.Key": key, f"Tags.member.{number}.Value": value}
    if tags:
        passed["TransitiveTagKeys.member.1"] = next(iter(tags))
    return passed


def _ask(server: Server, requests: Path) -> str:
    """Return the answer to the first of *requests*."""
    with requests.open(encoding="ascii") as lines, socket.create_connection(("127.0.0.1", server.port)) as connection:
        connection.sendall(bytes.fromhex(lines.readline()))
        return connection.recv(65_536).decode("utf-8", "replace")


def replay(server: Server, parts: Production | None, requests: Path, connections: int, seconds: float) -> Round:
    """Let `wrk` send *requests* for *seconds*; ends the benchmark when one of them is not answered with 200."""
    before, parts_before = server.read_cpu(), parts.read_cpu() if parts else 0.0
    ended = subprocess.run(
        ["wrk", "-t", str(THREADS), "-c", str(connections), "-d", f"{seconds:g}s", "-s", str(_REPLAY),
         "--timeout", "30s", f"http://{server.host}/"],
        env={**os.environ, "REPLAY": str(requests)}, capture_output=True, text=True, check=True,
    )  # fmt: skip
    spent, parts_spent = server.read_cpu() - before, parts.read_cpu() - parts_before if parts else None
    line = next(line for line in ended.stdout.splitlines() if line.startswith(_MARK))
    replayed = msgspec.json.decode(line.removeprefix(_MARK), type=_Replayed)
    if replayed.refused or replayed.broken or not replayed.requests:
        raise SystemExit(
            f"Not every request was answered with 200: {replayed}\nAn answer is:\n{_ask(server, requests)}"
        )
    return Round(
        requests=replayed.requests,
        per_second=replayed.requests / replayed.microseconds * 1_000_000,
        p99_milliseconds=replayed.p99 / 1_000,
        cpu_microseconds=spent / replayed.requests,
        parts_microseconds=None if parts_spent is None else parts_spent / replayed.requests,
    )
