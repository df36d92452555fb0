"""Tokens of real OpenID providers of two makes, started here, whose keys are followed."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from sts.crypto.base64url import parse_base64url
from sts.crypto.jsonobject import parse_json_object
from tests.api.asking import ask, tell
from tests.federation import make_trusting_role
from tests.issuers.real_providers import CANAILLE_CLIENT, NAME, PASSWORD, canaille, node_provider
from tests.issuers.signing_in import sign_in
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
        "client_ids": [*(f"client-{algorithm}" for algorithm in ALGORITHMS), CANAILLE_CLIENT],
        "private_addresses": True,
    }
    arn = tell(ask(server, tenant.key, "/api/providers/add", told))["arn"]
    trusts = {"Effect": "Allow", "Principal": {"Federated": arn}, "Action": "sts:AssumeRoleWithWebIdentity"}
    return Place(server, tenant, port, make_trusting_role(server, tenant, "worker", trusts))


def test_id_tokens_of_a_real_provider_become_credentials(place: Place) -> None:
    with node_provider(place.port) as issuer:
        for algorithm in ALGORITHMS:
            reply = place.assume(sign_in(issuer, f"client-{algorithm}", NAME, PASSWORD))
            assert reply.status == 200, reply.body
            assert reply.text("SubjectFromWebIdentityToken") == NAME
            assert reply.text("Audience") == f"client-{algorithm}"
            identity = place.service.call(reply.key(), "GetCallerIdentity", "sts")
            assert identity.text("Arn").endswith(":assumed-role/worker/session")


def test_r_13_a_real_provider_that_rotates_its_keys_is_followed_and_r_11_serves_while_it_is_down(place: Place) -> None:
    with node_provider(place.port) as issuer:
        before = sign_in(issuer, "client-ES256", NAME, PASSWORD)
        assert place.assume(before).status == 200
    assert place.assume(before).status == 200
    with node_provider(place.port) as issuer:  # all its keys are new
        after = sign_in(issuer, "client-ES256", NAME, PASSWORD)
        assert place.assume(after).status == 200
        refused = place.assume(before)
    assert (refused.status, refused.code) == (400, "InvalidIdentityToken")
    assert place.assume(after).status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_id_tokens_of_a_provider_of_another_make_become_credentials(
    place: Place, tmp_path: Path, algorithm: str
) -> None:
    with canaille(place.port, tmp_path, algorithm) as issuer:
        token = sign_in(issuer, CANAILLE_CLIENT, NAME, PASSWORD)
        claims = parse_json_object(parse_base64url(token.split(".")[1].encode()))
        assert claims["auth_time"] % 1  # it tells fractions of seconds
        reply = place.assume(token)
    assert reply.status == 200, reply.body
    assert (reply.text("SubjectFromWebIdentityToken"), reply.text("Audience")) == (NAME, CANAILLE_CLIENT)
