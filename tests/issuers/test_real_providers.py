"""Tokens of real OpenID providers of two makes, started here, whose keys are followed."""

from pathlib import Path

import pytest

from sts.crypto.base64url import parse_base64url
from sts.crypto.jsonobject import parse_json_object
from tests.authn.identity_tokens import Issuer
from tests.issuers.real_providers import CANAILLE_CLIENT, NAME, PASSWORD, canaille, node_provider
from tests.issuers.relying import Relier, rely
from tests.issuers.signing_in import sign_in
from tests.ports import find_port
from tests.service import Service

ALGORITHMS = ("RS256", "ES256", "EdDSA")


@pytest.fixture
def port() -> int:
    return find_port()


@pytest.fixture
def relier(server: Service, port: int) -> Relier:
    """Who registered the provider before it runs."""
    clients = (*(f"client-{algorithm}" for algorithm in ALGORITHMS), CANAILLE_CLIENT)
    issuer = Issuer(server.clock, f"http://127.0.0.1:{port}")
    return rely(server, server.tenant(), issuer, client_ids=clients, private_addresses=True)


def test_id_tokens_of_a_real_provider_become_credentials(relier: Relier, port: int) -> None:
    with node_provider(port) as issuer:
        for algorithm in ALGORITHMS:
            reply = relier.assume(sign_in(issuer, f"client-{algorithm}", NAME, PASSWORD))
            assert reply.status == 200, reply.body
            assert reply.text("SubjectFromWebIdentityToken") == NAME
            assert reply.text("Audience") == f"client-{algorithm}"
            identity = relier.realm.service.call(reply.key(), "GetCallerIdentity", "sts")
            assert identity.text("Arn").endswith(":assumed-role/worker/session")


def test_r_13_a_real_provider_that_rotates_its_keys_is_followed_and_r_11_serves_while_it_is_down(
    relier: Relier, port: int
) -> None:
    with node_provider(port) as issuer:
        before = sign_in(issuer, "client-ES256", NAME, PASSWORD)
        assert relier.assume(before).status == 200
    assert relier.assume(before).status == 200
    with node_provider(port) as issuer:  # all its keys are new
        after = sign_in(issuer, "client-ES256", NAME, PASSWORD)
        assert relier.assume(after).status == 200
        refused = relier.assume(before)
    assert (refused.status, refused.code) == (400, "InvalidIdentityToken")
    assert relier.assume(after).status == 200


@pytest.mark.parametrize("algorithm", ["RS256", "ES256"])
def test_id_tokens_of_a_provider_of_another_make_become_credentials(
    relier: Relier, port: int, tmp_path: Path, algorithm: str
) -> None:
    with canaille(port, tmp_path, algorithm) as issuer:
        token = sign_in(issuer, CANAILLE_CLIENT, NAME, PASSWORD)
        claims = parse_json_object(parse_base64url(token.split(".")[1].encode()))
        assert claims["auth_time"] % 1  # it tells fractions of seconds
        reply = relier.assume(token)
    assert reply.status == 200, reply.body
    assert (reply.text("SubjectFromWebIdentityToken"), reply.text("Audience")) == (NAME, CANAILLE_CLIENT)
