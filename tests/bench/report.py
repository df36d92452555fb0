"""The table: rows of what was measured, then the goals beside what was reached; and its place in the README."""

import os
import platform
import re
import sqlite3
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from tests.postgresql_server import find_program

_README = Path(__file__).with_name("README.md")
_BEGIN, _END = "<!-- table: begin -->", "<!-- table: end -->"
_COLUMNS = ("", "connections", "per second", "p99, ms", "CPU µs each", "and of its parts", "RSS / PSS, MB")
_PACKAGES = ("uvicorn", "uvloop", "httptools", "starlette", "cryptography", "sqlalchemy", "asyncpg", "redis", "hiredis")


@dataclass(frozen=True)
class Row:
    """A line of the table; what a row does not have stays empty."""

    name: str
    connections: str = ""
    per_second: float | None = None
    p99: float | None = None
    cpu: float | None = None
    parts: float | None = None
    memory: str = ""

    def cells(self) -> Sequence[str]:
        measured = (self.per_second, self.p99, self.cpu, self.parts)
        return (self.name, self.connections, *map(_show, measured), self.memory)


@dataclass(frozen=True)
class Goal:
    """Something to be reached: *reached* against *goal* and, further, *aim*."""

    name: str
    reached: float
    goal: float
    aim: float | None = None
    at_most: bool = False

    def cells(self) -> Sequence[str]:
        bound = "at most" if self.at_most else "at least"
        met = self.reached <= self.goal if self.at_most else self.reached >= self.goal
        aim = "" if self.aim is None else f"{self.aim:g}"
        return (self.name, f"{self.reached:.3g}", f"{bound} {self.goal:g}", aim, "yes" if met else "**no**")


def render(rows: Iterable[Row], goals: Iterable[Goal], command: str, moto: str) -> str:
    """Return both tables in Markdown, under the command and the machine that made them."""
    return "\n".join(
        [
            f"`{command}` on {_describe_machine()}.",
            "",
            _describe_versions(moto),
            "",
            *_tabulate(_COLUMNS, "lrrrrrr", (row.cells() for row in rows)),
            "",
            *_tabulate(("goal", "reached", "goal", "aim", "met"), "lrrrl", (goal.cells() for goal in goals)),
        ]
    )


def write(table: str) -> None:
    """Put *table* in the place of the one that stands in the README."""
    text = _README.read_text(encoding="utf-8")
    placed = re.sub(f"(?s){_BEGIN}.*{_END}", lambda _: f"{_BEGIN}\n{table}\n{_END}", text)
    _README.write_text(placed, encoding="utf-8")


def _show(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def _tabulate(header: Sequence[str], align: str, lines: Iterable[Sequence[str]]) -> Iterable[str]:
    yield f"| {' | '.join(header)} |"
    yield "|" + "|".join(":--" if side == "l" else "--:" for side in align) + "|"
    yield from (f"| {' | '.join(line)} |" for line in lines)


def _describe_machine() -> str:
    about = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    model = re.search(r"(?m)^model name\s*: (.+)$", about)
    return f"{os.cpu_count()} cores ({model.group(1) if model else platform.machine()}), shared by server and `wrk`"


def _describe_versions(moto: str) -> str:
    ours = ", ".join(f"{name} {version(name)}" for name in _PACKAGES)
    servers = f"PostgreSQL {_ask_version(find_program('postgres'))}, Redis {_ask_version('redis-server')}"
    python = f"CPython {platform.python_version()}, SQLite {sqlite3.sqlite_version}"
    return f"{python}, {ours}; {servers}; moto {moto}; wrk {_ask_version('wrk', '-v')}."


def _ask_version(program: str, option: str = "--version") -> str:
    told = subprocess.run([program, option], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\d+\.\d\S*", told)
    return found.group() if found else "of an unknown version"
