"""What a signature must look like, when it holds, and what its refusals say."""

from datetime import UTC, datetime, timedelta
from urllib.parse import quote

import pytest

from sts.crypto.sigv4 import (
    UnverifiedSignature,
    derive_signing_key,
    parse_signature,
    verify_signature,
    verify_signature_under,
)
from sts.errors import (
    ParameterRepeated,
    PresignedExpired,
    ProofIncomplete,
    ProofMissing,
    QueryMalformed,
    Refusal,
    SignatureExpired,
    SignatureMismatch,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
SIGNATURE = "ab" * 32
SCOPE = "AKIDEXAMPLE/20260301/us-east-1/sts/aws4_request"
AUTHORIZATION = f"AWS4-HMAC-SHA256 Credential={SCOPE}, SignedHeaders=host;x-amz-date, Signature={SIGNATURE}"
HOST = (b"host", b"sts.example")
DATE = (b"x-amz-date", b"20260301T120000Z")
QUERY = {
    "X-Amz-Algorithm": "AWS4-HMAC-SHA256",
    "X-Amz-Credential": SCOPE,
    "X-Amz-Date": "20260301T120000Z",
    "X-Amz-SignedHeaders": "host",
    "X-Amz-Signature": SIGNATURE,
}


def _parse(
    *headers: tuple[bytes, bytes], authorization: str | None = AUTHORIZATION, query: str = ""
) -> UnverifiedSignature:
    proof = [] if authorization is None else [(b"authorization", authorization.encode())]
    return parse_signature("GET", "/", query, [*(headers or (HOST, DATE)), *proof])


def _query(**changes: str | None) -> str:
    named = QUERY | {"X-Amz-" + name.replace("_", "-"): value for name, value in changes.items()}
    return "&".join(f"{name}={quote(value, safe='')}" for name, value in named.items() if value is not None)


def _presigned(**changes: str | None) -> UnverifiedSignature:
    return _parse(HOST, authorization=None, query=_query(**changes))


def test_a_request_without_any_proof_says_so() -> None:
    with pytest.raises(ProofMissing, match="Request is missing Authentication Token"):
        _parse(authorization=None, query="Action=GetCallerIdentity")


def test_everything_that_lacks_is_told_at_once() -> None:
    with pytest.raises(ProofIncomplete) as refused:
        _parse(HOST, authorization="AWS4-HMAC-SHA256 ")
    assert refused.value.message == (
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. "
        "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of either a "
        "'X-Amz-Date' or a 'Date' header."
    )


@pytest.mark.parametrize("name", sorted(QUERY))
def test_a_presigned_url_lacks_no_parameter(name: str) -> None:
    with pytest.raises(ProofIncomplete, match=f"must include '{name}'"):
        _parse(HOST, authorization=None, query="&".join(f"{k}={quote(v)}" for k, v in QUERY.items() if k != name))


@pytest.mark.parametrize(
    ("authorization", "told"),
    [
        ("AWS4-ECDSA-P256-SHA256 Credential=a/20260301/sts/aws4_request", "Signature Version 4A"),
        ("AWS3-HTTPS AWSAccessKeyId=a", "Unsupported AWS 'algorithm': 'AWS3-HTTPS'"),
        ("Bearer abc", "Unsupported AWS 'algorithm'."),
        ("a-lone-secret", "Unsupported AWS 'algorithm'."),
        (AUTHORIZATION.replace("/aws4_request", ""), "exactly 5 slash-delimited elements"),
        (AUTHORIZATION.replace("AKIDEXAMPLE", "a/b"), "exactly 5 slash-delimited elements"),
        (AUTHORIZATION.replace("AKIDEXAMPLE", ""), "exactly 5 slash-delimited elements"),
        (AUTHORIZATION.replace("host;x-amz-date", "x-amz-date;host"), "sorted"),
        (AUTHORIZATION.replace("host;x-amz-date", "host;host;x-amz-date"), "sorted"),
        (AUTHORIZATION.replace("host;x-amz-date", "Host;x-amz-date"), "lower case"),
        (AUTHORIZATION.replace("host;x-amz-date", "host;;x-amz-date"), "SignedHeaders"),
        (AUTHORIZATION.replace("host;x-amz-date", "absent;host;x-amz-date"), "lacks headers"),
    ],
)
def test_a_proof_of_another_form_is_incomplete(authorization: str, told: str) -> None:
    with pytest.raises(ProofIncomplete) as refused:
        _parse(authorization=authorization)
    assert told in refused.value.message
    assert "secret" not in refused.value.message


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ("host;x-amz-date", "x-amz-date", "'Host' or ':authority' must be a 'SignedHeader'"),
        ("host;x-amz-date", "host", "not signed: x-amz-date"),
        ("aws4_request", "aws5_request", "valid terminator"),
        ("us-east-1", "US-EAST-1", "valid region"),
        ("us-east-1", "a" * 33, "valid region"),
        ("20260301", "20260302", "Date in Credential scope"),
    ],
)
def test_a_scope_that_contradicts_the_request_does_not_match(old: str, new: str, told: str) -> None:
    with pytest.raises(SignatureMismatch) as refused:
        _parse(authorization=AUTHORIZATION.replace(old, new))
    assert told in refused.value.message


