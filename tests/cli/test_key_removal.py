"""`sts keys remove`: what it removes, what takes its place, what it says that it costs, and what it refuses."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.arn import iam_arn
from sts.crypto.sealing import parse_sealed
from tests.cli.conftest import Command
from tests.keyring.aging import age_keys

Bodies = Callable[[str], list[dict[str, Any]]]


def versions(sts: Command, purpose: str, algorithm: str | None = None) -> dict[int, str]:
    listed = sts.json("keys", "list")
    return {k["version"]: k["state"] for k in listed if (k["purpose"], k["algorithm"]) == (purpose, algorithm)}


@contextmanager
def store(sts: Command) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(sts.home / "sts.db")) as connection, connection:
        yield connection


@pytest.mark.parametrize(
    ("purpose", "cost"),
    [("derivation", "Sessions begun from"), ("marker", "No session ends")],
)
def test_a_removed_current_key_is_replaced_at_once(purpose: str, cost: str, sts: Command, bodies: Bodies) -> None:
    result = sts("keys", "remove", "1", "--purpose", purpose)
    assert result.exit_code == 0
    assert f"Version 1 of the {purpose} key, which was current, was removed and replaced" in result.stdout
    assert f"Version 2 of the {purpose} key takes effect at" in result.stdout
    assert cost in result.stderr
    assert versions(sts, purpose) == {2: "current"}
    (done,) = bodies("key.remove.done")
    assert done["principal"]["type"] == "operator"
    assert [key["version"] for key in done["parameters"]["removed"]] == [1]
    assert [key["version"] for key in done["parameters"]["made"]] == [2]
    assert cost in done["parameters"]["cost"][0]


def test_a_removed_signing_key_says_what_whoever_keeps_the_key_set_takes_and_refuses(sts: Command) -> None:
    (old,) = (key["kid"] for key in sts.json("keys", "list") if key["algorithm"] == "ES256")
    told = sts.json("keys", "remove", "1", "--purpose", "signing", "--algorithm", "ES256")
    assert told["done"] is True
    assert [key["kid"] for key in told["removed"]] == [old]
    assert "the sessions among them end" in told["cost"][0]
    assert "refuses tokens of the new signing key until they fetch it again" in told["cost"][1]
    assert versions(sts, "signing", "ES256") == {2: "current"}
    assert versions(sts, "signing", "RS256") == {1: "current"}


def test_a_version_of_all_algorithms_is_removed_unless_one_is_named(sts: Command) -> None:
    told = sts.json("keys", "remove", "1", "--purpose", "signing")
    assert {key["algorithm"] for key in told["removed"]} == {"ES256", "RS256", "ES384"}
    assert {key["version"] for key in told["made"]} == {2}


def test_a_waiting_key_is_withdrawn_with_the_current_one_and_costs_nothing_alone(sts: Command) -> None:
    sts.json("keys", "rotate", "--purpose", "derivation")
    alone = sts.json("keys", "remove", "2", "--purpose", "derivation")
    assert (alone["made"], alone["cost"]) == ([], ["Nothing is lost: it was not used yet."])
    assert versions(sts, "derivation") == {1: "current"}
    sts.json("keys", "rotate", "--purpose", "derivation")
    told = sts.json("keys", "remove", "1", "--purpose", "derivation")
    assert ([key["version"] for key in told["withdrawn"]], versions(sts, "derivation")) == ([2], {3: "current"})


def test_a_dry_run_says_what_would_be_lost_and_removes_nothing(sts: Command, bodies: Bodies) -> None:
    result = sts("keys", "remove", "1", "--purpose", "derivation", "--dry-run")
    assert (result.exit_code, "would be removed and replaced" in result.stdout) == (0, True)
    assert "Sessions begun from" in result.stderr
    assert sts.json("keys", "remove", "1", "--purpose", "derivation", "--dry-run")["done"] is False
    assert versions(sts, "derivation") == {1: "current"}
    assert bodies("key.remove.done") == []


def test_a_key_that_is_gone_exits_with_3_and_one_that_never_was_with_1(sts: Command, bodies: Bodies) -> None:
    sts.json("keys", "remove", "1", "--purpose", "marker")
    again = sts("keys", "remove", "1", "--purpose", "marker")
    assert (again.exit_code, "any more" in again.stderr) == (3, True)
    assert sts("keys", "remove", "7", "--purpose", "marker").exit_code == 1
    assert len(bodies("key.remove.refused")) == 2


@pytest.mark.parametrize("purpose", ["audit", "sealing"])
def test_a_key_whose_removal_would_lose_what_cannot_be_made_again_is_not_removed(
    purpose: str, sts: Command, bodies: Bodies
) -> None:
    for words in ((), ("--dry-run",)):
        assert sts("keys", "remove", "1", "--purpose", purpose, *words).exit_code == 1
    assert versions(sts, purpose) == {1: "current"}
    (refused,) = bodies("key.remove.refused")
    assert refused["error"] == "DeleteConflict"


def rotate_sealing(sts: Command) -> None:
    sts.json("keys", "rotate", "--purpose", "sealing", "--emergency")
    early = sts("keys", "remove", "1", "--purpose", "sealing")
    assert (early.exit_code, "may be in use until" in early.stderr) == (1, True)
    age_keys(sts.home / "keys", "sealing", timedelta(minutes=6))


def test_an_old_sealing_key_is_removed_once_every_secret_is_sealed_anew(sts: Command) -> None:
    sts.json("init")
    rotate_sealing(sts)
    told = sts.json("keys", "remove", "1", "--purpose", "sealing")
    assert "No secret is lost" in told["cost"][0]
    assert "Encoded messages of denials" in told["cost"][0]
    with store(sts) as connection:
        sealed = [value for (value,) in connection.execute("SELECT sealed_secret FROM access_key")]
        touched = connection.execute("SELECT count(*) FROM change WHERE noun = 'access-key'").fetchone()
    assert [parse_sealed(value).version for value in sealed] == [2]
    assert touched == (2,)  # made, and sealed anew: whoever remembers the old form learns of it
    assert versions(sts, "sealing") == {2: "current"}


def test_an_old_sealing_key_stays_while_a_secret_does_not_open_and_the_refusal_says_which(sts: Command) -> None:
    key_id = sts.json("init")["access_key_id"]
    rotate_sealing(sts)
    with store(sts) as connection:
        connection.execute("UPDATE access_key SET sealed_secret = x'0100000001' || zeroblob(60)")
    result = sts("keys", "remove", "1", "--purpose", "sealing")
    assert result.exit_code == 1
    assert "1 secrets do not open" in result.stderr
    assert key_id in result.stderr
    assert versions(sts, "sealing") == {1: "old", 2: "current"}


def test_an_old_sealing_key_stays_while_the_seed_of_a_device_does_not_open(sts: Command) -> None:
    account_id = sts.json("init")["account_id"]
    serial_number = iam_arn(account_id, "mfa/phone")
    rotate_sealing(sts)
    device = "(?, ?, 'phone', 'phone', '/', NULL, x'0100000001' || zeroblob(60), 0, 0, 0, NULL)"
    with store(sts) as connection:
        connection.execute(f"INSERT INTO mfa_device VALUES {device}", (serial_number, account_id))  # noqa: S608
    result = sts("keys", "remove", "1", "--purpose", "sealing")
    assert result.exit_code == 1
    assert serial_number in result.stderr
    assert versions(sts, "sealing") == {1: "old", 2: "current"}


def test_a_removed_key_leaves_no_file(sts: Command) -> None:
    def files() -> set[str]:
        return {path.name for path in Path(sts.home / "keys").glob("marker-*")}

    assert files() == {"marker-1.json"}
    sts.json("keys", "remove", "1", "--purpose", "marker")
    assert files() == {"marker-2.json"}


@pytest.mark.parametrize(
    "words",
    [
        ("1",),
        ("--purpose", "signing"),
        ("0", "--purpose", "signing"),
        ("one", "--purpose", "signing"),
        ("1", "--purpose", "marker", "--algorithm", "ES256"),
    ],
)
def test_words_that_make_no_sense_are_wrong_usage(words: tuple[str, ...], sts: Command) -> None:
    assert sts("keys", "remove", *words).exit_code == 2
    assert {key["version"] for key in sts.json("keys", "list")} == {1}
