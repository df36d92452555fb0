"""What is wrong with a request, gathered, and told in AWS's sentences.

Sentences, places and values have the form that AWS's front ends give them: a place is the path of member names in lower
camel case (`tags.1.member.key`), a value that must stay secret is left out.
"""

from typing import TypeAlias

from sts.errors import ParameterInvalid

Where: TypeAlias = tuple[str, ...]

_SHOWN_FAULTS = 20
_SHOWN_LENGTH = 128


class Faults:
    """The faults of one request, in the order in which they were found."""

    __slots__ = ("count", "sentences")

    def __init__(self) -> None:
        self.count = 0
        self.sentences: list[str] = []

    def report(self, where: Where, constraint: str, shown: str = "Value") -> None:
        """Add that the value at *where* breaks *constraint*; *shown* is made by show() or says no value.

        All faults are counted, but only the first twenty told: a request of five hundred bad members must not be
        answered with a message many times its size.
        """
        self.count += 1
        if self.count <= _SHOWN_FAULTS:
            place = cut(".".join(where))
            self.sentences.append(f"{shown} at '{place}' failed to satisfy constraint: {constraint}")

    def verify(self) -> None:
        """Raise ParameterInvalid, which tells all faults in one message, unless there are none."""
        if not self.count:
            return
        noun = "error" if self.count == 1 else "errors"
        more = self.count - len(self.sentences)
        tail = f"; and {more} more" if more else ""
        raise ParameterInvalid(f"{self.count} validation {noun} detected: {'; '.join(self.sentences)}{tail}")


def show(text: str, *, secret: bool) -> str:
    """Return how a message names the value *text*: cut when it is long, not at all when it is secret."""
    return "Value" if secret else f"Value '{cut(text)}'"


def cut(text: str) -> str:
    """Return at most 128 characters of *text*, without control characters, which could forge lines of a log."""
    head = text[:_SHOWN_LENGTH]
    if not head.isprintable():
        head = "".join(character if character.isprintable() else "\N{REPLACEMENT CHARACTER}" for character in head)
    return head if len(text) <= _SHOWN_LENGTH else f"{head}..."


def label(member: str) -> str:
    """Return *member* as AWS writes it in a place: `RoleSessionName` is `roleSessionName`."""
    return member[:1].lower() + member[1:]