@pytest.mark.parametrize(
    "value", [b"", b"20260301", b"20260301T120000", b"20261301T120000Z", b"99990301T120000Z", b"x"]
)
def test_an_instant_of_another_form_is_incomplete(value: bytes) -> None:
    with pytest.raises((ProofIncomplete, SignatureMismatch)):
        _parse(HOST, (b"x-amz-date", value))
    with pytest.raises((ProofIncomplete, SignatureMismatch)):
        _parse(HOST, (b"date", value), authorization=AUTHORIZATION.replace("host;x-amz-date", "host"))


def test_the_amz_date_goes_before_the_date() -> None:
    claimed = _parse(HOST, DATE, (b"date", b"Sat, 01 Jan 2000 00:00:00 GMT"))
    assert claimed.signed_at == NOW


@pytest.mark.parametrize(
    "value", ["20260301T120000Z", "Sun, 01 Mar 2026 12:00:00 GMT", "Sun, 01 Mar 2026 13:00:00 +0100"]
)
def test_a_date_header_may_have_either_form(value: str) -> None:
    authorization = AUTHORIZATION.replace("host;x-amz-date", "host")
    assert _parse(HOST, (b"date", value.encode()), authorization=authorization).signed_at == NOW
    with pytest.raises(ProofIncomplete, match="existence of either"):
        _parse(HOST, (b"date", value.encode()), (b"date", value.encode()), authorization=authorization)


def test_what_is_given_twice_is_refused() -> None:
    with pytest.raises(ParameterRepeated, match="not in both"):
        _parse(HOST, DATE, query=_query())
    for single in (HOST, DATE, (b"Authorization", AUTHORIZATION.encode())):
        with pytest.raises(ParameterRepeated):
            _parse(HOST, DATE, single)
    with pytest.raises(ParameterRepeated):
        _parse(authorization=f"{AUTHORIZATION}, Signature={SIGNATURE}")
    with pytest.raises(ParameterRepeated):
        _parse(HOST, authorization=None, query=f"{_query()}&X%2DAmz-Signature={SIGNATURE}")
    with pytest.raises(ParameterRepeated):
        _parse(HOST, (b"x-amz-security-token", b"t"), authorization=None, query=_query(SignedHeaders="host"))


@pytest.mark.parametrize("value", ["0", "604801", "-1", "1.5", "", "9999999", "\u0661"])
def test_the_span_of_a_presigned_url_is_one_second_to_seven_days(value: str) -> None:
    with pytest.raises(ProofIncomplete, match="X-Amz-Expires"):
        _presigned(Expires=value)


def test_a_presigned_url_without_a_span_lives_fifteen_minutes() -> None:
    assert _presigned().expires_at == NOW + timedelta(minutes=15)
    assert _presigned(Expires="604800").expires_at == NOW + timedelta(days=7)
    assert _parse().expires_at is None


