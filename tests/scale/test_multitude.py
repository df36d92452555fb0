"""A million principals: half of them users, half of them roles that they assume, by Zipf's law with exponent 1."""

import random
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from sts.settings import read_settings
from tests.bench.contestants import serving_production
from tests.bench.load import Round, prepare, replay
from tests.bench.multitude import Multitude, settle_multitude
from tests.bench.processes import Server
from tests.bench.production import Production, production

pytestmark = pytest.mark.longer

_PRINCIPALS, _FEW = 1_000_000, 100
_CONNECTIONS, _SECONDS, _REQUESTS = 256, 5, 20_000  # more than are sent in a round: none comes twice but by its rank
_WARMING, _ROUNDS = 400_000, 5  # requests until all is remembered that there is room for; rounds that count
_MEGABYTE = 1 << 20


@dataclass
class _Crowd:
    """Those who assume roles of one server."""

    server: Server
    parts: Production
    settled: Multitude
    requests: Path
    sent: int = 0
    source: random.Random = field(default_factory=lambda: random.Random(20261124))  # noqa: S311  the same each time

    def run(self) -> Round:
        prepare(self.settled.draw(self.source, _REQUESTS), self.server.host, self.requests)
        done = replay(self.server, self.parts, self.requests, _CONNECTIONS, _SECONDS)
        assert 0 < done.requests <= _REQUESTS
        self.sent += done.requests
        return done


@pytest.fixture(scope="module")
def crowds(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[_Crowd, _Crowd]]:
    """A crowd of a hundred principals and one of a million, each with servers of its own, after many a request."""
    with ExitStack() as stack:
        made = []
        for principals in (_FEW, _PRINCIPALS):
            folder = tmp_path_factory.mktemp(f"crowd-{principals}")
            parts = stack.enter_context(production(folder))
            settled = settle_multitude(parts.environment, principals // 2)
            server = stack.enter_context(serving_production(parts, 1, folder))
            made.append(_Crowd(server, parts, settled, folder / "requests"))
        few, many = made
        few.run()
        while many.sent < _WARMING:
            many.run()
        yield few, many


def test_a_request_among_a_million_principals_takes_at_most_a_third_more_cpu_than_among_a_hundred(
    crowds: tuple[_Crowd, _Crowd],
) -> None:
    rounds = [(few.run().cpu_microseconds, many.run().cpu_microseconds) for few, many in [crowds] * _ROUNDS]
    # Whatever else the machine does only adds to what a request takes.
    least_of_few, least_of_many = (min(each) for each in zip(*rounds, strict=True))
    assert least_of_many <= 1.3 * least_of_few


def test_what_is_remembered_of_a_million_principals_takes_no_more_memory_than_the_setting_says(
    crowds: tuple[_Crowd, _Crowd],
) -> None:
    few, many = (crowd.server.read_memory().rss for crowd in crowds)
    bound = read_settings({}).snapshot_bytes / _MEGABYTE
    assert bound / 2 < many - few <= bound
