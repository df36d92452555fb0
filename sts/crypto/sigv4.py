"""AWS Signature Version 4, as AWS verifies it (IAM User Guide, "AWS Signature Version 4 for API requests").

Two steps, because the secret is found in between: `parse_signature` reads what a request claims and judges its form;
`verify_signature` proves it with the secret of the access key that it names.

- The signed headers include `host`, and every `x-amz-` header that the request carries; other headers may be unsigned.
- The body is hashed here. `x-amz-content-sha256` is compared with that hash and never believed: UNSIGNED-PAYLOAD and
  the streaming forms would leave the body to whoever stands between.
- A signature stands in the Authorization header or in the query, never in both. A part given twice is refused: two
  readers could take one each.
- SigV4a (`AWS4-ECDSA-P256-SHA256`) is not offered and says so.

No text of a refusal holds a secret, a session token, or the signature that would have been right.
"""

import hashlib
import hmac
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from urllib.parse import unquote

from sts.crypto.canonical import parse_query, render_canonical_head
from sts.errors import (
    ParameterRepeated,
    PresignedExpired,
    ProofIncomplete,
    ProofMissing,
    SignatureExpired,
    SignatureMismatch,
)

ALGORITHM = "AWS4-HMAC-SHA256"
_ALGORITHM_OF_SIGV4A = "AWS4-ECDSA-P256-SHA256"
_TERMINATOR = "aws4_request"
_INSTANT_FORMAT = "%Y%m%dT%H%M%SZ"

# How far the signed instant may be from ours, on either side.
TOLERANCE = timedelta(minutes=15)
# The life of a presigned URL that states none, as Go presigns GetCallerIdentity.
PRESIGNED_DEFAULT = timedelta(minutes=15)
_PRESIGNED_MAXIMUM_SECONDS = 604_800

# No century but this one and the next nine: arithmetic on instants stays within what a datetime holds.
_INSTANT = re.compile(r"(2[0-9]{3})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z", re.ASCII)
_REGION = re.compile(r"[a-z0-9-]{1,32}", re.ASCII)
_EXPIRES = re.compile(r"[0-9]{1,6}", re.ASCII)
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9a-z-]+", re.ASCII)
_SHOWN_LENGTH = 64
_CREDENTIAL_PARTS = 5

