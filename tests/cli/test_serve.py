import base64
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx2
import pytest

from sts.cli.serve import _describe_store
from tests.cli.conftest import Command

ROOT = Path(__file__).parents[2]


@dataclass
class Served:
    """A running `sts serve`, its address and the log it has written so far."""

    process: subprocess.Popen[str]
    log: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""

    def read_until(self, words: str) -> str:
        """Read the log until a line speaks of *words*, and return that line's event."""
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(json.loads(line))
            if words in self.log[-1]["event"]:
                return str(self.log[-1]["event"])
        raise AssertionError(f"the log ended without {words}: {self.log}")


@contextmanager
def serving(home: Path, *words: str) -> Iterator[Served]:
    environment = {**os.environ, "STS_HOME": str(home), "STS_DRAIN_SECONDS": "0"}
    command = [sys.executable, "-m", "sts", "serve", "--port", "0", *words]
    with subprocess.Popen(command, stderr=subprocess.PIPE, env=environment, cwd=ROOT, text=True) as process:
        served = Served(process)
        try:
            served.url = served.read_until("running on").split(" on ")[1].split()[0]
            yield served
        finally:
            process.kill()


@pytest.mark.parametrize("ending", [signal.SIGTERM, signal.SIGINT])
def test_the_service_serves_and_ends_with_0(ending: signal.Signals, sts: Command) -> None:
    with serving(sts.home) as served, httpx2.Client(trust_env=False) as client:
        answer = client.get(f"{served.url}/livez")
        assert (answer.status_code, "server" in answer.headers) == (200, False)
        served.process.send_signal(ending)
        served.read_until("Application shutdown complete")
        assert served.process.wait() == 0


def test_a_service_without_an_account_says_how_to_make_one_and_takes_it_at_once(sts: Command) -> None:
    with serving(sts.home) as served:
        (warning,) = [line for line in served.log if line["event"] == "serve.no_account"]
        assert warning["level"] == "warning"
        made = sts.json("init")
        client = boto3.client(
            "sts", endpoint_url=served.url, region_name="us-east-1",
            aws_access_key_id=made["access_key_id"], aws_secret_access_key=made["secret_access_key"],
        )  # fmt: skip
        assert client.get_caller_identity()["Arn"] == made["admin_arn"]
    with serving(sts.home) as served:
        assert [line for line in served.log if line["event"] == "serve.no_account"] == []


def claims(token: str) -> dict[str, Any]:
    payload = token.split(".")[1]
    read: dict[str, Any] = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    return read


def test_without_an_issuer_tokens_are_of_the_loopback_address_that_is_listened_on(sts: Command) -> None:
    made = sts.json("init", "--account-id", "123456789012")
    trust = {"Effect": "Allow", "Principal": {"AWS": "123456789012"}, "Action": "sts:AssumeRole"}
    with serving(sts.home) as served:
        (start,) = [line for line in served.log if line["event"] == "serve.starting"]
        told = {name: start[name] for name in ("address", "issuer", "store", "keys")}
        assert told == {
            "address": [served.url],
            "issuer": served.url,
            "store": f"sqlite:///{sts.home}/sts.db",
            "keys": f"{sts.home}/keys",
        }
        known = {
            "endpoint_url": served.url,
            "region_name": "us-east-1",
            "aws_access_key_id": made["access_key_id"],
            "aws_secret_access_key": made["secret_access_key"],
        }
        document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
        role = boto3.client("iam", **known).create_role(RoleName="r", AssumeRolePolicyDocument=document)["Role"]
        session = boto3.client("sts", **known).assume_role(RoleArn=role["Arn"], RoleSessionName="me")
    told = claims(session["Credentials"]["SessionToken"])
    assert (told["iss"], told["aud"]) == (served.url, served.url)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "", "sts.example.com"])  # noqa: S104  what is refused
def test_another_host_than_loopback_needs_an_issuer(host: str, elsewhere: Command) -> None:
    result = elsewhere("serve", "--host", host, "--port", "0")
    assert (result.exit_code, "needs STS_ISSUER" in result.stderr) == (2, True)
    assert not elsewhere.home.exists()


@pytest.mark.parametrize(("proxies", "warned"), [("none", True), ("10.0.0.0/8", False)])
def test_plain_http_beyond_loopback_is_warned_of_unless_a_proxy_is_named(
    proxies: str, *, warned: bool, sts: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STS_ISSUER", "https://sts.example.com")
    monkeypatch.setenv("STS_TRUSTED_PROXIES", proxies)
    with serving(sts.home, "--host", "0.0.0.0") as served:  # noqa: S104  what the warning is about
        assert [line["event"] for line in served.log if line["level"] == "warning" and "plain" in line["event"]] == [
            "serve.plain_http"
        ] * warned


def test_the_store_is_told_of_without_its_password() -> None:
    told = _describe_store("postgresql://sts:hush@db.example:5433/sts?sslmode=verify-full")
    assert told == "postgresql://db.example:5433/sts"


def test_more_workers_than_one_are_refused_with_a_cache_of_their_own(elsewhere: Command) -> None:
    result = elsewhere("serve", "--workers", "2")
    assert result.exit_code == 1
    assert "--workers 2" in result.stderr
    assert "memory://" in result.stderr


@pytest.mark.parametrize("words", [("--port", "65536"), ("--workers", "0"), ("--log-level", "loud")])
def test_options_out_of_range_are_wrong_usage(words: tuple[str, ...], elsewhere: Command) -> None:
    assert elsewhere("serve", *words).exit_code == 2


def test_a_key_file_that_others_can_read_refuses_the_start(sts: Command) -> None:
    (sts.home / "keys" / "sealing-1.json").chmod(0o644)
    result = sts("serve", "--port", "0")
    assert result.exit_code == 1
    assert "sealing-1.json can be used by others" in result.stderr
    assert "Traceback" not in result.output


def test_a_port_that_is_taken_fails_with_its_reason(sts: Command, tmp_path: Path) -> None:
    with serving(sts.home) as served:
        port = served.url.rpartition(":")[2]
        environment = {**os.environ, "STS_HOME": str(tmp_path / "other")}
        second = subprocess.run(
            [sys.executable, "-m", "sts", "serve", "--port", port],
            env=environment, cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert second.returncode == 1
    assert "address already in use" in second.stderr


def test_a_running_service_uses_the_keys_that_a_command_made(sts: Command) -> None:
    with serving(sts.home) as served, httpx2.Client(trust_env=False) as client:
        (made,) = sts.json("keys", "rotate", "--algorithm", "ES256", "--emergency")["made"]
        for _ in range(20_000):  # it looks twice a second
            kids = [key["kid"] for key in client.get(f"{served.url}/.well-known/jwks.json").json()["keys"]]
            if made["kid"] in kids:
                break
        assert made["kid"] in kids


def test_a_key_file_that_is_no_key_takes_none_away_that_is_in_use(sts: Command) -> None:
    made = sts.json("init")
    with serving(sts.home, "--json") as served:
        (sts.home / "keys" / "junk.json").write_text("{}")
        served.read_until("keys.refresh.failed")
        assert "junk.json" in served.log[-1]["reason"]
        client = boto3.client(
            "sts", endpoint_url=served.url, region_name="us-east-1",
            aws_access_key_id=made["access_key_id"], aws_secret_access_key=made["secret_access_key"],
        )  # fmt: skip
        assert client.get_caller_identity()["Arn"] == made["admin_arn"]
        (sts.home / "keys" / "junk.json").unlink()
        served.read_until("chore.resumed")  # it went on looking
        assert served.log[-1]["chore"] == "keys.refresh"
