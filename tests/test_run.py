"""The test command leaves no test out, and runs none twice, though it calls pytest twice."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SELECTIONS = re.findall(r'pytest .*-m "([^"]+)"', (ROOT / "tests" / "run.sh").read_text(encoding="utf-8"))
EVERY_KIND = """
import pytest

@pytest.mark.parametrize("kind", [
    "plain",
    pytest.param("alone", marks=pytest.mark.alone),
    pytest.param("longer", marks=pytest.mark.longer),
    pytest.param("longer alone", marks=[pytest.mark.longer, pytest.mark.alone]),
    pytest.param("pure", marks=pytest.mark.pure),
    pytest.param("pure alone", marks=[pytest.mark.pure, pytest.mark.alone]),
])
def test(kind):
    pass
"""


@pytest.fixture
def suite(tmp_path: Path) -> Path:
    """A suite with a test of each kind, under the project's own settings of pytest."""
    (tmp_path / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_kinds.py").write_text(EVERY_KIND, encoding="utf-8")
    return tmp_path


def select(suite: Path, selection: str) -> list[str]:
    """Return the kinds that pytest finds."""
    command = [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", selection]
    found = subprocess.run(command, cwd=suite, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
    return re.findall(r"test\[(.+)\]", found.stdout)


def test_each_test_that_is_not_longer_runs_in_one_of_two_calls(suite: Path) -> None:
    assert len(SELECTIONS) == 2
    selected = Counter(kind for selection in SELECTIONS for kind in select(suite, selection))
    assert selected == Counter(["plain", "alone", "pure", "pure alone"])


def test_what_is_tried_alone_has_no_test_beside_it() -> None:
    calls = [
        line for line in (ROOT / "tests" / "run.sh").read_text(encoding="utf-8").splitlines() if "-m pytest -" in line
    ]
    (beside,) = [call for call in calls if " -n 2 " in call]
    (alone,) = [call for call in calls if call != beside]
    assert "not alone" in beside
    assert "not alone" not in alone
