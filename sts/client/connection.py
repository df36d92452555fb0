"""Signed requests to the service, with the credentials that an AWS SDK would find.

botocore looks for them (environment, shared files, profile, and the rest of its chain) and signs; its own sender is
used too, which follows no redirect: a signed request goes to whom it was signed for.
"""

import html
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol
from urllib.parse import urlencode

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import CredentialResolver, ReadOnlyCredentials
from botocore.exceptions import BotoCoreError
from botocore.httpsession import URLLib3Session
from botocore.session import Session

from sts.client.saved_logins import METHOD, LoginCredentials, SavedLogins, find_credentials
from sts.client.sending import find_bundle, normalize_endpoint, open_sender
from sts.errors import AlreadyExists, LoginEnded, Refusal, Unavailable

_SERVICE = "sts"
_AGENT = "sts-client"
_JSON = "application/json"
DEFAULT_REGION = "us-east-1"
_OK = 200
_SERVER_FAULT = 500
_LONGEST_ANSWER = 16 * 1024 * 1024
_NONE = "No credentials are found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or a profile, or run `sts login`"
_OF_HOST = ("container-role", "iam-role")
RECEIPT_INTRODUCTION = "Encoded authorization failure message:"  # what a receipt comes behind
_OVER = frozenset({"ExpiredToken", "InvalidClientTokenId"})
_TAKEN = "EntityAlreadyExists"
_LONGEST_SHOWN = 300  # characters of an answer that is none of the service's
_TAG = re.compile(r"<[^<>]*>", re.ASCII)


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the decoded JSON object, and the request id that the record has too."""

    body: Mapping[str, Any]
    request_id: str


class Credentials(Protocol):
    """What requests are signed with: botocore's own, or those of a login."""

    @property
    def method(self) -> str:
        """Where they are from."""
        ...

    def get_frozen_credentials(self) -> ReadOnlyCredentials:
        """Return them as they are to be used now: refreshed when they are near their end."""
        ...


@dataclass(frozen=True, slots=True)
class Connection:
    """An endpoint, and who calls it."""

    endpoint: str
    region: str
    credentials: Credentials = field(repr=False)
    sender: URLLib3Session = field(repr=False)
    bundle: str | None = None  # as `find_bundle` tells it

    @property
    def holder(self) -> str:
        """Who calls, as far as it can be told here, whatever the credentials of the hour are."""
        if isinstance(self.credentials, LoginCredentials):
            return self.credentials.find_holder()
        return str(self.credentials.get_frozen_credentials().access_key)

    def get(self, path: str, query: Mapping[str, str]) -> Answer:
        """Return the answer to a signed GET; raises Refusal with the service's reason, Unavailable without any."""
        return self._send("GET", path + (f"?{urlencode(query)}" if query else ""), None)

    def post(self, path: str, members: Mapping[str, Any]) -> Answer:
        """Return the answer to a signed POST of *members* as a JSON object; raises what `get` raises."""
        return self._send("POST", path, json.dumps(members).encode("ascii"))

    def _send(self, method: str, address: str, body: bytes | None) -> Answer:
        headers = {"Accept": _JSON, "User-Agent": _AGENT} | ({} if body is None else {"Content-Type": _JSON})
        request = AWSRequest(method=method, url=self.endpoint + address, headers=headers, data=body)
        SigV4Auth(self.credentials.get_frozen_credentials(), _SERVICE, self.region).add_auth(request)
        try:
            response = self.sender.send(request.prepare())
            content: bytes = response.content
        except BotoCoreError as fault:
            raise Unavailable(f"{self.endpoint} does not answer: {fault}") from fault
        told = _parse(content)
        if told is None:
            raise Unavailable(_tell_foreign(self.endpoint, response.status_code, content))
        if response.status_code != _OK:
            raise self.refuse(response.status_code, str(told.get("__type", response.status_code)), told.get("message"))
        return Answer(told, response.headers.get("x-amzn-requestid", ""))

    def refuse(self, status: int, code: str, message: str | None) -> Refusal:
        """Return what to raise for the service's error."""
        words = f"{code}: {_part_receipt(message) or 'no reason is given'}"
        if code in _OVER and self.credentials.method == METHOD:
            return LoginEnded(f"{words}: run `sts login`")
        if code == _TAKEN:
            return AlreadyExists(words)
        return Unavailable(words) if status >= _SERVER_FAULT else Refusal(words)


def _part_receipt(message: str | None) -> str | None:
    """Return *message* with the receipt of a denial behind it, on lines of its own: its reader may not open it."""
    reason, introduction, receipt = (message or "").partition(RECEIPT_INTRODUCTION)
    if not introduction:
        return message
    whom = "Whoever may sts:DecodeAuthorizationMessage in the account learns more from `sts explain` and this"
    return f"{reason.rstrip()}\n{whom}\n{introduction}{receipt}"


def open_connection(endpoint: str, profile: str | None, logins: SavedLogins | None = None) -> Connection:
    """Return a connection to *endpoint*; raises Refusal when no credentials are found, Malformed for no address.

    A login among *logins* comes after the environment and the shared files, and before what the host lends; where a
    *profile* is named it serves nobody.
    """
    endpoint = normalize_endpoint(endpoint)
    try:
        session = Session(profile=profile)
        bundle = find_bundle(session)
        sender = open_sender(endpoint, bundle)
        own, lent = _split_providers(session)
        found: Credentials | None = own.load_credentials()
        if found is None and profile is None and logins is not None:
            found = find_credentials(logins, endpoint, sender)
        if found is None:
            found = lent.load_credentials()
        region = session.get_config_variable("region") or DEFAULT_REGION
    except BotoCoreError as fault:
        raise Refusal(f"No credentials are found: {fault}") from fault
    if found is None:
        raise Refusal(_NONE)
    return Connection(endpoint, region, found, sender, bundle)


def _split_providers(session: Session) -> tuple[CredentialResolver, CredentialResolver]:
    """Return where an AWS SDK looks for credentials, in its order: what is the user's own, then what the host lends."""
    providers = session.get_component("credential_provider").providers
    lent = [each for each in providers if each.METHOD in _OF_HOST]
    return CredentialResolver([each for each in providers if each not in lent]), CredentialResolver(lent)


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
