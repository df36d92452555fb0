from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.balancer.nodes import Node, run_sts, told
from tests.faults.processes import find_port
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.redis_servers import RedisServer, redis_server
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

    @property
    def url(self) -> str:
        return self.environment["STS_ISSUER"]

    def count_users(self, prefix: str) -> int:
        """Return how many users have names that begin with *prefix*, as the store holds them."""
        statement = f"SELECT count(*) FROM iam_user WHERE name LIKE '{prefix}%'"  # noqa: S608  our own words
        return int(self.store.ask(statement, self.database))

    def node(self, name: str, *options: str, **settings: str) -> Node:
        return Node(name, self.home, self.environment | settings, options)


@pytest.fixture(scope="package")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Parts]:
    home, port = tmp_path_factory.mktemp("topology"), find_port()
    with postgresql_server() as store, redis_server(home / "redis") as cache:
        database = store.make_database()
        settings = {
            "STS_DATABASE_URL": store.url(database),
            "STS_CACHE_URL": cache.url,
            "STS_ISSUER": f"http://127.0.0.1:{port}",
            "STS_TRUSTED_PROXIES": "127.0.0.1",
            "STS_DRAIN_SECONDS": "3",
        }
        environment = told(home, **settings)
        run_sts(environment, "migrate")
        begun = run_sts(environment, "init")
        key = Key(begun["access_key_id"], begun["secret_access_key"])
        yield Parts(home, environment, port, begun["account_id"], key, store, database, cache)
