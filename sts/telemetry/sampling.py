"""What is not counted as it happens but looked at: once a second, so that a sibling that is asked can tell of it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from sts.telemetry.catalogue import Kind, Metric
from sts.telemetry.numbers import Numbers, Values

_LOOK_SECONDS = 1.0

Look = tuple[Metric, Values, Callable[[], float]]


@dataclass(frozen=True, slots=True)
class Sampler:
    """Writes what *looks* see into the numbers of this process; a counter goes on from where its part stood."""

    numbers: Numbers
    looks: tuple[Look, ...]
    _begun: dict[int, float] = field(default_factory=dict)

    async def run(self) -> None:
        """Look until it is cancelled."""
        while True:
            self.sample()
            await asyncio.sleep(_LOOK_SECONDS)

    def sample(self) -> None:
        """Look now."""
        for metric, values, look in self.looks:
            place = self.numbers.layout.places[metric][values]
            if metric.kind is Kind.GAUGE:
                self.numbers.mine[place] = look()
            else:
                self.numbers.mine[place] = self._begun.setdefault(place, self.numbers.mine[place]) + look()
