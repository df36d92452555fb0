from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from sts.directory.providers import Providers, get_provider
from sts.directory.tags import Tagging
from sts.errors import AlreadyExists, InputInvalid, NotFound, QuotaExceeded
from sts.providers import Provider, ProviderSettings
from sts.store import providers as stored
from sts.store.database import Transaction
from sts.store.revocations import find_revoked
from sts.store.tags import find_tags
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ISSUER = "https://idp.example:8443/realms/main"
PINS = ("AbCdEf0123456789AbCdEf0123456789AbCdEf01", "f" * 40)
PROVIDERS = Providers(ENTROPY)


def create(store: Store, providers: Providers = PROVIDERS, **more: Any) -> Provider:
    asked = {"account_id": ACCOUNT_ID, "issuer": ISSUER, **more}
    return store.change(lambda tx: providers.create(tx, **asked))


def changes_of(provider: Provider) -> list[Callable[[Transaction], object]]:
    return [
        lambda tx: PROVIDERS.delete(tx, provider=provider),
        lambda tx: PROVIDERS.add_client_id(tx, provider=provider, client_id="one"),
        lambda tx: PROVIDERS.remove_client_id(tx, provider=provider, client_id="one"),
        lambda tx: PROVIDERS.put_thumbprints(tx, provider=provider, thumbprints=PINS),
        lambda tx: PROVIDERS.disable(tx, provider=provider),
        lambda tx: PROVIDERS.enable(tx, provider=provider),
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
        key_set='{"keys": []}',
        authorities="pem",
        private_addresses=True,
        preset="keycloak",
        claims={"groups": "roles"},
        sealed_client_secret=b"\x00sealed",
    )
    made = create(store, client_ids=["a b", "ü"], thumbprints=PINS, settings=settings)
    assert find(store, made) == made
    assert made.arn == f"arn:aws:iam::{ACCOUNT_ID}:oidc-provider/idp.example:8443/realms/main"
    assert (made.locator, made.created_at, made.enabled) == ("idp.example:8443/realms/main", NOW, True)
    assert (made.client_ids, made.thumbprints) == (("a b", "ü"), PINS)
    assert "sealed" not in repr(made)


def test_an_issuer_is_registered_once_in_an_account_whatever_its_scheme(store: Store) -> None:
    local = Providers(ENTROPY, may_be_local=True)
    made = create(store, local, issuer="http://localhost:8080")
    for issuer in ("http://localhost:8080", "https://localhost:8080"):
        with pytest.raises(AlreadyExists, match=f"Provider with url {issuer} already exists"):
            create(store, local, issuer=issuer)
    assert create(store, local, issuer="http://localhost:8080/").arn != made.arn
    assert create(store, local, issuer="http://localhost:8080", account_id=OTHER_ACCOUNT_ID).client_ids == ()
    found = store.read(lambda connection: get_provider(connection, ACCOUNT_ID, "http://localhost:8080"))
    assert found == made
    with pytest.raises(NotFound):
        store.read(lambda connection: get_provider(connection, ACCOUNT_ID, "https://localhost:8080"))


def test_plain_http_needs_the_service_s_or_the_provider_s_own_setting(store: Store) -> None:
    with pytest.raises(InputInvalid):
        create(store, issuer="http://localhost:8080")
    create(store, issuer="http://localhost:8080", settings=ProviderSettings(private_addresses=True))


def test_an_account_has_as_many_providers_as_its_quota_says(store: Store) -> None:
    few = Providers(ENTROPY, per_account=2)
    for number in range(2):
        create(store, few, issuer=f"https://idp{number}.example")
    with pytest.raises(QuotaExceeded, match="OpenIdConnectProvidersPerAccount: 2"):
        create(store, few)
    create(store, few, account_id=OTHER_ACCOUNT_ID)


def test_client_ids_are_added_once_and_removed_without_missing_any(store: Store) -> None:
    made = create(store, client_ids=["one", "one"])
    store.change(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id="two"))
    store.change(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id="two"))
    assert find(store, made) == replace(made, client_ids=("one", "two"))
    for _ in range(2):
        store.change(lambda tx: PROVIDERS.remove_client_id(tx, provider=made, client_id="one"))
    assert find(store, made) == replace(made, client_ids=("two",))


@pytest.mark.parametrize("client_id", ["", "a" * 256, "a\n", "\u202ea"])
def test_what_is_no_client_id_is_refused(store: Store, client_id: str) -> None:
    with pytest.raises(InputInvalid, match="client ID"):
        create(store, client_ids=[client_id])
    made = create(store, client_ids=["a" * 255])
    with pytest.raises(InputInvalid, match="client ID"):
        store.change(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id=client_id))


