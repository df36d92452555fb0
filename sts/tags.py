"""Tags: keys with a value, on principals, resources and sessions.

A key is kept as it was written and compared without regard to case (IAM User Guide, "Rules for tagging in IAM and AWS
STS"), so that nobody passes a second `Team` beside `team`; only the keys of what is no principal differ by case. Which
characters there may be, the service models say.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

Tags: TypeAlias = Mapping[str, str]

_RESERVED = "aws:"


def fold_key(key: str) -> str:
    """Return what two keys have in common that are one key."""
    return key.casefold()


def find_fault(keys: Sequence[str], same: Callable[[str], str] = fold_key) -> str | None:
    """Return what keeps *keys* from being the keys of one thing, as a sentence; None when nothing does.

    *same* returns what two keys have in common that are one key there.
    """
    if len({same(key) for key in keys}) < len(keys):
        return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    if any(fold_key(key).startswith(_RESERVED) for key in keys):
        return "Tag keys that begin with aws: are reserved"
    return None


def merge_tags(under: Tags, over: Tags) -> Tags:
    """Return *under* with those of *over* in place of the same keys."""
    covered = {fold_key(key) for key in over}
    return {**{key: value for key, value in under.items() if fold_key(key) not in covered}, **over}
