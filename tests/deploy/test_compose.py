"""The composition: a Compose file that its own program takes, confined parts, and secrets that open real servers."""

import asyncio
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml
from cryptography import x509

from sts.cache import open_cache
from sts.clock import SystemClock
from sts.limits import ServerLimits
from sts.settings import SETTINGS, read_settings
from sts.store.accounts import list_accounts
from sts.store.database import open_database
from tests.contracts.trial import RIGHTS
from tests.deploy.places import DEPLOY, ROOT
from tests.installed import get_installed
from tests.ports import find_port
from tests.postgresql_server import PostgresqlServer
from tests.redis_servers import until

ISSUER = "https://sts.example.com:8443"
SERVERS = ("sts-1", "sts-2")


@pytest.fixture(scope="module")
def composition() -> dict[str, Any]:
    """The file as the Compose program resolves it: Debian's `docker-compose config`, which needs no engine."""
    told = subprocess.run(
        [get_installed("TEST_COMPOSE"), "-f", str(DEPLOY / "compose.yaml"), "--profile", "operator", "config"],
        env={**os.environ, "STS_ISSUER": ISSUER},
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode == 0, told.stderr
    resolved: dict[str, Any] = yaml.safe_load(told.stdout)
    return resolved


@pytest.fixture(scope="module")
def services(composition: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any] = composition["services"]
    return found


def _seconds(span: str) -> int:
    minutes, _, seconds = span.removesuffix("s").rpartition("m")
    return int(minutes or 0) * 60 + int(seconds)


def test_without_an_issuer_the_composition_is_refused() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "STS_ISSUER"}
    told = subprocess.run(
        [get_installed("TEST_COMPOSE"), "-f", str(DEPLOY / "compose.yaml"), "config"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert told.returncode != 0
    assert "STS_ISSUER" in told.stderr


def test_every_part_is_confined(services: dict[str, Any]) -> None:
    for name, part in services.items():
        assert part["read_only"] is True, name
        assert part["cap_drop"] == ["ALL"], name
        assert part["security_opt"] == ["no-new-privileges:true"], name
        assert int(part["user"].partition(":")[0]) > 0, name
        assert "privileged" not in part, name
        assert "cap_add" not in part, name


def test_only_the_balancer_is_reached_from_outside(composition: dict[str, Any]) -> None:
    services = composition["services"]
    assert [name for name, part in services.items() if "ports" in part or "outside" in part["networks"]] == ["balancer"]
    assert composition["networks"]["inside"]["internal"] is True


def test_the_store_is_migrated_before_either_serves(services: dict[str, Any]) -> None:
    assert services["migrate"]["command"] == ["sts", "migrate"]
    for name in SERVERS:
        assert services[name]["depends_on"]["migrate"]["condition"] == "service_completed_successfully"
        assert services[name]["environment"] == services["migrate"]["environment"]


def test_a_server_is_given_the_time_to_drain_and_to_finish(services: dict[str, Any]) -> None:
    limits = ServerLimits()
    for name in SERVERS:
        assert timedelta(seconds=_seconds(services[name]["stop_grace_period"])) > limits.drain + limits.finish


def test_the_balancer_is_told_of_both_servers(services: dict[str, Any]) -> None:
    told = services["balancer"]["environment"]
    assert {told["BALANCER_SERVICE_1"], told["BALANCER_SERVICE_2"]} == {f"{name}:8080" for name in SERVERS}
    read = (DEPLOY / "haproxy" / "haproxy.cfg").read_text(encoding="utf-8")
    assert [name for name in told if f"{name}" not in read] == []


def test_every_file_that_is_mounted_or_built_from_is_there(composition: dict[str, Any]) -> None:
    for part in composition["services"].values():
        for volume in part.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("/") or Path(source).is_file(), source
        if "build" in part:
            assert (Path(part["build"]["context"]) / part["build"]["dockerfile"]).is_file()


def test_every_secret_is_made_for_the_user_that_reads_it_alone(composition: dict[str, Any], secrets: Path) -> None:
    files = {name: Path(secret["file"]).name for name, secret in composition["secrets"].items()}
    assert set(files) == set(files.values()) == {file.name for file in secrets.iterdir()}
    for part in composition["services"].values():
        for secret in part.get("secrets", []):
            status = (secrets / files[secret["source"]]).stat()
            assert (status.st_uid, status.st_mode & 0o777) == (int(part["user"].partition(":")[0]), 0o400)
    used = {secret["source"] for part in composition["services"].values() for secret in part.get("secrets", [])}
    assert used == set(files)


def test_the_secrets_are_in_no_environment_and_no_repository(composition: dict[str, Any], secrets: Path) -> None:
    said = yaml.safe_dump(composition)
    for file in secrets.iterdir():
        assert file.read_text(encoding="utf-8").strip() not in said
    made = DEPLOY / "compose" / "secrets" / "database_url"
    assert subprocess.run(["git", "check-ignore", "-q", str(made)], cwd=ROOT, check=False).returncode == 0


def test_secrets_that_are_there_stay_as_they_are(secrets: Path) -> None:
    before = {file.name: file.read_bytes() for file in secrets.iterdir()}
    script = ["sh", str(DEPLOY / "compose" / "make-secrets.sh"), "sts.example.com", str(secrets)]
    subprocess.run(script if os.getuid() == 0 else ["sudo", *script], check=True)
    assert {file.name: file.read_bytes() for file in secrets.iterdir()} == before


def test_the_certificate_is_for_the_name_and_stands_with_its_key(secrets: Path) -> None:
    pem = (secrets / "certificate").read_bytes()
    names = x509.load_pem_x509_certificate(pem).extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["sts.example.com"]
    assert b"-----BEGIN PRIVATE KEY-----" in pem


def test_what_the_first_hour_gives_to_clients_is_the_certificate_without_its_key(secrets: Path, tmp_path: Path) -> None:
    page = (ROOT / "docs" / "first-hour.md").read_text(encoding="utf-8")
    (line,) = re.findall(r"^sudo (openssl x509 .*)$", page, re.MULTILINE)
    words = line.replace("deploy/compose/secrets", str(secrets)).split()
    subprocess.run(words, cwd=tmp_path, check=True)
    given = (tmp_path / "certificate.pem").read_bytes()
    assert b"PRIVATE" not in given
    assert x509.load_pem_x509_certificate(given) == x509.load_pem_x509_certificate(
        (secrets / "certificate").read_bytes()
    )


def _own_copies(services: dict[str, Any], secrets: Path, folder: Path) -> dict[str, str]:
    """Return a server's environment; its secrets are copied for the user that the tests run as."""
    environment: dict[str, str] = dict(services["sts-1"]["environment"])
    for name, value in environment.items():
        if value.startswith("/run/secrets/"):
            copied = folder / Path(value).name
            copied.write_bytes((secrets / copied.name).read_bytes())
            copied.chmod(0o400)
            environment[name] = str(copied)
    return environment


def test_a_server_takes_its_settings(services: dict[str, Any], secrets: Path, tmp_path: Path) -> None:
    environment = _own_copies(services, secrets, tmp_path)
    assert set(environment) <= {setting.name for setting in SETTINGS}
    settings = read_settings(environment)
    assert settings.issuer == ISSUER
    assert [str(network) for network in settings.trusted_proxies] == ["172.30.77.0/24"]
    assert urlsplit(settings.database_url).hostname == "postgresql"
    assert urlsplit(settings.cache_url).hostname == "redis"


def test_a_real_postgresql_is_set_up_for_the_service_alone(
    services: dict[str, Any], secrets: Path, tmp_path: Path, postgresql: PostgresqlServer
) -> None:
    script = ["sh", str(DEPLOY / "postgresql" / "create-database.sh")]
    reaching = {"PGHOST": "127.0.0.1", "PGPORT": str(postgresql.port)}
    environment = {**os.environ, **reaching, "PASSWORD_FILE": str(secrets / "database_password")}
    subprocess.run(script, check=True, env=environment)
    url = read_settings(_own_copies(services, secrets, tmp_path)).database_url
    database = open_database(url.replace("@postgresql:5432/", f"@127.0.0.1:{postgresql.port}/"))
    database.migrate(lambda _connection: None)
    assert database.read_now(list_accounts) == ()
    database.close()
    may = "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = 'sts'"
    assert postgresql.ask(may) == "f"
    kept = "SELECT rolpassword LIKE 'SCRAM-SHA-256$%' FROM pg_authid WHERE rolname = 'sts'"
    assert postgresql.ask(kept) == "t"
    assert postgresql.ask("SELECT has_database_privilege('public', 'sts', 'connect')") == "f"


@contextmanager
def _redis(command: list[str], secrets: Path, folder: Path) -> Iterator[int]:
    """Run the composition's Redis command on a free port."""
    port = find_port()
    places = {"/run/secrets/cache_users": str(secrets / "cache_users"), "/data": str(folder)}
    words = [places.get(word, word) for word in command]
    with subprocess.Popen([*words, "--port", str(port), "--bind", "127.0.0.1"], stdout=subprocess.DEVNULL) as process:
        try:
            yield port
        finally:
            process.terminate()


def test_a_real_redis_takes_its_options_and_knows_its_users(
    services: dict[str, Any], secrets: Path, tmp_path: Path
) -> None:
    kind, *probe = services["redis"]["healthcheck"]["test"]
    assert kind == "CMD"
    with _redis(services["redis"]["command"], secrets, tmp_path) as port:

        def ask(*words: str) -> str:
            done = subprocess.run(words, check=False, capture_output=True, text=True)
            return done.stdout + done.stderr if done.returncode else done.stdout.strip()

        until(lambda: ask(probe[0], "-p", str(port), *probe[1:]) == "PONG", "the composition's own probe")
        assert "NOAUTH" in ask("redis-cli", "-e", "-p", str(port), "get", "sts:a")
        assert "NOPERM" in ask(probe[0], "-p", str(port), *probe[1:-1], "get", "sts:a")
        url = read_settings(_own_copies(services, secrets, tmp_path)).cache_url
        asyncio.run(_use(url.replace("@redis:6379/", f"@127.0.0.1:{port}/")))
        login = ("--no-auth-warning", "--user", "sts", "--pass", urlsplit(url).password or "")
        assert "maxmemory_policy:noeviction" in ask("redis-cli", "-p", str(port), *login, "info", "memory")
    granted = (secrets / "cache_users").read_text(encoding="ascii")
    assert set(RIGHTS.split()) <= set(granted.split())


async def _use(url: str) -> None:
    cache = open_cache(url, SystemClock())
    attending = asyncio.create_task(cache.attend())
    await cache.put("deploy", b"value", timedelta(minutes=1))
    assert await cache.get("deploy") == b"value"
    assert await cache.count("counted", timedelta(minutes=1)) == 1
    attending.cancel()
    await asyncio.gather(attending, return_exceptions=True)
