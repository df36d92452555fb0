"""S-08, of what an identity provider's tokens began: it ends with the provider, on every node."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

import pytest

from sts.clock import ManualClock
from tests.api.asking import ask, tell
from tests.api.cast import identify, make_role, role_arn, try_until
from tests.federation import Realm, register
from tests.service import Reply, Service, Tenant
from tests.signing import Key

ISSUER = "https://issuer.example.com/realm"


@dataclass(frozen=True)
class Begun:
    """A session that a token began, one that was begun with it, and one of another provider's token."""

    first: Key
    second: Key
    other: Key


@pytest.fixture
def realm(service: Service, tenant: Tenant) -> Realm:
    return register(service, tenant, ISSUER)


@pytest.fixture
def begun(realm: Realm, service: Service, tenant: Tenant) -> Begun:
    realm.make_role("first")
    make_role(service, tenant, "second", tenant)
    first = assume(realm).key()
    other = register(service, tenant, "https://other.example.com")
    of_other = other.assume(other.make_role("other")).key()
    return Begun(first, service.assume(first, role_arn(tenant, "second")).key(), of_other)


def assume(realm: Realm) -> Reply:
    return realm.assume(role_arn(realm.tenant, "first"))


def disable(realm: Realm) -> None:
    assert tell(ask(realm.service, realm.tenant.key, "/api/providers/disable", {"name": realm.name}))["changed"]


def remove(realm: Realm) -> None:
    tell(ask(realm.service, realm.tenant.key, "/api/providers/remove", {"name": realm.name}))


def delete(realm: Realm) -> None:
    deleted = realm.service.call(realm.tenant.key, "DeleteOpenIDConnectProvider", OpenIDConnectProviderArn=realm.arn)
    assert deleted.status == 200


@pytest.mark.parametrize("end", [disable, remove, delete])
def test_s_08_a_provider_that_goes_takes_along_what_its_tokens_began(
    end: Callable[[Realm], None], realm: Realm, begun: Begun, service: Service, other_node: Service
) -> None:
    nodes = (other_node, service)
    for node in nodes:
        assert assume(replace(realm, service=node)).status == 200
        for key in (begun.first, begun.second, begun.other):
            assert try_until(partial(identify, node, key), succeeds=True).status == 200
    end(realm)
    for node in nodes:
        refused = try_until(partial(assume, replace(realm, service=node)), succeeds=False)
        assert (refused.status, refused.code) == (400, "InvalidIdentityToken")
        for key in (begun.first, begun.second):
            reply = try_until(partial(identify, node, key), succeeds=False)
            assert (reply.status, reply.code) == (403, "ExpiredToken")
        assert identify(node, begun.other).status == 200


def test_s_08_enabling_a_provider_takes_its_tokens_and_brings_no_session_back(
    realm: Realm, begun: Begun, service: Service, other_node: Service, clock: ManualClock
) -> None:
    disable(realm)
    clock.tick(timedelta(seconds=1))
    tell(ask(service, realm.tenant.key, "/api/providers/enable", {"name": realm.name}))

    def begin_anew() -> Reply:  # what a node begins before it has learned of it all has ended with the rest
        anew = assume(realm)
        return identify(other_node, anew.key()) if anew.status == 200 else anew

    assert try_until(begin_anew, succeeds=True).status == 200
    for node in (service, other_node):
        for key in (begun.first, begun.second):
            assert identify(node, key).code == "ExpiredToken"


def test_a_recycled_issuer_revives_no_session_and_its_tokens_begin_new_ones(
    realm: Realm, begun: Begun, service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    remove(realm)
    clock.tick(timedelta(seconds=1))
    again = register(service, tenant, ISSUER)
    assert again.arn == realm.arn
    assert identify(service, begun.first).code == "ExpiredToken"
    assert assume(realm).code == "InvalidIdentityToken"  # the key that was uploaded before is trusted no more
    assert identify(service, assume(again).key()).status == 200
