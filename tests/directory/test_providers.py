from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sts.directory.providers import Providers, find_provider
from sts.directory.tags import Tagging
from sts.errors import AlreadyExists, InputInvalid, NotFound, QuotaExceeded, SealBroken
from sts.keyring.rotation import Purpose
from sts.model import Secret
from sts.providers import PrivateProviders, Provider, ProviderSettings
from sts.store import providers as stored
from sts.store.database import Transaction
from sts.store.revocations import find_revoked
from sts.store.tags import find_tags
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ISSUER = "https://idp.example:8443/realms/main"
MARKED = ProviderSettings(private_addresses=True)
PINS = ("AbCdEf0123456789AbCdEf0123456789AbCdEf01", "f" * 40)


def providers_of(store: Store, **limits: Any) -> Providers:
    return Providers(ENTROPY, store.keyring, **({"private": PrivateProviders.MARKED} | limits))


def create(store: Store, providers: Providers | None = None, **more: Any) -> Provider:
    asked = {"account_id": ACCOUNT_ID, "issuer": ISSUER, **more}
    return store.change(lambda tx: (providers or providers_of(store)).create(tx, **asked))


def changes_of(providers: Providers, provider: Provider) -> list[Callable[[Transaction], object]]:
    return [
        lambda tx: providers.delete(tx, provider=provider),
        lambda tx: providers.add_client_id(tx, provider=provider, client_id="one"),
        lambda tx: providers.remove_client_id(tx, provider=provider, client_id="one"),
        lambda tx: providers.put_thumbprints(tx, provider=provider, thumbprints=PINS),
        lambda tx: providers.disable(tx, provider=provider),
        lambda tx: providers.enable(tx, provider=provider),
        lambda tx: Tagging().put(tx, bearer=provider, tags=[("team", "blue")]),
    ]


def borne(store: Store, provider: Provider) -> dict[str, str]:
    return dict(store.read(lambda connection: find_tags(connection, provider.unique_id)))


def find(store: Store, provider: Provider) -> Provider | None:
    return store.read(lambda connection: stored.find_provider(connection, provider.arn))


def ended(store: Store, provider: Provider, seconds: int = 0) -> bool:
    """Say whether what began with the provider's token is revoked."""
    return store.read(find_revoked).concerns(provider.unique_id, NOW + timedelta(seconds=seconds))


def test_a_provider_is_kept_as_it_was_made(store: Store) -> None:
    settings = ProviderSettings(
        name="Main",
        algorithms=("ES384",),
        private_addresses=True,
        preset="keycloak",
        claims={"groups": "roles"},
        sealed_client_secret=b"\x00sealed",
    )
    made = create(store, client_ids=["a b", "ü"], thumbprints=PINS, settings=settings)
    assert find(store, made) == made
    assert made.arn == f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/idp.example:8443/realms/main"
    assert (made.locator, made.created_at, made.enabled) == ("idp.example:8443/realms/main", NOW, True)
    assert (made.client_ids, made.thumbprints, made.settings) == (("a b", "ü"), PINS, settings)
    assert "sealed" not in repr(made)


def test_an_issuer_is_registered_once_in_an_account_whatever_its_scheme(store: Store) -> None:
    local = providers_of(store, private=PrivateProviders.ALL)
    made = create(store, local, issuer="http://localhost:8080")
    for issuer in ("http://localhost:8080", "https://localhost:8080"):
        with pytest.raises(AlreadyExists, match=f"Provider with url {issuer} already exists"):
            create(store, local, issuer=issuer)
    assert create(store, local, issuer="http://localhost:8080/").arn != made.arn
    assert create(store, local, issuer="http://localhost:8080", account_id=OTHER_ACCOUNT_ID).client_ids == ()
    assert store.read(lambda connection: find_provider(connection, ACCOUNT_ID, "http://localhost:8080")) == made
    assert store.read(lambda connection: find_provider(connection, ACCOUNT_ID, "https://localhost:8080")) is None


