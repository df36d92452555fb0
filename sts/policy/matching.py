"""Wildcards: `*` and `?`, and nothing else, in time that no pattern can make long.

A pattern is first *marked*: its wildcards become lone surrogates, which no valid text contains, so that the characters
`*` and `?` that a variable brings in, or `${*}` stands for, stay characters. Patterns without `?` are matched by
searching their pieces from left to right, each at its first occurrence, which never needs a second try. All others of a
list run together in one automaton whose states are the bits of one integer: one step for each character of the value,
however many patterns there are, and none when the value begins or ends otherwise than all of them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

STAR = "\ud800"  # any characters
ANY = "\ud801"  # one character
INNER_STAR = "\ud802"  # any characters but a colon
INNER_ANY = "\ud803"  # one character but a colon

_MARKS = {ord("*"): STAR, ord("?"): ANY}
_INNER_MARKS = {ord("*"): INNER_STAR, ord("?"): INNER_ANY}
_BOUND = {ord(STAR): INNER_STAR, ord(ANY): INNER_ANY}
_STARS = re.compile(f"{STAR}{{2,}}")
_STEPWISE = re.compile(f"[{ANY}{INNER_STAR}{INNER_ANY}]")
_SURROGATE = re.compile("[\ud800-\udfff]")


def mark_wildcards(text: str) -> str:
    """Return *text* with its wildcards marked."""
    return text.translate(_MARKS)


def mark_arn_head(head: str) -> str:
    """Mark the wildcards in the first five segments of an ARN, where they stay within their segment.

    A `*` that ends its segment may go past the colon (IAM User Guide, "Resource").
    """
    segments = head.split(":")
    return ":".join(
        segment[:-1].translate(_INNER_MARKS) + STAR if segment.endswith("*") else segment.translate(_INNER_MARKS)
        for segment in segments
    )


def bind_to_segments(segments: Sequence[str]) -> str:
    """Join the marked segments of an ARN, so that no wildcard but those of the last passes a colon."""
    return ":".join((*(segment.translate(_BOUND) for segment in segments[:-1]), segments[-1]))


def is_stepwise(marked: str) -> bool:
    """Say whether matching takes the automaton."""
    return _STEPWISE.search(marked) is not None


def is_plain(text: str) -> bool:
    """Say whether *text* is free of the characters that mark wildcards."""
    return _SURROGATE.search(text) is None


@dataclass(frozen=True, slots=True)
class Automaton:
    """Several patterns at once: bit *i* of the state says that the tokens before *i* have been met."""

    heads: tuple[str, ...]  # what the patterns begin with, up to their first wildcard
    tails: tuple[str, ...]
    start: int
    final: int
    accepts: Mapping[str, int]
    accepts_other: int
    loops: int
    inner_loops: int

    def matches(self, value: str) -> bool:
        """Say whether a pattern covers all of *value*; takes one step for each of its characters."""
        if not value.startswith(self.heads) or not value.endswith(self.tails):
            return False
        states, loops, everywhere = self.start, self.loops, self.loops | self.inner_loops
        accepts, other = self.accepts, self.accepts_other
        for character in value:
            stay = loops if character == ":" else everywhere
            states = (states & accepts.get(character, other)) << 1 | states & stay
            if not states:
                return False
        return bool(states & self.final)


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns, of which one must cover the value."""

    literals: frozenset[str]
    prefixes: tuple[str, ...] = ()
    globs: tuple[tuple[str, ...], ...] = ()
    automaton: Automaton | None = None

    def cover(self, value: str) -> bool:
        """Say whether one of the patterns covers all of *value*."""
        if value in self.literals or (self.prefixes and value.startswith(self.prefixes)):
            return True
        for pieces in self.globs:
            if _meets(pieces, value):
                return True
        return self.automaton is not None and self.automaton.matches(value)


def compile_patterns(marked: Iterable[str]) -> Patterns:
    """Sort marked patterns by what it takes to match them."""
    literals, prefixes, globs, stepwise = [], [], [], []
    for pattern in (_STARS.sub(STAR, text) for text in marked):
        if is_stepwise(pattern):
            stepwise.append(pattern)
        elif STAR not in pattern:
            literals.append(pattern)
        elif pattern.index(STAR) == len(pattern) - 1:
            prefixes.append(pattern[:-1])
        else:
            globs.append(tuple(pattern.split(STAR)))
    automaton = _build_automaton(stepwise) if stepwise else None
    return Patterns(frozenset(literals), tuple(prefixes), tuple(globs), automaton)


def _meets(pieces: tuple[str, ...], value: str) -> bool:
    """Match pieces that stand between stars: the first and last are anchored, each other is taken where it comes."""
    first, *inner, last = pieces
    position, end = len(first), len(value) - len(last)
    if position > end or not value.startswith(first) or not value.endswith(last):
        return False
    for piece in inner:
        found = value.find(piece, position, end)
        if found < 0:
            return False
        position = found + len(piece)
    return True


@dataclass(slots=True)
class _Builder:
    """The bits of an automaton while it grows, a token at a time."""

    bit: int = 1
    start: int = 0
    final: int = 0
    literal: dict[str, int] = field(default_factory=dict)
    any: int = 0
    inner_any: int = 0
    loops: int = 0
    inner_loops: int = 0

    def add(self, pattern: str) -> None:
        self.start |= self.bit
        for token in pattern:
            if token == STAR:
                self.loops |= self.bit
            elif token == INNER_STAR:
                self.inner_loops |= self.bit
            else:
                self._expect(token)
        self.final |= self.bit
        self.bit <<= 1

    def _expect(self, token: str) -> None:
        if token == ANY:
            self.any |= self.bit
        elif token == INNER_ANY:
            self.inner_any |= self.bit
        else:
            self.literal[token] = self.literal.get(token, 0) | self.bit
        self.bit <<= 1


def _build_automaton(patterns: Sequence[str]) -> Automaton:
    heads = tuple(_SURROGATE.split(pattern, maxsplit=1)[0] for pattern in patterns)
    tails = tuple(_SURROGATE.split(pattern)[-1] for pattern in patterns)
    builder = _Builder()
    for pattern in patterns:
        builder.add(pattern)
    other = builder.any | builder.inner_any
    accepts = {character: bits | other for character, bits in builder.literal.items()}
    accepts[":"] = builder.literal.get(":", 0) | builder.any
    return Automaton(heads, tails, builder.start, builder.final, accepts, other, builder.loops, builder.inner_loops)
