"""A real PostgreSQL for tests: private, on a free port of loopback, in a folder of its own."""

import os
import pwd
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.certificates import Authority
from tests.ports import find_port
from tests.redis_servers import until

_OWNER = "postgres"  # PostgreSQL refuses to run as root
_LOCALE = ("--encoding=UTF8", "--locale-provider=icu", "--icu-locale=en-US", "--locale=C.UTF-8")
_names = count()


def find_program(name: str) -> str:
    """Return the path of a program of PostgreSQL, which Debian keeps off PATH."""
    installed = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"), key=lambda path: int(path.parts[4]))
    found = str(installed[-1]) if installed else shutil.which(name)
    assert found is not None, f"PostgreSQL's {name} is not installed"
    return found


def _as_owner(*command: str) -> Sequence[str]:
    return command if os.getuid() else ("runuser", "-u", _OWNER, "--", *command)


@dataclass
class PostgresqlServer:
    """A server that can be stopped, hung and started again with its data."""

    folder: Path
    port: int
    options: tuple[str, ...] = ()

    def url(self, database: str, **options: str) -> str:
        query = "&".join(f"{name}={value}" for name, value in options.items())
        return f"postgresql://postgres@127.0.0.1:{self.port}/{database}" + (f"?{query}" if query else "")

    def start(self) -> None:
        """Start, and return once it answers."""
        settings = {"port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": ""}
        # What a test writes need not outlive the machine.
        settings |= {"fsync": "off", "full_page_writes": "off", "max_connections": "60", "autovacuum": "off"}
        options = [f"-c {name}={value}" if value else f"-c {name}=" for name, value in settings.items()]
        self._control("start", "-w", "-l", str(self.folder / "log"), "-o", " ".join([*options, *self.options]))

    def own(self, path: Path) -> None:
        """Give *path* to whoever the server runs as, and to nobody else."""
        if os.getuid() == 0:
            owner = pwd.getpwnam(_OWNER)
            os.chown(path, owner.pw_uid, owner.pw_gid)
        path.chmod(0o700 if path.is_dir() else 0o600)

    def speak_tls(self, authority: Authority) -> None:
        """Start again with a certificate of *authority* for the server's number."""
        self.stop()
        for file, name in zip(authority.sign("server", "127.0.0.1"), ("server.crt", "server.key"), strict=True):
            target = self.folder / "data" / name
            shutil.copyfile(file, target)
            self.own(target)
        self.options += ("-c ssl=on",)
        self.start()

    def stop(self, mode: str = "fast") -> None:
        self._control("stop", "-w", "-m", mode)

    def promote(self) -> None:
        """Make a standby a server of its own."""
        self._control("promote", "-w")

    def _control(self, *command: str) -> None:
        data = str(self.folder / "data")
        subprocess.run(
            _as_owner(find_program("pg_ctl"), "-s", "-D", data, *command),
            check=True,
            cwd="/",
            stdout=subprocess.DEVNULL,
        )

    def find_process(self) -> int:
        """Return the process that all others of the server descend from."""
        return int((self.folder / "data" / "postmaster.pid").read_text(encoding="ascii").split()[0])

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the server and to all who serve its connections."""
        first = self.find_process()
        children = Path(f"/proc/{first}/task/{first}/children").read_text(encoding="ascii").split()
        for process in (first, *map(int, children)):
            os.kill(process, number)

    def limit_files(self, pids: Sequence[str], size: int | None) -> None:
        """Let these processes of the server write in no file beyond *size* bytes; None: as far as they like."""
        limit = "unlimited" if size is None else str(size)
        for pid in pids:
            subprocess.run(_as_owner("prlimit", "--pid", pid, f"--fsize={limit}:"), check=True)

    def ask(self, statement: str, database: str = "postgres") -> str:
        """Execute *statement* on a connection of its own and return what is printed."""
        client = (find_program("psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-c", statement, self.url(database))
        writing = os.environ | {"PGOPTIONS": "-c default_transaction_read_only=off"}
        done = subprocess.run(client, check=False, capture_output=True, text=True, env=writing)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def make_database(self, template: str = "template0") -> str:
        """Make a database of a name of its own and return the name."""
        name = f"sts{next(_names)}"
        self.ask(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name


@contextmanager
def postgresql_server(*options: str, below: Path | None = None) -> Iterator[PostgresqlServer]:
    """Run a server whose language sorts otherwise than bytes do, *below* a folder that its owner may enter, or /tmp."""
    with tempfile.TemporaryDirectory(prefix="sts-postgresql-", dir=below) as name:
        folder = Path(name)
        server = PostgresqlServer(folder, find_port(), options)
        server.own(folder)
        make = (find_program("initdb"), "-D", str(folder / "data"), "-U", "postgres", "--auth=trust", "-N", *_LOCALE)
        subprocess.run(_as_owner(*make), check=True, cwd="/", stdout=subprocess.DEVNULL)
        server.start()
        try:
            yield server
        finally:
            server.send(signal.SIGCONT)
            server.stop("immediate")


@contextmanager
def standby_server(primary: PostgresqlServer) -> Iterator[PostgresqlServer]:
    """Run a server that follows *primary*, which commits nothing any more that this one has not kept too."""
    with tempfile.TemporaryDirectory(prefix="sts-postgresql-") as name:
        folder = Path(name)
        server = PostgresqlServer(folder, find_port())
        server.own(folder)
        copy = (find_program("pg_basebackup"), "-D", str(folder / "data"), "-R", "-c", "fast", "-d", primary.url(""))
        subprocess.run(_as_owner(*copy), check=True, cwd="/", stdout=subprocess.DEVNULL)
        server.start()
        primary.ask("ALTER SYSTEM SET synchronous_standby_names = '*'")
        primary.ask("SELECT pg_reload_conf()")
        until(lambda: primary.ask("SELECT sync_state FROM pg_stat_replication") == "sync", "a standby that follows")
        try:
            yield server
        finally:
            server.stop("immediate")