def test_a_provider_has_a_hundred_client_ids_at_most(store: Store) -> None:
    hundred = [str(number) for number in range(100)]
    with pytest.raises(QuotaExceeded, match="ClientIdsPerOpenIdConnectProvider: 100"):
        create(store, client_ids=[*hundred, "more"])
    made = create(store, client_ids=hundred)
    with pytest.raises(QuotaExceeded):
        store.change(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id="more"))
    store.change(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id="99"))


def test_thumbprints_are_replaced_whole(store: Store) -> None:
    made = create(store, thumbprints=PINS)
    store.change(lambda tx: PROVIDERS.put_thumbprints(tx, provider=made, thumbprints=["0" * 40]))
    assert find(store, made) == replace(made, thumbprints=("0" * 40,))
    store.change(lambda tx: PROVIDERS.put_thumbprints(tx, provider=made, thumbprints=[]))
    assert find(store, made) == replace(made, thumbprints=())


@pytest.mark.parametrize("thumbprints", [["a" * 39], ["g" * 40], ["a" * 41], ["\u0661" * 40], ["a" * 40] * 6])
def test_what_are_no_thumbprints_are_refused(store: Store, thumbprints: list[str]) -> None:
    with pytest.raises(InputInvalid, match="humbprint"):
        create(store, thumbprints=thumbprints)
    made = create(store)
    with pytest.raises(InputInvalid, match="humbprint"):
        store.change(lambda tx: PROVIDERS.put_thumbprints(tx, provider=made, thumbprints=thumbprints))


def test_a_recycled_issuer_inherits_nothing_but_its_arn(store: Store) -> None:
    first = create(store, client_ids=["one"], settings=ProviderSettings(name="main", key_set='{"keys": []}'))
    store.change(lambda tx: Tagging().put(tx, bearer=first, tags=[("team", "blue")]))
    store.change(lambda tx: PROVIDERS.delete(tx, provider=first))
    assert find(store, first) is None
    second = create(store)
    assert second.arn == first.arn
    assert (second.client_ids, second.settings) == ((), ProviderSettings())
    assert ended(store, first)
    assert not ended(store, second)
    assert (borne(store, first), borne(store, second)) == ({}, {})


def test_what_was_authorized_is_not_done_to_the_one_that_took_its_place(store: Store) -> None:
    first = create(store)
    store.change(lambda tx: PROVIDERS.delete(tx, provider=first))
    second = create(store)
    for change in changes_of(first):
        with pytest.raises(NotFound, match="OpenIDConnect Provider not found for arn"):
            store.change(change)
    assert find(store, second) == second


def test_a_disabled_provider_ends_what_was_begun_with_it_and_enabling_brings_nothing_back(store: Store) -> None:
    made = create(store)
    assert store.change(lambda tx: PROVIDERS.disable(tx, provider=made))
    assert not store.change(lambda tx: PROVIDERS.disable(tx, provider=made))
    assert find(store, made) == replace(made, enabled=False)
    assert ended(store, made, seconds=3_600)
    assert store.change(lambda tx: PROVIDERS.enable(tx, provider=made))
    assert not store.change(lambda tx: PROVIDERS.enable(tx, provider=made))
    assert find(store, made) == made
    assert ended(store, made)
    assert not ended(store, made, seconds=3_600)


def test_every_change_is_noted_for_snapshots(store: Store) -> None:
    key = ("provider", f"{ACCOUNT_ID}/{ISSUER}")
    assert store.touched(lambda tx: PROVIDERS.create(tx, account_id=ACCOUNT_ID, issuer=ISSUER)) == {key}
    made = store.read(lambda connection: get_provider(connection, ACCOUNT_ID, ISSUER))
    assert store.touched(lambda tx: PROVIDERS.add_client_id(tx, provider=made, client_id="one")) == {key}
    assert store.touched(lambda tx: PROVIDERS.remove_client_id(tx, provider=made, client_id="one")) == {key}
    assert store.touched(lambda tx: PROVIDERS.put_thumbprints(tx, provider=made, thumbprints=PINS)) == {key}
    assert store.touched(lambda tx: PROVIDERS.disable(tx, provider=made)) == {key, ("revocation", "all")}
    assert store.touched(lambda tx: PROVIDERS.enable(tx, provider=made)) == {key, ("revocation", "all")}
    assert store.touched(lambda tx: PROVIDERS.delete(tx, provider=made)) == {key, ("revocation", "all")}
