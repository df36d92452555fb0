import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.keyring.rotation import SIGNING_ALGORITHMS, Purpose
from tests.cli.conftest import Command

Bodies = Callable[[str], list[dict[str, Any]]]


def test_keys_are_listed_without_their_secrets(sts: Command) -> None:
    listed = sts.json("keys", "list")
    assert {key["purpose"] for key in listed} == {str(purpose) for purpose in Purpose}
    assert {key["algorithm"] for key in listed} == {None, *SIGNING_ALGORITHMS}
    assert {key["state"] for key in listed} == {"current"}
    fields = {"purpose", "algorithm", "version", "kid", "state", "made_at", "works_from", "works_until", "gone_at"}
    assert set(listed[0]) == fields
    assert "derivation" in sts("keys", "list").stdout


@pytest.mark.parametrize("purpose", [str(purpose) for purpose in Purpose])
def test_a_key_of_every_purpose_is_rotated_once_at_a_time(purpose: str, sts: Command, bodies: Bodies) -> None:
    made = sts.json("keys", "rotate", "--purpose", purpose)["made"]
    assert {(key["purpose"], key["version"], key["state"]) for key in made} == {(purpose, 2, "next")}
    again = sts("keys", "rotate", "--purpose", purpose)
    assert again.exit_code == 3
    assert "is under way" in again.stderr
    (done,), (refused,) = bodies("key.rotate.done"), bodies("key.rotate.refused")
    assert done["parameters"]["made"] == made
    assert refused["error"] == "RotationUnderWay"
    assert done["principal"]["type"] == refused["principal"]["type"] == "operator"


def test_one_algorithm_is_rotated_when_one_is_named(sts: Command) -> None:
    made = sts.json("keys", "rotate", "--algorithm", "ES256")["made"]
    assert [key["algorithm"] for key in made] == ["ES256"]


def test_soon_publishes_a_signing_key_for_fifteen_minutes(sts: Command) -> None:
    (made,) = sts.json("keys", "rotate", "--algorithm", "ES256", "--soon")["made"]
    ahead = datetime.fromisoformat(made["works_from"]) - datetime.fromisoformat(made["made_at"])
    assert ahead == timedelta(minutes=15)


def test_an_emergency_works_at_once_and_says_what_it_costs(sts: Command) -> None:
    result = sts("keys", "rotate", "--algorithm", "ES256", "--emergency")
    assert result.exit_code == 0
    assert "Version 2 of the ES256 signing key takes effect at" in result.stdout
    assert "refuses the tokens of a new signing key" in result.stderr
    states = {k["version"]: k["state"] for k in sts.json("keys", "list") if k["algorithm"] == "ES256"}
    assert states == {1: "old", 2: "current"}


@pytest.mark.parametrize(
    "words",
    [
        ("--purpose", "dancing"),
        ("--soon", "--emergency"),
        ("--purpose", "audit", "--algorithm", "ES256"),
        ("--purpose", "sealing", "--soon"),
    ],
)
def test_options_that_make_no_sense_are_wrong_usage(words: tuple[str, ...], sts: Command) -> None:
    assert sts("keys", "rotate", *words).exit_code == 2
    assert {key["version"] for key in sts.json("keys", "list")} == {1}


def test_an_emergency_during_a_rotation_says_what_it_withdrew(sts: Command, bodies: Bodies) -> None:
    sts.json("keys", "rotate", "--purpose", "sealing")
    result = sts("keys", "rotate", "--purpose", "sealing", "--emergency")
    assert result.exit_code == 0
    assert "Version 2 of the sealing key, which waited to be next, was withdrawn" in result.stdout
    assert result.stderr == ""  # nobody outside keeps a sealing key
    assert [key["version"] for key in bodies("key.rotate.done")[-1]["parameters"]["withdrawn"]] == [2]


def test_records_verify_across_a_rotation_of_the_audit_key(sts: Command) -> None:
    sts.json("init")
    sts.json("keys", "rotate", "--purpose", "audit", "--emergency")
    sts.json("accounts", "create")
    findings = sts.json("audit", "verify")
    assert (findings["records"], findings["faults"]) == (3, [])


def _age(file: Path, days: int) -> None:
    """Write into a key's file that it was made and began to work so many days ago."""
    stored = json.loads(file.read_text(encoding="utf-8"))
    at = (datetime.now(UTC) - timedelta(days=days)).isoformat()
    file.write_text(json.dumps(stored | {"made_at": at, "works_from": at}), encoding="utf-8")


def test_a_timer_makes_what_is_due_and_removes_what_is_gone(sts: Command, bodies: Bodies) -> None:
    assert sts.json("keys", "tend") == {"made": [], "withdrawn": [], "removed": []}
    sts.json("keys", "rotate", "--purpose", "marker", "--emergency")
    _age(sts.home / "keys" / "marker-1.json", 10)
    _age(sts.home / "keys" / "marker-2.json", 5)
    _age(sts.home / "keys" / "signing-ES256-1.json", 29)
    told = sts.json("keys", "tend")
    assert [(key["algorithm"], key["version"], key["state"]) for key in told["made"]] == [("ES256", 2, "next")]
    assert [(key["purpose"], key["version"]) for key in told["removed"]] == [("marker", 1)]
    assert not (sts.home / "keys" / "marker-1.json").exists()
    done = bodies("key.rotate.done")[-1]["parameters"]
    assert (done["made"], done["removed"], done["due"]) == (told["made"], told["removed"], True)
    assert sts("keys", "tend").stdout == ""