def test_plain_http_needs_the_service_s_setting_or_that_it_lets_the_provider_s_own_count(store: Store) -> None:
    with pytest.raises(InputInvalid, match="begins with https"):
        create(store, issuer="http://localhost:8080")
    create(store, issuer="http://localhost:8080", settings=MARKED)


@pytest.mark.parametrize("issuer", ["http://localhost:8080", ISSUER])
def test_r_10_no_mark_is_taken_where_none_counts(store: Store, issuer: str) -> None:
    strict = providers_of(store, private=PrivateProviders.NONE)
    with pytest.raises(InputInvalid, match="STS_ALLOW_PRIVATE_PROVIDERS"):
        create(store, strict, issuer=issuer, settings=MARKED)
    made = create(store, strict)
    with pytest.raises(InputInvalid, match="STS_ALLOW_PRIVATE_PROVIDERS"):
        store.change(lambda tx: strict.update(tx, provider=made, change=lambda each: replace(each, settings=MARKED)))
    assert find(store, made) == made


def test_a_provider_that_was_marked_before_marks_ceased_to_count_can_be_unmarked(store: Store) -> None:
    made, strict = create(store, settings=MARKED), providers_of(store, private=PrivateProviders.NONE)
    store.change(lambda tx: strict.add_client_id(tx, provider=made, client_id="one"))
    bare = replace(made, client_ids=("one",), settings=ProviderSettings())
    assert store.change(lambda tx: strict.update(tx, provider=made, change=lambda _: bare)) == bare


def test_an_account_has_as_many_providers_as_its_quota_says(store: Store) -> None:
    few = providers_of(store, per_account=2)
    for number in range(2):
        create(store, few, issuer=f"https://idp{number}.example")
    with pytest.raises(QuotaExceeded, match="OpenIdConnectProvidersPerAccount: 2"):
        create(store, few)
    create(store, few, account_id=OTHER_ACCOUNT_ID)


def test_client_ids_are_added_once_and_removed_without_missing_any(store: Store) -> None:
    made = create(store, client_ids=["one", "one"])
    store.change(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id="two"))
    store.change(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id="two"))
    assert find(store, made) == replace(made, client_ids=("one", "two"))
    for _ in range(2):
        store.change(lambda tx: providers_of(store).remove_client_id(tx, provider=made, client_id="one"))
    assert find(store, made) == replace(made, client_ids=("two",))


@pytest.mark.parametrize("client_id", ["", "a" * 256, "a\n", "\u202ea"])
def test_what_is_no_client_id_is_refused(store: Store, client_id: str) -> None:
    with pytest.raises(InputInvalid, match="client ID"):
        create(store, client_ids=[client_id])
    made = create(store, client_ids=["a" * 255])
    with pytest.raises(InputInvalid, match="client ID"):
        store.change(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id=client_id))


def test_a_provider_has_a_hundred_client_ids_at_most(store: Store) -> None:
    hundred = [str(number) for number in range(100)]
    with pytest.raises(QuotaExceeded, match="ClientIdsPerOpenIdConnectProvider: 100"):
        create(store, client_ids=[*hundred, "more"])
    made = create(store, client_ids=hundred)
    with pytest.raises(QuotaExceeded):
        store.change(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id="more"))
    store.change(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id="99"))


def test_thumbprints_are_replaced_whole(store: Store) -> None:
    made = create(store, thumbprints=PINS)
    store.change(lambda tx: providers_of(store).put_thumbprints(tx, provider=made, thumbprints=["0" * 40]))
    assert find(store, made) == replace(made, thumbprints=("0" * 40,))
    store.change(lambda tx: providers_of(store).put_thumbprints(tx, provider=made, thumbprints=[]))
    assert find(store, made) == replace(made, thumbprints=())


@pytest.mark.parametrize("thumbprints", [["a" * 39], ["g" * 40], ["a" * 41], ["\u0661" * 40], ["a" * 40] * 6])
def test_what_are_no_thumbprints_are_refused(store: Store, thumbprints: list[str]) -> None:
    with pytest.raises(InputInvalid, match="humbprint"):
        create(store, thumbprints=thumbprints)
    made = create(store)
    with pytest.raises(InputInvalid, match="humbprint"):
        store.change(lambda tx: providers_of(store).put_thumbprints(tx, provider=made, thumbprints=thumbprints))


