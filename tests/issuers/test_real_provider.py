"""Tokens of a real OpenID provider, whose keys are followed: npm's oidc-provider, started here."""

from dataclasses import dataclass

import pytest

from tests.api.asking import ask, tell
from tests.federation import make_trusting_role
from tests.issuers.real_provider import real_provider, sign_in
from tests.ports import find_port
from tests.service import Reply, Service, Tenant

ALGORITHMS = ("RS256", "ES256", "EdDSA")


@dataclass(frozen=True)
class Place:
    """Where the provider is, an account that registered it before it ran, and a role that trusts it."""

    service: Service
    tenant: Tenant
    port: int
    role: str

    def assume(self, token: str) -> Reply:
        sent = {"RoleArn": self.role, "RoleSessionName": "session", "WebIdentityToken": token}
        return self.service.call(None, "AssumeRoleWithWebIdentity", "sts", **sent)


@pytest.fixture
def place(server: Service) -> Place:
    tenant, port = server.tenant(), find_port()
    told = {
        "name": "real",
        "issuer": f"http://127.0.0.1:{port}",
        "client_ids": [f"client-{algorithm}" for algorithm in ALGORITHMS],
        "private_addresses": True,
    }
    arn = tell(ask(server, tenant.key, "/api/providers/add", told))["arn"]
    trusts = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return Place(server, tenant, port, make_trusting_role(server, tenant, "worker", trusts))


def test_id_tokens_of_a_real_provider_become_credentials(place: Place) -> None:
    with real_provider(place.port) as issuer:
        for algorithm in ALGORITHMS:
            reply = place.assume(sign_in(issuer, algorithm, "alice"))
            assert reply.status == 200, reply.body
            assert reply.text("SubjectFromWebIdentityToken") == "alice"
            assert reply.text("Audience") == f"client-{algorithm}"
            identity = place.service.call(reply.key(), "GetCallerIdentity", "sts")
            assert identity.text("Arn").endswith(":assumed-role/worker/session")


def test_r_13_a_real_provider_that_rotates_its_keys_is_followed_and_r_11_serves_while_it_is_down(place: Place) -> None:
    with real_provider(place.port) as issuer:
        before = sign_in(issuer, "ES256", "alice")
        assert place.assume(before).status == 200
    assert place.assume(before).status == 200
    with real_provider(place.port) as issuer:  # all its keys are new
        after = sign_in(issuer, "ES256", "alice")
        assert place.assume(after).status == 200
        refused = place.assume(before)
    assert (refused.status, refused.code) == (400, "InvalidIdentityToken")
    assert place.assume(after).status == 200
