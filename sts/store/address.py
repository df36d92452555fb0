"""Where a store is: the forms that `STS_DATABASE_URL` may have.

    sqlite:///FILE
    postgresql://[USER[:PASSWORD]@]HOST[:PORT][,HOST[:PORT]…]/DATABASE[?OPTION=VALUE&…]
    postgresql://[USER[:PASSWORD]@]/DATABASE?host=FOLDER[&port=PORT]

The second and third are the connection URIs of PostgreSQL's manual ("Connection URIs", libpq), with some of their
options: `sslmode`, `sslrootcert`, `sslcert`, `sslkey`, and `host` and `port` for the folder and number of a socket.
"""

from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from typing import NamedTuple
from urllib.parse import SplitResult, parse_qs, unquote

from sts.errors import Malformed
from sts.model import Secret
from sts.urls import split_url

SQLITE = "sqlite:///"
_SCHEMES = frozenset({"postgresql", "postgres"})
_OPTIONS = frozenset({"host", "port", "sslmode", "sslrootcert", "sslcert", "sslkey"})
_PORT, _LAST_PORT = 5432, 65_535


class Place(NamedTuple):
    """A host, by name, number or the folder of its socket, and a port."""

    host: str
    port: int


class TlsMode(StrEnum):
    """What is asked of the server's certificate. Modes that use TLS only if nobody objects are not offered."""

    DISABLE = "disable"  # no TLS
    REQUIRE = "require"  # any certificate
    VERIFY_CA = "verify-ca"  # one that a trusted authority signed
    VERIFY_FULL = "verify-full"  # and that is for this host


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """Where PostgreSQL is and how to speak to it; *ca*, *certificate* and *key* are files in PEM.

    Of several *places* the one that takes writes is used. Without a *password* the driver looks where libpq does.
    """

    places: tuple[Place, ...]
    database: str
    user: str | None
    password: Secret | None
    tls: TlsMode
    ca: str | None
    certificate: str | None
    key: str | None


@dataclass(slots=True)
class _Reading:
    """The parts of an address as they are read; a fault quotes none, since any may hold part of a password."""

    url: SplitResult
    faults: list[str] = field(default_factory=list)

    def options(self) -> dict[str, str]:
        given = parse_qs(self.url.query, keep_blank_values=True)
        if set(given) - _OPTIONS or any(len(values) != 1 or not values[0] for values in given.values()):
            self.faults.append(f"of options it takes only {', '.join(sorted(_OPTIONS))}, each once and with a value")
        if self.url.fragment:
            self.faults.append("a # in user or password is written %23")
        return {name: values[0] for name, values in given.items()}

    def login(self) -> tuple[str | None, Secret | None]:
        user, colon, password = self.url.netloc.rpartition("@")[0].partition(":")
        return unquote(user) or None, Secret(unquote(password)) if colon else None

    def places(self, folder: str | None, socket: str | None) -> tuple[Place, ...]:
        hosts = self.url.netloc.rpartition("@")[2]
        if folder is not None or socket is not None:
            if hosts or folder is None or not folder.startswith("/"):
                self.faults.append(
                    "the options host and port name the folder and number of a socket, and then no host stands before /"
                )
            return (Place(folder or "/", self._port("the option port", socket or str(_PORT))),)
        return tuple(self._place(number, text) for number, text in enumerate(hosts.split(","), start=1))

    def _place(self, number: int, text: str) -> Place:
        host, colon, port = text.rpartition(":") if not text.endswith("]") else (text, "", "")
        host, port = (host, port) if colon else (text, str(_PORT))
        if not host.strip("[]") or "@" in host or (":" in host and not host.startswith("[")):
            self.faults.append(f"host {number} is missing or has not the form HOST:PORT")
        return Place(host.strip("[]"), self._port(f"the port of host {number}", port))

    def _port(self, name: str, port: str) -> int:
        if port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT:
            return int(port)
        self.faults.append(f"{name} is not a number from 1 to {_LAST_PORT}")
        return _PORT

    def database(self) -> str:
        name = unquote(self.url.path.removeprefix("/"))
        if not name or "/" in name:
            self.faults.append("after the host stands /DATABASE")
        return name

    def tls(self, mode: str | None, places: tuple[Place, ...]) -> TlsMode:
        if mode is None:
            return TlsMode.DISABLE if all(_is_here(place.host) for place in places) else TlsMode.VERIFY_FULL
        if mode not in set(TlsMode):
            self.faults.append(f"sslmode is one of {', '.join(TlsMode)}")
            return TlsMode.VERIFY_FULL
        return TlsMode(mode)


def parse_address(url: str) -> Address:
    """Read the address of a PostgreSQL; raises Malformed with every fault, none of which quotes what was given.

    Unless `sslmode` says otherwise, TLS is verified in full, and not used within this host.
    """
    try:
        reading = _Reading(split_url(url))
    except ValueError:
        raise Malformed("it is no URL: a host has a bracket too few") from None
    if reading.url.scheme not in _SCHEMES:
        raise Malformed(f"it begins with {SQLITE} or postgresql://")
    options = reading.options()
    if ("sslcert" in options) != ("sslkey" in options):
        reading.faults.append("the options sslcert and sslkey are given together")
    user, password = reading.login()
    places = reading.places(options.get("host"), options.get("port"))
    address = Address(
        places=places,
        database=reading.database(),
        user=user,
        password=password,
        tls=reading.tls(options.get("sslmode"), places),
        ca=options.get("sslrootcert"),
        certificate=options.get("sslcert"),
        key=options.get("sslkey"),
    )
    if reading.faults:
        raise Malformed("; ".join(reading.faults))
    return address


def _is_here(host: str) -> bool:
    if host.startswith("/") or host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
