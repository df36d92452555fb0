"""Signed requests to the service, with the credentials that an AWS SDK would find.

botocore looks for them (environment, shared files, profile, and the rest of its chain) and signs; its own sender is
used too, which follows no redirect: a signed request goes to whom it was signed for.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode, urlsplit

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.session import Session
from botocore.utils import get_environ_proxies

from sts.errors import Malformed, Refusal, Unavailable

_SERVICE = "sts"
_AGENT = "sts-client"
_JSON = "application/json"
_DEFAULT_REGION = "us-east-1"
_OK = 200
_SERVER_FAULT = 500
_TIMEOUT_SECONDS = 30
_LONGEST_ANSWER = 16 * 1024 * 1024
_LONGEST_SHOWN = 300  # characters of an answer that is none of the service's
_TAG = re.compile(r"<[^<>]*>", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the decoded JSON object, and the request id that the record has too."""

    body: Mapping[str, Any]
    request_id: str


@dataclass(frozen=True, slots=True)
class Connection:
    """An endpoint, and who calls it."""

    endpoint: str
    region: str
    credentials: ReadOnlyCredentials = field(repr=False)
    sender: URLLib3Session = field(repr=False)
    bundle: str | bool = True  # the file of the authorities that the endpoint's certificate is verified by

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return the answer to a signed GET; raises Refusal with the service's reason, Unavailable without any."""
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def post(self, path: str, members: Mapping[str, Any]) -> Answer:
        """Return the answer to a signed POST of *members* as a JSON object; raises what `get` raises."""
        return self._send("POST", path, json.dumps(members).encode("ascii"))

    def _send(self, method: str, address: str, body: bytes | None) -> Answer:
        headers = {"Accept": _JSON, "User-Agent": _AGENT} | ({} if body is None else {"Content-Type": _JSON})
        request = AWSRequest(method=method, url=self.endpoint + address, headers=headers, data=body)
        SigV4Auth(self.credentials, _SERVICE, self.region).add_auth(request)
        try:
            response = self.sender.send(request.prepare())
            content: bytes = response.content
        except BotoCoreError as fault:
            raise Unavailable(f"{self.endpoint} does not answer: {fault}") from fault
        told = _parse(content)
        if told is None:
            raise Unavailable(_tell_foreign(self.endpoint, response.status_code, content))
        if response.status_code != _OK:
            raise _refusal(response.status_code, told)
        return Answer(told, response.headers.get("x-amzn-requestid", ""))


def open_connection(endpoint: str, profile: str | None) -> Connection:
    """Return a connection to *endpoint*; raises Refusal when no credentials are found, Malformed for no address."""
    endpoint = endpoint.rstrip("/")
    if urlsplit(endpoint).scheme not in {"http", "https"} or not urlsplit(endpoint).hostname:
        raise Malformed(f"{endpoint} is not an address such as https://sts.example.com")
    try:
        session = Session(profile=profile)
        found = session.get_credentials()
        if found is None:
            raise Refusal("No credentials are found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile")
        region = session.get_config_variable("region") or _DEFAULT_REGION
        bundle = session.get_config_variable("ca_bundle") or True
        credentials = found.get_frozen_credentials()
    except BotoCoreError as fault:
        raise Refusal(f"No credentials are found: {fault}") from fault
    sender = URLLib3Session(verify=bundle, proxies=get_environ_proxies(endpoint), timeout=_TIMEOUT_SECONDS)
    return Connection(endpoint, region, credentials, sender, bundle)


def _parse(content: bytes) -> Mapping[str, Any] | None:
    """Return the object that *content* is; None for what is no answer of the service's."""
    try:
        told = json.loads(content) if len(content) <= _LONGEST_ANSWER else None
    except ValueError:
        return None
    return told if isinstance(told, dict) else None


def _tell_foreign(endpoint: str, status: int, content: bytes) -> str:
    """Return what to say of an answer of whoever stands before the service: a balancer's error, a page."""
    said = _quote(content[:_LONGEST_ANSWER].decode("utf-8", "replace"))
    return f"{endpoint} answers {status} with something else than this service's JSON{said and f': {said}'}"


def _quote(text: str) -> str:
    """Return the code and message of AWS's error, or the words of a page: one short line, safe for a terminal."""
    named = [re.search(rf"<{name}>([^<]+)</{name}>", text, re.ASCII) for name in ("Code", "Message")]
    said = ": ".join(each[1] for each in named if each) or _TAG.sub(" ", text)
    line = " ".join(html.unescape(said).split())
    return "".join(character for character in line[:_LONGEST_SHOWN] if character.isprintable())


def _refusal(status: int, told: Mapping[str, Any]) -> Refusal:
    message = f"{told.get('__type', status)}: {told.get('message', 'no reason is given')}"
    return Unavailable(message) if status >= _SERVER_FAULT else Refusal(message)
