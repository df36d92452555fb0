"""Settings, from environment variables that begin with STS_; every fault is reported at once.

Read by `app` and `cli` only: whoever needs a value is handed it.
"""

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from difflib import get_close_matches
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import TypeAlias, TypeVar
from urllib.parse import urlsplit

from sts.cache.address import MEMORY, parse_address
from sts.errors import Malformed, Refusal
from sts.limits import Rate, ServerLimits, SessionLimits, parse_rate
from sts.privacy import find_exposure
from sts.providers import PrivateProviders, parse_private_providers
from sts.store import address as store
from sts.store.address import SQLITE
from sts.urls import mask_url

Network: TypeAlias = IPv4Network | IPv6Network
_T = TypeVar("_T")

_PREFIX = "STS_"
_LONGEST_SECONDS = 86_400
_LARGEST_NUMBER = 1 << 30
_MOST_BYTES = 1 << 40
_SNAPSHOT_BYTES = 256 << 20
# What a hash of a password costs: OWASP's minimum ("Argon2id"), about 30 ms of a core.
_PASSWORD_MEMORY_KIB, _PASSWORD_PASSES = 19_456, 2
_LONGEST_TEXT = 65_536  # bytes of a file that holds an address
# One address may stand for many clients, and a client with expired credentials tries again: only a flood meets this.
_FAILED_PROOFS: Rate | None = Rate(50, 1_000)
_SIGN_IN_LINK = timedelta(hours=4)
_LOGIN = timedelta(hours=12)
_THIS_HOST: tuple[Network, ...] = (IPv4Network("127.0.0.0/8"), IPv6Network("::1/128"))

_OTLP = "http/protobuf"

DEFAULT_ISSUER = "http://127.0.0.1:8080"
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})


class SettingsInvalid(Refusal):
    """The settings cannot be used; *message* has a line for each fault."""


@dataclass(frozen=True, slots=True)
class Setting:
    """A setting, as `sts settings` lists it."""

    name: str
    default: str
    meaning: str


