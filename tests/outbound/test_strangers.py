"""Tokens of GetWebIdentityToken as strangers verify them: minted by real clients, checked by PyJWT."""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest

from sts.outbound import NAMESPACE
from tests.aws.cli import Cli, as_environment, open_cli
from tests.aws.clients import key_of, make_role, make_user, refused
from tests.installed import get_installed
from tests.outbound.strangers import KEYS, METADATA, Stranger, fetch
from tests.service import REGION, Service, Tenant, allow, trust

AUDIENCE = "https://api.example.com"
MINTING = ["sts:GetWebIdentityToken", "sts:TagGetWebIdentityToken"]
ALGORITHMS = ["RS256", "ES384"]


@pytest.fixture
def issuer(iam: Any) -> str:
    return str(iam.enable_outbound_web_identity_federation()["IssuerIdentifier"])


def mint(sts: Any, algorithm: str = "ES384", **wish: Any) -> str:
    return str(
        sts.get_web_identity_token(**{"Audience": [AUDIENCE], **wish}, SigningAlgorithm=algorithm)["WebIdentityToken"]
    )


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_stranger_learns_who_a_user_is(sts: Any, resident: Tenant, issuer: str, algorithm: str) -> None:
    answer = sts.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm=algorithm)
    token = answer["WebIdentityToken"]
    assert jwt.get_unverified_header(token)["alg"] == algorithm
    assert jwt.get_unverified_header(token)["typ"] == "JWT"
    claims = Stranger(issuer, AUDIENCE).identify(token, algorithm)
    arn = f"arn:aws:iam::{resident.account_id}:user/admin"
    assert claims["sub"] == arn
    assert claims[NAMESPACE] == {"aws_account": resident.account_id, "source_region": REGION, "principal_id": arn}
    assert claims["exp"] - claims["iat"] == 300
    assert answer["Expiration"] == datetime.fromtimestamp(claims["exp"], UTC)
    assert claims.keys() == {"iss", "sub", "aud", "iat", "exp", "jti", NAMESPACE}


def test_a_stranger_learns_which_role_a_session_is_of_and_what_it_brings(
    server: Service, iam: Any, resident: Tenant, issuer: str
) -> None:
    own = f"arn:aws:iam::{resident.account_id}:user/admin"
    team, cost = {"Key": "team", "Value": "blue"}, {"Key": "cost", "Value": "7"}
    trusted = trust(own).replace('"sts:AssumeRole"', '["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"]')
    role = make_role(iam, "runner", trusted, allow(MINTING), Path="/jobs/", Tags=[team, cost])
    assumed = server.boto("sts", resident.key).assume_role(
        RoleArn=role, RoleSessionName="night", SourceIdentity="ann", Tags=[{"Key": "Team", "Value": "red"}]
    )
    token = mint(server.boto("sts", key_of(assumed)), Tags=[{"Key": "job", "Value": "ä/1"}], DurationSeconds=60)
    claims = Stranger(issuer, AUDIENCE).identify(token, "ES384")
    assert claims["sub"] == f"arn:aws:iam::{resident.account_id}:role/jobs/runner"
    assert claims["exp"] - claims["iat"] == 60
    assert claims[NAMESPACE] == {
        "aws_account": resident.account_id,
        "source_region": REGION,
        "principal_id": claims["sub"],
        "principal_tags": {"cost": "7", "Team": "red"},
        "request_tags": {"job": "ä/1"},
        "original_session_exp": assumed["Credentials"]["Expiration"].strftime("%Y-%m-%dT%H:%M:%SZ"),
        "source_identity": "ann",
    }


def test_a_token_for_many_is_for_each_of_them(sts: Any, issuer: str) -> None:
    audiences = [f"https://{number}.example.com" for number in range(10)]
    token = mint(sts, Audience=audiences)
    unverified = jwt.decode(token, options={"verify_signature": False})
    assert unverified["aud"] == audiences
    key = jwt.PyJWKClient(issuer + KEYS).get_signing_key_from_jwt(token)
    for audience in audiences:
        claims = jwt.decode(token, key, algorithms=["ES384"], audience=audience, issuer=issuer)
        assert claims["jti"] == unverified["jti"]
    with refused("ValidationError"):
        mint(sts, Audience=[*audiences, "https://more.example.com"])


def test_no_two_tokens_have_one_identifier(sts: Any, issuer: str) -> None:
    stranger = Stranger(issuer, AUDIENCE)
    identifiers = [stranger.identify(mint(sts), "ES384")["jti"] for _ in range(3)]
    assert len(set(identifiers)) == 3


def test_a_stranger_refuses_a_token_that_is_for_somebody_else(sts: Any, issuer: str) -> None:
    token = mint(sts, Audience=["https://other.example.com"])
    with pytest.raises(jwt.InvalidAudienceError):
        Stranger(issuer, AUDIENCE).identify(token, "ES384")


