import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from sts.audit.events import Event, Outcome
from sts.cli.commands import main
from sts.settings import SETTINGS
from sts.store.schema import HEAD
from tests.cli.conftest import Command

DOCS = Path(__file__).parents[2] / "docs"
HEAVY = ("sqlalchemy", "alembic", "botocore", "starlette", "uvicorn", "cryptography", "jwt", "structlog", "msgspec")


def walk(command: click.Command, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], click.Command]]:
    """Return every command that does something, with its words."""
    if not isinstance(command, click.Group):
        yield path, command
        return
    context = click.Context(command)
    for name in command.list_commands(context):
        found = command.get_command(context, name)
        assert found is not None
        yield from walk(found, (*path, name))


COMMANDS = dict(walk(main))
GROUPS = {words[:length] for words in COMMANDS for length in range(len(words) + 1)}


def section(words: tuple[str, ...]) -> str:
    """Return what the documentation says of a command."""
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    return text.partition(f"\n## sts {' '.join(words)}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("words", sorted(GROUPS), ids=" ".join)
def test_help_answers_without_loading_what_only_work_needs(words: tuple[str, ...]) -> None:
    program = (
        "import atexit, sys\n"
        f"atexit.register(lambda: print([n for n in {HEAVY!r} if n in sys.modules], file=sys.stderr))\n"
        "from sts.__main__ import main\n"
        "main()"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program, *words, "--help"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert "Usage:" in ran.stdout
    assert ran.stderr.strip() == "[]"


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_the_help_of_every_command_has_an_example_and_json(words: tuple[str, ...], elsewhere: Command) -> None:
    told = elsewhere(*words, "--help").stdout
    assert "Example:" in told
    assert "--json" in told


@pytest.mark.parametrize("words", sorted(COMMANDS), ids=" ".join)
def test_every_command_and_option_is_documented(words: tuple[str, ...]) -> None:
    told = section(words)
    assert told.strip(), f"docs/commands.md has no section for {words}"
    if words == ("accounts", "create"):  # it shares what `sts init` says
        told += section(("init",))
    told_of = [each for each in COMMANDS[words].params if not getattr(each, "hidden", False)]
    options = [option for each in told_of for option in (*each.opts, *each.secondary_opts)]
    missing = [o for o in options if o.startswith("--") and o not in {"--json", "--help"} and o not in told]
    assert missing == []


def test_no_section_is_about_a_command_that_does_not_exist() -> None:
    text = (DOCS / "commands.md").read_text(encoding="utf-8")
    named = {tuple(line.split()[2:]) for line in text.splitlines() if line.startswith("## sts ")}
    assert named == set(COMMANDS)


def test_every_setting_is_documented_with_its_default() -> None:
    rows = (DOCS / "settings.md").read_text(encoding="utf-8").splitlines()
    documented = {row.split("`")[1]: row for row in rows if row.startswith("| `")}
    assert set(documented) == {setting.name for setting in SETTINGS}
    assert [s.name for s in SETTINGS if s.default.split(" ")[0] not in documented[s.name]] == []


def test_every_event_and_outcome_is_documented() -> None:
    rows = (DOCS / "events.md").read_text(encoding="utf-8").splitlines()
    documented = {row.split("`")[1] for row in rows if row.startswith("| `")}
    assert documented == {*map(str, Event), *map(str, Outcome)}


@pytest.mark.parametrize("words", sorted(GROUPS - COMMANDS.keys()), ids=" ".join)
def test_no_summary_in_a_list_of_commands_is_cut(words: tuple[str, ...], elsewhere: Command) -> None:
    told = elsewhere(*words, "--help").stdout
    assert "Commands:" in told
    assert "..." not in told.partition("Commands:")[2].partition("Example:")[0]


def test_an_unknown_command_is_wrong_usage(elsewhere: Command) -> None:
    result = elsewhere("dance")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_settings_are_listed_for_people_and_programs(elsewhere: Command) -> None:
    assert [each["name"] for each in elsewhere.json("settings")] == [setting.name for setting in SETTINGS]
    told = elsewhere("settings").stdout
    assert all(setting.name in told and setting.meaning in told for setting in SETTINGS)


def test_settings_are_listed_with_the_values_in_force_and_no_password(elsewhere: Command, tmp_path: Path) -> None:
    file = tmp_path / "cache"
    file.write_text("redis://sts:hush@redis.example:6379/0\n")
    file.chmod(0o600)
    environment = {
        "STS_DATABASE_URL": "postgresql://sts:hush@a.example:5432,b.example:5432/sts",
        "STS_CACHE_URL_FILE": str(file),
        "STS_LIMIT_HEADERS": "50",
    }
    values = {each["name"]: each["value"] for each in elsewhere.json("settings", **environment)}
    assert values["STS_HOME"] == str(elsewhere.home)
    assert values["STS_KEYS_DIR"] == str(elsewhere.home / "keys")
    assert values["STS_LIMIT_HEADERS"] == "50"
    assert values["STS_LIMIT_URL_BYTES"] == "16384"
    assert values["STS_DATABASE_URL"] == "postgresql://sts:***@a.example:5432,b.example:5432/sts"
    assert values["STS_CACHE_URL"] == "redis://sts:***@redis.example:6379/0"
    told = elsewhere("settings", **environment)
    assert "In force: 50" in told.stdout
    assert "hush" not in told.output


def test_settings_at_fault_are_listed_and_refused(elsewhere: Command) -> None:
    result = elsewhere("settings", "--json", STS_LIMIT_HEADERS="many", STS_LIMIT_HEADER="5", STS_DANCE="on")
    assert result.exit_code == 1
    values = {each["name"]: each["value"] for each in json.loads(result.stdout)}
    assert values["STS_LIMIT_HEADERS"] == "many"
    assert "STS_LIMIT_HEADERS: many is not a number" in result.stderr
    assert "STS_LIMIT_HEADER: there is no such setting: did you mean STS_LIMIT_HEADERS?" in result.stderr
    assert "STS_DANCE: there is no such setting\n" in result.stderr


def test_faults_of_the_settings_are_told_at_once_and_without_a_traceback(elsewhere: Command) -> None:
    result = elsewhere("init", STS_ISSUER="http://sts.example.com", STS_HOUSE="here")
    assert result.exit_code == 1
    assert "STS_ISSUER: plain http is for loopback only" in result.stderr
    assert "STS_HOUSE: there is no such setting" in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    "words",
    [("accounts", "list"), ("accounts", "create"), ("keys", "list"), ("keys", "rotate"), ("audit", "verify")],
    ids=" ".join,
)
def test_a_command_in_a_wrong_folder_makes_nothing_there(words: tuple[str, ...], elsewhere: Command) -> None:
    result = elsewhere(*words)
    assert result.exit_code == 1
    assert "begin with `sts init`" in result.stderr
    assert not elsewhere.home.exists()


def test_a_folder_that_cannot_be_made_is_told_in_words(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    result = Command(tmp_path / "file" / "home")("init")
    assert result.exit_code == 1
    assert "cannot be used: Not a directory" in result.stderr


def test_a_file_that_is_no_store_is_told_in_words(sts: Command) -> None:
    (sts.home / "sts.db").write_text("something else, and long enough to be looked at as a database" * 100)
    result = sts("accounts", "list")
    assert result.exit_code == 1
    assert f"The store cannot be used: {sts.home / 'sts.db'}: file is not a database" in result.stderr


def test_a_store_that_cannot_be_opened_is_told_with_its_path_and_the_systems_reason(elsewhere: Command) -> None:
    file = elsewhere.home / "missing" / "sts.db"
    result = elsewhere("init", STS_DATABASE_URL=f"sqlite:///{file}")
    assert result.exit_code == 1
    assert f"The store cannot be used: {file}: No such file or directory" in result.stderr


def test_a_key_folder_that_cannot_be_read_is_not_taken_for_an_empty_one(sts: Command) -> None:
    keys = sts.home / "keys"
    keys.rename(sts.home / "others")
    keys.symlink_to(keys)  # unlike a missing permission it keeps the administrator of the machine out too
    for words in (("accounts", "list"), ("keys", "list"), ("serve", "--port", "0")):
        result = sts(*words)
        assert result.exit_code == 1
        assert f"The key folder {keys} cannot be read: Too many levels of symbolic links" in result.stderr


def test_a_key_folder_without_keys_is_named_with_what_to_do(sts: Command) -> None:
    nowhere = str(sts.home / "nowhere")
    listed = sts("keys", "list", STS_KEYS_DIR=nowhere)
    assert listed.exit_code == 1
    assert f"The key folder {nowhere} has no keys: set STS_KEYS_DIR to where they are" in listed.stderr


def test_migrate_makes_a_store_and_records_it_in_the_same_transaction(elsewhere: Command) -> None:
    assert elsewhere.json("migrate") == {"from_revision": None, "to_revision": HEAD, "changed": True}
    assert elsewhere.json("migrate") == {"from_revision": HEAD, "to_revision": HEAD, "changed": False}
    findings = elsewhere.json("audit", "verify")
    assert (findings["records"], findings["streams"], findings["faults"]) == (1, 1, [])
    assert elsewhere.json("init")["account_id"]


def test_the_program_starts_as_a_module(elsewhere: Command) -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "sts", "settings", "--json"],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    assert json.loads(ran.stdout)[0]["name"] == "STS_HOME"
    named = [each["name"] for each in elsewhere.json("settings")]
    assert [each["name"] for each in json.loads(ran.stdout)] == named
