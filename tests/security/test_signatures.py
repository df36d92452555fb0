"""Signature Version 4 on the running service: codes, statuses and sentences as AWS clients know them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sts.clock import ManualClock
from tests.conftest import BEGINNING
from tests.security.forging import begin_session
from tests.security.wire import (
    FORM,
    IDENTIFY,
    Request,
    Signing,
    form,
    invoke,
    post,
    presign,
    send,
    sign_headers,
    stamp,
    told,
    verify_form_of_error,
)
from tests.service import Service, Tenant
from tests.signing import Key

MISMATCH = (403, "SignatureDoesNotMatch")
INCOMPLETE = (400, "IncompleteSignature")
COMBINED = (400, "InvalidParameterCombination")
TWICE = ("host", "authorization", "x-amz-date", "x-amz-content-sha256")


@pytest.fixture
def signed(still: Service, guest: Tenant) -> Request:
    return sign_headers(post(still), guest.key, BEGINNING)


def test_a_signed_request_is_answered(still: Service, guest: Tenant, signed: Request) -> None:
    assert send(still, signed).text("Account") == guest.account_id
    assert send(still, presign(still, guest.key, BEGINNING)).text("Account") == guest.account_id
    query = IDENTIFY.decode()
    got = sign_headers(Request(method="GET", query=query, headers=(("host", still.host),)), guest.key, BEGINNING)
    assert send(still, got).text("Account") == guest.account_id


@pytest.mark.parametrize("service", ["sts", "iam"])
def test_an_unsigned_request_lacks_its_token(still: Service, service: str) -> None:
    reply = send(still, post(still, form("GetCallerIdentity" if service == "sts" else "ListUsers", service)))
    assert told(reply) == (403, "MissingAuthenticationToken")
    verify_form_of_error(reply)


def test_an_unknown_key_is_an_invalid_token(still: Service, guest: Tenant) -> None:
    strange = Key("AKIAIOSFODNN7EXAMPLE", guest.key.secret)
    reply = send(still, sign_headers(post(still), strange, BEGINNING))
    assert told(reply) == (403, "InvalidClientTokenId")
    assert reply.message == "The security token included in the request is invalid."
    verify_form_of_error(reply)


def test_another_secret_does_not_match(still: Service, guest: Tenant) -> None:
    for secret in ("", "w" * 40, guest.key.secret.swapcase(), guest.key.secret[:-1], guest.key.secret + " "):
        reply = send(still, sign_headers(post(still), replace(guest.key, secret=secret), BEGINNING))
        assert told(reply) == MISMATCH
        assert reply.message.startswith("The request signature we calculated does not match")
        verify_form_of_error(reply)


def test_header_and_query_do_not_both_sign(still: Service, guest: Tenant, signed: Request) -> None:
    url = presign(still, guest.key, BEGINNING)
    reply = send(still, url.having(("authorization", signed.header("authorization")), ("x-amz-date", stamp(BEGINNING))))
    assert told(reply) == COMBINED
    for part in ("X-Amz-Signature=0", "X-Amz-Expires=60", "X-Amz-Algorithm=AWS4-HMAC-SHA256", "X-Amz-Security-Token=t"):
        assert told(send(still, replace(signed, query=part))) == COMBINED


@pytest.mark.parametrize("name", TWICE)
def test_what_is_given_twice_could_be_read_in_two_ways(still: Service, signed: Request, name: str) -> None:
    values = {"host": "evil.example", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    value = values.get(name) or signed.header(name)
    once = signed if name in dict(signed.headers) else signed.having((name, value))
    reply = send(still, once.having((name, value)))
    assert reply.status == 400
    assert told(send(still, replace(once, headers=((name, value), *once.headers))))[0] == 400
    if name != "host":  # a server may refuse two hosts before the application sees them (RFC 9112 section 3.2)
        assert told(reply) == COMBINED


def test_a_repeated_part_of_the_header_is_refused(still: Service, signed: Request) -> None:
    authorization = signed.header("authorization")
    for part in authorization.removeprefix("AWS4-HMAC-SHA256 ").split(", "):
        assert told(send(still, signed.with_header("authorization", f"{authorization}, {part}"))) == COMBINED


@pytest.mark.parametrize(
    "name", ["x-amz-target-account", "x-amz-content-sha256", "x-amz-meta-a", "X-Amz-Date-Extra", "x-amz-security-token"]
)
def test_an_unsigned_amz_header_is_refused(still: Service, signed: Request, name: str) -> None:
    reply = send(still, signed.having((name, "value")))
    assert told(reply) == MISMATCH
    assert reply.message.startswith("There were headers present in the request which were not signed")


@pytest.mark.parametrize("name", ["user-agent", "accept", "x-request-id", "cookie", "amz-sdk-invocation-id", "date"])
def test_another_unsigned_header_is_ignored(still: Service, signed: Request, name: str) -> None:
    assert send(still, signed.having((name, "value"))).status == 200


def test_a_signed_header_cannot_be_changed_dropped_or_doubled(still: Service, guest: Tenant) -> None:
    request = sign_headers(post(still).having(("x-amz-meta", "a"), ("accept", "b")), guest.key, BEGINNING)
    assert send(still, request).status == 200
    for name in ("x-amz-meta", "accept", "content-type"):
        changed = "application/x-www-form-urlencoded; charset=utf-8" if name == "content-type" else "c"
        assert told(send(still, request.with_header(name, changed))) == MISMATCH
        assert told(send(still, request.having((name, "more"))))[0] in {400, 403}
        without = replace(request, headers=tuple(pair for pair in request.headers if pair[0] != name))
        assert told(send(still, without))[0] in {400, 403, 415}


def test_the_host_must_be_signed(still: Service, guest: Tenant) -> None:
    reply = send(still, sign_headers(post(still), guest.key, BEGINNING, Signing(unsigned=frozenset({"host"}))))
    assert told(reply) == MISMATCH
    assert "'Host'" in reply.message


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        (Signing(service="iam"), "Credential should be scoped to correct service: 'sts'."),
        (Signing(service="s3"), "Credential should be scoped to correct service: 'sts'."),
        (Signing(service="STS"), "Credential should be scoped to correct service: 'sts'."),
        (Signing(region="US-EAST-1"), "Credential should be scoped to a valid region."),
        (Signing(region="r" * 33), "Credential should be scoped to a valid region."),
        (Signing(terminator="aws5_request"), "Credential should be scoped with a valid terminator: 'aws4_request'."),
        (Signing(scope_date="20260301"), "Date in Credential scope does not match YYYYMMDD"),
        (Signing(scope_date="20260303"), "Date in Credential scope does not match YYYYMMDD"),
    ],
    ids=str,
)
def test_the_scope_is_that_of_the_request(still: Service, guest: Tenant, how: Signing, sentence: str) -> None:
    reply = send(still, sign_headers(post(still), guest.key, BEGINNING, how))
    assert told(reply) == MISMATCH
    assert reply.message.startswith(sentence)
    assert told(send(still, presign(still, guest.key, BEGINNING, how=how))) == MISMATCH


@pytest.mark.parametrize("region", ["us-east-1", "eu-central-1", "local", "0", "a-1"])
def test_any_region_may_be_signed_for(still: Service, guest: Tenant, region: str) -> None:
    assert send(still, sign_headers(post(still), guest.key, BEGINNING, Signing(region=region))).status == 200


def test_an_operation_wants_its_own_service_in_the_scope(still: Service, guest: Tenant) -> None:
    for service, action in (("iam", "ListUsers"), ("sts", "GetCallerIdentity")):
        other = Signing(service="sts" if service == "iam" else "iam")
        request = post(still, form(action, service))
        assert send(still, sign_headers(request, guest.key, BEGINNING, Signing(service=service))).status == 200
        assert told(send(still, sign_headers(request, guest.key, BEGINNING, other))) == MISMATCH


def test_a_header_signature_holds_for_a_quarter_of_an_hour_on_either_side(service: Service, tenant: Tenant) -> None:
    now = service.clock.now()
    span = timedelta(minutes=15)
    for at in (now - span, now, now + span):
        assert send(service, sign_headers(post(service), tenant.key, at)).status == 200
    early, late = now - span - timedelta(seconds=1), now + span + timedelta(seconds=1)
    reply = send(service, sign_headers(post(service), tenant.key, early))
    assert told(reply) == MISMATCH
    assert reply.message == (
        f"Signature expired: {stamp(early)} is now earlier than {stamp(now - span)} ({stamp(now)} - 15 min.)"
    )
    reply = send(service, sign_headers(post(service), tenant.key, late))
    assert told(reply) == MISMATCH
    assert reply.message.startswith(f"Signature not yet current: {stamp(late)} is still later than ")


def test_a_signature_may_repeat_within_its_time_and_not_after(
    service: Service, tenant: Tenant, clock: ManualClock
) -> None:
    request = sign_headers(post(service), tenant.key, clock.now())
    assert [send(service, request).status for _ in range(2)] == [200, 200]
    clock.tick(timedelta(minutes=15))
    assert send(service, request).status == 200
    clock.tick(timedelta(seconds=1))
    assert told(send(service, request)) == MISMATCH


def test_a_presigned_url_holds_to_its_last_second(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    week = presign(service, tenant.key, clock.now(), "604800")
    minute = presign(service, tenant.key, clock.now(), "60")
    silent = presign(service, tenant.key, clock.now())
    clock.tick(timedelta(seconds=60))
    assert [send(service, url).status for url in (minute, silent, week)] == [200, 200, 200]
    clock.tick(timedelta(seconds=1))
    reply = send(service, minute)
    assert told(reply) == (400, "RequestExpired")
    assert reply.message == "Request has expired."
    verify_form_of_error(reply)
    clock.tick(timedelta(minutes=14, seconds=-1))
    assert [send(service, url).status for url in (silent, week)] == [200, 200]
    clock.tick(timedelta(seconds=1))
    assert told(send(service, silent)) == (400, "RequestExpired")
    clock.tick(timedelta(days=7) - timedelta(minutes=15, seconds=1))
    assert send(service, week).status == 200
    clock.tick(timedelta(seconds=1))
    assert told(send(service, week)) == (400, "RequestExpired")
    ahead = presign(service, tenant.key, clock.now() + timedelta(minutes=15, seconds=1), "60")
    assert told(send(service, ahead)) == MISMATCH


@pytest.mark.parametrize("expires", ["0", "-1", "604801", "999999999999", "1.5", "1e3", "", " 60", "060x", "\u0661"])
def test_a_span_that_is_none_is_refused(still: Service, guest: Tenant, expires: str) -> None:
    reply = send(still, presign(still, guest.key, BEGINNING, expires))
    assert told(reply) == INCOMPLETE
    assert "X-Amz-Expires" in reply.message


@pytest.mark.parametrize(
    "claim",
    ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "0" * 64, ""],
)
def test_a_claimed_payload_hash_is_never_believed(still: Service, guest: Tenant, claim: str) -> None:
    request = sign_headers(post(still).having(("x-amz-content-sha256", claim)), guest.key, BEGINNING)
    reply = send(still, request)
    assert told(reply) == MISMATCH
    assert reply.message == "The provided 'x-amz-content-sha256' header does not match what was computed."


def test_signature_version_4a_is_refused_in_clear_words(still: Service, guest: Tenant) -> None:
    how = Signing(algorithm="AWS4-ECDSA-P256-SHA256")
    for request in (
        sign_headers(post(still).having(("x-amz-region-set", "*")), guest.key, BEGINNING, how),
        presign(still, guest.key, BEGINNING, how=how),
    ):
        reply = send(still, request)
        assert told(reply) == INCOMPLETE
        assert "Signature Version 4A" in reply.message
        assert "not offered" in reply.message


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Basic YTpi",
        "Bearer {token}",
        "AWS4-HMAC-SHA256",
        "AWS4-HMAC-SHA256 Credential=a",
        "AWS {key}:c2ln",
        "AWS4-HMAC-SHA512 x",
    ],
)
def test_another_scheme_is_incomplete(still: Service, guest: Tenant, authorization: str) -> None:
    session = begin_session(still, guest)
    text = authorization.replace("{token}", session.token or "").replace("{key}", guest.key.access_key_id)
    reply = send(still, post(still).having(("authorization", text), ("x-amz-date", stamp(BEGINNING))))
    assert told(reply) == INCOMPLETE
    assert session.token is not None
    assert session.token[:40] not in reply.message
    verify_form_of_error(reply)


def test_a_bit_that_was_changed_in_any_signed_part_is_noticed(still: Service, guest: Tenant) -> None:
    request = sign_headers(
        post(still, form("CreateUser", "iam", UserName="made")), guest.key, BEGINNING, Signing(service="iam")
    )
    authorization = request.header("authorization")
    changed = [
        request.with_header("authorization", authorization[:-1] + ("0" if authorization[-1] != "0" else "1")),
        request.with_header("authorization", authorization.replace("us-east-1", "us-east-0")),
        request.with_header("x-amz-date", stamp(BEGINNING + timedelta(seconds=1))),
        request.with_header("content-type", FORM + ";"),
        request.with_header("host", "127.0.0.1:1"),
        replace(request, method="GET"),
        replace(request, query="a=b"),
        replace(request, query="a="),
    ]
    flipped = []
    for place in range(0, len(request.body) * 8, 5):
        body = bytearray(request.body)
        body[place // 8] ^= 1 << place % 8
        flipped.append(replace(request, body=bytes(body)))
    for other in (*changed, *flipped):
        assert send(still, other).status in {400, 403}
    assert told(invoke(still, guest.key, "GetUser", UserName="made")) == (404, "NoSuchEntity")
    assert send(still, request).status == 200


def test_a_bit_that_was_changed_in_a_presigned_url_is_noticed(still: Service, guest: Tenant) -> None:
    url = presign(still, guest.key, BEGINNING, "3600")
    assert send(still, url).status == 200
    for place in range(0, len(url.query) * 8, 7):
        character = chr(ord(url.query[place // 8]) ^ 1 << place % 8)
        if character.isascii() and character.isprintable() and character not in ' #"<>':
            query = url.query[: place // 8] + character + url.query[place // 8 + 1 :]
            assert send(still, replace(url, query=query)).status in {400, 403}, query


def test_a_get_is_no_post_and_a_query_is_no_body(still: Service, guest: Tenant) -> None:
    signed = sign_headers(post(still), guest.key, BEGINNING)
    moved = replace(signed, method="GET", query=IDENTIFY.decode(), body=b"")
    assert told(send(still, moved)) == MISMATCH
    url = presign(still, guest.key, BEGINNING)
    assert told(send(still, replace(url, method="POST"))) == MISMATCH
    with_body = replace(url.having(("content-type", FORM)), method="GET", body=b"DurationSeconds=1")
    assert send(still, with_body).status in {400, 403}


def test_an_inactive_key_signs_nothing(service: Service, tenant: Tenant) -> None:
    invoke(service, tenant.key, "CreateUser", UserName="user")
    made = invoke(service, tenant.key, "CreateAccessKey", UserName="user")
    key = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    assert send(service, sign_headers(post(service), key, BEGINNING)).status == 200
    for status, wanted in (("Inactive", 403), ("Active", 200)):
        invoke(service, tenant.key, "UpdateAccessKey", UserName="user", AccessKeyId=key.access_key_id, Status=status)
        assert send(service, sign_headers(post(service), key, BEGINNING)).status == wanted
    invoke(service, tenant.key, "DeleteAccessKey", UserName="user", AccessKeyId=key.access_key_id)
    assert told(send(service, sign_headers(post(service), key, BEGINNING))) == (403, "InvalidClientTokenId")