def test_a_recycled_issuer_inherits_nothing_but_its_arn(store: Store) -> None:
    first = create(store, client_ids=["one"], settings=ProviderSettings(name="main"))
    store.change(lambda tx: Tagging().put(tx, bearer=first, tags=[("team", "blue")]))
    store.change(lambda tx: providers_of(store).delete(tx, provider=first))
    assert find(store, first) is None
    second = create(store)
    assert second.arn == first.arn
    assert (second.client_ids, second.settings) == ((), ProviderSettings())
    assert ended(store, first)
    assert not ended(store, second)
    assert (borne(store, first), borne(store, second)) == ({}, {})


def test_what_was_authorized_is_not_done_to_the_one_that_took_its_place(store: Store) -> None:
    first = create(store)
    store.change(lambda tx: providers_of(store).delete(tx, provider=first))
    second = create(store)
    for change in changes_of(providers_of(store), first):
        with pytest.raises(NotFound, match="OpenIDConnect Provider not found for arn"):
            store.change(change)
    assert find(store, second) == second


def test_a_disabled_provider_ends_what_was_begun_with_it_and_enabling_brings_nothing_back(store: Store) -> None:
    made = create(store)
    assert store.change(lambda tx: providers_of(store).disable(tx, provider=made))
    assert not store.change(lambda tx: providers_of(store).disable(tx, provider=made))
    assert find(store, made) == replace(made, enabled=False)
    assert ended(store, made, seconds=3_600)
    assert store.change(lambda tx: providers_of(store).enable(tx, provider=made))
    assert not store.change(lambda tx: providers_of(store).enable(tx, provider=made))
    assert find(store, made) == made
    assert ended(store, made)
    assert not ended(store, made, seconds=3_600)


def test_every_change_is_noted_for_snapshots(store: Store) -> None:
    key = ("provider", f"{ACCOUNT_ID}/{ISSUER}")
    assert store.touched(lambda tx: providers_of(store).create(tx, account_id=ACCOUNT_ID, issuer=ISSUER)) == {key}
    made = store.read(lambda connection: find_provider(connection, ACCOUNT_ID, ISSUER))
    assert made is not None
    assert store.touched(lambda tx: providers_of(store).add_client_id(tx, provider=made, client_id="one")) == {key}
    assert store.touched(lambda tx: providers_of(store).remove_client_id(tx, provider=made, client_id="one")) == {key}
    assert store.touched(lambda tx: providers_of(store).put_thumbprints(tx, provider=made, thumbprints=PINS)) == {key}
    assert store.touched(lambda tx: providers_of(store).disable(tx, provider=made)) == {key, ("revocation", "all")}
    assert store.touched(lambda tx: providers_of(store).enable(tx, provider=made)) == {key, ("revocation", "all")}
    assert store.touched(lambda tx: providers_of(store).delete(tx, provider=made)) == {key, ("revocation", "all")}


def test_a_name_is_one_provider_s_in_its_account_whatever_its_case(store: Store) -> None:
    first = create(store, settings=ProviderSettings(name="Main"))
    other, named = create(store, issuer="https://other.example"), ProviderSettings(name="mAIN")
    with pytest.raises(AlreadyExists, match="A provider called mAIN already exists"):
        create(store, issuer="https://third.example", settings=named)
    with pytest.raises(AlreadyExists):
        store.change(
            lambda tx: providers_of(store).update(tx, provider=other, change=lambda each: replace(each, settings=named))
        )
    create(store, account_id=OTHER_ACCOUNT_ID, settings=named)
    renamed = store.change(
        lambda tx: providers_of(store).update(tx, provider=first, change=lambda each: replace(each, settings=named))
    )
    assert store.read(lambda connection: find_provider(connection, ACCOUNT_ID, "main")) == renamed


