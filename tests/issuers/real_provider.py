"""A real OpenID provider, and somebody who signs in with it as a browser would."""

import base64
import hashlib
import json
import os
import re
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import parse_qs, urljoin, urlsplit

import httpx2

from tests.installed import get_installed

SCRIPT = Path(__file__).with_name("provider.mjs")
REDIRECT = "http://127.0.0.1:1/callback"  # nobody listens: the code is read from where the browser would be sent
_VERIFIER = "a-code-verifier-that-is-long-enough-for-anybody"
_MOST_STEPS = 12


@contextmanager
def real_provider(port: int) -> Iterator[str]:
    """Run the provider on *port*, with keys that it makes now, and return its issuer."""
    issuer = f"http://127.0.0.1:{port}"
    told = json.dumps({"issuer": issuer, "port": port, "redirect": REDIRECT})
    environment = {
        "PATH": os.environ["PATH"],
        "TEST_NODE_MODULES": get_installed("TEST_NODE_MODULES"),
        "PROVIDER": told,
    }
    command = [get_installed("TEST_NODE"), str(SCRIPT)]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == b"listening\n", process.stderr and process.stderr.read()
            yield issuer
        finally:
            process.terminate()


def sign_in(issuer: str, algorithm: str, name: str) -> str:
    """Return the ID token that *name* is given, signed with *algorithm*: code flow with PKCE, through the pages."""
    challenge = base64.urlsafe_b64encode(hashlib.sha256(_VERIFIER.encode()).digest()).decode().rstrip("=")
    asked = {
        "client_id": f"client-{algorithm}",
        "response_type": "code",
        "scope": "openid",
        "redirect_uri": REDIRECT,
        "code_challenge": challenge,
        "code_challenge_method": "S256",
        "nonce": "n-1",
    }
    with httpx2.Client(timeout=10, trust_env=False) as browser:
        code = _walk(browser, browser.get(f"{issuer}/auth", params=asked), name)
        redeemed = {
            "grant_type": "authorization_code",
            "code": code,
            "client_id": f"client-{algorithm}",
            "redirect_uri": REDIRECT,
            "code_verifier": _VERIFIER,
        }
        answer = browser.post(f"{issuer}/token", data=redeemed)
    assert answer.status_code == 200, answer.text
    return str(answer.json()["id_token"])


def _walk(browser: httpx2.Client, answer: httpx2.Response, name: str) -> str:
    """Follow pages and forms, the sign-in and the consent, to the code at their end."""
    for _ in range(_MOST_STEPS):
        if answer.is_redirect:
            address = urljoin(str(answer.url), answer.headers["location"])
            if address.startswith(REDIRECT):
                return parse_qs(urlsplit(address).query)["code"][0]
            answer = browser.get(address)
            continue
        form = re.search(r'<form[^>]*action="([^"]+)"[^>]*>(.*?)</form>', answer.text, re.DOTALL)
        assert form is not None, answer.text
        fields = dict(re.findall(r'name="(\w+)" value="(\w*)"', form[2])) | {"login": name, "password": "any"}
        answer = browser.post(urljoin(str(answer.url), form[1]), data=fields)
    raise AssertionError("the provider's pages have no end")
