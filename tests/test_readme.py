"""What the README promises is there: its commands, scripts, links, code and the list of operations."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

from sts.cli.commands import main
from tests.service import Service, Tenant, trust
from tests.table import read_table

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
PAGES = (ROOT / "README.md", ROOT / "docs" / "README.md", ROOT / "keys" / "README.md", ROOT / "CHANGELOG.md")
TEXT = "\n".join(page.read_text(encoding="utf-8") for page in PAGES)

_BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)]+)\)")
_ROW = re.compile(r"^\| (sts|iam) \| [^|]+ \| ([^|]+) \|$", re.MULTILINE)


def _blocks(language: str) -> list[str]:
    return [body for name, body in _BLOCK.findall(README) if name == language]


def _shell_lines() -> list[str]:
    return [line for block in _blocks("sh") for line in block.splitlines()]


def _named_commands() -> set[str]:
    inline = re.findall(r"`(sts [a-z][a-z -]*)`", TEXT)
    return {*inline, *(line for line in _shell_lines() if line.startswith("sts "))}


def _scripts() -> set[str]:
    return {line.split()[1] for line in _shell_lines() if line.startswith("bash ")}


def test_the_readme_names_commands_at_all() -> None:
    assert {"sts init", "sts serve", "sts audit verify"} <= _named_commands()


@pytest.mark.parametrize("line", sorted(_named_commands()))
def test_every_command_that_is_named_exists(line: str) -> None:
    command: click.Command = main
    context = click.Context(main, info_name="sts")
    for word in line.split()[1:]:
        if word.startswith("-"):
            assert word == "--help" or any(word in parameter.opts for parameter in command.params)
            continue
        assert isinstance(command, click.Group)
        found = command.get_command(context, word)
        assert found is not None, f"there is no {line}"
        command, context = found, click.Context(found, parent=context, info_name=word)


def test_the_first_screen_holds_the_two_commands_and_each_is_a_script_here() -> None:
    assert _blocks("sh")[0].splitlines() == ["bash deploy/demo.sh", "bash tests/run.sh"]
    assert README.index("bash tests/run.sh") < README.index("\n## ")


@pytest.mark.parametrize("script", sorted({*_scripts(), ".ci/run"}))
def test_every_script_is_there_and_bash_can_read_it(script: str) -> None:
    assert (ROOT / script).stat().st_mode & 0o111
    subprocess.run(["bash", "-n", str(ROOT / script)], check=True)


def test_the_gate_runs_the_readmes_test_command_and_nothing_more() -> None:
    gate = (ROOT / ".ci" / "run").read_text(encoding="utf-8")
    assert gate.splitlines()[-1] == "exec bash tests/run.sh"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        assert (page.parent / link).exists(), link


def test_every_page_of_the_documentation_is_in_its_index() -> None:
    index = (ROOT / "docs" / "README.md").read_text(encoding="utf-8")
    for page in (ROOT / "docs").glob("*.md"):
        assert page.name == "README.md" or f"({page.name})" in index, page.name


def test_the_operations_in_the_readme_are_those_of_the_table(home: Path) -> None:
    listed = [f"{service}:{name.strip()}" for service, names in _ROW.findall(README) for name in names.split(",")]
    offered = [row.qualified_name for row in read_table(home).offered.values()]
    assert sorted(listed) == sorted(offered)


def test_the_python_in_the_readme_assumes_a_role(server: Service, resident: Tenant) -> None:
    iam = server.boto("iam", resident.key)
    iam.create_user(UserName="reader")
    role = iam.create_role(
        RoleName="auditor", AssumeRolePolicyDocument=trust(f"arn:aws:iam::{resident.account_id}:user/reader")
    )["Role"]
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    (source,) = _blocks("python")
    done = subprocess.run(
        [sys.executable, "-c", source.replace("arn:aws:iam::123456789012:role/auditor", role["Arn"])],
        env={
            "AWS_ENDPOINT_URL": server.url,
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_ACCESS_KEY_ID": key["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"],
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"arn:aws:sts::{resident.account_id}:assumed-role/auditor/me\n", done.stderr
