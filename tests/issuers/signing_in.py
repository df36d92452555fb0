"""Somebody who signs in with a real OpenID provider as a browser would: code flow with PKCE, through its pages."""

import base64
import hashlib
from html.parser import HTMLParser
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

REDIRECT = "http://127.0.0.1:1/callback"  # nobody listens: the code is read from where the browser would be sent
_VERIFIER = "a-code-verifier-that-is-long-enough-for-anybody"
_MOST_STEPS = 12


def sign_in(issuer: str, client_id: str, name: str, password: str) -> str:
    """Return the ID token that *client_id* is given for *name*."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {
        "client_id": client_id,
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "nonce": "n-1",
    }
    with httpx2.Client(timeout=30, trust_env=False) as browser:
        metadata = browser.get(f"{issuer}/.well-known/openid-configuration").json()
        begun = browser.get(metadata["authorization_endpoint"], params=asked)
        redeemed = {
            "grant_type": "authorization_code",
            "code": _walk(browser, begun, {"login": name, "password": password}),
            "client_id": client_id,
            "redirect_uri": REDIRECT,
            "code_verifier": _VERIFIER,
        }
        answer = browser.post(metadata["token_endpoint"], data=redeemed)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id_token"])


class _FirstForm(HTMLParser):
    """Reads where the first form of a page goes, and what it would send."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.action: str | None = None
        self.fields: dict[str, str] = {}
        self.ended = False
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        told = dict(attrs)
        if self.ended:
            return
        if tag == "form":
            self.action = told.get("action") or ""
        elif tag == "input" and self.action is not None and told.get("name"):
            self.fields[str(told["name"])] = told.get("value") or ""

    def handle_endtag(self, tag: str) -> None:
        self.ended = self.ended or tag == "form"


def _walk(browser: httpx2.Client, answer: httpx2.Response, typed: dict[str, str]) -> str:
    """Follow pages and forms to the code at their end; fields of the names in *typed* are filled in."""
    for _ in range(_MOST_STEPS):
        if answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if address.startswith(REDIRECT):
                return parse_qs(urlsplit(address).query)["code"][0]
            answer = browser.get(address)
            continue
        form = _FirstForm(answer.text)
        assert form.action is not None, answer.text
        filled = {name: typed.get(name, value) for name, value in form.fields.items()}
        answer = browser.post(urljoin(str(answer.url), form.action), data=filled)
    raise AssertionError("the provider's pages have no end")
