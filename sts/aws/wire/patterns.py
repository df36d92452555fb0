r"""The models' regular expressions, as Python reads them.

The models write Java's dialect. `\w`, `\d` and `\s` mean ASCII there, which Python's `re` does only with re.ASCII; the
classes `\p{…}` are Unicode properties, which only the `regex` package knows, and there they need its Unicode mode.
"""

import re
from collections.abc import Callable
from typing import Any, TypeAlias

import regex

Match: TypeAlias = Callable[[str], Any]

_PROPERTY = re.compile(r"\\[pP]\{")
_ASCII_CLASS = re.compile(r"\\[wdsbWDSB]")
# Five hexadecimal digits do not fit after `\u`: as it stands the text would be the range from `0` to U+10FF.
_BEYOND_BMP = (r"\u10000-\u10FFFF", r"\U00010000-\U0010FFFF")


def compile_pattern(pattern: str) -> Match:
    r"""Return the full match of *pattern*: a function that answers None for a text that breaks it.

    A search with `^…$` would not do: `$` also matches before a final line feed. Raises ValueError for a pattern that
    mixes `\p{…}` with `\w` or its kin, because no one mode reads both as the models mean them.
    """
    written = pattern.replace(*_BEYOND_BMP)
    if not _PROPERTY.search(written):
        return re.compile(written, re.ASCII).fullmatch
    if _ASCII_CLASS.search(written):
        raise ValueError(f"the pattern {pattern} mixes Unicode properties with ASCII classes")
    match: Match = regex.compile(written, regex.VERSION0 | regex.UNICODE).fullmatch
    return match
