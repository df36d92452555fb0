"""What is published of an issuer: for caches, for nobody's harm, and gone once the issuer is."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import httpx2
import pytest

from sts.clock import ManualClock
from sts.directory.revocations import disable
from sts.directory.revocations import enable as enable_again
from sts.store.accounts import find_account
from sts.store.database import open_database
from tests.outbound.asking import ask, enable
from tests.outbound.strangers import KEYS, METADATA, fetch
from tests.security.rotating import until
from tests.service import Service, Tenant, running

DOCUMENTS = [METADATA, KEYS]
UUID = "1f0e2d3c-4b5a-4697-8877-665544332211"


@pytest.fixture
def issuer(service: Service, tenant: Tenant) -> str:
    return enable(service, tenant.key)


@pytest.fixture
def other_node(service: Service, home: Path, clock: ManualClock) -> Iterator[Service]:
    """Run a second service on the same store, with a memory of its own."""
    assert service.settings.home == home
    with running(home, clock) as started:
        yield started


@pytest.mark.parametrize("document", DOCUMENTS)
def test_j_19_caches_may_keep_a_document_for_five_minutes(issuer: str, document: str) -> None:
    answer = fetch(issuer + document)
    assert answer.status_code == 200
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.headers
    assert "set-cookie" not in answer.headers
    again = fetch(issuer + document, **{"if-none-match": f"W/{answer.headers['etag']}"})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == answer.headers["etag"]
    assert fetch(issuer + document, **{"if-none-match": '"other"'}).status_code == 200


@pytest.mark.parametrize("document", DOCUMENTS)
@pytest.mark.parametrize("name", [UUID, "", "x", "%2e%2e", "111122223333", UUID.upper(), f"{UUID}%0A", "a/b"])
def test_an_issuer_that_is_none_has_no_documents(service: Service, document: str, name: str) -> None:
    answer = fetch(f"{service.url}/outbound/{name}{document}")
    assert answer.status_code == 404
    assert answer.headers["cache-control"] == "no-store"  # it may be one in a moment


@pytest.mark.parametrize("document", DOCUMENTS)
def test_z_07_an_account_s_number_leads_to_no_issuer(
    service: Service, tenant: Tenant, issuer: str, document: str
) -> None:
    assert fetch(issuer + document).status_code == 200
    assert tenant.account_id not in fetch(issuer + document).text
    assert fetch(f"{service.url}/outbound/{tenant.account_id}{document}").status_code == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
@pytest.mark.parametrize("document", DOCUMENTS)
def test_z_10_a_document_is_only_read(issuer: str, method: str, document: str) -> None:
    with httpx2.Client(trust_env=False) as client:
        assert client.request(method, issuer + document).status_code == 405
        head = client.head(issuer + document)
    assert (head.status_code, head.content) == (200, b"")


@pytest.mark.parametrize("document", DOCUMENTS)
def test_an_issuer_that_is_disabled_is_gone_and_the_same_when_it_is_enabled_again(
    service: Service, tenant: Tenant, other_node: Service, issuer: str, document: str
) -> None:
    elsewhere = issuer.replace(service.url, other_node.url)
    assert fetch(issuer + document).text == fetch(elsewhere + document).text
    assert service.call(tenant.key, "DisableOutboundWebIdentityFederation").status == 200
    assert fetch(issuer + document).status_code == 404
    until(lambda: fetch(elsewhere + document).status_code, lambda status: status == 404)
    assert enable(service, tenant.key) == issuer
    assert fetch(issuer + document).status_code == 200
    until(lambda: fetch(elsewhere + document).status_code, lambda status: status == 200)


@pytest.mark.parametrize("document", DOCUMENTS)
def test_s_08_the_issuer_of_a_disabled_account_is_gone(
    service: Service, tenant: Tenant, issuer: str, document: str
) -> None:
    assert fetch(issuer + document).status_code == 200
    with closing(open_database(service.settings.database_url)) as database:
        account = database.read_now(lambda connection: find_account(connection, tenant.account_id))
        assert account is not None
        database.transact_now(lambda tx: disable(tx, principal=account), service.clock.now())
        until(lambda: fetch(issuer + document).status_code, lambda status: status == 404)
        assert ask(service, tenant.key).status == 403
        database.transact_now(lambda tx: enable_again(tx, principal=account), service.clock.now())
        until(lambda: fetch(issuer + document).status_code, lambda status: status == 200)


def test_j_19_what_was_minted_for_is_published_while_the_store_cannot_be_read(
    service: Service, tenant: Tenant, issuer: str
) -> None:
    other = enable(service, service.tenant().key)
    assert ask(service, tenant.key).status == 200
    with closing(sqlite3.connect(service.database_path)) as file:
        for table in ("version", "outbound_issuer", "audit_record"):
            file.execute(f"ALTER TABLE {table} RENAME TO lost_{table}")
    assert service.send(None, method="GET", path="/readyz").status == 503
    for document in DOCUMENTS:
        assert fetch(issuer + document).status_code == 200
        unknown = fetch(other + document)  # nobody asked for it yet: whether it is enabled cannot be known
        assert (unknown.status_code, unknown.headers["retry-after"]) == (503, "1")
        assert unknown.headers["cache-control"] == "no-store"
        assert unknown.json() == {"message": "The store is not available"}
