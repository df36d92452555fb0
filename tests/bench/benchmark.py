"""Measure the service beside others in one run, and print one table: `bash tests/bench/run.sh` calls this."""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import structlog

from tests.bench import loops, report
from tests.bench.load import Round, prepare, replay
from tests.bench.population import Assumption, settle
from tests.bench.processes import Memory, Server, serving
from tests.bench.report import Goal, Row

_CONNECTIONS = (32, 256)
_FEW, _MANY = 100, 10_000
_OURS, _OURS_MANY = f"AssumeRole, {_FEW} users and roles", f"AssumeRole, {_MANY:,} users and roles"
_MOTO, _BARE = "AssumeRole, moto_server", "a bare Starlette route, 1 KB in and out"
_BARE_BODY = 1_024
_SERVE = (sys.executable, "-m", "sts", "serve", "--host", "127.0.0.1", "--port", "{port}")
_STARTS = 3


@dataclass
class _Contestant:
    """A server with the requests that it is sent, and what was measured of it."""

    server: Server
    assumptions: tuple[Assumption, ...]
    requests: Path
    size: int = 0
    sent: int = 0
    rounds: dict[int, list[Round]] = field(default_factory=lambda: {count: [] for count in _CONNECTIONS})

    def run(self, connections: int, seconds: float) -> Round:
        """Go on where the round before ended, so that everyone has a turn."""
        first = self.sent % len(self.assumptions)
        turned = self.assumptions[first:] + self.assumptions[:first]
        prepare(turned, self.server.host, self.requests, self.size)
        done = replay(self.server, self.requests, connections, seconds)
        self.sent += done.requests
        return done

    def rate(self, connections: int) -> float:
        return median(each.per_second for each in self.rounds[connections])

    def rows(self, name: str) -> Iterator[Row]:
        for connections, rounds in self.rounds.items():
            yield Row(
                name,
                str(connections),
                self.rate(connections),
                median(each.p99_milliseconds for each in rounds),
                median(each.cpu_microseconds for each in rounds),
                _show(self.server.read_memory()) if connections == max(self.rounds) else "",
            )


def main() -> None:
    """Measure, print, and with --write put the table into the README."""
    arguments = _parse_arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    home = Path("build")
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as made, ExitStack() as open_:
        folder = Path(made).absolute()
        few, many = settle(folder / "few", _FEW), settle(folder / "many", _MANY)
        starts = [_start(folder / "few", folder) for _ in range(_STARTS)]
        parts = _measure_parts(folder / "few")
        contestants = open_.enter_context(_open_contestants(folder, few, many, arguments.moto))
        _compare(contestants, arguments.rounds, arguments.seconds)
        rows = [row for name, each in contestants.items() for row in each.rows(name)]
        table = report.render(
            [*rows, *parts.values(), *_render_starts(starts)],
            _judge(contestants, parts, starts),
            f"bash tests/bench/run.sh --rounds {arguments.rounds} --seconds {arguments.seconds:g}",
            _find_version(arguments.moto),
        )
    print(table)
    if arguments.write:
        report.write(table)


def _parse_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="tests/bench/run.sh", description=__doc__)
    parser.add_argument("--moto", type=Path, required=True, help=argparse.SUPPRESS)
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each row, of which the median counts")
    parser.add_argument("--seconds", type=float, default=3, help="how long a round lasts")
    parser.add_argument("--write", action="store_true", help="put the table into tests/bench/README.md")
    return parser.parse_args()


@contextmanager
def _open_contestants(
    folder: Path, few: tuple[Assumption, ...], many: tuple[Assumption, ...], moto: Path
) -> Iterator[Mapping[str, _Contestant]]:
    bare = (sys.executable, "-m", "tests.bench.bare_route", "{port}")
    moto_server = (str(moto / "bin/moto_server"), "-H", "127.0.0.1", "-p", "{port}")
    with (
        _serving(folder / "few", folder) as ours,
        _serving(folder / "many", folder) as ours_many,
        serving(moto_server, "/moto-api/data.json", folder / "moto.log") as theirs,
        serving(bare, "/", folder / "bare.log") as route,
    ):
        yield {
            _OURS: _Contestant(ours, few, folder / "ours.txt"),
            _OURS_MANY: _Contestant(ours_many, many, folder / "many.txt"),
            _MOTO: _Contestant(theirs, few, folder / "moto.txt"),
            _BARE: _Contestant(route, few, folder / "bare.txt", _BARE_BODY),
        }


