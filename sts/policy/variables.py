"""Policy variables: `${key}`, `${key, 'default'}`, and `${*}`, `${?}`, `${$}` for the characters themselves.

Only documents of version 2012-10-17 have them (IAM User Guide, "Policy variables"). What a request puts in is
characters, never a wildcard: else whoever may choose a tag or a session name could widen the policy that names it.
"""

from dataclasses import dataclass

from sts.errors import PolicyMalformed
from sts.folding import fold_letters
from sts.policy.matching import bind_to_segments, cover_parts, is_plain, mark_wildcards
from sts.policy.question import Context, Question

_CHARACTERS = frozenset("*?$")
_NOT_IN_KEYS = frozenset("*?$'{")

# Keys that may have several values even when a request gives one: they have no single text to put in.
_MULTIVALUED = frozenset(
    {
        "aws:calledvia",
        "aws:principalorgpaths",
        "aws:principalservicenameslist",
        "aws:resourceorgpaths",
        "aws:sourceorgpaths",
        "aws:tagkeys",
        "aws:vpceorgpaths",
        "sts:transitivetagkeys",
    }
)


@dataclass(frozen=True, slots=True)
class Variable:
    """A place that the request fills: the folded key, and what stands in when it has no single value."""

    key: str
    default: str | None

    def resolve(self, context: Context) -> str | None:
        """Return the characters to put in, or None."""
        values = context.get(self.key, ())
        if len(values) != 1 or self.key in _MULTIVALUED or not is_plain(values[0]):
            return self.default
        return values[0]


@dataclass(frozen=True, slots=True)
class Template:
    """Text with places to fill; wildcards are marked when the place of the text has any."""

    parts: tuple[str | Variable, ...]

    @property
    def text(self) -> str | None:
        """The text when nothing is to be filled in, else None."""
        return "".join(self.parts) if all(isinstance(part, str) for part in self.parts) else None  # type: ignore[arg-type]

    def resolve(self, context: Context) -> str | None:
        """Return the text with all places filled, or None when one has neither value nor default."""
        filled = self._fill(context)
        return None if filled is None else "".join(filled)

    def cover(self, value: str, question: Question, *, arn: bool = False) -> bool | None:
        """Say whether the text with all places filled covers *value*, segment by segment if *arn*; None: not filled."""
        filled = self._fill(question.context)
        if filled is None:
            return None
        written = sum(len(part) for part in self.parts if isinstance(part, str))
        # What the request puts in stands for itself: many places with a long value make a text far too long to fit.
        if sum(map(len, filled)) - written > len(value):
            return False
        parts = bind_to_segments(filled) if arn else filled
        return parts is not None and cover_parts(parts, value, question.memory)

    def _fill(self, context: Context) -> list[str] | None:
        filled = []
        for part in self.parts:
            text = part if isinstance(part, str) else part.resolve(context)
            if text is None:
                return None
            filled.append(text)
        return filled


def plain_template(text: str, *, wildcards: bool) -> Template:
    """Return a template in which `${…}` means nothing: a document of version 2008-10-17."""
    return Template((mark_wildcards(text) if wildcards else text,))


def parse_template(text: str, place: str, *, wildcards: bool) -> Template:
    """Parse the variables in *text*; raises PolicyMalformed when one is not of its form."""
    parts: list[str | Variable] = []
    position = 0
    while (start := text.find("${", position)) >= 0:
        _append(parts, text[position:start], wildcards=wildcards)
        part, position = _parse_variable(text, start + 2, place)
        parts.append(part)
    _append(parts, text[position:], wildcards=wildcards)
    return Template(tuple(parts))


def _append(parts: list[str | Variable], text: str, *, wildcards: bool) -> None:
    if text:
        parts.append(mark_wildcards(text) if wildcards else text)


def _parse_variable(text: str, start: int, place: str) -> tuple[str | Variable, int]:
    """Return the variable whose name begins at *start*, and the position after its closing brace."""
    close = text.find("}", start)
    comma = text.find(",", start, close)
    if close < 0:
        raise PolicyMalformed("A policy variable has no closing brace", place=place)
    name = text[start : close if comma < 0 else comma].strip(" ")
    if comma < 0 and name in _CHARACTERS:
        return name, close + 1
    if not name or not _NOT_IN_KEYS.isdisjoint(name):
        raise PolicyMalformed("A policy variable names no condition key", place=place)
    if comma < 0:
        return Variable(fold_letters(name), None), close + 1
    return _parse_default(text, fold_letters(name), comma + 1, place)


def _parse_default(text: str, key: str, start: int, place: str) -> tuple[Variable, int]:
    rest = text[start:].lstrip(" ")
    opening = len(text) - len(rest)
    end = text.find("'", opening + 1)
    after = text[end + 1 :].lstrip(" ")
    if not rest.startswith("'") or end < 0 or not after.startswith("}"):
        raise PolicyMalformed("The default of a policy variable stands in single quotation marks", place=place)
    return Variable(key, text[opening + 1 : end]), len(text) - len(after) + 1
