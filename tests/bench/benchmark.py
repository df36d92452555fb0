"""Measure the service beside others in one run, and print one table: `bash tests/bench/run.sh` calls this."""

import argparse
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from statistics import median

import structlog

from tests.bench import loops, report
from tests.bench.contestants import (
    BARE,
    BEARERS,
    CONNECTIONS,
    DEVICES,
    EMBEDDED,
    EMBEDDED_MANY,
    FEW,
    MANY,
    MOTO,
    ONE_PROCESS,
    TWO_PROCESSES,
    Contestant,
    Populations,
    open_contestants,
    serving_embedded,
    show,
)
from tests.bench.population import settle
from tests.bench.processes import Memory
from tests.bench.production import Production, production
from tests.bench.report import Goal, Row
from tests.bench.sign_ins import measure_sign_ins, settle_people
from tests.bench.tokens import ALGORITHMS, name_row, settle_tokens

_STARTS = 3


def main() -> None:
    """Measure, print, and with --write put the table into the README."""
    arguments = _parse_arguments()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    home = Path("build")
    home.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="bench-", dir=home) as made, ExitStack() as open_:
        folder = Path(made).absolute()
        beside = open_.enter_context(production(folder / "production"))
        settled = _settle(folder, beside)
        people = settle_people({"STS_HOME": str(folder / "few")})
        starts = [_start(folder / "few", folder) for _ in range(_STARTS)]
        parts = _measure_parts(folder / "few", beside)
        contestants = open_.enter_context(open_contestants(folder, settled, beside, arguments.moto))
        _compare(contestants, arguments.rounds, arguments.seconds)
        sign_ins = measure_sign_ins(contestants[EMBEDDED], people, arguments.rounds, arguments.seconds)
        rows = [row for name, each in contestants.items() for row in each.rows(name)]
        table = report.render(
            [*rows, *sign_ins.rows(), *parts.values(), *_render_starts(starts)],
            [*_judge(contestants, parts, starts), sign_ins.goal()],
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


def _settle(folder: Path, beside: Production) -> Populations:
    few, many, guarded = ({"STS_HOME": str(folder / name)} for name in ("few", "many", "guarded"))
    return Populations(
        few=settle(few, FEW),
        many=settle(many, MANY),
        guarded=settle(guarded, BEARERS, DEVICES),
        production=settle(beside.environment, FEW),
        tokens=settle_tokens(few),
    )


def _compare(contestants: Mapping[str, Contestant], rounds: int, seconds: float) -> None:
    """Let each run uncounted until everyone in it had a turn and all is read that is read once; then in turns."""
    for each in contestants.values():
        while not each.is_warm():
            each.run(min(CONNECTIONS), seconds)
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}", file=sys.stderr)
        for connections in CONNECTIONS:
            for each in contestants.values():
                each.rounds[connections].append(each.run(connections, seconds))


def _measure_parts(home: Path, beside: Production) -> Mapping[str, Row]:
    parts = {
        "signature": Row("ES256 signature of a token, bare", cpu=loops.measure_signature(home)),
        "verification": Row("SigV4 verification, bare", cpu=loops.measure_verification()),
    }
    for policies in (1, 20, 200):
        name = f"decision over {policies} {'policy' if policies == 1 else 'policies'} of 10 statements"
        parts[f"decision {policies}"] = Row(name, cpu=loops.measure_decision(policies))
    variables = loops.measure_decision(20, "${aws:username}")
    parts["variables"] = Row("decision over 20 policies, each with a policy variable", cpu=variables)
    for store, environment in (("SQLite", {"STS_HOME": str(home)}), ("PostgreSQL", beside.environment)):
        parts |= _measure_commits(store, environment)
    return parts


def _measure_commits(store: str, environment: Mapping[str, str]) -> Mapping[str, Row]:
    commits = loops.measure_commits(environment)
    alone = f"durable audit record in {store}, alone: {commits.alone:.2f} ms"
    grouped = f"durable audit record in {store}, 32 at once: {commits.grouped * 1_000:.0f} µs each"
    return {
        f"{store} alone": Row(alone, per_second=1_000 / commits.alone, p99=commits.alone_p99),
        f"{store} grouped": Row(grouped, per_second=1_000 / commits.grouped),
    }


def _start(home: Path, folder: Path) -> tuple[float, Memory]:
    with serving_embedded(home, folder) as server:
        return server.start_seconds, server.read_memory()


def _render_starts(starts: list[tuple[float, Memory]]) -> Iterator[Row]:
    seconds, memory = sorted(starts, key=lambda start: start[0])[len(starts) // 2]
    yield Row(f"start to the first answer: {seconds:.2f} s; then idle", memory=show(memory))


def _judge(
    contestants: Mapping[str, Contestant], parts: Mapping[str, Row], starts: list[tuple[float, Memory]]
) -> Iterator[Goal]:
    most = max(CONNECTIONS)
    rates = {name: each.rate(most) for name, each in contestants.items()}
    ours, one, two = (rates[name] for name in (EMBEDDED, ONE_PROCESS, TWO_PROCESSES))
    twice = contestants[TWO_PROCESSES].cpu(most) / contestants[ONE_PROCESS].cpu(most)
    yield Goal(f"AssumeRole over moto's, {most} connections", ours / rates[MOTO], 5, 8)
    yield Goal("the same with PostgreSQL and Redis, one process", one / rates[MOTO], 5, 8)
    yield Goal("the same with PostgreSQL and Redis, two processes", two / rates[MOTO], 5, 8)
    yield Goal(f"CPU of a request with two processes over that with one, {most} connections", twice, 1.25, at_most=True)
    yield Goal(f"AssumeRole over the bare route, {most} connections", ours / rates[BARE], 1 / 8, 1 / 5)
    for algorithm in ALGORITHMS:
        slowest = min(rates[name_row(algorithm, repeated=repeated)] for repeated in (True, False))
        yield Goal(f"AssumeRoleWithWebIdentity, {algorithm}, over AssumeRole, {most} connections", slowest / ours, 0.5)
    yield Goal(f"cost with {MANY:,} over {FEW} users and roles", ours / rates[EMBEDDED_MANY], 1.2, at_most=True)
    yield Goal("decision over 20 policies, µs", parts["decision 20"].cpu or 0, 50, at_most=True)
    yield Goal("start, s", median(seconds for seconds, _ in starts), 2, at_most=True)
    yield Goal("idle process, MB resident", median(memory.rss for _, memory in starts), 120, at_most=True)


def _find_version(venv: Path) -> str:
    code = "from importlib.metadata import version; print(version('moto'))"
    return subprocess.run(
        [str(venv / "bin/python"), "-c", code], capture_output=True, text=True, check=True
    ).stdout.strip()


if __name__ == "__main__":
    main()
