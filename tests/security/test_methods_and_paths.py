"""Z-10: another method, another spelling of a path, or a header that claims either, opens nothing."""

import pytest

from tests.security.stored import read_tables
from tests.security.wire import (
    FORM,
    Request,
    as_json,
    form,
    invoke,
    post,
    send,
    sign_headers,
    told,
    verify_form_of_error,
)
from tests.service import Service, Tenant

NAMESPACE = b"https://sts.amazonaws.com/doc/2011-06-15/"
AUDIT = "/api/audit/records"
OVERRIDES = ("x-http-method-override", "x-http-method", "x-method-override", "_method")
REWRITES = ("x-original-url", "x-rewrite-url", "x-forwarded-prefix", "x-forwarded-path", "x-forwarded-uri")


def _signed(still: Service, guest: Tenant, method: str, path: str, body: bytes = b"") -> Request:
    content = (("content-type", FORM),) if body else ()
    request = Request(method=method, path=path, headers=(("host", still.host), *content), body=body)
    return sign_headers(request, guest.key, still.clock.now())


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND", "post", "GETS"])
def test_z_10_another_method_is_refused_at_the_root(still: Service, guest: Tenant, method: str) -> None:
    for body in (b"", form("CreateUser", "iam", UserName="made")):
        reply = send(still, _signed(still, guest, method, "/", body))
        if reply.status == 400 and not reply.body.startswith(b"<?xml"):
            continue  # no method at all: the server refused it before the application
        assert told(reply) == (405, "UnsupportedMethod")
        assert reply.headers["allow"] == "GET, POST"
        verify_form_of_error(reply)
    assert told(invoke(still, guest.key, "GetUser", UserName="made")) == (404, "NoSuchEntity")


def test_z_10_a_head_is_no_get(still: Service, guest: Tenant) -> None:
    for path in ("/", AUDIT):
        reply = send(still, _signed(still, guest, "HEAD", path))
        assert (reply.status, reply.body) == (405, b"")


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "TRACE"])
def test_z_10_another_method_is_refused_where_only_reading_is_offered(
    still: Service, guest: Tenant, method: str
) -> None:
    reply = send(still, _signed(still, guest, method, AUDIT))
    assert (reply.status, as_json(reply)["__type"]) == (405, "UnsupportedMethod")
    for path in ("/.well-known/jwks.json", "/livez", "/readyz"):
        reply = send(still, _signed(still, guest, method, path))
        assert reply.status == 405
        assert b"<html" not in reply.body.lower()


def test_z_10_nothing_is_echoed_to_a_trace(still: Service, guest: Tenant) -> None:
    for path in ("/", AUDIT, "/livez", "/nowhere"):
        reply = send(still, _signed(still, guest, "TRACE", path).having(("cookie", "canary-of-a-trace")))
        assert reply.status in {404, 405}
        assert b"canary-of-a-trace" not in reply.body
        assert guest.key.access_key_id.encode() not in reply.body


@pytest.mark.parametrize("method", ["DELETE", "PUT", "POST", "GET"])
def test_z_10_a_header_does_not_change_the_method(still: Service, guest: Tenant, method: str) -> None:
    for name in OVERRIDES:
        reading = send(still, _signed(still, guest, "GET", AUDIT).having((name, method)))
        assert reading.status == 200
        asking = send(still, _signed(still, guest, "POST", AUDIT).having((name, method)))
        assert asking.status == 405
        put = send(still, _signed(still, guest, "PUT", "/", form("GetCallerIdentity")).having((name, method)))
        assert told(put) == (405, "UnsupportedMethod")


def test_z_10_a_header_does_not_change_the_path(still: Service, guest: Tenant) -> None:
    for name in REWRITES:
        reply = send(still, _signed(still, guest, "GET", "/livez").having((name, AUDIT)))
        assert (reply.status, as_json(reply)) == (200, {"status": "up"})
        anonymous = Request(method="GET", path=AUDIT, headers=(("host", still.host), (name, "/livez")))
        assert send(still, anonymous).status == 403


@pytest.mark.parametrize(
    "path",
    [
        "//",
        "///",
        "/%2f",
        "/%2F",
        "/%252f",
        "/.",
        "/./",
        "/%2e",
        "/%2e/",
        "/..",
        "/../",
        "/%2e%2e/",
        "/livez/..",
        "/;x",
        "/;jsessionid=1",
        "/\\",
        "/%5c",
        "/%00",
        "/%20",
        "/*",
        "/index.html",
        "/?",
    ],
)
def test_z_10_the_root_has_one_spelling(still: Service, guest: Tenant, path: str) -> None:
    request = _signed(still, guest, "POST", path, form("CreateUser", "iam", UserName="made"))
    reply = send(still, request)
    assert reply.status in {400, 403, 404}, reply.body
    assert b"<html" not in reply.body.lower()
    assert told(invoke(still, guest.key, "GetUser", UserName="made")) == (404, "NoSuchEntity")


@pytest.mark.parametrize(
    "path",
    [
        "//api/audit/records",
        "/api//audit/records",
        "/api/audit//records",
        "/api/audit/records/",
        "/api/audit/records/.",
        "/api/audit/x/../records",
        "/api/audit/./records",
        "/livez/../api/audit/records",
        "/API/audit/records",
        "/api/Audit/Records",
        "/api/audit%2frecords",
        "/api/audit%2Frecords",
        "/api%2faudit%2frecords",
        "/api/audit%252frecords",
        "/%61pi/audit/records",
        "/api/audit/%72ecords",
        "/%2561pi/audit/records",
        "/api/audit/records;x",
        "/api;x/audit/records",
        "/api/audit/records.",
        "/api/audit/records.json",
        "/api/audit/records%00",
        "/api/audit/records%20",
        "/api/audit\\records",
        "/api/audit%5crecords",
    ],
)
def test_z_10_the_administration_has_one_spelling(still: Service, guest: Tenant, path: str) -> None:
    assert send(still, _signed(still, guest, "GET", AUDIT)).status == 200
    reply = send(still, _signed(still, guest, "GET", path))
    assert reply.status in {400, 404}, (reply.status, reply.body)
    assert send(still, Request(method="GET", path=path, headers=(("host", still.host),))).status in {400, 403, 404}


def test_z_10_another_host_reaches_the_same_service_and_no_other(still: Service, guest: Tenant) -> None:
    before = read_tables(still)
    for host in ("evil.example", "169.254.169.254", "localhost", "sts.amazonaws.com"):
        request = Request(headers=(("host", host), ("content-type", FORM)), body=form("GetCallerIdentity"))
        reply = send(still, sign_headers(request, guest.key, still.clock.now()))
        assert reply.status == 200
        assert f"//{host}/".encode() not in reply.body.replace(NAMESPACE, b"")
        stolen = sign_headers(post(still), guest.key, still.clock.now()).with_header("host", host)
        assert told(send(still, stolen)) == (403, "SignatureDoesNotMatch")
    assert read_tables(still) == before
