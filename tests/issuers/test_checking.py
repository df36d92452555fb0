"""What `sts providers check` finds, against issuers on loopback."""

import asyncio
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.crypto.jwk import generate_signing_key, render_jwk
from sts.egress.fetching import Egress
from sts.issuers.checking import Finding, IssuerCheck
from sts.providers import PrivateProviders, Provider, ProviderSettings
from tests.certificates import Authority
from tests.conftest import BEGINNING
from tests.issuers.dated import KEYS, METADATA, Publisher, publishing
from tests.ports import find_port

KEY = render_jwk(generate_signing_key("ES256").verification_key())
OTHER = render_jwk(generate_signing_key("EdDSA").verification_key())
LOCAL = ProviderSettings(private_addresses=True)


def provider(issuer: str, settings: ProviderSettings = LOCAL, **more: Any) -> Provider:
    said = {"client_ids": ("one",), "thumbprints": (), "created_at": BEGINNING, **more}
    return Provider(unique_id="AOIP", account_id="111122223333", issuer=issuer, settings=settings, **said)


def check(asked: Provider, *, private: PrivateProviders = PrivateProviders.MARKED) -> tuple[Finding, ...]:
    return asyncio.run(IssuerCheck(Egress(), ManualClock(BEGINNING), private).check(asked))


def whats(findings: tuple[Finding, ...]) -> list[str]:
    return [finding.what for finding in findings]


@pytest.fixture
def issuer() -> Iterator[Publisher]:
    with publishing(BEGINNING) as started:
        started.publish(KEY)
        yield started


def test_nothing_is_wrong_with_a_provider_whose_tokens_are_taken(issuer: Publisher) -> None:
    assert check(provider(issuer.issuer)) == ()
    assert check(provider(issuer.issuer, ProviderSettings()), private=PrivateProviders.ALL) == ()


def test_what_only_browser_sign_in_needs_is_not_missed(issuer: Publisher) -> None:
    """Facebook's metadata name no token endpoint, those of a cluster or a CI system no page to sign in on."""
    assert not {"token_endpoint", "authorization_endpoint"} & issuer.documents[METADATA].keys()
    assert check(provider(issuer.issuer)) == ()


def test_what_stands_in_the_way_here_is_told_beside_what_the_issuer_does(issuer: Publisher) -> None:
    found = check(provider(issuer.issuer, enabled=False, client_ids=()))
    assert whats(found) == ["disabled", "client_ids"]
    assert all(finding.grave for finding in found)


def test_an_issuer_that_nobody_runs_is_told() -> None:
    (found,) = check(provider(f"http://127.0.0.1:{find_port()}"))
    assert (found.what, found.grave) == ("connection", True)
    assert "cannot be reached" in found.words


def test_r_10_an_issuer_on_a_private_address_is_not_connected_to(issuer: Publisher) -> None:
    asked = provider(f"https://127.0.0.1:{issuer.listener.port}", ProviderSettings())
    assert whats(check(asked)) == ["address"]
    marked = replace(asked, settings=LOCAL)
    found = check(marked, private=PrivateProviders.NONE)
    assert [(each.what, each.grave) for each in found] == [("private_addresses", False), ("address", True)]
    assert "STS_ALLOW_PRIVATE_PROVIDERS" in found[0].words
    assert issuer.listener.connections == 0


def test_r_03_metadata_of_another_issuer_are_told(issuer: Publisher) -> None:
    issuer.publish(KEY, issuer=issuer.issuer + "/")
    (found,) = check(provider(issuer.issuer))
    assert found.what == "document"
    assert f"another issuer: {issuer.issuer}/" in found.words


@pytest.mark.parametrize(("path", "document"), [(METADATA, []), (METADATA, {}), (KEYS, {}), (KEYS, {"keys": "none"})])
def test_documents_that_are_none_are_told(issuer: Publisher, path: str, document: Any) -> None:
    issuer.documents[path] = document
    assert whats(check(provider(issuer.issuer))) == ["document"]


@pytest.mark.parametrize("path", [METADATA, KEYS])
def test_what_is_not_published_is_told(issuer: Publisher, path: str) -> None:
    del issuer.documents[path]
    (found,) = check(provider(issuer.issuer))
    assert (found.what, found.words) == ("status", "it answers 404")


def test_keys_of_other_algorithms_are_told(issuer: Publisher) -> None:
    issuer.publish(OTHER)
    found = check(provider(issuer.issuer, replace(LOCAL, algorithms=("RS256", "ES256"))))
    assert found == (Finding("keys", "it has no key for RS256, ES256: its keys are for EdDSA"),)
    issuer.publish({"kty": "RSA", "n": "AQAB", "e": "AQAB"})
    (weak,) = check(provider(issuer.issuer))
    assert weak.words.endswith("its keys are for nothing that is taken")


@pytest.mark.parametrize(("ahead", "told"), [(61, "61 s ahead of"), (-3_600, "3600 s behind")])
def test_a_clock_that_is_off_is_warned_of(issuer: Publisher, ahead: int, told: str) -> None:
    issuer.date = BEGINNING + timedelta(seconds=ahead)
    (found,) = check(provider(issuer.issuer))
    assert (found.what, found.grave) == ("clock", False)
    assert told in found.words


def test_a_clock_within_what_is_forgiven_is_not_warned_of(issuer: Publisher) -> None:
    for seconds in (-60, 60):
        issuer.date = BEGINNING + timedelta(seconds=seconds)
        assert check(provider(issuer.issuer)) == ()


def test_a_certificate_that_is_not_trusted_is_told(tmp_path: Path) -> None:
    ours, theirs = Authority(tmp_path / "ours"), Authority(tmp_path / "theirs")
    with publishing(BEGINNING, theirs.sign("issuer", "127.0.0.1")) as issuer:
        issuer.publish(KEY)
        trusting = replace(LOCAL, authorities=theirs.file.read_text())
        assert check(provider(issuer.issuer, trusting)) == ()
        for settings in (LOCAL, replace(LOCAL, authorities=ours.file.read_text())):
            (found,) = check(provider(issuer.issuer, settings))
            assert (found.what, "cannot be trusted" in found.words) == ("tls", True)


def test_uploaded_keys_are_judged_without_connecting_to_anybody(issuer: Publisher) -> None:
    uploaded = '{"keys": [' + str(KEY).replace("'", '"') + "]}"
    asked = provider(issuer.issuer, ProviderSettings(key_set=uploaded))
    assert check(asked) == ()
    assert whats(check(replace(asked, settings=replace(asked.settings, algorithms=("RS256",))))) == ["keys"]
    assert issuer.listener.connections == 0