def test_a_session_token_is_found_where_the_signature_is() -> None:
    assert _presigned(Security_Token="a/b+c=").security_token == "a/b+c="
    headers = (HOST, DATE, (b"x-amz-security-token", b"a/b+c="))
    signed = AUTHORIZATION.replace("x-amz-date", "x-amz-date;x-amz-security-token")
    claimed = _parse(*headers, authorization=signed)
    assert claimed.security_token == "a/b+c="
    assert "a/b+c=" not in repr(claimed)
    assert SIGNATURE not in repr(claimed)


def test_a_broken_percent_escape_in_the_query_is_malformed() -> None:
    with pytest.raises(QueryMalformed):
        _parse(query="a=%zz")


def test_the_fifteen_minutes_are_exact_and_the_texts_are_those_that_clients_look_for() -> None:
    claimed = _parse()
    for within in (timedelta(minutes=15), timedelta(minutes=-15)):
        with pytest.raises(SignatureMismatch):  # judged by its signature, which is none
            verify_signature(claimed, b"", "secret", service="sts", now=NOW + within)
    with pytest.raises(SignatureExpired) as late:
        verify_signature(claimed, b"", "secret", service="sts", now=NOW + timedelta(minutes=15, seconds=1))
    assert late.value.message == (
        "Signature expired: 20260301T120000Z is now earlier than 20260301T120001Z (20260301T121501Z - 15 min.)"
    )
    with pytest.raises(SignatureExpired) as early:
        verify_signature(claimed, b"", "secret", service="sts", now=NOW - timedelta(minutes=15, seconds=1))
    assert early.value.message == (
        "Signature not yet current: 20260301T120000Z is still later than 20260301T115959Z (20260301T114459Z + 15 min.)"
    )


def test_a_presigned_url_holds_for_its_span() -> None:
    claimed = _presigned(Expires="60")
    with pytest.raises(SignatureMismatch):
        verify_signature(claimed, b"", "secret", service="sts", now=NOW + timedelta(seconds=60))
    with pytest.raises(PresignedExpired):
        verify_signature(claimed, b"", "secret", service="sts", now=NOW + timedelta(seconds=61))
    with pytest.raises(SignatureExpired):
        verify_signature(claimed, b"", "secret", service="sts", now=NOW - timedelta(minutes=16))


def test_another_service_is_refused() -> None:
    with pytest.raises(SignatureMismatch, match="correct service: 'iam'"):
        verify_signature(_parse(), b"", "secret", service="iam", now=NOW)


@pytest.mark.parametrize("claim", ["UNSIGNED-PAYLOAD", "STREAMING-AWS4-HMAC-SHA256-PAYLOAD", "00" * 32])
def test_a_claimed_payload_hash_is_never_believed(claim: str) -> None:
    signed = AUTHORIZATION.replace("host;x-amz-date", "host;x-amz-content-sha256;x-amz-date")
    claimed = _parse(HOST, DATE, (b"x-amz-content-sha256", claim.encode()), authorization=signed)
    with pytest.raises(SignatureMismatch, match="x-amz-content-sha256"):
        verify_signature(claimed, b"", "secret", service="sts", now=NOW)


def test_a_mismatch_tells_neither_secret_nor_signature() -> None:
    claimed = _parse()
    key = derive_signing_key("top-secret", claimed.date, claimed.region, claimed.service)
    with pytest.raises(SignatureMismatch) as refused:
        verify_signature_under(key, claimed, b"", service="sts", now=NOW)
    assert refused.value.message == (
        "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access "
        "Key and signing method. Consult the service documentation for details."
    )
    assert refused.value.detail is None


@pytest.mark.parametrize("signature", ["", "zz", SIGNATURE.upper(), SIGNATURE + "0", "é" * 64])
def test_a_signature_of_another_form_is_refused(signature: str) -> None:
    with pytest.raises(Refusal):
        verify_signature(
            _parse(authorization=AUTHORIZATION.replace(SIGNATURE, signature)), b"", "secret", service="sts", now=NOW
        )
