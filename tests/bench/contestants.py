"""Who is compared: our service in each of its forms, moto, and the bare route, all running side by side."""

import sys
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from sts.crypto.totp import step_at
from tests.bench.load import Round, prepare, replay
from tests.bench.population import Assumption, Device
from tests.bench.processes import Memory, Server, serving
from tests.bench.production import Production
from tests.bench.report import Row

CONNECTIONS = (32, 256)
FEW, MANY = 100, 10_000
BEARERS, DEVICES = 500, 8  # each device shows a code in a round, and the next one a step later: enough for a round
TAGS = {"team": "blue", "cost-centre": "4711", "project": "unicorn", "stage": "production", "region": "eu-central"}
EMBEDDED, EMBEDDED_MANY = f"AssumeRole, {FEW} users and roles", f"AssumeRole, {MANY:,} users and roles"
TAGGED = f"AssumeRole with {len(TAGS)} tags, {FEW} users and roles"
GUARDED = f"AssumeRole with MFA, {BEARERS} users and roles"
ONE_PROCESS = f"AssumeRole, PostgreSQL and Redis, {FEW} users and roles, one process"
TWO_PROCESSES = f"AssumeRole, PostgreSQL and Redis, {FEW} users and roles, two processes"
MOTO, BARE = "AssumeRole, moto_server", "a bare Starlette route, 1 KB in and out"
_BARE_BODY = 1_024
_SERVE = (sys.executable, "-m", "sts", "serve", "--host", "127.0.0.1", "--port", "{port}")


@dataclass
class Contestant:
    """A server with the requests that it is sent, and what was measured of it."""

    server: Server
    assumptions: tuple[Assumption, ...]
    requests: Path
    size: int = 0
    parts: Production | None = None
    sent: int = 0
    shown: dict[Device, int] = field(default_factory=dict)  # the latest step of which a device's code was used
    rounds: dict[int, list[Round]] = field(default_factory=lambda: {count: [] for count in CONNECTIONS})

    def run(self, connections: int, seconds: float) -> Round:
        """Go on where the round before ended, so that everyone has a turn."""
        next_ones = self._find_next(step_at(datetime.now(UTC)))
        step = step_at(prepare(next_ones, self.server.host, self.requests, self.size)) + 1
        done = replay(self.server, self.parts, self.requests, connections, seconds)
        self.sent += done.requests
        begun = next_ones[: done.requests + connections]  # each connection ends within a request, which is not counted
        self.shown |= {each.device: step for each in begun if each.device}
        return done

    def is_warm(self) -> bool:
        """Say whether every role had a turn, after which all is read that is read once."""
        return self.sent >= len({each.role_arn for each in self.assumptions})

    def _find_next(self, step: int) -> tuple[Assumption, ...]:
        """Return who is next, in turn; whoever's device may have shown the code of the step after *step* is not."""
        first = self.sent % len(self.assumptions)
        turned = self.assumptions[first:] + self.assumptions[:first]
        return tuple(each for each in turned if each.device is None or self.shown.get(each.device, 0) <= step)

    def rate(self, connections: int) -> float:
        return median(each.per_second for each in self.rounds[connections])

    def cpu(self, connections: int) -> float:
        return median(each.cpu_microseconds for each in self.rounds[connections])

    def rows(self, name: str) -> Iterator[Row]:
        for connections, rounds in self.rounds.items():
            parts = [each.parts_microseconds for each in rounds if each.parts_microseconds is not None]
            yield Row(
                name,
                str(connections),
                self.rate(connections),
                median(each.p99_milliseconds for each in rounds),
                self.cpu(connections),
                median(parts) if parts else None,
                show(self.server.read_memory()) if connections == max(self.rounds) else "",
            )


@dataclass(frozen=True)
class Populations:
    """Who assumes what: in a small embedded store, in a large one, in one of MFA devices, in production, by tokens."""

    few: tuple[Assumption, ...]
    many: tuple[Assumption, ...]
    guarded: tuple[Assumption, ...]
    production: tuple[Assumption, ...]
    tokens: Mapping[str, tuple[Assumption, ...]]  # by the row's name, in the small embedded store


@contextmanager
def open_contestants(
    folder: Path, settled: Populations, parts: Production, moto: Path
) -> Iterator[Mapping[str, Contestant]]:
    """Run everyone below *folder*, which holds the homes `few`, `many` and `guarded`, until the context ends."""
    bare = (sys.executable, "-m", "tests.bench.bare_route", "{port}")
    moto_server = (str(moto / "bin/moto_server"), "-H", "127.0.0.1", "-p", "{port}")
    with ExitStack() as stack:
        names = ("few", "many", "guarded")
        few, many, guarded = (stack.enter_context(serving_embedded(folder / name, folder)) for name in names)
        tagged = tuple(replace(each, tags=TAGS) for each in settled.few)
        one, two = (stack.enter_context(serving_production(parts, workers, folder)) for workers in (1, 2))
        theirs = stack.enter_context(serving(moto_server, "/moto-api/data.json", folder / "moto.log"))
        route = stack.enter_context(serving(bare, "/", folder / "bare.log"))
        yield {
            EMBEDDED: Contestant(few, settled.few, folder / "few.txt"),
            EMBEDDED_MANY: Contestant(many, settled.many, folder / "many.txt"),
            TAGGED: Contestant(few, tagged, folder / "tagged.txt"),
            **{
                name: Contestant(few, bearers, folder / f"tokens-{number}.txt")
                for number, (name, bearers) in enumerate(settled.tokens.items())
            },
            GUARDED: Contestant(guarded, settled.guarded, folder / "guarded.txt"),
            ONE_PROCESS: Contestant(one, settled.production, folder / "one.txt", parts=parts),
            TWO_PROCESSES: Contestant(two, settled.production, folder / "two.txt", parts=parts),
            MOTO: Contestant(theirs, settled.few, folder / "moto.txt"),
            BARE: Contestant(route, settled.few, folder / "bare.txt", _BARE_BODY),
        }


@contextmanager
def serving_embedded(home: Path, folder: Path) -> Iterator[Server]:
    """Run our service as it is without any settings on *home* until the context ends."""
    with _serving(_SERVE, folder / f"{home.name}.log", {"STS_HOME": str(home)}) as server:
        yield server


@contextmanager
def serving_production(parts: Production, workers: int, folder: Path) -> Iterator[Server]:
    """Run our service as it is in production until the context ends."""
    command = (*_SERVE, "--workers", str(workers))
    with _serving(command, folder / f"workers-{workers}.log", parts.environment) as server:
        yield server


@contextmanager
def _serving(command: tuple[str, ...], log: Path, environment: Mapping[str, str]) -> Iterator[Server]:
    with serving(command, "/livez", log, {**environment, "STS_DRAIN_SECONDS": "0"}) as server:
        yield server


def show(memory: Memory) -> str:
    return f"{memory.rss:.0f} / {memory.pss:.0f}"
