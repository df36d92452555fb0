"""What a page answers: itself, or where to go on; and the cookies that go with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from sts.model import Secret

SESSION_COOKIE: Final = "__Host-sts-session"
FLOW_COOKIE: Final = "__Host-sts-flow"
DEVICE_COOKIE: Final = "__Host-sts-device"


@dataclass(frozen=True, slots=True)
class Cookie:
    """A cookie that is set, for as long as the browser runs without *seconds*; with no value it is taken back."""

    name: str
    value: Secret
    seconds: int | None = None


def take_back(name: str) -> Cookie:
    """Return what takes the cookie *name* from the browser."""
    return Cookie(name, Secret(""), 0)


@dataclass(frozen=True, slots=True)
class Shown:
    """A page: a template and what it says.

    *form_action* is the origins, beside our own, that a form of the page may lead to by a redirect.
    """

    template: str
    context: Mapping[str, Any] = field(default_factory=dict)
    status: int = 200
    cookies: tuple[Cookie, ...] = ()
    form_action: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Moved:
    """Where to go on, by 303: a path of ours, or an address that was validated; a form is not sent there once more."""

    location: str
    cookies: tuple[Cookie, ...] = ()


Answer: TypeAlias = Shown | Moved
