"""Parameters of a list, as a query or a form brings them: text under names."""

import re
from collections.abc import Mapping, Sequence

from sts.errors import ParameterInvalid

LARGEST_PAGE = 1_000
_DEFAULT_PAGE = 100
_LIMIT = re.compile(r"[0-9]{1,4}")


def require_offered(parameters: Mapping[str, str], offered: Sequence[str]) -> None:
    """Raise ParameterInvalid for a parameter that is not among *offered*: nothing that was asked is passed over."""
    strange = sorted(parameters.keys() - set(offered))
    if strange:
        raise ParameterInvalid(f"There is no parameter {strange[0]}: {', '.join(offered)} are offered")


def parse_limit(parameters: Mapping[str, str]) -> int:
    """Return how many things a page holds at most, by the parameter `limit`; raises ParameterInvalid."""
    text = parameters.get("limit", str(_DEFAULT_PAGE))
    if not _LIMIT.fullmatch(text) or not 1 <= int(text) <= LARGEST_PAGE:
        raise ParameterInvalid(f"limit is a whole number of 1 to {LARGEST_PAGE}")
    return int(text)
