"""The table of pages: which row is at a path, and which page a step of a sign-in is done on."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from sts.errors import MethodUnsupported, OperationUnknown
from sts.sessions import Step
from sts.signin.row import Page

PAGE_OF_STEP: Mapping[Step, str] = {
    Step.PASSWORD: "/ui/sign-in",
    Step.FACTOR: "/ui/sign-in/code",
    Step.NEW_PASSWORD: "/ui/sign-in/password",
    Step.ENROLMENT: "/ui/sign-in/device",
    Step.DONE: "/ui/",
}
_ANY = "{}"
_PATH = re.compile(r"(/ui/(?:[a-z-]+/)*)([A-Za-z0-9._~+=,@-]*)")
_SEGMENT = "[A-Za-z0-9_~+=,@-][A-Za-z0-9._~+=,@-]*"
_GOAL = re.compile(f"/ui/(?:{_SEGMENT}(?:/{_SEGMENT})*/?)?")
_LONGEST_GOAL = 1_024  # characters
HOME, AGAIN = "/ui/", "/ui/again"


@dataclass(frozen=True, slots=True)
class Table:
    """The rows by method and path."""

    pages: Mapping[tuple[str, str], Page]

    @classmethod
    def compile(cls, rows: Iterable[Page]) -> "Table":
        """Return the table of *rows*; raises ValueError when two answer at one address."""
        pages: dict[tuple[str, str], Page] = {}
        for row in rows:
            if pages.setdefault((row.method, row.path), row) is not row:
                raise ValueError(f"two pages at {row.method} {row.path}")
        return cls(pages)

    def get(self, method: str, path: str) -> tuple[Page, str]:
        """Return the page at this address, and the segment in place of `{}`; raises OperationUnknown and kin."""
        for pattern, rest in _patterns(path):
            found = self.pages.get((method, pattern))
            if found is not None:
                return found, rest
        if self.find_methods(path):
            raise MethodUnsupported(f"The method {method} is not offered here")
        raise OperationUnknown("There is nothing at this address. Please check it, or begin at the start page.")

    def find_methods(self, path: str) -> tuple[str, ...]:
        """Return the methods that are offered at *path*."""
        patterns = {pattern for pattern, _ in _patterns(path)}
        return tuple(sorted(method for method, offered in self.pages if offered in patterns))


def parse_goal(text: str) -> str:
    """Return where a sign-in leads in the end: *text* when it is a path of our own pages, else the start page.

    Nothing but such a path passes: no other host, no scheme, no query, no way up, nothing that a browser reads as one
    of them.
    """
    return text if len(text) <= _LONGEST_GOAL and _GOAL.fullmatch(text) else HOME


def _patterns(path: str) -> Iterable[tuple[str, str]]:
    if _ANY not in path:
        yield path, ""
    parts = _PATH.fullmatch(path)
    if parts is not None and parts[2]:
        yield parts[1] + _ANY, parts[2]
