"""What is guessed first: the list of common and breached passwords, and what is put together from nothing but such.

Judged by structure, not by an estimate of guesses: a list of what is refused is what NIST SP 800-63B-4 (section
3.1.1.2) asks for, an estimate would be a rule of composition in disguise. `zxcvbn` has one, but takes seconds for 72
characters that are chosen to hold it up; what is here takes time that grows with the length alone.

The list is the one of that package: 30,000 passwords by how often they were found in breaches.
"""

from collections.abc import Iterable, Iterator
from functools import cache

_SHORTEST_WORD = 4  # of the list, as a part: what is shorter is a part of everything
_SHORTEST_NAME = 3
_RUNS = (3, 4, 5)  # any longer run is some of these
_MOST_WORDS = 3  # of the list: four and more are a phrase, as NIST and we advise
# Digits, the alphabet, and the rows of the keyboards that most people have (QWERTY, QWERTZ, AZERTY).
_ROWS = (
    "01234567890",
    "abcdefghijklmnopqrstuvwxyz",
    "qwertyuiop",
    "qwertzuiop",
    "azertyuiop",
    "asdfghjkl",
    "qsdfghjklm",
    "zxcvbnm",
    "yxcvbnm",
    "wxcvbn",
)
_LINES = (*_ROWS, *(row[::-1] for row in _ROWS))


def is_common(text: str) -> bool:
    """Say whether *text*, without its case, is on the list."""
    return text.casefold() in _common_passwords()


def find_unit(text: str) -> str:
    """Return the shortest text that *text* is made of again and again, twice at least, the last time perhaps cut short.

    Without its case; all of it when there is none.
    """
    text = text.casefold()
    lengths = range(1, len(text) // 2 + 1)
    return text[: next((length for length in lengths if text.startswith(text[length:])), len(text))]


def is_put_together(text: str, names: Iterable[str]) -> bool:
    """Say whether *text* is nothing but *names*, runs of neighbours and at most three of the list, end to end.

    A run is a row of the keyboard, of the alphabet or of the digits, either way, or a character again and again.
    """
    text, words = text.casefold(), _common_passwords()
    named = {name for name in map(str.casefold, names) if len(name) >= _SHORTEST_NAME}
    longest = max(map(len, words | named))
    fewest: dict[int, int] = {0: 0}  # for each place that parts end at, how many of them are of the list
    for start in range(len(text)):
        used = fewest.get(start, _MOST_WORDS + 1)
        if used > _MOST_WORDS:
            continue
        for end in _find_free_ends(text, start, named):
            fewest[end] = min(used, fewest.get(end, used))
        for end in range(start + _SHORTEST_WORD, min(start + longest, len(text)) + 1):
            if text[start:end] in words:
                fewest[end] = min(used + 1, fewest.get(end, used + 1))
    return fewest.get(len(text), _MOST_WORDS + 1) <= _MOST_WORDS


def _find_free_ends(text: str, start: int, names: Iterable[str]) -> Iterator[int]:
    """Return where the names and runs end that begin at *start*."""
    for name in names:
        if text.startswith(name, start):
            yield start + len(name)
    for length in _RUNS:
        run = text[start : start + length]
        if len(run) == length and (run == run[0] * length or any(run in line for line in _LINES)):
            yield start + length


@cache
def _common_passwords() -> frozenset[str]:
    """Return the list; it takes a third of a second and twelve megabytes, of whoever asks first."""
    from zxcvbn.frequency_lists import FREQUENCY_LISTS  # noqa: PLC0415  for those who change a password

    return frozenset(FREQUENCY_LISTS["passwords"])
