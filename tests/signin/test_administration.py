"""Administrators' pages in real Chromium: what axe finds on them, and whether each can be walked through."""

from sts.clock import ManualClock
from tests.service import Service, Tenant
from tests.signin.administration import walk_account, walk_providers, walk_users
from tests.signin.chromium import Window


def test_axe_finds_nothing_on_the_pages_of_users(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_users(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 5
    assert window.complaints == []


def test_axe_finds_nothing_on_the_pages_of_providers(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_providers(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 3
    assert window.complaints == []


def test_axe_finds_nothing_on_the_pages_of_groups_roles_and_policies(
    service: Service, tenant: Tenant, clock: ManualClock, window: Window, axe: str
) -> None:
    found = {name: window.look(axe) for name in walk_account(service, tenant, clock, window)}
    assert [each for page in found.values() for each in page] == []
    assert len(found) == 6
    assert window.complaints == []
