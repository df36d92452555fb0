"""The published keys: public only, fit for caches, and there while everything else is down."""

import json
import sqlite3
from collections.abc import Callable
from contextlib import closing

import pytest

from sts.clock import ManualClock
from sts.crypto.jwk import parse_key_set
from sts.keyring.rotation import Purpose
from sts.verify import verify
from tests.security.forging import begin_session
from tests.security.rotating import rotate, until
from tests.security.wire import Request, invoke, send, told
from tests.service import Reply, Service, Tenant

PATH = "/.well-known/jwks.json"
PRIVATE = {"d", "p", "q", "dp", "dq", "qi", "oth", "k"}


def _get(service: Service, *headers: tuple[str, str], method: str = "GET") -> Reply:
    return send(service, Request(method=method, path=PATH, headers=(("host", service.host), *headers)))


def test_j_19_the_key_set_is_public_only(still: Service) -> None:
    keys = json.loads(_get(still).body)["keys"]
    assert {key["alg"] for key in keys} == {"ES256", "ES384", "RS256"}
    assert not any(PRIVATE & key.keys() for key in keys)
    assert {key["use"] for key in keys} == {"sig"}
    assert len({key["kid"] for key in keys}) == len(keys)
    written = b"".join(path.read_bytes() for path in still.settings.keys_dir.rglob("*") if path.is_file())
    assert b'"d"' in written  # the private halves are there, in the folder and nowhere else


def test_j_19_caches_may_keep_the_key_set_for_five_minutes(still: Service) -> None:
    reply = _get(still)
    assert reply.status == 200
    assert reply.headers["content-type"] == "application/jwk-set+json"
    assert reply.headers["cache-control"] == "public, max-age=300"
    assert reply.headers["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in reply.headers
    assert "set-cookie" not in reply.headers


@pytest.mark.parametrize("spelled", [lambda tag: tag, lambda tag: f"W/{tag}", lambda tag: f'"other", {tag}'])
def test_j_19_who_has_the_key_set_is_told_so(still: Service, spelled: Callable[[str], str]) -> None:
    first = _get(still)
    again = _get(still, ("if-none-match", spelled(first.headers["etag"])))
    assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
    assert again.headers["cache-control"] == first.headers["cache-control"]
    assert _get(still, ("if-none-match", '"other"')).status == 200
    assert _get(still, method="HEAD").headers["etag"] == first.headers["etag"]


def test_j_19_another_key_set_has_another_tag(service: Service) -> None:
    first = _get(service)
    assert _get(service).headers["etag"] == first.headers["etag"]
    rotate(service, Purpose.SIGNING)
    changed = until(lambda: _get(service, ("if-none-match", first.headers["etag"])), lambda reply: reply.status == 200)
    assert changed.headers["etag"] != first.headers["etag"]
    assert len(json.loads(changed.body)["keys"]) == 6


def test_j_19_keys_are_served_and_tokens_verified_while_the_store_cannot_be_read(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    session = begin_session(service, tenant)
    with closing(sqlite3.connect(service.database_path)) as file:  # bytes in the file it might not look at again
        for table in ("version", "audit_record"):
            file.execute(f"ALTER TABLE {table} RENAME TO lost_{table}")
    assert service.send(None, method="GET", path="/readyz").status == 503
    down = invoke(service, tenant.key, "ListUsers")
    assert told(down) == (503, "ServiceUnavailable")
    assert down.headers["x-amzn-requestid"] == down.text("RequestId")
    assert told(invoke(service, session, "GetCallerIdentity", "sts")) == (503, "ServiceUnavailable")
    published = _get(service)
    assert published.status == 200
    keys = parse_key_set(published.body)
    issuer = service.settings.issuer
    assert session.token is not None
    claims = verify(session.token, keys, issuer=issuer, audience=issuer, now=clock.now())
    assert claims.access_key_id == session.access_key_id