@contextmanager
def _serving(home: Path, folder: Path) -> Iterator[Server]:
    with serving(_SERVE, "/livez", folder / f"{home.name}.log", {"STS_HOME": str(home)}) as server:
        yield server


def _compare(contestants: Mapping[str, _Contestant], rounds: int, seconds: float) -> None:
    """Let each run uncounted until everyone in it had a turn and all is read that is read once; then in turns."""
    for each in contestants.values():
        while each.sent < len(each.assumptions):
            each.run(min(_CONNECTIONS), seconds)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for connections in _CONNECTIONS:
            for each in contestants.values():
                each.rounds[connections].append(each.run(connections, seconds))


def _measure_parts(home: Path) -> Mapping[str, Row]:
    commits = loops.measure_commits(home)
    parts = {
        "signature": Row("ES256 signature of a token, bare", cpu=loops.measure_signature(home)),
        "verification": Row("SigV4 verification, bare", cpu=loops.measure_verification()),
    }
    for policies in (1, 20, 200):
        name = f"decision over {policies} {'policy' if policies == 1 else 'policies'} of 10 statements"
        parts[f"decision {policies}"] = Row(name, cpu=loops.measure_decision(policies))
    variables = loops.measure_decision(20, "${aws:username}")
    parts["variables"] = Row("decision over 20 policies, each with a policy variable", cpu=variables)
    alone = f"durable audit record, alone: {commits.alone:.2f} ms"
    parts["commit"] = Row(alone, per_second=1_000 / commits.alone, p99=commits.alone_p99)
    grouped = f"durable audit record, 32 at once: {commits.grouped * 1_000:.0f} µs each"
    parts["commits"] = Row(grouped, per_second=1_000 / commits.grouped)
    return parts


def _start(home: Path, folder: Path) -> tuple[float, Memory]:
    with _serving(home, folder) as server:
        return server.start_seconds, server.read_memory()


def _render_starts(starts: list[tuple[float, Memory]]) -> Iterator[Row]:
    seconds, memory = sorted(starts, key=lambda start: start[0])[len(starts) // 2]
    yield Row(f"start to the first answer: {seconds:.2f} s; then idle", memory=_show(memory))


def _judge(
    contestants: Mapping[str, _Contestant], parts: Mapping[str, Row], starts: list[tuple[float, Memory]]
) -> Iterator[Goal]:
    most = max(_CONNECTIONS)
    rates = {name: each.rate(most) for name, each in contestants.items()}
    ours = rates[_OURS]
    yield Goal(f"AssumeRole over moto's, {most} connections", ours / rates[_MOTO], 5, 8)
    yield Goal(f"AssumeRole over the bare route, {most} connections", ours / rates[_BARE], 1 / 8, 1 / 5)
    yield Goal(f"cost with {_MANY:,} over {_FEW} users and roles", ours / rates[_OURS_MANY], 1.2, at_most=True)
    yield Goal("decision over 20 policies, µs", parts["decision 20"].cpu or 0, 50, at_most=True)
    yield Goal("start, s", median(seconds for seconds, _ in starts), 2, at_most=True)
    yield Goal("idle process, MB resident", median(memory.rss for _, memory in starts), 120, at_most=True)


def _show(memory: Memory) -> str:
    return f"{memory.rss:.0f} / {memory.pss:.0f}"


def _find_version(venv: Path) -> str:
    code = "from importlib.metadata import version; print(version('moto'))"
    return subprocess.run(
        [str(venv / "bin/python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