def test_a_stranger_tells_two_accounts_apart_by_their_issuers(server: Service, sts: Any, issuer: str) -> None:
    """Both sign with the same keys: who looks at the signature alone takes one for the other."""
    other = server.tenant()
    theirs = server.boto("iam", other.key).enable_outbound_web_identity_federation()["IssuerIdentifier"]
    assert theirs != issuer
    assert fetch(theirs + KEYS).json() == fetch(issuer + KEYS).json()
    token = mint(server.boto("sts", other.key))
    assert Stranger(theirs, AUDIENCE).identify(token, "ES384")[NAMESPACE]["aws_account"] == other.account_id
    with pytest.raises(jwt.InvalidIssuerError):
        Stranger(issuer, AUDIENCE).identify(token, "ES384")
    with pytest.raises(jwt.InvalidIssuerError):
        Stranger(theirs, AUDIENCE).identify(mint(sts), "ES384")


def test_the_keys_are_those_that_web_identity_tokens_are_signed_with_and_no_other(sts: Any, issuer: str) -> None:
    keys = fetch(issuer + KEYS).json()["keys"]
    assert {(key["kty"], key["alg"], key["use"]) for key in keys} == {("RSA", "RS256", "sig"), ("EC", "ES384", "sig")}
    assert all({"kid", "alg", "use"} < key.keys() and not {"d", "p", "q", "k"} & key.keys() for key in keys)
    assert {jwt.get_unverified_header(mint(sts, each))["kid"] for each in ALGORITHMS} <= {key["kid"] for key in keys}
    everything = fetch(issuer.partition("/outbound/")[0] + "/.well-known/jwks.json").json()["keys"]
    assert {key["alg"] for key in everything} - {key["alg"] for key in keys} == {"ES256"}


def test_the_metadata_names_the_issuer_and_its_keys_and_no_endpoint_that_is_not_there(issuer: str) -> None:
    answer = fetch(issuer + METADATA)
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == {
        "issuer": issuer,
        "jwks_uri": issuer + KEYS,
        "response_types_supported": ["id_token"],
        "subject_types_supported": ["public"],
        "id_token_signing_alg_values_supported": ALGORITHMS,
        "claims_supported": ["iss", "sub", "aud", "iat", "exp", "jti", NAMESPACE],
    }


@pytest.fixture(params=["TEST_AWS_V1", "TEST_AWS_V2"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, server: Service) -> Cli:
    """The CLI, which knows the service and nobody's keys; its older line would fetch a URL that it is given."""
    (tmp_path / ".aws").mkdir()
    (tmp_path / ".aws" / "config").write_text("[default]\ncli_follow_urlparam = false\n")
    return open_cli(get_installed(request.param), tmp_path, server.url)


def test_the_cli_makes_an_account_an_issuer_and_gets_tokens_of_it(cli: Cli, resident: Tenant) -> None:
    me = as_environment(resident.key)
    said = cli.fail("iam", "get-outbound-web-identity-federation-info", **me)
    assert "(FeatureDisabled)" in said
    issuer = cli.get("iam", "enable-outbound-web-identity-federation", **me)["IssuerIdentifier"]
    assert "(FeatureEnabled)" in cli.fail("iam", "enable-outbound-web-identity-federation", **me)
    info = cli.get("iam", "get-outbound-web-identity-federation-info", **me)
    assert (info["IssuerIdentifier"], info["JwtVendingEnabled"]) == (issuer, True)
    words = ("sts", "get-web-identity-token", "--audience", AUDIENCE, "--signing-algorithm", "RS256")
    token = cli.get(*words, "--duration-seconds", "90", "--tags", "Key=job,Value=7", **me)["WebIdentityToken"]
    claims = Stranger(issuer, AUDIENCE).identify(token, "RS256")
    assert claims[NAMESPACE]["request_tags"] == {"job": "7"}
    assert timedelta(seconds=claims["exp"] - claims["iat"]) == timedelta(seconds=90)
    cli.get("iam", "disable-outbound-web-identity-federation", **me)
    assert "(OutboundWebIdentityFederationDisabledException)" in cli.fail(*words, **me)
    assert fetch(issuer + KEYS).status_code == 404


def test_who_may_not_is_told_what_and_on_what(server: Service, iam: Any, resident: Tenant, issuer: str) -> None:
    assert issuer
    plain = server.boto("sts", make_user(iam, "plain", allow("sts:GetWebIdentityToken")))
    assert mint(plain)
    own = f"arn:aws:sts::{resident.account_id}:self"
    with refused("AccessDenied", 403, f"to perform: sts:TagGetWebIdentityToken on resource: {own}"):
        mint(plain, Tags=[{"Key": "job", "Value": "7"}])
    bare = server.boto("sts", make_user(iam, "bare"))
    with refused("AccessDenied", 403, f"to perform: sts:GetWebIdentityToken on resource: {own}"):
        mint(bare)
    exact = server.boto("sts", make_user(iam, "exact", allow(MINTING, own)))
    assert mint(exact, Tags=[{"Key": "job", "Value": "7"}])