@pytest.mark.parametrize("name", ["", "a" * 65, "a b", "https://x", "idp:1", "ü"])
def test_what_is_no_name_is_refused(store: Store, name: str) -> None:
    with pytest.raises(InputInvalid, match="name"):
        create(store, settings=ProviderSettings(name=name))


def test_a_local_provider_stays_allowed_to_be_local(store: Store) -> None:
    made = create(store, issuer="http://localhost:8080", settings=ProviderSettings(private_addresses=True))
    with pytest.raises(InputInvalid, match="begins with https"):
        store.change(
            lambda tx: providers_of(store).update(
                tx, provider=made, change=lambda each: replace(each, settings=ProviderSettings())
            )
        )


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        (ProviderSettings(algorithms=()), "Algorithms are one or more of RS256"),
        (ProviderSettings(algorithms=("RS256", "HS256")), "Algorithms are one or more"),
        (ProviderSettings(algorithms=("none",)), "Algorithms are one or more"),
        (ProviderSettings(preset="nobody"), "There is no preset of this name: there are google, "),
        (ProviderSettings(preset="google"), "The issuer of Google is https://accounts.google.com"),
        (ProviderSettings(key_set="{}"), "1 to 100 keys"),
        (ProviderSettings(authorities="-"), "not in PEM"),
    ],
)
def test_settings_that_are_none_are_refused_when_a_provider_is_made_and_later(
    store: Store, settings: ProviderSettings, words: str
) -> None:
    with pytest.raises(InputInvalid, match=words):
        create(store, settings=settings)
    made = create(store)
    with pytest.raises(InputInvalid, match=words):
        store.change(
            lambda tx: providers_of(store).update(
                tx, provider=made, change=lambda each: replace(each, settings=settings)
            )
        )
    assert find(store, made) == made


def test_a_client_secret_is_sealed_for_its_provider_alone(store: Store) -> None:
    made = create(store, client_secret=Secret("correct horse"))
    sealed = made.settings.sealed_client_secret
    assert sealed is not None
    assert b"horse" not in sealed
    assert store.keyring.open_sealed(sealed, made.unique_id.encode()) == b"correct horse"
    other = create(store, issuer="https://other.example")
    with pytest.raises(SealBroken):
        store.keyring.open_sealed(sealed, other.unique_id.encode())


@pytest.mark.parametrize("secret", ["", "a" * 1_025, "line\n", "ü"])
def test_what_is_no_client_secret_is_refused_without_being_told(store: Store, secret: str) -> None:
    with pytest.raises(InputInvalid) as refused:
        create(store, client_secret=Secret(secret))
    assert not secret or secret not in refused.value.message


def test_client_secrets_are_sealed_anew_and_snapshots_told(store: Store) -> None:
    made, bare = create(store, client_secret=Secret("correct horse")), create(store, issuer="https://bare.example")
    store.keyring.rotate(Purpose.SEALING, emergency=True)
    resealing = store.touched(lambda tx: providers_of(store).reseal(tx, after="", limit=10))
    assert resealing == {("provider", f"{ACCOUNT_ID}/{ISSUER}")}
    again = store.change(lambda tx: providers_of(store).reseal(tx, after="", limit=10))
    assert (again.count, again.unopened, again.further) == (0, (), None)
    found = find(store, made)
    assert found is not None
    sealed = found.settings.sealed_client_secret
    assert sealed != made.settings.sealed_client_secret
    assert store.keyring.open_sealed(sealed or b"", made.unique_id.encode()) == b"correct horse"
    assert find(store, bare) == bare


def test_an_audience_is_taken_away_from_a_provider_that_would_not_be_made_any_more(store: Store) -> None:
    local = providers_of(store, private=PrivateProviders.ALL)
    made = create(store, local, issuer="http://localhost:8080", client_ids=["one"])
    store.change(lambda tx: providers_of(store).remove_client_id(tx, provider=made, client_id="one"))
    assert find(store, made) == replace(made, client_ids=())
    with pytest.raises(InputInvalid, match="begins with https"):
        store.change(
            lambda tx: providers_of(store).update(
                tx, provider=made, change=lambda each: replace(each, settings=ProviderSettings(name="idp"))
            )
        )
