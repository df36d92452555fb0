from pathlib import Path

import pytest

from sts.directory.issuers import verify_issuer
from sts.directory.provider_settings import find_algorithms, find_issuer, verify_settings
from sts.errors import InputInvalid
from sts.presets import PRESETS
from sts.providers import ALGORITHMS, USUAL_ALGORITHMS, ProviderSettings

pytestmark = pytest.mark.pure

TENANT = "9188040d-6c67-4c5b-b112-36a304b66dad"
FITTING = {
    "google": ["https://accounts.google.com"],
    "entra": [f"https://login.microsoftonline.com/{TENANT}/v2.0"],
    "github": [
        "https://token.actions.githubusercontent.com",
        "https://token.actions.githubusercontent.com/octo-corp",
        "https://git.example/_services/token",
    ],
    "gitlab": ["https://gitlab.com", "https://git.example:8443/gitlab"],
    "okta": ["https://acme.okta.com", "https://acme.okta.com/oauth2/default"],
    "keycloak": ["https://idp.example/realms/main", "http://localhost:8080/auth/realms/main", "http://[::1]/realms/a"],
    "linkedin": ["https://www.linkedin.com/oauth"],
    "facebook": ["https://www.facebook.com"],
}
STRANGE = {
    "google": [
        "https://accounts.google.com/",
        "https://accountsxgoogle.com",
        "https://accounts.google.com.evil.example",
    ],
    "entra": [
        "https://login.microsoftonline.com/common/v2.0",
        f"https://login.microsoftonline.com/{TENANT.upper()}/v2.0",
        f"https://sts.windows.net/{TENANT}/",
        f"https://login.microsoftonline.com/{TENANT}/v2.0/",
    ],
    "github": ["https://github.com/login/oauth", "https://token.actions.githubusercontent.com/a/b"],
    "gitlab": ["https://gitlab.com/"],
    "okta": ["https://acme.okta.com/oauth2", "https://acme.okta.com/"],
    "keycloak": ["https://idp.example", "https://idp.example/realms/main/"],
    "linkedin": ["https://www.linkedin.com"],
    "facebook": ["https://graph.facebook.com"],
}


def test_every_preset_is_tried_here() -> None:
    assert FITTING.keys() == STRANGE.keys() == PRESETS.keys()
    assert {name: preset.name for name, preset in PRESETS.items()} == {name: name for name in PRESETS}


@pytest.mark.parametrize(("name", "issuer"), [(name, each) for name, issuers in FITTING.items() for each in issuers])
def test_an_issuer_of_the_form_of_its_preset_is_taken(name: str, issuer: str) -> None:
    assert verify_issuer(issuer, may_be_local=True) == issuer
    settings = ProviderSettings(preset=name, algorithms=find_algorithms(None, name))
    assert verify_settings(issuer, settings) == settings


@pytest.mark.parametrize(("name", "issuer"), [(name, each) for name, issuers in STRANGE.items() for each in issuers])
def test_an_issuer_of_another_form_is_told_what_it_should_be(name: str, issuer: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        verify_settings(issuer, ProviderSettings(preset=name))
    assert refused.value.message == f"The issuer of {PRESETS[name].title} is {PRESETS[name].form_words}."


@pytest.mark.parametrize("name", PRESETS)
def test_a_preset_tells_its_issuer_or_what_is_needed(name: str) -> None:
    preset = PRESETS[name]
    assert find_issuer("https://idp.example", name) == "https://idp.example"
    if preset.issuer is None:
        with pytest.raises(InputInvalid, match="An issuer has to be given: https://"):
            find_issuer(None, name)
    else:
        assert find_issuer(None, name) == preset.issuer
        assert preset.fits(preset.issuer)
    assert preset.token_endpoint is None or preset.token_endpoint.startswith("https://")


def test_algorithms_are_those_given_or_the_preset_s_or_the_usual_ones() -> None:
    assert find_algorithms(["ES512"], "google") == ("ES512",)
    assert find_algorithms(None, "google") == ("RS256",)
    assert find_algorithms(None, None) == USUAL_ALGORITHMS
    assert {algorithm for preset in PRESETS.values() for algorithm in preset.algorithms} <= set(ALGORITHMS)


def test_without_a_preset_an_issuer_has_to_be_given() -> None:
    with pytest.raises(InputInvalid, match=r"^An issuer has to be given\.$"):
        find_issuer(None, None)
    with pytest.raises(InputInvalid, match="There is no preset of this name"):
        find_algorithms(None, "nobody")


def test_the_page_tells_what_is_known_of_each_preset() -> None:
    page = (Path(__file__).parents[1] / "docs" / "federation.md").read_text(encoding="utf-8")
    for preset in PRESETS.values():
        lacks = " ".join(preset.lacks) or "nothing of note"
        assert f"| `{preset.name}` ({preset.title}) | {preset.form_words} | {lacks} |" in page
