import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from typing import Any

import pytest

from tests.cli.conftest import Command

Bodies = Callable[[str], list[dict[str, Any]]]
ACCOUNT = "123456789012"


def test_init_makes_store_keys_and_the_first_account(elsewhere: Command) -> None:
    made = elsewhere.json("init", "--account-id", ACCOUNT, "--admin", "alice")
    assert list(made) == ["account_id", "admin_arn", "access_key_id", "secret_access_key"]
    assert made["admin_arn"] == f"arn:aws:iam::{ACCOUNT}:user/alice"
    assert (made["access_key_id"][:4], len(made["secret_access_key"])) == ("AKIA", 40)
    assert (elsewhere.home / "sts.db").exists()


def test_a_second_init_exits_with_3_and_changes_nothing(sts: Command, bodies: Bodies) -> None:
    first = sts.json("init")
    second = sts("init", "--account-id", ACCOUNT)
    assert second.exit_code == 3
    assert "There is an account already" in second.stderr
    assert second.stdout == ""
    assert [account["account_id"] for account in sts.json("accounts", "list")] == [first["account_id"]]
    assert [record["error"] for record in bodies("account.create.refused")] == ["EntityAlreadyExists"]


def test_accounts_are_created_and_listed(sts: Command) -> None:
    made = sts.json("accounts", "create", "--account-id", ACCOUNT, "--name", "staging")
    assert made["account_id"] == ACCOUNT
    assert made["admin_arn"] == f"arn:aws:iam::{ACCOUNT}:user/admin"
    listed = sts.json("accounts", "list")
    assert [(account["account_id"], account["name"], account["enabled"]) for account in listed] == [
        (ACCOUNT, "staging", True)
    ]
    assert f"{ACCOUNT}  staging" in sts("accounts", "list").stdout


def test_a_number_that_is_taken_exits_with_3(sts: Command) -> None:
    sts.json("accounts", "create", "--account-id", ACCOUNT)
    assert sts("accounts", "create", "--account-id", ACCOUNT).exit_code == 3


@pytest.mark.parametrize(
    "words",
    [
        ("init", "--account-id", "12345678901"),
        ("init", "--account-id", "\u0661" * 12),
        ("init", "--admin", "no spaces"),
        ("accounts", "create", "--name", "two\nlines"),
        ("accounts", "create", "--name", "turned \u202earound"),
        ("accounts", "create", "--name", "n" * 65),
        ("accounts", "root-key", "1"),
    ],
)
def test_what_is_not_of_its_form_is_wrong_usage(words: tuple[str, ...], sts: Command) -> None:
    assert sts(*words).exit_code == 2
    assert sts.json("accounts", "list") == []


@pytest.mark.parametrize("name", ["a b", "", "n" * 65, "\u0430dmin"])
def test_an_administrators_name_is_checked_before_anything_is_made(name: str, elsewhere: Command) -> None:
    result = elsewhere("init", "--admin", name)
    assert (result.exit_code, "A name has 1 to 64 letters" in result.stderr) == (2, True)
    assert not elsewhere.home.exists()


def test_a_root_key_is_made_for_an_account_that_exists(sts: Command) -> None:
    sts.json("init", "--account-id", ACCOUNT)
    made = sts.json("accounts", "root-key", ACCOUNT)
    assert made["arn"] == f"arn:aws:iam::{ACCOUNT}:root"
    assert made["access_key_id"].startswith("AKIA")
    missing = sts("accounts", "root-key", "210987654321")
    assert (missing.exit_code, missing.stdout) == (1, "")
    assert "210987654321 cannot be found" in missing.stderr


def test_people_read_a_line_for_each_field(sts: Command) -> None:
    lines = sts("init").stdout.splitlines()
    assert [line.split()[0] for line in lines] == ["account_id", "admin_arn", "access_key_id", "secret_access_key"]


def test_what_the_operator_does_is_recorded_for_the_account_and_without_the_secret(
    sts: Command, bodies: Bodies
) -> None:
    made = sts.json("init", "--account-id", ACCOUNT)
    rooted = sts.json("accounts", "root-key", ACCOUNT)
    (created,), (keyed,) = bodies("account.create.done"), bodies("root-key.create.done")
    for record in (created, keyed):
        assert record["principal"]["type"] == "operator"
        assert record["principal"]["arn"] == f"arn:aws:sts-admin::{ACCOUNT}:operator"
        assert record["principal"]["account_id"] == ACCOUNT
    assert created["parameters"]["access_key_id"] == made["access_key_id"]
    assert keyed["parameters"]["access_key_id"] == rooted["access_key_id"]
    told = str(created) + str(keyed)
    assert made["secret_access_key"] not in told
    assert rooted["secret_access_key"] not in told


def test_a_secret_is_shown_even_if_no_checkpoint_can_be_kept_after_it(sts: Command) -> None:
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        connection.execute("DROP TABLE audit_checkpoint")
        connection.commit()
    result = sts("init", "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["secret_access_key"]
    assert "audit.checkpoint.failed" in result.stderr
    assert sts("audit", "verify").exit_code == 1


def test_without_a_record_there_is_no_account_and_no_secret(sts: Command) -> None:
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection:
        connection.execute("DROP TABLE audit_record")
        connection.commit()
    result = sts("init", "--json")
    assert (result.exit_code, result.stdout) == (1, "")
    assert "cannot be written, so nothing was done" in result.stderr
    assert sts.json("accounts", "list") == []


def test_roots_link_is_made_on_the_host_where_root_may_sign_in(sts: Command, bodies: Bodies) -> None:
    sts.json("accounts", "create", "--account-id", ACCOUNT)
    made = sts.json("accounts", "root-link", ACCOUNT, STS_ROOT_SIGN_IN="on", STS_ISSUER="https://sts.example.com")
    assert list(made) == ["account_id", "arn", "url", "expires_at"]
    assert made["url"].startswith("https://sts.example.com/ui/link/")
    (record,) = bodies("root-link.create.done")
    assert record["parameters"] == {"account_id": ACCOUNT}
    assert record["parameters"] == {"account_id": ACCOUNT}
    assert made["url"].rpartition("/")[2] not in json.dumps(record)


def test_roots_link_is_refused_while_root_may_not_sign_in(sts: Command, bodies: Bodies) -> None:
    sts.json("accounts", "create", "--account-id", ACCOUNT)
    refused = sts("accounts", "root-link", ACCOUNT)
    assert refused.exit_code == 1
    assert "STS_ROOT_SIGN_IN is off" in refused.stderr
    assert [record["error"] for record in bodies("root-link.create.refused")] == ["AccessDenied"]


def test_a_switch_that_is_neither_on_nor_off_is_a_fault(sts: Command) -> None:
    refused = sts("accounts", "list", STS_ROOT_SIGN_IN="yes")
    assert refused.exit_code == 1
    assert "STS_ROOT_SIGN_IN: yes is not on or off" in refused.stderr


@pytest.mark.parametrize("text", ["yes", "true", "1", "On", "MARKED", " on", "on,marked", "0"])
def test_r_10_what_only_looks_like_leave_for_private_addresses_is_a_fault(sts: Command, text: str) -> None:
    refused = sts("accounts", "list", STS_ALLOW_PRIVATE_PROVIDERS=text)
    assert refused.exit_code == 1
    assert f"STS_ALLOW_PRIVATE_PROVIDERS: {text} is not on, marked or off" in refused.stderr
