"""A client's half of Signature Version 4, written from the published steps, for requests at any instant."""

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote, urlencode


@dataclass(frozen=True)
class Key:
    access_key_id: str
    secret: str
    token: str | None = None


def sign(
    key: Key, *, method: str, host: str, path: str, query: str, body: bytes, at: datetime, service: str, region: str
) -> dict[str, str]:
    """Return the headers that make the request a signed one."""
    stamp = at.strftime("%Y%m%dT%H%M%SZ")
    headers = {"host": host, "x-amz-date": stamp}
    if key.token is not None:
        headers["x-amz-security-token"] = key.token
    names = ";".join(sorted(headers))
    lines = "".join(f"{name}:{headers[name]}\n" for name in sorted(headers))
    request = "\n".join([method, path, query, lines, names, hashlib.sha256(body).hexdigest()])
    scope = f"{stamp[:8]}/{region}/{service}/aws4_request"
    text = "\n".join(["AWS4-HMAC-SHA256", stamp, scope, hashlib.sha256(request.encode()).hexdigest()])
    signing_key = f"AWS4{key.secret}".encode()
    for part in (stamp[:8], region, service, "aws4_request"):
        signing_key = hmac.digest(signing_key, part.encode(), "sha256")
    signature = hmac.new(signing_key, text.encode(), "sha256").hexdigest()
    credential = f"{key.access_key_id}/{scope}"
    headers["authorization"] = f"AWS4-HMAC-SHA256 Credential={credential}, SignedHeaders={names}, Signature={signature}"
    return headers


def encode(parameters: dict[str, str]) -> str:
    return urlencode(parameters, quote_via=quote, safe="~")
