"""The example for nginx, in a real one: signed requests pass, and the client's address is what nginx saw."""

import http.client
import json
import os
import re
import socket
import sqlite3
import ssl
import subprocess
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from sts.clock import SystemClock
from tests.certificates import Authority
from tests.deploy.places import DEPLOY
from tests.installed import get_installed
from tests.ports import find_port
from tests.redis_servers import until
from tests.service import REGION, Service, Tenant, running
from tests.signing import encode, sign

EXAMPLE = (DEPLOY / "nginx" / "sts.conf").read_text(encoding="utf-8")
CLIENT = "127.0.0.9"  # loopback, and not the address that nginx connects from


@dataclass(frozen=True)
class Proxy:
    """A running nginx in front of a service."""

    port: int
    service: Service
    tenant: Tenant
    authority: Authority
    log: Path

    def ask(self, method: str, target: str, body: bytes = b"", **headers: str) -> tuple[int, bytes]:
        """Send a request from CLIENT, spelt exactly so."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context, timeout=30, source_address=(CLIENT, 0)
        )
        with closing(connection):
            connection.request(method, target, body, headers)
            answer = connection.getresponse()
            return answer.status, answer.read()

    def sign(self, method: str, body: bytes = b"", query: str = "") -> dict[str, str]:
        told = sign(
            self.tenant.key, method=method, host=f"127.0.0.1:{self.port}", path="/", query=query, body=body,
            at=datetime.now(UTC), service="sts", region=REGION,
        )  # fmt: skip
        return told | {"content-type": "application/x-www-form-urlencoded"}

    def boto(self, name: str) -> Any:
        return boto3.client(
            name,
            endpoint_url=f"https://127.0.0.1:{self.port}",
            region_name=REGION,
            aws_access_key_id=self.tenant.key.access_key_id,
            aws_secret_access_key=self.tenant.key.secret,
            verify=str(self.authority.file),
            config=Config(retries={"max_attempts": 1}),
        )

    def latest(self, event: str) -> dict[str, Any]:
        """Return the latest record of *event*."""
        with closing(sqlite3.connect(self.service.database_path)) as connection:
            statement = "SELECT body FROM audit_record WHERE event = ? ORDER BY at DESC LIMIT 1"
            (body,) = connection.execute(statement, (event,)).fetchone()
        record: dict[str, Any] = json.loads(body)
        return record


def _place(folder: Path, port: int, upstreams: tuple[str, str], files: tuple[Path, Path]) -> Path:
    """Write the example with the test's own places, in a configuration around it like Debian's."""
    text, listens = re.subn(r"listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;", EXAMPLE)
    text, sixes = re.subn(r"\n *listen \[::\]:443 ssl;", "", text)
    text, servers = re.subn(r"server 10\.0\.0\.11:8080", f"server {upstreams[0]}", text)
    text, others = re.subn(r"server 10\.0\.0\.12:8080", f"server {upstreams[1]}", text)
    text, chains = re.subn(r"/etc/ssl/sts/chain\.pem", str(files[0]), text)
    text, keys = re.subn(r"/etc/ssl/sts/key\.pem", str(files[1]), text)
    text, logs = re.subn(r"/var/log/nginx/sts\.log", str(folder / "sts.log"), text)
    assert (listens, sixes, servers, others, chains, keys, logs) == (1,) * 7
    (folder / "sts.conf").write_text(text, encoding="utf-8")
    # Its workers would else be nobody, who may not enter the test's folder.
    user = "user root;" if os.getuid() == 0 else ""
    kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    temporary = "\n".join(f"{kind}_temp_path {folder / kind};" for kind in kinds)
    http_block = f"http {{\n{temporary}\ninclude {folder / 'sts.conf'};\n}}\n"
    around = f"{user}\ndaemon off;\npid {folder / 'pid'};\nevents {{ }}\n{http_block}"
    (folder / "nginx.conf").write_text(around, encoding="utf-8")
    return folder / "nginx.conf"


def _nginx(configuration: Path, *words: str) -> list[str]:
    errors = configuration.with_name("error.log")
    return [
        get_installed("TEST_NGINX"),
        "-e",
        str(errors),
        "-p",
        str(configuration.parent),
        "-c",
        str(configuration),
        *words,
    ]


@contextmanager
def _proxying(folder: Path, upstreams: tuple[str, str], port: int) -> Iterator[Authority]:
    """Run the example until the context ends."""
    authority = Authority(folder / "authority")
    configuration = _place(folder, port, upstreams, authority.sign("nginx", "127.0.0.1"))
    with subprocess.Popen(_nginx(configuration)) as process:
        until(lambda: _listens(port) or process.poll() is not None, "nginx")
        try:
            yield authority
        finally:
            process.terminate()


@contextmanager
def _served(folder: Path, beside: str | None = None) -> Iterator[Proxy]:
    """Run a service behind the example, whose second service is the same or the address *beside*."""
    port = find_port()
    settings = {"STS_TRUSTED_PROXIES": "127.0.0.1/32", "STS_ISSUER": f"https://127.0.0.1:{port}"}
    with (
        running(folder / "home", SystemClock(), None, **settings) as service,
        _proxying(folder, (service.host, beside or service.host), port) as authority,
    ):
        yield Proxy(port, service, service.tenant(), authority, folder / "sts.log")


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    with _served(tmp_path_factory.mktemp("nginx")) as started:
        yield started


def _listens(port: int) -> bool:
    with closing(socket.socket()) as line:
        return line.connect_ex(("127.0.0.1", port)) == 0


def test_nginx_finds_no_fault_with_the_example(tmp_path: Path) -> None:
    files = Authority(tmp_path).sign("nginx", "127.0.0.1")
    configuration = _place(tmp_path, find_port(), ("127.0.0.1:8080", "127.0.0.1:8081"), files)
    told = subprocess.run(_nginx(configuration, "-t"), check=False, capture_output=True, text=True)
    assert told.returncode == 0, told.stderr
    assert "warn" not in told.stderr


def test_unmodified_clients_work_through_it(proxy: Proxy) -> None:
    identity = proxy.boto("sts").get_caller_identity()
    assert identity["Account"] == proxy.tenant.account_id
    proxy.boto("iam").create_user(UserName="through")
    record = proxy.latest("caller.identify.done")
    assert record["address"] == "127.0.0.1"


def test_o_33_the_address_is_what_nginx_saw_whatever_the_client_says(proxy: Proxy) -> None:
    body = encode({"Action": "GetCallerIdentity", "Version": "2011-06-15"}).encode()
    lies = {"X-Forwarded-For": "203.0.113.5", "X-Forwarded-Proto": "http", "X-Real-IP": "203.0.113.6"}
    status, answer = proxy.ask("POST", "/", body, **proxy.sign("POST", body), **lies)
    assert status == 200, answer
    assert proxy.latest("caller.identify.done")["address"] == CLIENT


@pytest.mark.parametrize("prefix", ["/ui/link/", "/UI/Link/", "/ui/%6cink/"])
def test_s_19_the_log_does_not_hold_the_link_by_which_a_password_is_set(proxy: Proxy, prefix: str) -> None:
    proxy.ask("GET", f"{prefix}5ec7e7.5ec7e7")
    proxy.ask("GET", "/seen-after")
    until(lambda: '"GET /seen-after"' in proxy.log.read_text(encoding="utf-8"), "the line of the log")
    assert '"GET /ui/link/"' in proxy.log.read_text(encoding="utf-8")
    assert "5ec7e7" not in proxy.log.read_text(encoding="utf-8")


def test_a_presigned_url_works_and_its_query_is_not_logged(proxy: Proxy) -> None:
    url = proxy.boto("sts").generate_presigned_url("get_caller_identity", HttpMethod="GET")
    status, answer = proxy.ask("GET", url.partition(str(proxy.port))[2])
    assert status == 200, answer
    assert "GetCallerIdentityResult" in answer.decode()
    until(lambda: '"GET /" 200' in proxy.log.read_text(encoding="utf-8"), "the line of the log")
    assert "Signature" not in proxy.log.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    "target", ["/metrics", "/%6detrics", "//metrics", "/./metrics", "/metrics/", "/readyz", "/livez"]
)
def test_what_is_for_whoever_runs_the_service_is_not_shown(proxy: Proxy, target: str) -> None:
    status, answer = proxy.ask("GET", target)
    assert status == 404, answer


def test_public_keys_are_served(proxy: Proxy) -> None:
    status, answer = proxy.ask("GET", "/.well-known/jwks.json")
    assert (status, bool(json.loads(answer)["keys"])) == (200, True)
    status, answer = proxy.ask("GET", "/outbound/1f0e2d3c-4b5a-4697-8877-665544332211/.well-known/jwks.json")
    assert (status, json.loads(answer)["__type"]) == (404, "UnknownOperationException")  # the service says: no issuer


def test_a_body_of_the_greatest_size_reaches_the_service(proxy: Proxy) -> None:
    body = encode({"Action": "GetCallerIdentity", "Version": "2011-06-15", "Padding": "a" * 500_000}).encode()
    status, answer = proxy.ask("POST", "/", body, **proxy.sign("POST", body))
    assert status == 413
    assert b"<Code>RequestEntityTooLarge</Code>" in answer  # of the service, which takes less of this operation


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_service_that_is_gone_is_told_of_in_a_form_that_clients_read(method: str, tmp_path: Path) -> None:
    port, nobody = find_port(), f"127.0.0.1:{find_port()}"
    with _proxying(tmp_path, (nobody, nobody), port) as authority:
        context = ssl.create_default_context(cafile=str(authority.file))
        with closing(http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=30)) as connection:
            connection.request(method, "/?Action=GetCallerIdentity")
            answer = connection.getresponse()
            told = (answer.status, answer.getheader("Retry-After"), b"<Code>ServiceUnavailable</Code>" in answer.read())
    assert told == (503, "1", True)


def test_a_post_goes_to_the_other_service_when_one_is_gone(tmp_path: Path) -> None:
    with _served(tmp_path, beside=f"127.0.0.1:{find_port()}") as proxy:
        client = proxy.boto("sts")
        for _ in range(8):
            assert client.get_caller_identity()["Account"] == proxy.tenant.account_id
