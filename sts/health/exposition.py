"""The numbers of all workers, and what is looked up when it is asked for, as Prometheus reads them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate

from prometheus_client import Metric as Family
from prometheus_client.registry import Collector

from sts.clock import Clock
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import KeyState
from sts.telemetry import catalogue
from sts.telemetry.catalogue import Kind, Metric
from sts.telemetry.numbers import Numbers, Values
from sts.telemetry.process import examine_process

Row = tuple[Metric, Mapping[str, str], float]


@dataclass(frozen=True, slots=True, eq=False)
class Exposition(Collector):
    """What a registry of Prometheus's client asks for at each scrape."""

    numbers: Numbers
    keyring: Keyring
    clock: Clock
    version: str

    def collect(self) -> Iterator[Family]:
        """Return every metric with its series; a histogram's only once there is something in it."""
        for metric in catalogue.COUNTED:
            family = _begin(metric)
            for values in self.numbers.layout.places[metric]:
                self._add_series(family, metric, values)
            yield family
        rows = [*self._examine_workers(), *self._examine_keys(), (catalogue.BUILD, {"version": self.version}, 1.0)]
        for metric in catalogue.ASKED:
            family = _begin(metric)
            for _, labels, value in (row for row in rows if row[0] is metric):
                family.add_sample(metric.name, dict(labels), value)
            yield family

    def _add_series(self, family: Family, metric: Metric, values: Values) -> None:
        labels = dict(zip(metric.labels, values, strict=True))
        if metric.kind is Kind.GAUGE:
            for worker, _ in self.numbers.living():
                value = self.numbers.read(metric, values, worker)
                family.add_sample(metric.name, {**labels, "worker": str(worker)}, value)
            return
        numbers = self.numbers.add_up(metric, values)
        if metric.kind is Kind.COUNTER:
            family.add_sample(metric.name, labels, numbers[0])
        elif any(numbers):
            _add_histogram(family, metric, labels, numbers)

    def _examine_workers(self) -> Iterator[Row]:
        for worker, pid in self.numbers.living():
            for metric, value in examine_process(pid).items():
                yield metric, {"worker": str(worker)}, value

    def _examine_keys(self) -> Iterator[Row]:
        now = self.clock.now()
        for key in self.keyring.keys():  # noqa: SIM118  it is no mapping
            if key.state is not KeyState.CURRENT:
                continue
            labels = {"purpose": str(key.purpose), "algorithm": key.algorithm or ""}
            yield catalogue.KEY_AGE, labels, (now - key.works_from).total_seconds()
            yield catalogue.KEY_VERSION, labels, float(key.version)
            if key.due_at is not None:
                yield catalogue.KEY_DUE, labels, key.due_at.timestamp()


def _begin(metric: Metric) -> Family:
    return Family(metric.name.removesuffix("_total"), metric.meaning, str(metric.kind))


def _add_histogram(family: Family, metric: Metric, labels: Mapping[str, str], numbers: Sequence[float]) -> None:
    *buckets, total = numbers
    for bound, count in zip((*map(str, metric.bounds), "+Inf"), accumulate(buckets), strict=True):
        family.add_sample(f"{metric.name}_bucket", {**labels, "le": bound}, count)
    family.add_sample(f"{metric.name}_count", dict(labels), sum(buckets))
    family.add_sample(f"{metric.name}_sum", dict(labels), total)
