"""The AWS CLI, both of its lines: through the environment, profile files, and profiles that assume a role."""

import json
import stat
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cli import Cli, as_environment, open_cli
from tests.aws.clients import key_of, make_role, make_user
from tests.installed import get_installed
from tests.service import REGION, Service, Tenant, allow, trust
from tests.signing import Key


@pytest.fixture(params=["TEST_AWS_V1", "TEST_AWS_V2"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, server: Service) -> Cli:
    """The CLI, which knows the service and nobody's keys."""
    return open_cli(get_installed(request.param), tmp_path, server.url)


def test_the_environment_carries_a_key_through_iam_and_sts(cli: Cli, resident: Tenant) -> None:
    me, own = as_environment(resident.key), f"arn:aws:iam::{resident.account_id}"
    assert cli.get("sts", "get-caller-identity", **me)["Arn"] == f"{own}:user/admin"
    cli.get("iam", "create-user", "--user-name", "x+u@x=,.", "--path", "/staff/", **me)
    minted = cli.get("iam", "create-access-key", "--user-name", "x+u@x=,.", **me)["AccessKey"]
    key = as_environment(Key(minted["AccessKeyId"], minted["SecretAccessKey"]))
    listed = cli.get("iam", "list-users", "--path-prefix", "/staff/", "--page-size", "1", **me)["Users"]
    assert [user["UserName"] for user in listed] == ["x+u@x=,."]
    trusting = trust(f"{own}:user/staff/x+u@x=,.")
    role = cli.get(
        "iam", "create-role", "--role-name", "reader", "--assume-role-policy-document", trusting, **me
    )["Role"]  # fmt: skip
    assert role["AssumeRolePolicyDocument"] == json.loads(trusting)
    cli.get("iam", "attach-role-policy", "--role-name", "reader",
            "--policy-arn", "arn:aws:iam::aws:policy/IAMReadOnlyAccess", **me)  # fmt: skip
    assumed = cli.get("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "cli", **key)
    session = as_environment(key_of(assumed))
    arn = f"arn:aws:sts::{resident.account_id}:assumed-role/reader/cli"
    assert cli.get("sts", "get-caller-identity", **session)["Arn"] == arn
    assert {each["RoleName"] for each in cli.get("iam", "list-roles", **session)["Roles"]} == {"reader"}
    said, _, receipt = cli.fail("iam", "create-user", "--user-name", "more", **session).partition(" Encoded ")
    assert receipt
    assert said.endswith(
        "An error occurred (AccessDenied) when calling the CreateUser operation: "
        f"User: {arn} is not authorized to perform: iam:CreateUser on resource: {own}:user/more "
        "because no identity-based policy allows the iam:CreateUser action"
    )


def test_groups_and_policies_are_kept_by_the_cli(cli: Cli, resident: Tenant, tmp_path: Path) -> None:
    me = as_environment(resident.key)
    text = tmp_path / "policy.json"
    text.write_text(json.dumps(json.loads(allow("iam:ListUsers")), indent=4))
    made = cli.get(
        "iam", "create-policy", "--policy-name", "p", "--policy-document", f"file://{text}",
        "--description", "ä +=&/%:@ 漢", **me, PYTHONUTF8="1", LC_ALL="C.UTF-8",
    )["Policy"]  # fmt: skip
    shown = cli.get("iam", "get-policy-version", "--policy-arn", made["Arn"], "--version-id", "v1", **me)
    assert shown["PolicyVersion"]["Document"] == json.loads(text.read_text())
    described = cli.get("iam", "get-policy", "--policy-arn", made["Arn"], **me, LC_ALL="C.UTF-8")["Policy"]
    assert described["Description"] == "ä +=&/%:@ 漢"
    cli.get("iam", "create-group", "--group-name", "g", **me)
    cli.get("iam", "attach-group-policy", "--group-name", "g", "--policy-arn", made["Arn"], **me)
    entities = cli.get("iam", "list-entities-for-policy", "--policy-arn", made["Arn"], **me)
    assert [group["GroupName"] for group in entities["PolicyGroups"]] == ["g"]
    assert "(DeleteConflict)" in cli.fail("iam", "delete-group", "--group-name", "g", **me)


def test_a_profile_assumes_its_role_from_another_profile(
    cli: Cli, server: Service, resident: Tenant, iam: Any, tmp_path: Path
) -> None:
    key = make_user(iam, "ann")
    agreed = {"StringEquals": {"sts:ExternalId": "agreed"}}
    role_arn = make_role(iam, "worker", trust(f"arn:aws:iam::{resident.account_id}:user/ann", condition=agreed))
    config = tmp_path / "config"
    config.write_text(
        f"[profile ann]\nregion = {REGION}\nservices = ours\n"
        f"[profile worker]\nregion = {REGION}\nservices = ours\nsource_profile = ann\nrole_arn = {role_arn}\n"
        "role_session_name = from-profile\nexternal_id = agreed\nduration_seconds = 900\n"
        f"[services ours]\nsts =\n  endpoint_url = {server.url}\niam =\n  endpoint_url = {server.url}\n"
    )
    secrets = tmp_path / "credentials"
    secrets.write_text(f"[ann]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n")
    files = {"AWS_CONFIG_FILE": str(config), "AWS_SHARED_CREDENTIALS_FILE": str(secrets)}
    of_files = Cli(cli.program, tmp_path, {"AWS_PAGER": "", "AWS_EC2_METADATA_DISABLED": "true", **files})
    caller = of_files.get("sts", "get-caller-identity", "--profile", "worker", "--output", "json")
    assert caller["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/worker/from-profile"
    config.write_text(config.read_text().replace("external_id = agreed", "external_id = wrong"))
    said = of_files.run("iam", "list-users", "--profile", "worker").stderr
    assert "(AccessDenied) when calling the AssumeRole operation" in said


def test_a_credential_process_feeds_a_profile(cli: Cli, resident: Tenant, iam: Any, sts: Any, tmp_path: Path) -> None:
    role_arn = make_role(iam, "worker", trust(f"arn:aws:iam::{resident.account_id}:root"))
    assumed = sts.assume_role(RoleArn=role_arn, RoleSessionName="processed")["Credentials"]
    feed = {**assumed, "Version": 1, "Expiration": assumed["Expiration"].isoformat()}
    program = tmp_path / "feed.py"
    program.write_text(f"#!{sys.executable}\nprint({json.dumps(json.dumps(feed))})\n")
    program.chmod(stat.S_IRWXU)
    (tmp_path / "config").write_text(f"[profile fed]\ncredential_process = {program}\n")
    caller = cli.get("sts", "get-caller-identity", "--profile", "fed", AWS_CONFIG_FILE=str(tmp_path / "config"))
    assert caller["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/worker/processed"


def test_a_wrong_secret_is_told_as_the_cli_knows_it(cli: Cli, resident: Tenant) -> None:
    wrong = as_environment(Key(resident.key.access_key_id, "w" * 40))
    assert "(SignatureDoesNotMatch)" in cli.fail("sts", "get-caller-identity", **wrong)
    unknown = as_environment(Key("AKIA0000000000000000", "w" * 40))
    assert "(InvalidClientTokenId)" in cli.fail("sts", "get-caller-identity", **unknown)


def test_what_is_not_offered_is_told_by_the_cli(cli: Cli, resident: Tenant) -> None:
    said = cli.fail("iam", "list-organizations-features", **as_environment(resident.key))
    assert "(InvalidAction) when calling the ListOrganizationsFeatures operation" in said
