"""The page of errors names every code that can be answered, with its statuses, and no other."""

import re
from collections import defaultdict
from pathlib import Path

from sts.api import errors as api
from sts.aws import errors as query
from sts.aws import foreign
from sts.aws.errors import WireError
from sts.serving import faults
from sts.serving.faults import Fault

PAGE = (Path(__file__).parent.parent / "docs" / "errors.md").read_text(encoding="utf-8")
_ROW = re.compile(r"^\| `(\w+)` \|([^|]*)\|([^|]*)\|([^|]*)\| ([^|]+) \| ([^|]+) \|$", re.MULTILINE)
Statuses = dict[str, tuple[set[int], set[int], set[int]]]


def _answered() -> Statuses:
    """Return the statuses of each code: of the Query front, of the administration, of the server."""
    found: Statuses = defaultdict(lambda: (set(), set(), set()))
    others = [each for each in vars(foreign).values() if isinstance(each, WireError)]
    for error in (*query.ERRORS.values(), *others):
        found[error.code][0].add(error.status)
    for code, status in (*api.ERRORS.values(), api.INTERNAL_FAILURE):
        found[code][1].add(status)
    for fault in vars(faults).values():
        if isinstance(fault, Fault):
            found[fault.code][2].add(fault.status.value)
    return dict(found)


def _read(cell: str) -> set[int]:
    return {int(status) for status in re.findall(r"\d+", cell)}


def test_the_page_names_every_error_with_its_statuses_and_what_to_do() -> None:
    rows = _ROW.findall(PAGE)
    told = {code: (_read(a), _read(b), _read(c)) for code, a, b, c, _, _ in rows}
    assert len(told) == len(rows)
    assert told == _answered()


def test_every_table_of_the_page_has_the_same_columns() -> None:
    lines = [line for line in PAGE.splitlines() if line.startswith("| ")]
    heads = [line for line in lines if line.startswith("| code ")]
    assert set(heads) == {"| code | query | api | server | when | what to do |"}
    assert len(lines) == len(heads) + len(_ROW.findall(PAGE))
