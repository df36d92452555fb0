"""What policies may ask of a token: which claims, under which names, with which values."""

from typing import Any

import pytest

from sts.federation import describe_claims, keep_claims, name_provider, read_claims

pytestmark = pytest.mark.pure

LOCATOR = "issuer.example.com:8443/realm"
GOOGLE = "accounts.google.com"


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("text", ("text",)),
        ("", ("",)),
        (True, ("true",)),
        (False, ("false",)),
        (7, ("7",)),
        (-(2**63), ("-9223372036854775808",)),
        (0.5, ("0.5",)),
        (1e21, ("1000000000000000000000",)),
        (["a", "b"], ("a", "b")),
        (["a", 1, True], ("a", "1", "true")),
    ],
)
def test_texts_numbers_and_booleans_are_asked_as_policies_write_them(value: Any, values: tuple[str, ...]) -> None:
    assert read_claims(LOCATOR, {"claim": value}) == {"claim": values}


@pytest.mark.parametrize("value", [None, [], {}, {"a": "b"}, ["a", {}], [["a"]], ["a", None]])
def test_what_is_null_empty_or_a_structure_is_absent(value: Any) -> None:
    assert read_claims(LOCATOR, {"claim": value}) == {}


def test_a_claim_with_a_colon_in_its_name_is_no_condition_key() -> None:
    assert read_claims("issuer.example.com", {"8443/realm:sub": "root", "cognito:groups": ["a"], "sub": "ann"}) == {
        "sub": ("ann",)
    }


def test_two_claims_that_differ_in_case_are_one_key_that_no_plain_operator_matches() -> None:
    assert describe_claims(LOCATOR, read_claims(LOCATOR, {"Role": "admin", "role": "guest"})) == {
        "issuer.example.com:8443/realm:role": ("admin", "guest")
    }


def test_google_s_aud_is_who_asked_for_the_token_and_oaud_its_audience() -> None:
    both = read_claims(GOOGLE, {"aud": "backend", "azp": "app"})
    assert (both["aud"], both["oaud"]) == (("app",), ("backend",))
    alone = read_claims(GOOGLE, {"aud": "app", "oaud": "forged"})
    assert (alone["aud"], "oaud" in alone) == (("app",), False)
    other = read_claims(LOCATOR, {"aud": "backend", "azp": "app", "oaud": "own"})
    assert (other["aud"], other["oaud"]) == (("backend",), ("own",))


def test_a_session_keeps_audience_and_methods_and_nothing_else() -> None:
    claims = read_claims(GOOGLE, {"aud": "a", "azp": "b", "amr": ["pwd"], "email": "x", "sub": "ann"})
    assert keep_claims(claims) == {"aud": ("b",), "oaud": ("a",), "amr": ("pwd",)}


def test_a_built_in_provider_is_called_by_its_host_and_others_by_their_arn() -> None:
    google, other = (f"arn:aws:iam::111122223333:oidc-provider/{each}" for each in (GOOGLE, LOCATOR))
    assert name_provider(google) == GOOGLE
    assert name_provider(other) == other
