"""Where a cache is: the forms that `STS_CACHE_URL` may have.

    memory://
    redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
    redis+sentinel://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]/MASTER[/DATABASE]
    redis+cluster://[USER:PASSWORD@]HOST[:PORT][,HOST[:PORT]…]

With `rediss` instead of `redis` all is spoken through TLS. User and password are percent-encoded. Options follow `?`.
"""

from dataclasses import dataclass, field
from enum import Enum
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote

from sts.errors import Malformed
from sts.model import Secret
from sts.urls import split_url

MEMORY = "memory://"
_REDIS_PORT, _SENTINEL_PORT = 6379, 26379
_LAST_PORT = 65_535


class Form(Enum):
    """How the servers of a cache stand together."""

    SINGLE = ""
    SENTINEL = "sentinel"
    CLUSTER = "cluster"


class Place(NamedTuple):
    """A host, by name or number, and a port."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


class Login(NamedTuple):
    """A user of Redis's access lists; without a name it is the default user's, without a password none."""

    username: str | None = None
    password: Secret | None = None


class Tls(NamedTuple):
    """Files in PEM: who may sign the server's certificate (the system's own unless given), and what a client shows."""

    ca: str | None = None
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where Redis is and how to speak to it; *places* are those of the sentinels when there are some."""

    form: Form
    places: tuple[Place, ...]
    login: Login
    tls: Tls | None
    database: int
    master: str
    sentinel_login: Login


@dataclass(slots=True)
class _Reading:
    """The parts of an address as they are read; a fault quotes none, since any may hold part of a password."""

    url: SplitResult
    faults: list[str] = field(default_factory=list)

    def form(self) -> Form:
        scheme, _, form = self.url.scheme.partition("+")
        if scheme not in {"redis", "rediss"} or form not in {each.value for each in Form}:
            self.faults.append(
                "it begins with memory://, redis://, redis+sentinel:// or redis+cluster://, or with rediss there"
            )
            return Form.SINGLE
        return Form(form)

    def login(self) -> Login:
        if "@" not in self.url.netloc:
            return Login()
        username, colon, password = self.url.netloc.rpartition("@")[0].partition(":")
        if not colon:
            self.faults.append("before the @ stands USER:PASSWORD or :PASSWORD")
        return Login(unquote(username) or None, Secret(unquote(password)))

    def places(self, form: Form) -> tuple[Place, ...]:
        texts = self.url.netloc.rpartition("@")[2].split(",")
        if form is Form.SINGLE and len(texts) > 1:
            self.faults.append("only redis+sentinel and redis+cluster take more than one host")
        default = _SENTINEL_PORT if form is Form.SENTINEL else _REDIS_PORT
        return tuple(self._place(number, text, default) for number, text in enumerate(texts, start=1))

    def _place(self, number: int, text: str, default: int) -> Place:
        host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
        host, port = (host, port) if colon else (text, str(default))
        if not host.strip("[]") or "@" in host or (":" in host and not host.startswith("[")):
            self.faults.append(f"host {number} is missing or has not the form HOST:PORT")
        if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
            self.faults.append(f"the port of host {number} is not a number from 1 to {_LAST_PORT}")
            port = str(default)
        return Place(host.strip("[]"), int(port))

    def path(self, form: Form) -> tuple[str, int]:
        """Read the name of the master that sentinels watch, and the database."""
        parts = [unquote(part) for part in self.url.path.split("/")[1:]]
        master = parts.pop(0) if form is Form.SENTINEL and parts else ""
        database = parts.pop(0) if parts else ""
        if form is Form.SENTINEL and not master:
            self.faults.append("the name of the master that the sentinels watch is missing: HOST:PORT/MASTER")
        if parts or (database and not (database.isascii() and database.isdigit())):
            self.faults.append("the path ends with the number of a database")
            database = ""
        if form is Form.CLUSTER and int(database or "0"):
            self.faults.append("a cluster has no database but 0")
        return master, int(database or "0")

    def options(self, names: frozenset[str]) -> dict[str, str]:
        given = parse_qs(self.url.query, keep_blank_values=True)
        if set(given) - names or any(len(values) != 1 or not values[0] for values in given.values()):
            offered = f"only {', '.join(sorted(names))}" if names else "none"
            self.faults.append(f"of options it takes {offered}, each once and with a value")
        if self.url.fragment:
            self.faults.append("a # in user or password is written %23")
        return {name: values[0] for name, values in given.items()}


def parse_address(url: str) -> Address:
    """Read the address of a Redis; raises Malformed with every fault, none of which quotes what was given."""
    try:
        reading = _Reading(split_url(url))
    except ValueError:
        raise Malformed("it is no URL: a host has a bracket too few") from None
    form = reading.form()
    master, database = reading.path(form)
    tls = reading.url.scheme.startswith("rediss")
    options = reading.options(_option_names(form, tls=tls))
    if ("cert" in options) != ("key" in options):
        reading.faults.append("the options cert and key are given together")
    address = Address(
        form=form,
        places=reading.places(form),
        login=reading.login(),
        tls=Tls(options.get("ca"), options.get("cert"), options.get("key")) if tls else None,
        database=database,
        master=master,
        sentinel_login=_sentinel_login(options),
    )
    if reading.faults:
        raise Malformed("; ".join(reading.faults))
    return address


def _option_names(form: Form, *, tls: bool) -> frozenset[str]:
    names = {"ca", "cert", "key"} if tls else set()
    return frozenset(names | ({"sentinel_username", "sentinel_password"} if form is Form.SENTINEL else set()))


def _sentinel_login(options: dict[str, str]) -> Login:
    password = options.get("sentinel_password")
    return Login(options.get("sentinel_username"), None if password is None else Secret(password))
