import json
import logging
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import structlog
from click.testing import CliRunner, Result

from sts.cli.commands import main
from sts.clock import SystemClock
from sts.entropy import Entropy
from sts.foundation import lay_foundation
from sts.settings import read_settings


@dataclass(frozen=True)
class Command:
    """The `sts` command in a home of the test's own."""

    home: Path

    def __call__(self, *words: str, given: str | None = None, **environment: str | None) -> Result:
        everywhere = {"STS_HOME": str(self.home), "AWS_ENDPOINT_URL": None, "AWS_PROFILE": None}
        return CliRunner().invoke(main, words, input=given, env=everywhere | environment)

    def json(self, *words: str, **environment: str | None) -> Any:
        """Run the command with --json and return what it prints; it must succeed."""
        result = self(*words, "--json", **environment)
        assert result.exit_code == 0, result.output
        return json.loads(result.stdout)


@pytest.fixture(autouse=True)
def _log_of_each_test() -> Iterator[None]:
    """Commands set up the log of the process, which is the tests' own here.

    Until one does, what the shared server logs goes nowhere: a command's output is looked at line by line.
    """
    structlog.configure(logger_factory=structlog.ReturnLoggerFactory())
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def fresh_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose keys are of now, made once."""
    home = tmp_path_factory.mktemp("fresh")
    lay_foundation(read_settings({"STS_HOME": str(home)}), SystemClock(), Entropy()).database.close()
    return home


@pytest.fixture
def sts(fresh_home: Path, tmp_path: Path) -> Command:
    """The command where there are keys and an empty store."""
    return Command(Path(shutil.copytree(fresh_home, tmp_path / "home")))


@pytest.fixture
def elsewhere(tmp_path: Path) -> Command:
    """The command where there is nothing yet."""
    return Command(tmp_path / "nothing")


@pytest.fixture
def bodies(sts: Command) -> Callable[[str], list[dict[str, Any]]]:
    """Return the records of an event, as they are kept."""

    def find(event: str) -> list[dict[str, Any]]:
        with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
            rows = connection.execute("SELECT body FROM audit_record WHERE event = ? ORDER BY at", (event,))
            return [json.loads(body) for (body,) in rows]

    return find