SETTINGS = (
    Setting("STS_HOME", ". (the current folder)", "The folder that holds the SQLite file and the keys by default."),
    Setting(
        "STS_ISSUER",
        DEFAULT_ISSUER,
        "The address of this service as clients see it: `iss` and `aud` of its tokens. On loopback the server's own.",
    ),
    Setting(
        "STS_DATABASE_URL",
        "sqlite:///STS_HOME/sts.db",
        "Where accounts, users, roles, policies and audit are kept: a file, or PostgreSQL for many processes.",
    ),
    Setting("STS_CACHE_URL", MEMORY, "Where what may be lost is kept for speed: memory, or Redis for many processes."),
    Setting("STS_DATABASE_URL_FILE", "none", "The private file that holds STS_DATABASE_URL, in place of the variable."),
    Setting("STS_CACHE_URL_FILE", "none", "The private file that holds STS_CACHE_URL, in place of the variable."),
    Setting("STS_SNAPSHOT_BYTES", "268435456", "The most memory that a process takes to remember the store."),
    Setting("STS_KEYS_DIR", "STS_HOME/keys", "The key folder: made at first start, private to the service's user."),
    Setting("STS_EVALUATOR_URL", "embedded:", "Who decides: the evaluator in this process."),
    Setting(
        "STS_TRUSTED_PROXIES",
        "none",
        "Networks, separated by commas, whose X-Forwarded-For and X-Forwarded-Proto are believed.",
    ),
    Setting(
        "STS_METRICS_FROM",
        "127.0.0.0/8,::1/128",
        "Networks, separated by commas, that /metrics is shown to, when asked directly; or none.",
    ),
    Setting("STS_RATE_FAILED_PROOFS", "50/1000", "Failed proofs of one address: a second, and at once; or off."),
    Setting(
        "STS_RATE_CALLER",
        "off",
        "Requests of one caller, by key or session: a second, and at once, such as 100/500; or off.",
    ),
    Setting("STS_PASSWORD_MEMORY_KIB", "19456", "The memory that a hash of a password takes, in KiB; no less."),
    Setting("STS_PASSWORD_PASSES", "2", "How often a hash of a password goes over its memory; no less."),
    Setting(
        "STS_ALLOW_PRIVATE_PROVIDERS",
        "off",
        "Which identity providers may be on loopback or private networks, by http on loopback: on, marked or off.",
    ),
    Setting("STS_ROOT_SIGN_IN", "off", "Whether the root of an account may sign in with a password: on or off."),
    Setting("STS_SIGN_IN_LINK_SECONDS", "14400", "How long a link to set a password works, a day at most."),
    Setting("STS_LOGIN_SECONDS", "43200", "How long `aws login` may refresh its credentials, half a day at most."),
    Setting("STS_SESSION_IDLE_SECONDS", "3600", "How long a browser session lasts without a request."),
    Setting("STS_SESSION_SECONDS", "43200", "How long a browser session lasts whatever is done."),
    Setting("STS_SESSION_RECENT_SECONDS", "900", "How long after a sign-in keys and factors can be changed."),
    Setting("STS_SESSIONS_PER_USER", "20", "How many browser sessions a user has at once; one more ends the first."),
    Setting("STS_LIMIT_HEADER_BYTES", "16384", "The most that the headers of a request take together."),
    Setting("STS_LIMIT_HEADERS", "100", "The most headers that a request has."),
    Setting("STS_LIMIT_URL_BYTES", "16384", "The longest path and query of a request."),
    Setting("STS_LIMIT_HEAD_SECONDS", "10", "How long the headers of a request may take in all."),
    Setting("STS_LIMIT_BODY_SECONDS", "30", "How long the body of a request may take in all."),
    Setting("STS_LIMIT_IDLE_SECONDS", "60", "How long a connection is kept open between requests."),
    Setting("STS_LIMIT_CONNECTIONS", "4096", "The most connections of a process; one more is answered 503."),
    Setting("STS_DRAIN_SECONDS", "5", "How long /readyz says no before the listener closes, after SIGTERM."),
    Setting("STS_FINISH_SECONDS", "20", "How long requests under way are waited for after that."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service runs with."""

    home: Path
    issuer: str
    database_url: str = field(repr=False)  # may hold a password
    cache_url: str = field(repr=False)  # may hold a password
    snapshot_bytes: int
    keys_dir: Path
    evaluator_url: str
    trusted_proxies: tuple[Network, ...]
    metrics_from: tuple[Network, ...]
    traces_to: str | None
    failed_proofs: Rate | None
    caller_requests: Rate | None
    root_signs_in: bool
    private_providers: PrivateProviders
    password_memory_kib: int
    password_passes: int
    sign_in_link: timedelta
    login: timedelta
    browser_sessions: SessionLimits
    limits: ServerLimits


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsInvalid with every fault in one message."""
    home = Path(environment.get("STS_HOME") or ".").absolute()
    reader = _Reader(environment)
    settings = Settings(
        home=home,
        issuer=environment.get("STS_ISSUER") or DEFAULT_ISSUER,
        database_url=reader.read_secret("STS_DATABASE_URL") or f"sqlite:///{home / 'sts.db'}",
        cache_url=reader.read_secret("STS_CACHE_URL") or MEMORY,
        snapshot_bytes=reader.read("STS_SNAPSHOT_BYTES", _parse_bytes, _SNAPSHOT_BYTES),
        keys_dir=Path(environment.get("STS_KEYS_DIR") or home / "keys"),
        evaluator_url=environment.get("STS_EVALUATOR_URL") or "embedded:",
        trusted_proxies=reader.read("STS_TRUSTED_PROXIES", _parse_networks, ()),
        metrics_from=reader.read("STS_METRICS_FROM", _parse_networks, _THIS_HOST),
        traces_to=_find_receiver(environment),
        failed_proofs=reader.read("STS_RATE_FAILED_PROOFS", parse_rate, _FAILED_PROOFS),
        caller_requests=reader.read("STS_RATE_CALLER", parse_rate, None),
        password_memory_kib=reader.read("STS_PASSWORD_MEMORY_KIB", _parse_password_memory, _PASSWORD_MEMORY_KIB),
        password_passes=reader.read("STS_PASSWORD_PASSES", _parse_password_passes, _PASSWORD_PASSES),
        root_signs_in=reader.read("STS_ROOT_SIGN_IN", _parse_switch, False),
        private_providers=reader.read("STS_ALLOW_PRIVATE_PROVIDERS", parse_private_providers, PrivateProviders.NONE),
        sign_in_link=reader.read("STS_SIGN_IN_LINK_SECONDS", _parse_span, _SIGN_IN_LINK),
        login=reader.read("STS_LOGIN_SECONDS", _parse_login, _LOGIN),
        browser_sessions=_read_session_limits(reader),
        limits=_read_limits(reader),
    )
    wrong = (fault for check in _CHECKS if (fault := check(settings)))
    traces = _find_trace_faults(environment, settings.traces_to)
    faults = [*_strangers(environment), *reader.faults, *wrong, *traces]
    if faults:
        raise SettingsInvalid("\n".join(faults))
    return settings


def find_values(environment: Mapping[str, str]) -> Mapping[str, str]:
    """Return the value in force of every setting, as it is written: the environment's, or the default.

    Passwords are masked. Nothing is checked: whoever looks for a fault wants to see what there is.
    """
    home, reader = Path(environment.get("STS_HOME") or ".").absolute(), _Reader(environment)
    found = {setting.name: environment.get(setting.name) or setting.default for setting in SETTINGS}
    found |= {
        "STS_HOME": str(home),
        "STS_DATABASE_URL": reader.read_secret("STS_DATABASE_URL") or f"sqlite:///{home / 'sts.db'}",
        "STS_CACHE_URL": reader.read_secret("STS_CACHE_URL") or MEMORY,
        "STS_KEYS_DIR": environment.get("STS_KEYS_DIR") or str(home / "keys"),
    }
    return {name: mask_url(value) for name, value in found.items()}


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads values of other forms than text, and keeps every fault."""

    environment: Mapping[str, str]
    faults: list[str] = field(default_factory=list)

    def read(self, name: str, parse: Callable[[str], _T], default: _T) -> _T:
        """Return what *parse* makes of the value, *default* when there is none or it is at fault."""
        text = self.environment.get(name)
        if not text:
            return default
        try:
            return parse(text)
        except Malformed as malformed:
            self.faults.append(f"{name}: {malformed.message}")
            return default

    def read_secret(self, name: str) -> str | None:
        """Return the value of *name*, or what the file holds that *name*_FILE names, without its end of line."""
        value, file = self.environment.get(name), self.environment.get(f"{name}_FILE")
        if value and file:
            self.faults.append(f"{name}_FILE: {name} is set too, and one of them would be ignored")
        return value or self.read(f"{name}_FILE", _read_private_text, None)


def _read_private_text(path: str) -> str:
    try:
        with Path(path).open("rb") as file:
            if exposure := find_exposure(file.fileno()):
                raise Malformed(f"{path} {exposure}")
            text = file.read(_LONGEST_TEXT).decode("utf-8").strip()
    except OSError as fault:
        raise Malformed(f"{path} cannot be read: {fault.strerror}") from fault
    except UnicodeDecodeError:
        raise Malformed(f"{path} is not text in UTF-8") from None
    if not text:
        raise Malformed(f"{path} is empty")
    return text


def _read_limits(reader: _Reader) -> ServerLimits:
    usual = ServerLimits()
    return ServerLimits(
        header_bytes=reader.read("STS_LIMIT_HEADER_BYTES", _parse_number, usual.header_bytes),
        headers=reader.read("STS_LIMIT_HEADERS", _parse_number, usual.headers),
        url_bytes=reader.read("STS_LIMIT_URL_BYTES", _parse_number, usual.url_bytes),
        head=reader.read("STS_LIMIT_HEAD_SECONDS", _parse_span, usual.head),
        body=reader.read("STS_LIMIT_BODY_SECONDS", _parse_span, usual.body),
        idle=reader.read("STS_LIMIT_IDLE_SECONDS", _parse_span, usual.idle),
        connections=reader.read("STS_LIMIT_CONNECTIONS", _parse_number, usual.connections),
        drain=reader.read("STS_DRAIN_SECONDS", _parse_wait, usual.drain),
        finish=reader.read("STS_FINISH_SECONDS", _parse_wait, usual.finish),
    )


def _read_session_limits(reader: _Reader) -> SessionLimits:
    usual = SessionLimits()
    return SessionLimits(
        idle=reader.read("STS_SESSION_IDLE_SECONDS", _parse_span, usual.idle),
        longest=reader.read("STS_SESSION_SECONDS", _parse_span, usual.longest),
        recent=reader.read("STS_SESSION_RECENT_SECONDS", _parse_span, usual.recent),
        most=reader.read("STS_SESSIONS_PER_USER", _parse_number, usual.most),
    )


def _parse_number(text: str, largest: int = _LARGEST_NUMBER) -> int:
    number = int(text) if text.isascii() and text.isdigit() and len(text) <= len(str(largest)) else 0
    if not 0 < number <= largest:
        raise Malformed(f"{text} is not a number from 1 to {largest}")
    return number


def _parse_password_memory(text: str) -> int:
    return _parse_no_less(text, _PASSWORD_MEMORY_KIB, 1 << 20)


def _parse_password_passes(text: str) -> int:
    return _parse_no_less(text, _PASSWORD_PASSES, 32)


def _parse_no_less(text: str, least: int, most: int) -> int:
    number = _parse_number(text, most)
    if number < least:
        raise Malformed(f"{text} is less than {least}, which would make passwords cheap to guess")
    return number


def _parse_bytes(text: str) -> int:
    return _parse_number(text, _MOST_BYTES)


def _parse_switch(text: str) -> bool:
    if text not in {"on", "off"}:
        raise Malformed(f"{text} is not on or off")
    return text == "on"


def _parse_span(text: str) -> timedelta:
    span = _parse_wait(text)
    if not span:
        raise Malformed("no time at all would refuse every request")
    return span


def _parse_login(text: str) -> timedelta:
    return timedelta(seconds=_parse_number(text, int(_LOGIN.total_seconds())))


def _parse_wait(text: str) -> timedelta:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1
    if not 0 <= seconds <= _LONGEST_SECONDS:  # and not "nan", which is nowhere between
        raise Malformed(f"{text} is not a number of seconds from 0 to {_LONGEST_SECONDS}")
    return timedelta(seconds=seconds)


def _parse_networks(text: str) -> tuple[Network, ...]:
    if text == "none":
        return ()
    try:
        return tuple(ip_network(each.strip()) for each in text.split(","))
    except ValueError as error:
        raise Malformed(f"{error}; networks are written as 10.0.0.0/8,fd00::/8") from error


def _strangers(environment: Mapping[str, str]) -> list[str]:
    known = {setting.name for setting in SETTINGS}
    # A misspelt setting that is silently ignored leaves a service running with less than its operator believes.
    strangers = sorted(name for name in environment if name.startswith(_PREFIX) and name not in known)
    return [_tell_stranger(name) for name in strangers]


def _tell_stranger(name: str) -> str:
    bare = [setting.name.removeprefix(_PREFIX) for setting in SETTINGS]  # what all begin with makes none alike
    nearest = get_close_matches(name.removeprefix(_PREFIX), bare, n=1)
    return f"{name}: there is no such setting" + (f": did you mean {_PREFIX}{nearest[0]}?" if nearest else "")


def _check_issuer(settings: Settings) -> str | None:
    parts = urlsplit(settings.issuer)
    if parts.scheme not in {"https", "http"} or not parts.hostname or parts.query or parts.fragment:
        return f"STS_ISSUER: {settings.issuer} is not an address such as https://sts.example.com"
    if settings.issuer.endswith("/"):
        return "STS_ISSUER: an issuer does not end with a slash"
    if parts.scheme == "http" and parts.hostname not in _LOOPBACK:
        return "STS_ISSUER: plain http is for loopback only; use https"
    return None


def _check_database(settings: Settings) -> str | None:
    if settings.database_url.startswith(SQLITE):
        return None
    try:
        store.parse_address(settings.database_url)
    except Malformed as malformed:
        return f"STS_DATABASE_URL: {malformed.message}"
    return None


def _check_cache(settings: Settings) -> str | None:
    if settings.cache_url == MEMORY:
        return None
    try:
        tls = parse_address(settings.cache_url).tls
    except Malformed as malformed:
        return f"STS_CACHE_URL: {malformed.message}"
    files = zip(("ca", "cert", "key"), tls or (), strict=False)
    unread = [name for name, file in files if file is not None and not os.access(file, os.R_OK)]
    return f"STS_CACHE_URL: it cannot read the file of {', '.join(unread)}" if unread else None


def _find_receiver(environment: Mapping[str, str]) -> str | None:
    """Return where traces are sent to, as OpenTelemetry's own variables say it; None for nowhere."""
    if environment.get("OTEL_SDK_DISABLED", "").lower() == "true" or environment.get("OTEL_TRACES_EXPORTER") == "none":
        return None
    every = environment.get("OTEL_EXPORTER_OTLP_ENDPOINT")
    usual = f"{every.rstrip('/')}/v1/traces" if every else None
    return environment.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") or usual


def _find_trace_faults(environment: Mapping[str, str], receiver: str | None) -> Iterator[str]:
    if receiver is None:
        return
    parts = urlsplit(receiver)
    if parts.scheme not in {"https", "http"} or not parts.hostname:
        yield f"OTEL_EXPORTER_OTLP_ENDPOINT: {receiver} is not an address such as http://127.0.0.1:4318"
    every = environment.get("OTEL_EXPORTER_OTLP_PROTOCOL")
    protocol = environment.get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL") or every or _OTLP
    if protocol != _OTLP:
        yield f"OTEL_EXPORTER_OTLP_PROTOCOL: traces are sent by {_OTLP}, not by {protocol}"
    if (exporter := environment.get("OTEL_TRACES_EXPORTER") or "otlp") != "otlp":
        yield f"OTEL_TRACES_EXPORTER: it is otlp or none, not {exporter}"


def _check_evaluator(settings: Settings) -> str | None:
    return None if settings.evaluator_url == "embedded:" else "STS_EVALUATOR_URL: only embedded: is offered yet"


_CHECKS: tuple[Callable[[Settings], str | None], ...] = (_check_issuer, _check_database, _check_cache, _check_evaluator)
