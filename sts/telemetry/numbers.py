"""The numbers themselves: doubles in memory, one part for each worker, which all workers of a service can read.

Each process writes its own part and no other, from the thread of its event loop, so no lock is needed and counting
costs a fraction of a microsecond. Whichever worker is asked adds the parts up. The replacement of a crashed worker goes
on in its part: counts never fall. What is read while it is written is the number before or after, not half of each:
aligned doubles are copied whole.
"""

import mmap
import os
import sys
import tempfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

from sts.telemetry.catalogue import COUNTED, OTHER, Kind, Metric

_DOUBLE = 8  # bytes
PART = 16_384  # doubles of a part: more than there are series
_HEADER = 2  # doubles: the mark of the layout, and the process that writes here

Values = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Share:
    """The file in memory that *workers* processes share, and which of them this one is, from 0."""

    file: int
    worker: int
    workers: int


def open_shared(workers: int) -> int:
    """Return the descriptor of a file without a name that holds the numbers of so many workers; they inherit it."""
    if sys.platform == "linux":
        file = os.memfd_create("sts-numbers")
    else:
        with tempfile.TemporaryFile() as opened:
            file = os.dup(opened.fileno())
    os.ftruncate(file, workers * PART * _DOUBLE)
    return file


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each series stands in a part; *mark* tells a part of another layout, left by another release, apart."""

    places: Mapping[Metric, Mapping[Values, int]] = field(repr=False)
    mark: float

    def find(self, metric: Metric, values: Values) -> int:
        """Return the place of a series; a value that is not known is counted as `other`."""
        places = self.places[metric]
        place = places.get(values)
        if place is None:
            known = zip(*places, strict=True)
            place = places[tuple(v if v in seen else OTHER for v, seen in zip(values, known, strict=True))]
        return place


def lay_out(given: Mapping[str, Sequence[str]]) -> Layout:
    """Give every series its place; *given* are the values of the labels that are known only at the start."""
    places: dict[Metric, dict[Values, int]] = {}
    end = _HEADER
    for metric in COUNTED:
        columns = [values or (*given[label], OTHER) for label, values in metric.labels.items()]
        places[metric] = series = {}
        for values in product(*columns):
            series[values] = end
            end += metric.width
    if end > PART:
        raise ValueError(f"there are {end} numbers, and room for {PART}")
    told = repr([(metric.name, metric.bounds, list(series)) for metric, series in places.items()])
    return Layout(places, float(zlib.crc32(told.encode("utf-8"))))


@dataclass(frozen=True, slots=True)
class Numbers:
    """The part of this process, which it writes, and those of all workers, its own among them."""

    layout: Layout
    mine: "memoryview[float]" = field(repr=False)
    parts: Sequence["memoryview[float]"] = field(repr=False)

    def living(self) -> Iterator[tuple[int, int]]:
        """Return the workers that have begun, each with the process that last was it."""
        for worker, part in enumerate(self.parts):
            if part[0] == self.layout.mark:
                yield worker, int(part[1])

    def read(self, metric: Metric, values: Values, worker: int) -> float:
        """Return the number of a gauge's series in one worker."""
        return self.parts[worker][self.layout.places[metric][values]]

    def add_up(self, metric: Metric, values: Values) -> list[float]:
        """Return the numbers of a series, added up over all workers."""
        place = self.layout.places[metric][values]
        parts = [self.parts[worker][place : place + metric.width] for worker, _ in self.living()]
        return [sum(column) for column in zip(*parts, strict=True)]


def open_numbers(layout: Layout, share: Share | None = None) -> Numbers:
    """Return the numbers of this process, alone or as its *share* says, going on from what stands in its part."""
    own = share or Share(-1, 0, 1)
    memory: memoryview[float] = memoryview(mmap.mmap(own.file, own.workers * PART * _DOUBLE)).cast("d")
    parts = [memory[worker * PART : (worker + 1) * PART] for worker in range(own.workers)]
    mine = parts[own.worker]
    if mine[0] != layout.mark:
        mine[:] = memoryview(bytes(PART * _DOUBLE)).cast("d")
    for metric, places in layout.places.items():
        if metric.kind is Kind.GAUGE:  # what the process that was here before had
            for place in places.values():
                mine[place] = 0
    mine[1], mine[0] = os.getpid(), layout.mark
    return Numbers(layout, mine, parts)
