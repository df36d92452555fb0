"""Issuers by their names alone."""

import pytest

from sts.outbound import OutboundIssuer, is_issuer_id, is_own_issuer

SERVICE = "https://sts.example.com"
UUID = "1f0e2d3c-4b5a-4697-8877-665544332211"

pytestmark = pytest.mark.pure


def test_an_issuer_is_a_path_of_the_service() -> None:
    issuer = OutboundIssuer(issuer_id=UUID, account_id="123456789012", enabled=True)
    assert issuer.get_url(SERVICE) == f"{SERVICE}/outbound/{UUID}"
    assert issuer.get_url(f"{SERVICE}/a/b") == f"{SERVICE}/a/b/outbound/{UUID}"


@pytest.mark.parametrize(
    "own", [SERVICE, f"{SERVICE}/outbound/{UUID}", f"{SERVICE}/outbound/", f"{SERVICE}/outbound/a/b"]
)
def test_the_service_and_all_that_is_under_its_path_for_accounts_are_its_own(own: str) -> None:
    assert is_own_issuer(own, SERVICE)


@pytest.mark.parametrize(
    "other",
    [
        f"{SERVICE}/realms/staff",  # another provider, behind the same proxy
        f"{SERVICE}/outboundly/{UUID}",
        f"{SERVICE}:8443/outbound/{UUID}",
        f"{SERVICE}.example.net/outbound/{UUID}",
        f"http://sts.example.com/outbound/{UUID}",
        f"https://other.example.com/outbound/{UUID}",
        "",
    ],
)
def test_another_host_and_another_path_are_another_s(other: str) -> None:
    assert not is_own_issuer(other, SERVICE)


@pytest.mark.parametrize(
    "text",
    ["", "x", UUID.upper(), f"{UUID}\n", f" {UUID}", UUID.replace("-", ""), f"{{{UUID}}}", UUID[:-1] + "g", "1" * 12],
)
def test_what_is_no_identifier_is_not_looked_for(text: str) -> None:
    assert not is_issuer_id(text)
    assert is_issuer_id(UUID)
