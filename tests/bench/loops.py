"""What the parts of a request cost alone: loops in this process, and commits of the audit."""

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sts.audit.record import Entry
from sts.clock import SystemClock
from sts.crypto.sigv4 import parse_signature, verify_signature
from sts.entropy import Entropy
from sts.foundation import Foundation, lay_foundation
from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Outcome, Policies, Principal, PrincipalKind, Question, evaluate
from sts.settings import read_settings
from tests.signing import Key, encode, sign

_ROUNDS = 7
_ROUND_SECONDS = 0.15
_STATEMENTS = 10
_GROUP = 32
_ACCOUNT = "123456789012"
_CLAIMS = b'{"iss":"https://sts.example.com","claims":"' + 560 * b"x" + b'"}'


@dataclass(frozen=True)
class Commits:
    """Milliseconds until a record is durable: alone (median and 99th percentile), and each of a group of 32."""

    alone: float
    alone_p99: float
    grouped: float


def measure(call: Callable[[], object]) -> float:
    """Return the CPU microseconds of one *call*: the least of several rounds, for whatever disturbs only adds."""
    calls = 1
    while (spent := _run(call, calls)) < _ROUND_SECONDS:
        calls = max(calls * 2, int(calls * _ROUND_SECONDS / max(spent, 1e-6)))
    return min(_run(call, calls) for _ in range(_ROUNDS)) / calls * 1_000_000


def _run(call: Callable[[], object], calls: int) -> float:
    begun = time.process_time()
    for _ in range(calls):
        call()
    return time.process_time() - begun


def measure_signature(home: Path) -> float:
    """Return the CPU microseconds of a session token's ES256 signature through the keyring."""
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), SystemClock(), Entropy())
    spent = measure(lambda: at.keyring.sign_token("sts-session+jwt", _CLAIMS))
    at.database.close()
    return spent


def measure_verification() -> float:
    """Return the CPU microseconds of parsing and verifying the SigV4 signature of an AssumeRole."""
    now = datetime.now(UTC)
    key = Key("AKIAIOSFODNN7EXAMPLE", 40 * "x")
    form = {"Action": "AssumeRole", "Version": "2011-06-15", "RoleArn": f"arn:aws:iam::{_ACCOUNT}:role/role"}
    body = encode(form).encode()
    signed = sign(
        key, method="POST", host="127.0.0.1:8080", path="/", query="", body=body, at=now, service="sts", region="eu-1"
    )
    headers = [(name.encode(), value.encode()) for name, value in {"user-agent": "a client", **signed}.items()]

    def verify() -> None:
        signature = parse_signature("POST", "/", "", headers)
        verify_signature(signature, body, key.secret, service="sts", now=now)

    return measure(verify)


def measure_decision(policies: int, owner: str = "alice") -> float:
    """Return the CPU microseconds of a decision over *policies* of ten statements, one of them naming the action.

    That statement is about the folder of *owner*, which may be a policy variable, in a bucket of the policy's own.
    """
    held = Policies(identity=tuple(_build_policy(number, owner) for number in range(policies)))
    principal = Principal(
        kind=PrincipalKind.USER,
        account_id=_ACCOUNT,
        arn=f"arn:aws:iam::{_ACCOUNT}:user/alice",
        principal_arn=f"arn:aws:iam::{_ACCOUNT}:user/alice",
        unique_id="AIDAIOSFODNN7EXAMPLE0",
    )
    question = Question(
        principal=principal,
        action="s3:GetObject",
        resource=f"arn:aws:s3:::bucket-{policies - 1}/home/alice/notes",
        resource_account_id=_ACCOUNT,
        context={"aws:username": ("alice",), "aws:securetransport": ("true",)},
    )
    if evaluate(question, held).outcome is not Outcome.ALLOWED:
        raise SystemExit("The decision that is measured should allow")
    return measure(lambda: evaluate(question, held))


def _build_policy(number: int, owner: str) -> NamedPolicy:
    statements: list[dict[str, object]] = [
        {
            "Effect": "Allow",
            "Action": "s3:GetObject",
            "Resource": f"arn:aws:s3:::bucket-{number}/home/{owner}/*",
            "Condition": {"Bool": {"aws:SecureTransport": "true"}},
        }
    ]
    statements += [
        {
            "Effect": "Allow",
            "Action": [f"ec2:Describe{other}*", f"sqs:SendMessage{other}"],
            "Resource": f"arn:aws:ec2:*:{_ACCOUNT}:instance/i-{number}{other}*",
        }
        for other in range(_STATEMENTS - 1)
    ]
    text = json.dumps({"Version": "2012-10-17", "Statement": statements})
    return NamedPolicy(f"arn:aws:iam::{_ACCOUNT}:policy/policy-{number}", parse_document(text, Kind.IDENTITY))


def measure_commits(environment: Mapping[str, str]) -> Commits:
    """Return how long a record takes to be durable in the store that *environment* tells of."""
    at = lay_foundation(read_settings(environment), SystemClock(), Entropy())
    commits = asyncio.run(_measure_commits(at))
    at.database.close()
    return commits


async def _measure_commits(at: Foundation) -> Commits:
    async def record(count: int) -> float:
        begun = time.perf_counter()
        entries = (
            Entry(request_id=at.entropy.request_id(), at=at.clock.now(), address="127.0.0.1", user_agent="x")
            for _ in range(count)
        )
        await asyncio.gather(*(at.journal.record(entry) for entry in entries))
        return (time.perf_counter() - begun) * 1_000

    async with at.database.serving():
        writer = asyncio.create_task(at.journal.write())
        alone = sorted([await record(1) for _ in range(200)])
        grouped = median([await record(_GROUP) for _ in range(50)]) / _GROUP
        at.journal.close()
        await writer
    return Commits(median(alone), alone[int(len(alone) * 0.99)], grouped)
