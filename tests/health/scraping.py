"""What Prometheus reads of a service, parsed by its own parser."""

from dataclasses import dataclass
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from tests.service import Service


@dataclass(frozen=True)
class Scrape:
    """The samples of one answer, by name and labels."""

    kinds: dict[str, str]
    samples: dict[tuple[str, frozenset[tuple[str, str]]], float]

    def find(self, name: str, **labels: str) -> float | None:
        return self.samples.get((name, frozenset(labels.items())))

    def sum(self, name: str, **labels: str) -> float:
        wanted = set(labels.items())
        return sum(value for (each, pairs), value in self.samples.items() if each == name and wanted <= pairs)

    @property
    def series(self) -> set[tuple[str, frozenset[tuple[str, str]]]]:
        return set(self.samples)


def parse(text: str) -> Scrape:
    families: list[Any] = list(text_string_to_metric_families(text))
    samples = [sample for family in families for sample in family.samples]
    by_labels = {(sample.name, frozenset(sample.labels.items())): sample.value for sample in samples}
    assert len(by_labels) == len(samples), "a series is there twice"
    return Scrape({family.name: family.type for family in families}, by_labels)


def scrape(service: Service) -> Scrape:
    reply = service.send(None, method="GET", path="/metrics")
    assert reply.status == 200, reply.body
    return parse(reply.body.decode("utf-8"))
