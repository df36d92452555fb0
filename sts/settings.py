"""Settings, from environment variables that begin with STS_; every fault is reported at once.

Read by `app` and `cli` only: whoever needs a value is handed it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from sts.cache.address import MEMORY, parse_address
from sts.errors import Malformed, Refusal

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
        "STS_ISSUER", DEFAULT_ISSUER, "The address of this service as clients see it: `iss` and `aud` of its tokens."
    ),
    Setting(
        "STS_DATABASE_URL", "sqlite:///STS_HOME/sts.db", "Where accounts, users, roles, policies and audit are kept."
    ),
    Setting("STS_CACHE_URL", MEMORY, "Where what may be lost is kept for speed: memory, or Redis for many processes."),
    Setting("STS_KEYS_DIR", "STS_HOME/keys", "The key folder: made at first start, private to the service's user."),
    Setting("STS_EVALUATOR_URL", "embedded:", "Who decides: the evaluator in this process."),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the service runs with."""

    home: Path
    issuer: str
    database_url: str
    cache_url: str = field(repr=False)  # may hold a password
    keys_dir: Path
    evaluator_url: str


def read_settings(environment: Mapping[str, str]) -> Settings:
    """Read the settings; raises SettingsInvalid with every fault in one message."""
    home = Path(environment.get("STS_HOME") or ".").absolute()
    settings = Settings(
        home=home,
        issuer=environment.get("STS_ISSUER") or DEFAULT_ISSUER,
        database_url=environment.get("STS_DATABASE_URL") or f"sqlite:///{home / 'sts.db'}",
        cache_url=environment.get("STS_CACHE_URL") or MEMORY,
        keys_dir=Path(environment.get("STS_KEYS_DIR") or home / "keys"),
        evaluator_url=environment.get("STS_EVALUATOR_URL") or "embedded:",
    )
    faults = [*_strangers(environment), *(fault for check in _CHECKS if (fault := check(settings)))]
    if faults:
        raise SettingsInvalid("\n".join(faults))
    return settings


def _strangers(environment: Mapping[str, str]) -> list[str]:
    known = {setting.name for setting in SETTINGS}
    # A misspelt setting that is silently ignored leaves a service running with less than its operator believes.
    return [
        f"{name}: there is no such setting"
        for name in sorted(environment)
        if name.startswith("STS_") and name not in known
    ]


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
    if not settings.database_url.startswith("sqlite:///"):
        return "STS_DATABASE_URL: only sqlite:///FILE is offered yet"
    return None


def _check_cache(settings: Settings) -> str | None:
    if settings.cache_url == MEMORY:
        return None
    try:
        parse_address(settings.cache_url)
    except Malformed as malformed:
        return f"STS_CACHE_URL: {malformed.message}"
    return None


def _check_evaluator(settings: Settings) -> str | None:
    return None if settings.evaluator_url == "embedded:" else "STS_EVALUATOR_URL: only embedded: is offered yet"


_CHECKS: tuple[Callable[[Settings], str | None], ...] = (_check_issuer, _check_database, _check_cache, _check_evaluator)
