import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.service import Service, Tenant, allow, trust
from tests.signing import Key

Bodies = Callable[[str], list[dict[str, Any]]]
ACCOUNT = "123456789012"


def credentials(key: Key) -> Mapping[str, str]:
    return {"AWS_ACCESS_KEY_ID": key.access_key_id, "AWS_SECRET_ACCESS_KEY": key.secret}


@pytest.fixture
def role(server: Service, resident: Tenant) -> str:
    """The ARN of a role that the account trusts."""
    policy = trust(f"arn:aws:iam::{resident.account_id}:root")
    made = server.call(resident.key, "CreateRole", RoleName="deploy", AssumeRolePolicyDocument=policy)
    return made.text("Arn")


@pytest.fixture
def ask(elsewhere: Command, server: Service, resident: Tenant) -> Callable[..., Any]:
    """Run a command as the administrator, with --json, and return what it prints."""

    def run(*words: str) -> Any:
        return elsewhere.json(*words, "--endpoint-url", server.url, **credentials(resident.key))

    return run


def status(server: Service, key: Key) -> int:
    return server.call(key, "GetCallerIdentity", "sts").status


def test_a_session_is_ended_by_the_jti_that_the_audit_tells(
    ask: Callable[..., Any], elsewhere: Command, server: Service, resident: Tenant, role: str
) -> None:
    session = server.assume(resident.key, role).key()
    words = ("audit", "tail", "--endpoint-url", server.url, "--json")
    lines = elsewhere(*words, **credentials(resident.key)).stdout.splitlines()
    (jti,) = (record["made"]["jti"] for record in map(json.loads, lines) if record["event"] == "role.assume.done")
    assert status(server, session) == 200
    assert ask("revoke", "session", jti)["arn"] == f"arn:aws:sts-admin::{resident.account_id}:session/{jti}"
    assert status(server, session) == 403


def test_what_a_principal_has_begun_is_ended(
    ask: Callable[..., Any], server: Service, resident: Tenant, role: str
) -> None:
    session = server.assume(resident.key, role).key()
    assert ask("revoke", "principal", role)["arn"] == role
    assert status(server, session) == 403


@pytest.mark.parametrize(("noun", "name"), [("user", "ann"), ("role", "deploy")])
def test_users_and_roles_are_disabled_and_enabled_and_what_is_so_already_exits_with_3(
    noun: str, name: str, ask: Callable[..., Any], elsewhere: Command, server: Service, resident: Tenant, role: str
) -> None:
    server.call(resident.key, "CreateUser", UserName="ann")
    server.call(resident.key, "PutUserPolicy", UserName="ann", PolicyName="p", PolicyDocument=allow("*"))
    made = server.call(resident.key, "CreateAccessKey", UserName="ann")
    ann = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    session = server.assume(ann, role).key()
    for verb, begins in (("disable", 403), ("enable", 200)):
        arn = f"arn:aws:iam::{resident.account_id}:{noun}/{name}"
        assert ask(verb, noun, name) == {"arn": arn, "enabled": verb == "enable", "changed": True}
        assert server.assume(ann, role).status == begins
        assert status(server, session) == 403
        words = (verb, noun, name, "--endpoint-url", server.url)
        again = elsewhere(*words, **credentials(resident.key))
        assert (again.exit_code, again.stderr) == (3, f"Error: It is {verb}d already\n")
        assert "False" in again.stdout


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("disable", "user", "nobody"), "NoSuchEntity: There is no arn:aws:iam::"),
        (("enable", "role", "nobody"), "NoSuchEntity: There is no arn:aws:iam::"),
        (("revoke", "session", "short"), "ValidationError: The jti of a session"),
        (("revoke", "principal", "nobody"), "ValidationError: arn is that of a user or a role"),
    ],
)
def test_what_the_service_refuses_is_told_and_exits_with_1(
    words: tuple[str, ...], reason: str, elsewhere: Command, server: Service, resident: Tenant
) -> None:
    result = elsewhere(*words, "--endpoint-url", server.url, **credentials(resident.key))
    assert (result.exit_code, result.stdout) == (1, "")
    assert result.stderr.startswith(f"Error: {reason}")


def test_an_account_is_disabled_and_enabled_on_the_host(sts: Command, bodies: Bodies) -> None:
    sts.json("init", "--account-id", ACCOUNT)
    for verb in ("disable", "enable"):
        told = sts.json("accounts", verb, ACCOUNT)
        assert told == {"account_id": ACCOUNT, "enabled": verb == "enable", "changed": True}
        assert [each["enabled"] for each in sts.json("accounts", "list")] == [verb == "enable"]
        again = sts("accounts", verb, ACCOUNT)
        assert (again.exit_code, again.stderr.splitlines()[-1]) == (3, f"Error: It is {verb}d already")
        first, second = bodies(f"account.{verb}.done")
        for record in (first, second):
            assert record["principal"]["arn"] == f"arn:aws:sts-admin::{ACCOUNT}:operator"
            assert (record["account_id"], record["parameters"]) == (ACCOUNT, {"account_id": ACCOUNT})


@pytest.mark.parametrize("verb", ["disable", "enable"])
def test_an_account_that_is_not_there_is_told(verb: str, sts: Command) -> None:
    sts.json("init")
    missing = sts("accounts", verb, ACCOUNT)
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert f"{ACCOUNT} cannot be found" in missing.stderr
    assert sts("accounts", verb, "1").exit_code == 2
