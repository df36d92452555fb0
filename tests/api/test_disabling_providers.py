"""S-08, of providers: one that is disabled or removed on a node is gone on every other within a second."""

from functools import partial

import pytest

from tests.api.asking import ask, tell
from tests.api.cast import identify, try_until
from tests.federation import ISSUER, Realm, register
from tests.service import Reply, Service, Tenant


def _come(realm: Realm, node: Service, role_arn: str) -> Reply:
    """Come with a token to *node*."""
    return Realm(node, realm.tenant, realm.issuer, realm.name, realm.arn).assume(role_arn)


@pytest.mark.parametrize("what", ["disable", "remove"])
def test_s_08_a_provider_that_goes_is_refused_by_every_path_on_every_node(
    service: Service, other_node: Service, tenant: Tenant, what: str
) -> None:
    realm = register(service, tenant, ISSUER)
    arn = realm.make_role("worker")
    begun = [try_until(partial(_come, realm, node, arn), succeeds=True).key() for node in (service, other_node)]
    for node in (service, other_node):
        for key in begun:
            assert try_until(partial(identify, node, key), succeeds=True).status == 200
    tell(ask(service, tenant.key, f"/api/providers/{what}", {"name": realm.name}))
    for node in (other_node, service):
        assert try_until(partial(_come, realm, node, arn), succeeds=False).code == "InvalidIdentityToken"
        for key in begun:
            assert try_until(partial(identify, node, key), succeeds=False).code == "ExpiredToken"
