"""Numbers that several processes count in, and any of them reads."""

import os
import re
from pathlib import Path

import pytest

import sts
from sts.telemetry import catalogue
from sts.telemetry.catalogue import COUNTED, OTHER
from sts.telemetry.meters import Meters
from sts.telemetry.numbers import PART, Numbers, Share, lay_out, open_numbers, open_shared
from sts.telemetry.sampling import Sampler

GIVEN = {"operation": ("sts:AssumeRole",), "code": ("AccessDenied",)}
ASSUME = ("sts:AssumeRole", "done")


@pytest.fixture
def file() -> int:
    return open_shared(2)


def _open(file: int, worker: int, given: dict[str, tuple[str, ...]] | None = None) -> Numbers:
    return open_numbers(lay_out(given or GIVEN), Share(file, worker, 2))


def _assumed(numbers: Numbers) -> float:
    return numbers.add_up(catalogue.REQUESTS, ASSUME)[0]


def test_each_process_reads_what_all_have_counted(file: int) -> None:
    first, second = _open(file, 0), _open(file, 1)
    Meters(first).count_request("sts:AssumeRole", "done", 0.002)
    for _ in range(2):
        Meters(second).count_request("sts:AssumeRole", "done", 0.004)
    assert [_assumed(first), _assumed(second)] == [3, 3]
    buckets = first.add_up(catalogue.REQUEST_SECONDS, ("sts:AssumeRole",))
    assert buckets[:4] == [0, 1, 2, 0]
    assert buckets[-1] == pytest.approx(0.010)


def test_a_replacement_goes_on_counting_where_the_crashed_worker_stood(file: int) -> None:
    first, second = _open(file, 0), _open(file, 1)
    Meters(second).count_request("sts:AssumeRole", "done", 0.001)
    Meters(second).move_connections(3)
    replacement = _open(file, 1)
    assert _assumed(first) == 1
    Meters(replacement).count_request("sts:AssumeRole", "done", 0.001)
    assert _assumed(first) == 2
    assert first.read(catalogue.CONNECTIONS, (), 1) == 0  # its connections ended with it


def test_a_counter_that_is_looked_at_never_falls_either(file: int) -> None:
    looks = ((catalogue.SNAPSHOT_LOOKS, ("hit",), lambda: 5), (catalogue.SNAPSHOT_ENTRIES, (), lambda: 7))
    for expected in (5, 10):
        numbers = _open(file, 0)
        sampler = Sampler(numbers, looks)
        sampler.sample()
        sampler.sample()
        assert numbers.add_up(catalogue.SNAPSHOT_LOOKS, ("hit",)) == [expected]
        assert numbers.read(catalogue.SNAPSHOT_ENTRIES, (), 0) == 7


def test_the_numbers_of_another_layout_are_passed_over_and_begun_anew(file: int) -> None:
    other = {"operation": ("sts:GetCallerIdentity", "sts:AssumeRole"), "code": ()}
    old, new = _open(file, 0), _open(file, 1, other)
    Meters(old).count_request("sts:AssumeRole", "done", 0.001)
    assert _assumed(new) == 0
    assert [worker for worker, _ in new.living()] == [1]
    assert _assumed(_open(file, 0, other)) == 0


def test_who_counts_is_known_by_its_process(file: int) -> None:
    assert list(_open(file, 1).living()) == [(1, os.getpid())]


def test_what_is_not_known_is_counted_as_other(file: int) -> None:
    numbers = _open(file, 0)
    for name in ("sts:Invented", "x" * 10_000, "", None):
        Meters(numbers).count_request(name, "refused", 0.001)
    assert numbers.add_up(catalogue.REQUESTS, (OTHER, "refused")) == [4]


def test_a_value_that_a_label_cannot_have_is_a_bug(file: int) -> None:
    with pytest.raises(KeyError):
        Meters(_open(file, 0)).count_decision("perhaps")


def test_every_rate_that_refuses_is_one_that_is_counted() -> None:
    texts = (path.read_text(encoding="utf-8") for path in Path(sts.__path__[0]).rglob("*.py"))
    named = {name for text in texts for name in re.findall(r'(?:rate=|Buckets\()"(\w+)"', text)}
    assert named == set(catalogue.THROTTLED.labels["rate"])


def test_each_series_has_numbers_of_its_own() -> None:
    layout = lay_out(GIVEN)
    taken = [
        number
        for metric in COUNTED
        for place in layout.places[metric].values()
        for number in range(place, place + metric.width)
    ]
    assert len(taken) == len(set(taken))
    assert min(taken) > 1  # the header


def test_more_series_than_there_is_room_for_are_refused() -> None:
    with pytest.raises(ValueError, match="and room for"):
        lay_out({"operation": tuple(map(str, range(PART))), "code": ()})


def test_numbers_of_a_process_alone_are_no_one_elses() -> None:
    first, second = open_numbers(lay_out(GIVEN)), open_numbers(lay_out(GIVEN))
    Meters(first).count_request("sts:AssumeRole", "done", 0.001)
    assert [_assumed(first), _assumed(second)] == [1, 0]
