"""Every promise about signing in and sessions has a test that bears its id in its name."""

import re
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]
NAMED = re.compile(r"^ *(?:async )?def (test_\w+)", re.MULTILINE)
ID = re.compile(r"_([as])_(\d\d)(?=_)")
ROWS = [f"a-{number:02}" for number in range(1, 44)] + [f"s-{number:02}" for number in range(1, 24)]
# Of sessions at a foreign provider beside one's own: until people sign in by one there is nothing to show.
LATER = {"s-17"}


@pytest.fixture(scope="module")
def shown() -> set[str]:
    names = (name for path in TESTS.rglob("test_*.py") for name in NAMED.findall(path.read_text(encoding="utf-8")))
    return {f"{letter}-{number}" for name in names for letter, number in ID.findall(name)}


@pytest.mark.parametrize("row", [row for row in ROWS if row not in LATER])
def test_each_row_has_a_test_of_its_name(shown: set[str], row: str) -> None:
    assert row in shown


def test_no_test_bears_a_row_that_there_is_not(shown: set[str]) -> None:
    assert shown - LATER <= set(ROWS)
