import json

import pytest

from sts.directory.managed import MANAGED, ManagedPolicy, install
from sts.policy.document import Kind, measure_document, parse_document
from sts.store.policies import find_policy, get_default_document
from tests.directory.store import Store

NAMES = {
    "AdministratorAccess",
    "PowerUserAccess",
    "IAMFullAccess",
    "IAMReadOnlyAccess",
    "IAMUserChangePassword",
    "SignInLocalDevelopmentAccess",
}


def test_the_service_keeps_six_policies_of_distinct_names_and_ids() -> None:
    assert {managed.name for managed in MANAGED} == NAMES
    assert len({managed.policy_id for managed in MANAGED}) == len(NAMES)


@pytest.mark.parametrize("managed", MANAGED, ids=lambda managed: managed.name)
def test_a_managed_policy_is_one_that_anybody_could_write(managed: ManagedPolicy) -> None:
    parse_document(managed.document, Kind.IDENTITY)
    assert measure_document(managed.document) <= 6_144
    assert managed.policy_id.startswith("ANPA")
    assert len(managed.policy_id) == 21


@pytest.mark.parametrize("managed", MANAGED, ids=lambda managed: managed.name)
def test_a_new_store_has_the_managed_policies(store: Store, managed: ManagedPolicy) -> None:
    found = store.read(lambda connection: find_policy(connection, f"arn:aws:iam::aws:policy/{managed.name}"))
    assert found is not None
    assert (found.policy_id, found.default_version_id, found.path) == (managed.policy_id, "v1", "/")
    document = store.read(lambda connection: get_default_document(connection, managed.policy_id))
    assert json.loads(document) == json.loads(managed.document)


def test_what_is_installed_is_not_installed_again(store: Store) -> None:
    assert store.touched(install) == set()
