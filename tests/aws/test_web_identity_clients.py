"""Unmodified clients that are told a role and a file with a token, and nothing else."""

from collections.abc import Callable, Mapping
from pathlib import Path

import boto3
import pytest
from botocore.exceptions import ClientError

from tests.aws.cli import Cli, as_environment, open_cli
from tests.aws.javascript import walk
from tests.federation import DENIED, ISSUER, Realm, register
from tests.installed import get_installed
from tests.service import REGION, Service, Tenant

Identify = Callable[[Mapping[str, str]], str]  # takes an environment; returns an ARN, or the code of a refusal


@pytest.fixture
def realm(server: Service, resident: Tenant) -> Realm:
    return register(server, resident, ISSUER)


@pytest.fixture
def token_file(realm: Realm, tmp_path: Path) -> Path:
    kept = tmp_path / "token"
    kept.write_text(realm.token(sub="ann"))
    return kept


def _boto3(environment: Mapping[str, str], monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    try:
        arn: str = boto3.Session().client("sts").get_caller_identity()["Arn"]
    except ClientError as refusal:
        code: str = refusal.response["Error"]["Code"]
        return code
    return arn


def _cli(cli: Cli, environment: Mapping[str, str]) -> str:
    words = ("sts", "get-caller-identity")
    done = cli.run(*words, **environment)
    if done.returncode == 0:
        return str(cli.get(*words, **environment)["Arn"])
    return done.stderr.partition("An error occurred (")[2].partition(")")[0]


def _javascript(server: Service, resident: Tenant, environment: Mapping[str, str]) -> str:
    found = walk("federate", server, resident.key, environment)
    return str(found["arn"] if "arn" in found else found["refusal"]["name"])


CLIENTS = ("boto3", "the CLI, version 1", "the CLI, version 2", "the SDK for JavaScript")


@pytest.fixture(params=CLIENTS)
def identify(
    request: pytest.FixtureRequest,
    server: Service,
    resident: Tenant,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Identify:
    if request.param == "boto3":
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"):
            monkeypatch.delenv(name, raising=False)
        return lambda environment: _boto3(environment, monkeypatch)
    if request.param == "the SDK for JavaScript":
        return lambda environment: _javascript(server, resident, environment)
    program = get_installed("TEST_AWS_V1" if request.param.endswith("1") else "TEST_AWS_V2")
    cli = open_cli(program, tmp_path, server.url)
    return lambda environment: _cli(cli, environment)


def _point(server: Service, role_arn: str, token_file: Path) -> dict[str, str]:
    return {
        "AWS_ENDPOINT_URL": server.url,
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": str(token_file.with_name("no-config")),
        "AWS_SHARED_CREDENTIALS_FILE": str(token_file.with_name("no-credentials")),
        "AWS_ROLE_ARN": role_arn,
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(token_file),
    }


def test_a_role_and_a_token_file_are_all_that_a_client_needs(
    realm: Realm, server: Service, token_file: Path, identify: Identify
) -> None:
    only_ann = {"StringEquals": {f"{realm.locator}:sub": "ann"}}
    arn = realm.make_role("worker", realm.trusts(condition=only_ann))
    told = _point(server, arn, token_file) | {"AWS_ROLE_SESSION_NAME": "build-7"}
    assert identify(told) == f"arn:aws:sts::{realm.tenant.account_id}:assumed-role/worker/build-7"
    token_file.write_text(realm.token(sub="bob"))
    assert identify(told) == "AccessDenied"


def test_a_client_names_its_session_itself(realm: Realm, server: Service, token_file: Path, identify: Identify) -> None:
    arn = realm.make_role("worker")
    session = f"arn:aws:sts::{realm.tenant.account_id}:assumed-role/worker/"
    assert identify(_point(server, arn, token_file)).startswith(session)


@pytest.mark.parametrize(
    ("changes", "codes"),
    [
        ({"iat": 0, "exp": 1}, {"ExpiredTokenException"}),
        ({"aud": "another"}, {"InvalidIdentityToken", "InvalidIdentityTokenException"}),
    ],
)
def test_clients_know_the_model_s_errors(
    realm: Realm, server: Service, token_file: Path, identify: Identify, changes: dict[str, int | str], codes: set[str]
) -> None:
    token_file.write_text(realm.token(**changes))
    assert identify(_point(server, realm.make_role("worker"), token_file)) in codes


@pytest.mark.parametrize("version", ["TEST_AWS_V1", "TEST_AWS_V2"])
def test_the_command_line_s_own_command_prints_what_was_assumed(
    realm: Realm, server: Service, token_file: Path, tmp_path: Path, version: str
) -> None:
    cli = open_cli(get_installed(version), tmp_path, server.url)
    arn = realm.make_role("worker")
    words = ("sts", "assume-role-with-web-identity", "--role-session-name", "me", "--duration-seconds", "900")
    given = ("--web-identity-token", token_file.read_text())
    said = cli.get(*words, "--role-arn", arn, *given)
    assert (said["Provider"], said["Audience"], said["SubjectFromWebIdentityToken"]) == (
        realm.arn, "sts.amazonaws.com", "ann"
    )  # fmt: skip
    assert said["AssumedRoleUser"]["Arn"].endswith(":assumed-role/worker/me")
    assert DENIED in cli.fail(*words, "--role-arn", f"{arn}s", *given)
    # A key in the environment signs nothing here.
    assert cli.get(*words, "--role-arn", arn, *given, **as_environment(realm.tenant.key))["Audience"]
