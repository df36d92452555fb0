"""What the page about outbound federation shows is so: its code runs, and its policies are taken."""

import json
import re
from pathlib import Path
from typing import Any

import jwt
import pytest

from tests.aws.clients import make_role, make_user, refused
from tests.service import Service, Tenant

PAGE = (Path(__file__).parents[2] / "docs" / "outbound-federation.md").read_text(encoding="utf-8")
EXAMPLE = "https://sts.example.com/outbound/1f0e2d3c-4b5a-4697-8877-665544332211"
AUDIENCE = "https://api.example.com"


def _blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)


def test_the_python_of_the_page_identifies_who_shows_a_token_and_nobody_else(
    server: Service, iam: Any, sts: Any, resident: Tenant
) -> None:
    (source,) = _blocks("python")
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert source.count(EXAMPLE) == 1
    names: dict[str, Any] = {}
    exec(source.replace(EXAMPLE, issuer), names)  # noqa: S102  our own page
    token = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    assert names["identify"](token) == f"arn:aws:iam::{resident.account_id}:user/admin"
    other = server.tenant()
    server.boto("iam", other.key).enable_outbound_web_identity_federation()
    theirs = server.boto("sts", other.key).get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")
    with pytest.raises(jwt.InvalidIssuerError):
        names["identify"](theirs["WebIdentityToken"])


def test_the_policy_of_the_page_gives_what_it_says_and_no_more(server: Service, iam: Any) -> None:
    iam.enable_outbound_web_identity_federation()
    limited = server.boto("sts", make_user(iam, "limited", _blocks("json")[0]))
    wish: dict[str, Any] = {"Audience": [AUDIENCE], "SigningAlgorithm": "ES384"}
    assert limited.get_web_identity_token(**wish)["WebIdentityToken"]
    for more in (
        {"Audience": [AUDIENCE, "https://other.example.com"]},
        {"DurationSeconds": 301},
        {"SigningAlgorithm": "RS256"},
    ):
        with refused("AccessDenied", 403):
            limited.get_web_identity_token(**{**wish, **more})


def test_the_trust_policy_of_the_page_is_taken(iam: Any, resident: Tenant) -> None:
    policy = _blocks("json")[1]
    (arn,) = set(re.findall(r'"Federated": "(.*?)"', policy))
    iam.create_open_id_connect_provider(Url=EXAMPLE, ClientIDList=["https://sts.example.net"])
    own = policy.replace(arn.split(":")[4], resident.account_id)
    role = make_role(iam, "visitor", own)
    kept = iam.get_role(RoleName="visitor")["Role"]
    assert kept["Arn"] == role
    assert kept["AssumeRolePolicyDocument"] == json.loads(own)
