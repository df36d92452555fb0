from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import pytest
from botocore.config import Config

from tests.balancer.haproxy import Balancer, balancing
from tests.balancer.nodes import Node, run_sts, started, told
from tests.certificates import Authority
from tests.faults.processes import wait_until
from tests.ports import find_port
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.redis_servers import RedisServer, redis_server
from tests.service import REGION
from tests.signing import Key


@dataclass(frozen=True)
class Parts:
    """What the services share, on loopback: a store that was migrated, a cache, keys, an account and the address."""

    home: Path
    environment: dict[str, str]
    port: int
    account_id: str
    key: Key
    store: PostgresqlServer
    database: str
    cache: RedisServer
    authority: Authority | None

    @property
    def url(self) -> str:
        return self.environment["STS_ISSUER"]

    @property
    def certificate(self) -> Path | None:
        """The file that HAProxy wants: certificate and key in one."""
        if self.authority is None:
            return None
        both = self.home / "balancer.pem"
        both.write_bytes(b"".join(file.read_bytes() for file in self.authority.sign("balancer", "127.0.0.1")))
        return both

    def users(self, prefix: str) -> list[str]:
        """Return the names of users that begin with *prefix*, as the store holds them."""
        statement = f"SELECT name FROM iam_user WHERE name LIKE '{prefix}%'"  # noqa: S608  our own words
        return self.store.ask(statement, self.database).split()

    def node(self, name: str, *options: str, **settings: str) -> Node:
        return Node(name, self.home, self.environment | settings, options)


@contextmanager
def assembled(home: Path, authority: Authority | None = None) -> Iterator[Parts]:
    """Start what services need; with an *authority* the store and clients speak TLS, else nobody does."""
    port = find_port()
    with postgresql_server() as store, redis_server(home / "redis") as cache:
        database, options = store.make_database(), {"sslmode": "disable"}
        if authority is not None:
            store.speak_tls(authority)
            options = {"sslmode": "verify-full", "sslrootcert": str(authority.file)}
        settings = {
            "STS_DATABASE_URL": store.url(database, **options),
            "STS_CACHE_URL": cache.url,
            "STS_ISSUER": f"{'http' if authority is None else 'https'}://127.0.0.1:{port}",
            "STS_TRUSTED_PROXIES": "127.0.0.1",
            "STS_DRAIN_SECONDS": "3",
        }
        environment = told(home, **settings)
        run_sts(environment, "migrate")
        begun = run_sts(environment, "init")
        key = Key(begun["access_key_id"], begun["secret_access_key"])
        yield Parts(home, environment, port, begun["account_id"], key, store, database, cache, authority)


@pytest.fixture(scope="package")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    with assembled(tmp_path_factory.mktemp("plain")) as made:
        yield made


@pytest.fixture(scope="package")
def secure_parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    home = tmp_path_factory.mktemp("secure")
    with assembled(home, Authority(home / "authority")) as made:
        yield made


@dataclass(frozen=True)
class Topology:
    """Two services behind a balancer."""

    parts: Parts
    one: Node
    two: Node
    balancer: Balancer

    def boto(self, name: str, key: Key, url: str | None = None) -> Any:
        """Return an unmodified client of the service *name*, which asks the balancer unless *url* says otherwise."""
        return boto3.client(
            name,
            endpoint_url=url or self.parts.url,
            region_name=REGION,
            aws_access_key_id=key.access_key_id,
            aws_secret_access_key=key.secret,
            aws_session_token=key.token,
            verify=None if self.parts.authority is None else str(self.parts.authority.file),
            config=Config(retries={"total_max_attempts": 1}),
        )


@contextmanager
def running(parts: Parts, folder: Path) -> Iterator[Topology]:
    one, two = parts.node("one"), parts.node("two")
    ports = one.port, two.port
    with started(one, two), balancing(folder, *ports, port=parts.port, certificate=parts.certificate) as balancer:
        wait_until(lambda: balancer.sees("one", "UP") and balancer.sees("two", "UP"))
        yield Topology(parts, one, two, balancer)
