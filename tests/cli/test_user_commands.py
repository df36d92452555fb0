"""`sts users`, against a running service."""

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.cli.conftest import Command
from tests.service import Service, Tenant


@pytest.fixture
def credentials(resident: Tenant) -> Mapping[str, str]:
    return {"AWS_ACCESS_KEY_ID": resident.key.access_key_id, "AWS_SECRET_ACCESS_KEY": resident.key.secret}


@pytest.fixture
def ask(elsewhere: Command, server: Service, credentials: Mapping[str, str]) -> Callable[..., Any]:
    """Run a command as the administrator, with --json, and return what it prints."""
    return lambda *words: elsewhere.json("users", *words, "--endpoint-url", server.url, **credentials)


def test_users_are_listed_as_they_stand(ask: Callable[..., Any], server: Service, resident: Tenant) -> None:
    server.call(resident.key, "CreateUser", UserName="zoe")
    listed = {each["name"]: each for each in ask("list")}
    assert listed["zoe"]["keys"] == []
    assert [key["active"] for key in listed["admin"]["keys"]] == [True]
    assert [each["name"] for each in ask("list", "--containing", "ZO")] == ["zoe"]


def test_activate_answers_an_address(ask: Callable[..., Any], server: Service, resident: Tenant) -> None:
    made = ask("activate", "admin")
    assert list(made) == ["arn", "url", "expires_at"]
    assert made["arn"] == f"arn:aws:iam::{resident.account_id}:user/admin"
    assert made["url"].startswith(f"{server.settings.issuer}/ui/link/")


def test_a_user_is_unlocked_and_its_sessions_are_ended(ask: Callable[..., Any], resident: Tenant) -> None:
    arn = f"arn:aws:iam::{resident.account_id}:user/admin"
    assert ask("unlock", "admin")["arn"] == arn
    assert ask("end-sessions", "admin") == {"arn": arn, "ended": 0}


def test_a_13_a_user_is_to_choose_another_password(ask: Callable[..., Any], server: Service, resident: Tenant) -> None:
    server.call(resident.key, "CreateLoginProfile", UserName="admin", Password="four words of a first one")
    assert ask("require-change", "admin")["arn"] == f"arn:aws:iam::{resident.account_id}:user/admin"


@pytest.mark.parametrize("of_account", [False, True])
def test_a_factor_is_required_and_released_and_told_when_it_was_so(
    elsewhere: Command, server: Service, credentials: Mapping[str, str], resident: Tenant, *, of_account: bool
) -> None:
    of = ("--account", resident.account_id) if of_account else ("admin",)
    words = ("users", "require-factor", *of, "--endpoint-url", server.url)
    codes = [elsewhere(*words, *off, **credentials).exit_code for off in ((), (), ("--off",), ("--off",))]
    assert codes == [0, 3, 0, 3]


@pytest.mark.parametrize("words", [(), ("admin", "--account", "123456789012")])
def test_one_of_user_and_account_is_named(elsewhere: Command, words: tuple[str, ...]) -> None:
    refused = elsewhere("users", "require-factor", *words)
    assert refused.exit_code == 2
    assert "Name a user, or an account" in refused.stderr
