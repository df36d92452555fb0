"""What our service stands on in production: a PostgreSQL that keeps what it is told, and Redis."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.bench.processes import read_cpu
from tests.postgresql_server import PostgresqlServer, postgresql_server
from tests.redis_servers import RedisServer, redis_server

# The tests' own server need not outlive the machine; here each commit reaches the disk, as it does in production.
_DURABLE = ("-c fsync=on", "-c full_page_writes=on", "-c autovacuum=on")
_DISK = Path("/var/tmp")  # noqa: S108  a folder of its own is made there; /tmp may be memory
_KEEPS = ("--maxmemory-policy", "noeviction")


@dataclass(frozen=True)
class Production:
    """A store and a cache, and the *environment* that tells our service of them."""

    postgresql: PostgresqlServer
    redis: RedisServer
    environment: Mapping[str, str]

    def read_cpu(self) -> float:
        """Return the microseconds of CPU time that both have taken so far."""
        assert self.redis.process is not None
        return read_cpu(self.postgresql.find_process()) + read_cpu(self.redis.process.pid)


@contextmanager
def production(home: Path) -> Iterator[Production]:
    """Run PostgreSQL and Redis for a service that lives in *home* until the context ends."""
    with postgresql_server(*_DURABLE, below=_DISK) as postgresql, redis_server(home / "redis", *_KEEPS) as redis:
        environment = {
            "STS_HOME": str(home),
            "STS_DATABASE_URL": postgresql.url(postgresql.make_database()),
            "STS_CACHE_URL": redis.url,
            "STS_ISSUER": "http://127.0.0.1:8080",  # one for all processes, whatever their ports
        }
        yield Production(postgresql, redis, environment)
