"""The pages in real Chromium: what people go through, what axe finds, and what a browser is left with."""

from sts.clock import ManualClock
from tests.service import Service, Tenant
from tests.signin.chromium import Window
from tests.signin.walk import walk, walk_factors


def test_axe_finds_nothing_on_any_page_at_either_width_light_or_dark(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 13
    assert [each for each in window.complaints if "status of 40" not in each] == []


def test_axe_finds_nothing_on_the_pages_of_links_and_second_factors(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_factors(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 8
    assert [each for each in window.complaints if "status of 40" not in each] == []
