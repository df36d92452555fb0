"""Requests exactly as written: repeated headers, any method and path, bodies of any framing."""

import hashlib
import hmac
import http.client
import json
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

from tests.service import REGION, VERSIONS, Reply, Service
from tests.signing import Key, encode

FORM = "application/x-www-form-urlencoded"
IDENTIFY = b"Action=GetCallerIdentity&Version=2011-06-15"


@dataclass(frozen=True, kw_only=True)
class Request:
    """A request as it goes out; *headers* hold every header but those of the framing, Host included."""

    method: str = "POST"
    path: str = "/"
    query: str = ""
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def having(self, *headers: tuple[str, str]) -> "Request":
        """Return the request with *headers* added."""
        return replace(self, headers=(*self.headers, *headers))

    def with_header(self, name: str, value: str) -> "Request":
        """Return the request with the header *name* changed to *value*."""
        assert name in dict(self.headers), name
        return replace(self, headers=tuple((n, value if n == name else v) for n, v in self.headers))

    def header(self, name: str) -> str:
        """Return the value of the header *name*."""
        return dict(self.headers)[name]


@dataclass(frozen=True, kw_only=True)
class Signing:
    """How a client signs: what it may get wrong on purpose has a field."""

    service: str = "sts"
    region: str = REGION
    scope_date: str | None = None
    terminator: str = "aws4_request"
    algorithm: str = "AWS4-HMAC-SHA256"
    unsigned: frozenset[str] = field(default_factory=frozenset)


def form(action: str, service: str = "sts", **parameters: str) -> bytes:
    """Return the body that calls *action*."""
    return encode({"Action": action, "Version": VERSIONS[service], **parameters}).encode()


def post(service: Service, body: bytes = IDENTIFY) -> Request:
    """Return an unsigned form that goes to *service*."""
    return Request(headers=(("host", service.host), ("content-type", FORM)), body=body)


def stamp(at: datetime) -> str:
    """Return the instant in the form that is signed."""
    return at.strftime("%Y%m%dT%H%M%SZ")


def sign_headers(request: Request, key: Key, at: datetime, how: Signing | None = None) -> Request:
    """Return *request* signed in its Authorization header, over all headers that *how* does not leave out."""
    how = how or Signing()
    more = [("x-amz-date", stamp(at))] + ([] if key.token is None else [("x-amz-security-token", key.token)])
    request = request.having(*more)
    names = sorted({name for name, _ in request.headers} - how.unsigned)
    scope, signature = _sign(request, request.query, names, hashlib.sha256(request.body).hexdigest(), key, at, how)
    authorization = (
        f"{how.algorithm} Credential={key.access_key_id}/{scope}, SignedHeaders={';'.join(names)}, "
        f"Signature={signature}"
    )
    return request.having(("authorization", authorization))


def presign(
    service: Service, key: Key, at: datetime, expires: str | None = None, how: Signing | None = None, **parameters: str
) -> Request:
    """Return a presigned URL, as a GET of *parameters* (of GetCallerIdentity when there are none)."""
    how = how or Signing()
    asked = parameters or {"Action": "GetCallerIdentity", "Version": VERSIONS["sts"]}
    scope = _scope(at, how)
    pairs = {
        **asked,
        "X-Amz-Algorithm": how.algorithm,
        "X-Amz-Credential": f"{key.access_key_id}/{scope}",
        "X-Amz-Date": stamp(at),
        "X-Amz-SignedHeaders": "host",
        **({} if expires is None else {"X-Amz-Expires": expires}),
        **({} if key.token is None else {"X-Amz-Security-Token": key.token}),
    }
    query = "&".join(sorted(f"{quote(name, safe='~')}={quote(value, safe='~')}" for name, value in pairs.items()))
    request = Request(method="GET", headers=(("host", service.host),), query=query)
    _, signature = _sign(request, query, ["host"], hashlib.sha256(b"").hexdigest(), key, at, how)
    return replace(request, query=f"{query}&X-Amz-Signature={signature}")


def _scope(at: datetime, how: Signing) -> str:
    return f"{how.scope_date or at.strftime('%Y%m%d')}/{how.region}/{how.service}/{how.terminator}"


def _sign(
    request: Request, query: str, names: list[str], payload_hash: str, key: Key, at: datetime, how: Signing
) -> tuple[str, str]:
    lines = "".join(
        f"{name}:{','.join(value.strip() for other, value in request.headers if other == name)}\n" for name in names
    )
    canonical = "\n".join([request.method, request.path, query, lines, ";".join(names), payload_hash])
    scope = _scope(at, how)
    text = "\n".join([how.algorithm, stamp(at), scope, hashlib.sha256(canonical.encode()).hexdigest()])
    signing_key = f"AWS4{key.secret}".encode()
    for part in scope.split("/"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    return scope, hmac.new(signing_key, text.encode(), "sha256").hexdigest()


def send(service: Service, request: Request, chunks: Iterable[bytes] | None = None) -> Reply:
    """Send *request* as it stands; with *chunks* they are its body, without an announced length."""
    connection = http.client.HTTPConnection(service.host, timeout=30)
    try:
        target = request.path + (f"?{request.query}" if request.query else "")
        connection.putrequest(request.method, target, skip_host=True, skip_accept_encoding=True)
        for name, value in request.headers:
            connection.putheader(name, value.encode("latin-1"))
        if chunks is not None:
            connection.putheader("transfer-encoding", "chunked")
            connection.endheaders(chunks, encode_chunked=True)
        elif request.body or request.method == "POST":
            connection.putheader("content-length", str(len(request.body)))
            connection.endheaders(request.body)
        else:
            connection.endheaders()
        answer = connection.getresponse()
        return Reply(answer.status, httpx2.Headers(answer.getheaders()), answer.read())
    finally:
        connection.close()


def invoke(service: Service, key: Key | None, action: str, of: str = "iam", **parameters: str) -> Reply:
    """Call *action* of the service *of*, signed at the time of *service*."""
    request = post(service, form(action, of, **parameters))
    if key is not None:
        request = sign_headers(request, key, service.clock.now(), Signing(service=of))
    return send(service, request)


def assume(service: Service, key: Key, role_arn: str, name: str = "session", **parameters: str) -> Reply:
    """Call AssumeRole."""
    return invoke(service, key, "AssumeRole", "sts", RoleArn=role_arn, RoleSessionName=name, **parameters)


def as_json(reply: Reply) -> dict[str, Any]:
    """Return the JSON object that *reply* is."""
    decoded = json.loads(reply.body)
    assert isinstance(decoded, dict)
    return decoded


def told(reply: Reply) -> tuple[int, str]:
    """Return status and error code of an answer in XML."""
    return reply.status, reply.code


def verify_form_of_error(reply: Reply) -> None:
    """Raise unless *reply* is an error as AWS writes them: a request id in body and header, a Date, nothing to keep."""
    assert reply.text("RequestId") == reply.headers["x-amzn-requestid"]
    assert reply.headers["date"]
    assert reply.headers["cache-control"] == "no-store"
    assert reply.text("Type") == ("Sender" if reply.status < 500 else "Receiver")
    assert reply.message
