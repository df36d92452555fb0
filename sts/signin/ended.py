"""What the sign-in page says to whoever was signed in until now: how their session ended, and what became of it."""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from sts.sessions import Step
from sts.signin.table import PAGE_OF_STEP


class Ended(StrEnum):
    """How a session ended."""

    MEANWHILE = "yes"  # before what was asked for last
    EVERYWHERE = "everywhere"
    TO_CHANGE = "to-change"
    DISABLED = "disabled"


_TOLD: Final[Mapping[str, str]] = MappingProxyType(
    {
        Ended.MEANWHILE: "Your session has ended, and what you asked for last was not done. Please sign in again.",
        Ended.EVERYWHERE: "It is done: all your sessions have ended, this one too. Please sign in again.",
        Ended.TO_CHANGE: "It is done: your session has ended, and the next sign-in asks you for another password.",
        Ended.DISABLED: "It is done: your user is disabled. You can sign in when another administrator has enabled it.",
    }
)


def render_address(ended: Ended) -> str:
    """Return the address of the sign-in page that says so."""
    return f"{PAGE_OF_STEP[Step.PASSWORD]}?ended={ended}"


def describe(said: str) -> str:
    """Return the sentence for what the address says, empty when it says nothing that we know."""
    return _TOLD.get(said, "")
