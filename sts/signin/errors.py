"""The one table from Refusal to what a page says: its status, and a title a person understands.

What follows the title is the refusal's own message, but for faults of ours.
"""

from dataclasses import dataclass

from sts.access import AccessDenied
from sts.errors import (
    FlowEnded,
    FormStale,
    KeysRefused,
    LinkInvalid,
    Malformed,
    MediaTypeUnsupported,
    MethodUnsupported,
    NotFound,
    OperationUnknown,
    PasswordRefused,
    PasswordWrong,
    Refusal,
    SealBroken,
    Throttled,
    TokenInvalid,
    TooLarge,
    TransportInsecure,
    Unavailable,
    Unproven,
)


@dataclass(frozen=True, slots=True)
class PageError:
    """A status, a title, and whether it helps to sign in again."""

    status: int
    title: str
    begins_anew: bool = False


FAULT = PageError(500, "Something went wrong on our side")
FAULT_MESSAGE = (
    "Nothing you did was wrong. Please try again; if it happens again, tell your administrator the request id."
)

ERRORS: dict[type[Refusal], PageError] = {
    AccessDenied: PageError(403, "You may not do this"),
    Unproven: PageError(403, "That was not right", begins_anew=True),
    LinkInvalid: PageError(403, "This link does not work any more", begins_anew=True),
    PasswordWrong: PageError(403, "That was not right"),
    PasswordRefused: PageError(400, "Another password is needed"),
    FlowEnded: PageError(400, "This sign-in is over", begins_anew=True),
    FormStale: PageError(403, "This page is out of date"),
    TransportInsecure: PageError(403, "This connection is not private"),
    Malformed: PageError(400, "That could not be read"),
    MediaTypeUnsupported: PageError(415, "That could not be read"),
    TooLarge: PageError(413, "That is too long"),
    OperationUnknown: PageError(404, "There is no such page"),
    MethodUnsupported: PageError(405, "There is no such page"),
    NotFound: PageError(404, "That is not there any more"),
    Refusal: PageError(409, "That was not done"),
    Throttled: PageError(429, "Too many attempts"),
    Unavailable: PageError(503, "This is not possible for the moment"),
    # What the rooms of the house raise at one another: their words are not for a person.
    TokenInvalid: FAULT,
    SealBroken: FAULT,
    KeysRefused: FAULT,
}

_UNAVAILABLE = "A part of the service is down. Nothing was changed: please try again in a minute."


def find_error(refusal: Refusal) -> PageError:
    """Return what a page says of *refusal*: its own row or that of the nearest kind that has one."""
    return next(ERRORS[kind] for kind in type(refusal).__mro__ if kind in ERRORS)


def render_message(refusal: Refusal) -> str:
    """Return the text for the person."""
    if isinstance(refusal, Throttled):
        return f"Please wait {refusal.retry_after_seconds} seconds, then try again."
    if find_error(refusal) is FAULT:
        return FAULT_MESSAGE
    return _UNAVAILABLE if isinstance(refusal, Unavailable) else refusal.message