_HEADER_PARAMETERS = ("Credential", "Signature", "SignedHeaders")
_QUERY_PARAMETERS = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")
_QUERY_OPTIONS = ("X-Amz-Expires", "X-Amz-Security-Token")
_QUERY_NAMES = frozenset(_QUERY_PARAMETERS + _QUERY_OPTIONS)
# Of these a second one is refused: which of the two would be meant?
_SINGLE_HEADERS = ("host", "authorization", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256")

_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key "
    "and signing method. Consult the service documentation for details."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnverifiedSignature:
    """What a request claims about who signed it, for which scope, and when; nothing of it is proven.

    *expires_at* is None unless the signature is presigned. *security_token* is the session token that came along.
    """

    access_key_id: str
    security_token: str | None = field(repr=False)
    signed_at: datetime
    timestamp: str  # the same instant in ISO 8601's basic form, as it is signed
    expires_at: datetime | None
    date: str
    region: str
    service: str
    signed_headers: tuple[str, ...]
    unverified_signature: str = field(repr=False)
    canonical_head: bytes = field(repr=False)
    claimed_payload_hash: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Claim:
    """The parameters of a signature, wherever in the request they stood."""

    credential: str
    signature: str
    signed_headers: str
    timestamp: str
    security_token: str | None
    span: timedelta | None


def parse_signature(
    method: str, path: bytes | str, query: bytes | str, headers: Sequence[tuple[bytes, bytes]]
) -> UnverifiedSignature:
    """Return the signature that a request claims.

    *path* and *query* are raw, as sent, the query without its question mark; *headers* are all of them, in order.
    Raises ProofMissing when there is none; ProofIncomplete when a part lacks or is not of its form; ParameterRepeated
    when a part is given twice; SignatureMismatch when the scope contradicts itself or a header that must be signed is
    not; QueryMalformed.
    """
    by_name = _index(headers)
    pairs = parse_query(_text(query))
    presented = [(name, value) for name, value in pairs if name in _QUERY_NAMES]
    if "authorization" in by_name:
        if presented:
            raise ParameterRepeated("A request is signed in its Authorization header or in its query, not in both")
        claim, signed_pairs = _parse_header_claim(by_name), pairs
    elif presented:
        claim, signed_pairs = _parse_query_claim(presented, by_name), [p for p in pairs if p[0] != "X-Amz-Signature"]
    else:
        raise ProofMissing("Request is missing Authentication Token")
    signed_at = _parse_instant(claim.timestamp)
    signed = _parse_signed_headers(claim.signed_headers, by_name)
    access_key_id, date, region, service = _parse_credential(claim)
    return UnverifiedSignature(
        access_key_id=access_key_id,
        security_token=claim.security_token,
        signed_at=signed_at,
        timestamp=claim.timestamp,
        expires_at=None if claim.span is None else signed_at + claim.span,
        date=date,
        region=region,
        service=service,
        signed_headers=signed,
        unverified_signature=claim.signature,
        canonical_head=render_canonical_head(method, _text(path), signed_pairs, by_name, signed),
        claimed_payload_hash=_find_single(by_name, "x-amz-content-sha256"),
    )


def verify_signature(signature: UnverifiedSignature, body: bytes, secret: str, *, service: str, now: datetime) -> None:
    """Raise unless *signature* is the one that *secret* makes over its request with *body*, for *service*, at *now*.

    Raises SignatureExpired, PresignedExpired or SignatureMismatch.
    """
    key = derive_signing_key(secret, signature.date, signature.region, signature.service)
    verify_signature_under(key, signature, body, service=service, now=now)


def verify_signature_under(
    signing_key: bytes, signature: UnverifiedSignature, body: bytes, *, service: str, now: datetime
) -> None:
    """Do what `verify_signature` does, with the signing key that a caller remembered for the signature's scope."""
    if signature.service != service:
        raise SignatureMismatch(f"Credential should be scoped to correct service: '{service}'.")
    _verify_time(signature, now)
    payload_hash = hashlib.sha256(body).hexdigest()
    if signature.claimed_payload_hash not in {None, payload_hash}:
        raise SignatureMismatch("The provided 'x-amz-content-sha256' header does not match what was computed.")
    request_hash = hashlib.sha256(signature.canonical_head + payload_hash.encode("ascii")).hexdigest()
    scope = f"{signature.date}/{signature.region}/{signature.service}/{_TERMINATOR}"
    message = f"{ALGORITHM}\n{signature.timestamp}\n{scope}\n{request_hash}"
    expected = hmac.digest(signing_key, message.encode("ascii"), "sha256").hex()
    if not hmac.compare_digest(expected.encode("ascii"), signature.unverified_signature.encode("latin-1")):
        raise SignatureMismatch(_MISMATCH)


def derive_signing_key(secret: str, date: str, region: str, service: str) -> bytes:
    """Return the key that signs for one day (`YYYYMMDD`), region and service: 32 secret bytes, good to remember."""
    key = f"AWS4{secret}".encode()
    for part in (date, region, service, _TERMINATOR):
        key = hmac.digest(key, part.encode("utf-8"), "sha256")
    return key


def _index(headers: Sequence[tuple[bytes, bytes]]) -> dict[str, list[bytes]]:
    by_name: dict[str, list[bytes]] = {}
    for name, value in headers:
        by_name.setdefault(name.decode("latin-1").lower(), []).append(value)
    for single in _SINGLE_HEADERS:
        if len(by_name.get(single, ())) > 1:
            raise ParameterRepeated(f"The header {single} is given more than once")
    return by_name


def _find_single(by_name: Mapping[str, Sequence[bytes]], name: str) -> str | None:
    values = by_name.get(name)
    return None if values is None else values[0].strip().decode("latin-1")


def _text(raw: bytes | str) -> str:
    """Return *raw* with one character for each byte."""
    return raw.decode("latin-1") if isinstance(raw, bytes) else raw.encode("utf-8").decode("latin-1")


def _parse_header_claim(by_name: Mapping[str, Sequence[bytes]]) -> _Claim:
    """Read the Authorization header; every part that lacks is named in one message, as AWS does."""
    algorithm, _, rest = (_find_single(by_name, "authorization") or "").partition(" ")
    _require_algorithm(algorithm)
    parameters = _parse_parameters(rest)
    date = _find_single(by_name, "x-amz-date") if "x-amz-date" in by_name else _find_date(by_name)
    faults = [
        f"Authorization header requires '{name}' parameter." for name in _HEADER_PARAMETERS if not parameters.get(name)
    ]
    if not date:
        faults.append("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
    if faults or not date:
        raise ProofIncomplete(" ".join(faults))
    return _Claim(
        credential=parameters["Credential"],
        signature=parameters["Signature"],
        signed_headers=parameters["SignedHeaders"],
        timestamp=date,
        security_token=_find_single(by_name, "x-amz-security-token"),
        span=None,
    )


def _parse_parameters(text: str) -> dict[str, str]:
    """Read `Credential=…, SignedHeaders=…, Signature=…`, with or without blanks between."""
    parameters: dict[str, str] = {}
    for part in text.split(","):
        name, equals, value = part.strip(" ").partition("=")
        if name in parameters:
            raise ParameterRepeated("Authorization header gives a parameter more than once.")
        if equals:
            parameters[name] = value
    return parameters


def _parse_query_claim(presented: Sequence[tuple[str, str]], by_name: Mapping[str, Sequence[bytes]]) -> _Claim:
    """Read the parameters of a presigned URL."""
    parameters = {name: _decode(value) for name, value in presented}
    if len(parameters) != len(presented):
        raise ParameterRepeated("A parameter of the presigned URL is given more than once")
    if "x-amz-security-token" in by_name:
        raise ParameterRepeated("A presigned URL carries its session token in the query, not in a header")
    missing = [name for name in _QUERY_PARAMETERS if not parameters.get(name)]
    if missing:
        raise ProofIncomplete(" ".join(f"AWS query-string parameters must include '{name}'." for name in missing))
    _require_algorithm(parameters["X-Amz-Algorithm"])
    return _Claim(
        credential=parameters["X-Amz-Credential"],
        signature=parameters["X-Amz-Signature"],
        signed_headers=parameters["X-Amz-SignedHeaders"],
        timestamp=parameters["X-Amz-Date"],
        security_token=parameters.get("X-Amz-Security-Token"),
        span=_parse_span(parameters.get("X-Amz-Expires")),
    )


def _decode(value: str) -> str:
    return unquote(value, encoding="latin-1") if "%" in value else value


def _require_algorithm(name: str) -> None:
    if name == _ALGORITHM_OF_SIGV4A:
        raise ProofIncomplete(
            f"Signature Version 4A ({_ALGORITHM_OF_SIGV4A}, region sets) is not offered here: sign with {ALGORITHM}"
        )
    if name != ALGORITHM:
        # Only what looks like an algorithm is repeated: a lone token in its place would be a secret in an error.
        shown = f": '{_show(name)}'" if name.startswith("AWS") else ""
        raise ProofIncomplete(f"Unsupported AWS 'algorithm'{shown}.")


def _parse_span(text: str | None) -> timedelta:
    if text is None:
        return PRESIGNED_DEFAULT
    if not _EXPIRES.fullmatch(text) or not 1 <= int(text) <= _PRESIGNED_MAXIMUM_SECONDS:
        raise ProofIncomplete(f"X-Amz-Expires must be a number of seconds from 1 to {_PRESIGNED_MAXIMUM_SECONDS}")
    return timedelta(seconds=int(text))


def _find_date(by_name: Mapping[str, Sequence[bytes]]) -> str | None:
    """Return the instant of the Date header in basic form; a second such header is as good as none.

    The header may have the basic form itself, or that of HTTP. What is neither is returned for the parser to refuse.
    """
    values = by_name.get("date", ())
    if len(values) != 1:
        return None
    text = values[0].strip().decode("latin-1")
    if _INSTANT.fullmatch(text):
        return text
    try:
        at = parsedate_to_datetime(text)
        # Without an offset it ended in -0000, which is UTC (RFC 5322 section 3.3).
        return _render_instant(at if at.tzinfo is None else at.astimezone(UTC))
    except (ValueError, OverflowError):
        return text


def _parse_instant(text: str) -> datetime:
    fault = f"Date must be in ISO-8601 'basic format'. Got '{_show(text)}'."
    basic = _INSTANT.fullmatch(text)
    if basic is None:
        raise ProofIncomplete(fault)
    year, month, day, hour, minute, second = map(int, basic.groups())
    try:
        return datetime(year, month, day, hour, minute, second, tzinfo=UTC)
    except ValueError:
        raise ProofIncomplete(fault) from None


def _parse_signed_headers(text: str, by_name: Mapping[str, Sequence[bytes]]) -> tuple[str, ...]:
    """Return the names of the signed headers; raises when they lack one that must be signed."""
    names = text.split(";")
    if names != sorted(set(names)) or not all(_HEADER_NAME.fullmatch(name) for name in names):
        raise ProofIncomplete("SignedHeaders must be names in lower case, sorted, each given once")
    if "host" not in names:
        raise SignatureMismatch("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    absent = [name for name in names if name not in by_name]
    if absent:
        raise ProofIncomplete(f"The request lacks headers that are named as signed: {_show(', '.join(absent))}")
    unsigned = [name for name in by_name if name.startswith("x-amz-") and name not in names]
    if unsigned:
        raise SignatureMismatch(
            f"There were headers present in the request which were not signed: {_show(', '.join(unsigned))}"
        )
    return tuple(names)


def _parse_credential(claim: _Claim) -> tuple[str, str, str, str]:
    """Return access key id, date, region and service; the date must be the signed instant's."""
    parts = claim.credential.split("/")
    if len(parts) != _CREDENTIAL_PARTS or not all(parts):
        raise ProofIncomplete(
            "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term."
        )
    access_key_id, date, region, service, terminator = parts
    if terminator != _TERMINATOR:
        raise SignatureMismatch(f"Credential should be scoped with a valid terminator: '{_TERMINATOR}'.")
    if not _REGION.fullmatch(region):
        raise SignatureMismatch("Credential should be scoped to a valid region.")
    if date != claim.timestamp[:8]:
        raise SignatureMismatch(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP."
        )
    return access_key_id, date, region, service


def _verify_time(signature: UnverifiedSignature, now: datetime) -> None:
    signed_at = signature.timestamp
    if signature.signed_at > now + TOLERANCE:
        raise SignatureExpired(
            f"Signature not yet current: {signed_at} is still later than {_render_instant(now + TOLERANCE)} "
            f"({_render_instant(now)} + 15 min.)"
        )
    if signature.expires_at is not None:
        if now > signature.expires_at:
            raise PresignedExpired("Request has expired.")
    elif signature.signed_at < now - TOLERANCE:
        raise SignatureExpired(
            f"Signature expired: {signed_at} is now earlier than {_render_instant(now - TOLERANCE)} "
            f"({_render_instant(now)} - 15 min.)"
        )


def _render_instant(at: datetime) -> str:
    return f"{at:{_INSTANT_FORMAT}}"


def _show(text: str) -> str:
    """Return *text* fit for a message: printable ASCII and short."""
    return "".join(c if " " <= c <= "~" else "?" for c in text[:_SHOWN_LENGTH])
