"""Tags: keys with a value, on principals, resources and sessions.

A key is kept as it was written and compared without regard to case (IAM User Guide, "Rules for tagging in IAM and AWS
STS"), in the way that condition keys are: nobody passes a second `Team` beside `team`, nor puts in the place of a tag
one that policies do not take for it. Which characters there may be, the service models say.
"""

from collections.abc import Mapping, Sequence
from typing import TypeAlias

from sts.folding import fold_letters

Tags: TypeAlias = Mapping[str, str]

_RESERVED = "aws:"


def find_repetition(keys: Sequence[str]) -> str | None:
    """Return that two of *keys* are one, as a sentence; None when none are."""
    if len({fold_letters(key) for key in keys}) < len(keys):
        return "Duplicate tag keys found. Please note that Tag keys are case insensitive."
    return None


def find_fault(keys: Sequence[str]) -> str | None:
    """Return what keeps *keys* from being the keys of one thing, as a sentence; None when nothing does."""
    repeated = find_repetition(keys)
    if repeated is not None:
        return repeated
    if any(fold_letters(key).startswith(_RESERVED) for key in keys):
        return "Tag keys that begin with aws: are reserved"
    return None


def merge_tags(under: Tags, over: Tags) -> Tags:
    """Return *under* with those of *over* in place of the same keys."""
    covered = {fold_letters(key) for key in over}
    return {**{key: value for key, value in under.items() if fold_letters(key) not in covered}, **over}
