"""`sts providers`, against a running service."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest

from sts.crypto.jwk import generate_signing_key, render_jwk
from sts.presets import PRESETS
from tests.certificates import Authority
from tests.cli.conftest import Command
from tests.service import Service, Tenant

PUBLIC = render_jwk(generate_signing_key("ES256").verification_key())
ISSUER = "https://idp.example/realm"
ADD = ("providers", "add", "idp", "--issuer", ISSUER)


@pytest.fixture
def words(server: Service) -> tuple[str, ...]:
    """The options that every command of this file has."""
    return ("--endpoint-url", server.url)


@pytest.fixture
def credentials(resident: Tenant) -> Mapping[str, str]:
    return {"AWS_ACCESS_KEY_ID": resident.key.access_key_id, "AWS_SECRET_ACCESS_KEY": resident.key.secret}


@pytest.fixture
def ask(elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str]) -> Callable[..., Any]:
    """Run a command as the administrator, with --json, and return what it prints."""
    return lambda *named: elsewhere.json(*named, *words, **credentials)


def written(path: Path, text: str) -> str:
    path.write_text(text)
    return str(path)


def test_a_provider_is_added_changed_listed_and_removed(ask: Callable[..., Any], tmp_path: Path) -> None:
    keys, secret = written(tmp_path / "keys", json.dumps({"keys": [PUBLIC]})), written(tmp_path / "secret", "hush\r\n")
    authority = Authority(tmp_path / "ca").file
    files = ("--jwks-file", keys, "--ca-file", str(authority), "--client-secret-file", secret)
    lists = ("--client-id", "one", "--client-id", "two", "--algorithm", "ES256", "--thumbprint", "a" * 40)
    made = ask(*ADD, *files, *lists, "--allow-private-addresses")
    assert (made["client_ids"], made["algorithms"], made["thumbprints"]) == (["one", "two"], ["ES256"], ["a" * 40])
    assert (made["key_set"], made["authorities"]) == ({"keys": [PUBLIC]}, authority.read_text())
    assert (made["client_secret"], made["private_addresses"]) == (True, True)
    changes = ("--name", "main", "--client-id", "three", "--fetch-keys", "--system-cas", "--no-client-secret")
    changed = ask("providers", "update", "idp", *changes, "--refuse-private-addresses")
    gone = {"key_set": None, "authorities": None, "client_secret": False, "private_addresses": False}
    assert changed == made | gone | {"name": "main", "client_ids": ["three"]}
    assert ask("providers", "list") == [changed]
    assert ask("providers", "remove", "main")["arn"] == made["arn"]
    assert ask("providers", "list") == []


def test_people_are_shown_no_long_texts(
    elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str], tmp_path: Path
) -> None:
    keys = written(tmp_path / "keys", json.dumps({"keys": [PUBLIC]}))
    shown = elsewhere(*ADD, "--client-id", "one", "--jwks-file", keys, *words, **credentials).stdout
    assert "1 uploaded" in shown
    assert PUBLIC["x"] not in shown
    assert "one" in elsewhere("providers", "list", *words, **credentials).stdout


def test_a_provider_is_disabled_and_enabled_and_told_when_it_was_so(
    ask: Callable[..., Any], elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str]
) -> None:
    ask(*ADD)
    verbs = ("disable", "disable", "enable", "enable")
    assert [elsewhere(verb, "provider", "idp", *words, **credentials).exit_code for verb in verbs] == [0, 3, 0, 3]
    assert elsewhere("disable", "provider", ISSUER, *words, **credentials).exit_code == 0
    assert [each["enabled"] for each in ask("providers", "list")] == [False]


def test_what_is_taken_already_ends_with_three(
    ask: Callable[..., Any], elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str]
) -> None:
    ask(*ADD)
    again = elsewhere(*ADD, *words, **credentials)
    assert (again.exit_code, again.stderr.count("already exists")) == (3, 1)


def test_a_refused_key_set_says_which_key(
    elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str], tmp_path: Path
) -> None:
    keys = written(tmp_path / "keys", json.dumps({"keys": [{**PUBLIC, "kid": "mine", "d": "x"}]}))
    refused = elsewhere(*ADD, "--jwks-file", keys, *words, **credentials)
    assert refused.exit_code == 1
    assert 'in the key "mine"' in refused.stderr


@pytest.mark.parametrize(
    ("content", "told"), [(b"\xff", "is no text in UTF-8"), (b"x" * (128 * 1024 + 1), "is longer than 131072 bytes")]
)
def test_a_file_that_cannot_be_meant_is_wrong_usage(
    elsewhere: Command, tmp_path: Path, content: bytes, told: str
) -> None:
    (tmp_path / "keys").write_bytes(content)
    refused = elsewhere(*ADD, "--jwks-file", str(tmp_path / "keys"))
    assert refused.exit_code == 2
    assert told in refused.stderr


def test_an_update_says_what_changes_and_takes_away_nothing_that_it_gives(elsewhere: Command, tmp_path: Path) -> None:
    assert "Say what to change" in elsewhere("providers", "update", "idp").stderr
    keys = written(tmp_path / "keys", "{}")
    both = elsewhere("providers", "update", "idp", "--jwks-file", keys, "--fetch-keys")
    assert (both.exit_code, "cannot be taken away" in both.stderr) == (2, True)


def test_presets_are_listed_without_a_service(elsewhere: Command) -> None:
    listed = elsewhere.json("providers", "presets")
    assert [each["name"] for each in listed] == list(PRESETS)
    told = elsewhere("providers", "presets").stdout
    assert all(lack in told for preset in PRESETS.values() for lack in preset.lacks)


def test_a_check_tells_what_is_wrong_and_ends_with_one_until_it_is_mended(
    ask: Callable[..., Any], elsewhere: Command, words: tuple[str, ...], credentials: Mapping[str, str], tmp_path: Path
) -> None:
    ask(*ADD, "--jwks-file", written(tmp_path / "keys", json.dumps({"keys": [PUBLIC]})))
    found = elsewhere("providers", "check", "idp", *words, **credentials)
    assert (found.exit_code, found.stdout) == (
        1,
        "fault: it has no client ID, so no token is for an audience that is taken\n",
    )
    ask("providers", "update", "idp", "--client-id", "one")
    assert elsewhere("providers", "check", "idp", *words, **credentials).stdout == "ok\n"
    assert ask("providers", "check", "idp")["findings"] == []
