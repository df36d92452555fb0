"""Wildcards: `*` and `?`, and nothing else, in time that no pattern can make long and memory that none can make large.

A pattern is first *marked*: its wildcards become lone surrogates, which no valid text contains, so that the characters
`*` and `?` that a variable brings in, or `${*}` stands for, stay characters. What stands before the first wildcard and
after the last is compared at once, and refuses nearly everything. What is between is searched piece by piece from left
to right, each piece at its first occurrence, where that never needs a second try. Else it is stepped through: the
places of the value that the pattern can have come to are the bits of one integer, and each character of the pattern
moves all of them together. So a policy takes a few operations for each of its characters, however it deals them out.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

# Their low bytes stand in no ASCII text: the interpreter then finds them at the speed of memory.
STAR = "\ud881"  # any characters
ANY = "\ud882"  # one character
INNER_STAR = "\ud883"  # any characters but a colon
INNER_ANY = "\ud884"  # one character but a colon

_COLONS = 5  # of an ARN, before the segment that may hold more of them
_FEW = 4  # texts that are found as fast one by one; a set of them would take three times the memory
_SEARCHED = 512  # characters of a value; in a longer one a search could take more than the steps

_MARKS = {ord("*"): STAR, ord("?"): ANY}
_INNER_MARKS = {ord("*"): INNER_STAR, ord("?"): INNER_ANY}
_WILDCARDS = (STAR, ANY, INNER_STAR, INNER_ANY)


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


def bind_to_segments(parts: Iterable[str]) -> list[str] | None:
    """Mark the *parts* of a marked ARN so that no wildcard passes a colon but in the last of its segments.

    Returns None when it has not six segments.
    """
    bound, left = [], _COLONS
    for part in parts:
        segments = part.split(":", left)
        left -= len(segments) - 1
        last = [] if left else [segments.pop()]
        inner = (segment.replace(STAR, INNER_STAR).replace(ANY, INNER_ANY) for segment in segments)
        bound.append(":".join((*inner, *last)))
    return None if left else bound


def is_plain(text: str) -> bool:
    """Say whether *text* is free of the characters that mark wildcards."""
    return text.isascii() or not (STAR in text or ANY in text or INNER_STAR in text or INNER_ANY in text)


def gather(texts: Iterable[str]) -> Collection[str]:
    """Return *texts*, each once, to look one up in."""
    distinct = tuple(dict.fromkeys(texts))
    return distinct if len(distinct) <= _FEW else frozenset(distinct)


@dataclass(slots=True)
class Places:
    """Where the characters of a value stand: bit *i* of an integer for place *i*; each is looked for once."""

    value: str
    found: dict[str, int] = field(default_factory=dict)

    def find(self, text: str) -> int:
        """Return the places where *text* begins."""
        bits = self.found.get(text)
        if bits is None:
            bits = self.found[text] = self._find_character(text) if len(text) == 1 else self._find_all(text)
        return bits

    def _find_character(self, character: str) -> int:
        bits, place = 0, self.value.find(character)
        while place >= 0:
            bits |= 1 << place
            place = self.value.find(character, place + 1)
        return bits

    def _find_all(self, text: str) -> int:
        bits = (2 << len(self.value)) - 1
        for offset, character in enumerate(text):
            bits &= self.find(character) >> offset
            if not bits:
                break
        return bits


Memory = dict[str, Places]  # what was found out about values while one question is weighed


@dataclass(frozen=True, slots=True)
class Glob:
    """A pattern with wildcards; *body* goes from the first of them to the last.

    *bounded* says how many stars stop at a colon, all of them before those that do not: then the first occurrence of
    each piece is as good as any other. It is None for what must be stepped through.
    """

    head: str
    body: str
    tail: str
    bounded: int | None

    def cover(self, value: str, memory: Memory, parts: Sequence[str] = ()) -> bool:
        """Say whether the pattern covers all of *value*.

        *parts* are what the pattern was put together from, if it was: each that has no wildcards is looked for as a
        whole, and once for all patterns that hold it.
        """
        start, end = len(self.head), len(value) - len(self.tail)
        if start > end or not value.startswith(self.head) or not value.endswith(self.tail):
            return False
        if self.bounded is not None and len(value) <= _SEARCHED:
            return _search(self.body, self.bounded, value, start, end)
        places = memory.get(value)
        if places is None:
            places = memory[value] = Places(value)
        if not parts:
            return _step(self.body, places, start, end)
        tokens = chain.from_iterable((part,) if is_plain(part) else part for part in parts)
        return _step(tokens, places, 0, len(value))


@dataclass(frozen=True, slots=True)
class Patterns:
    """A list of patterns, of which one must cover the value."""

    literals: Collection[str]
    prefixes: tuple[str, ...] = ()
    globs: tuple[Glob, ...] = ()

    def cover(self, value: str, memory: Memory | None = None) -> bool:
        """Say whether one of the patterns covers all of *value*; *memory* is shared by all that look at it."""
        if value in self.literals or (self.prefixes and value.startswith(self.prefixes)):
            return True
        if not self.globs:
            return False
        shared: Memory = {} if memory is None else memory
        return any(glob.cover(value, shared) for glob in self.globs)


def compile_patterns(marked: Iterable[str]) -> Patterns:
    """Sort marked patterns by what it takes to match them."""
    literals, prefixes, globs = [], [], []
    for pattern in marked:
        if is_plain(pattern):
            literals.append(pattern)
        elif pattern.endswith(STAR) and is_plain(pattern[:-1]):
            prefixes.append(pattern[:-1])
        else:
            globs.append(_build_glob(pattern))
    return Patterns(gather(literals), tuple(prefixes), tuple(globs))


def cover_parts(parts: Sequence[str], value: str, memory: Memory) -> bool:
    """Say whether the pattern that *parts* make together covers all of *value*.

    It is for patterns that a request fills: a long value of the request, filled in many times, is looked for once.
    """
    pattern = "".join(parts)
    return pattern == value if is_plain(pattern) else _build_glob(pattern).cover(value, memory, parts)


def _build_glob(pattern: str) -> Glob:
    first = min(place for wildcard in _WILDCARDS if (place := pattern.find(wildcard)) >= 0)
    last = max(map(pattern.rfind, _WILDCARDS))
    head, body, tail = pattern[:first], pattern[first : last + 1], pattern[last + 1 :]
    stepwise = ANY in body or INNER_ANY in body or 0 <= body.find(STAR) < body.rfind(INNER_STAR)
    return Glob(head, body, tail, None if stepwise else body.count(INNER_STAR))


def _search(body: str, bounded: int, value: str, start: int, end: int) -> bool:
    """Match pieces that stand between stars, each where it first comes; the first *bounded* stars stop at a colon."""
    pieces = body.replace(INNER_STAR, STAR).split(STAR)[1:-1]
    position = start
    for gap, piece in enumerate(pieces):
        found = value.find(piece, position, end)
        if found < 0 or (gap < bounded and ":" in value[position:found]):
            return False
        position = found + len(piece)
    return bounded <= len(pieces) or ":" not in value[position:end]


def _step(tokens: Iterable[str], places: Places, start: int, end: int) -> bool:
    """Move the places that can be reached by one token of the pattern after another."""
    everywhere = (2 << len(places.value)) - 1
    reached = 1 << start
    for token in tokens:
        if token == STAR:
            reached = everywhere & -(reached & -reached)
        elif token == INNER_STAR:
            # The sum carries from each place that is reached through the rest of its segment to the colon.
            inner = everywhere >> 1 & ~places.find(":")
            reached |= ((reached & inner) + inner) ^ inner
        elif token == ANY:
            reached = reached << 1 & everywhere
        elif token == INNER_ANY:
            reached = (reached & ~places.find(":")) << 1 & everywhere
        else:
            reached = (reached & places.find(token)) << len(token)
        if not reached:
            return False
    return bool(reached >> end & 1)
