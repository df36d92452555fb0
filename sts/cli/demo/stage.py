"""Where commands are shown: each is printed before it runs, and its output after it."""

import json
import shlex
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import click

REFUSED: Final = "AccessDenied"
_INDENT = "    "
_TIMEOUT_SECONDS = 120
_SHORTENED = 40
# From these on the AWS CLI reads AWS_ENDPOINT_URL; an older one would send the demo's calls to AWS.
_OLDEST: Final = {1: (1, 29), 2: (2, 13)}


def say(text: str) -> None:
    """Tell the reader something, in a paragraph of its own."""
    click.echo(f"\n{textwrap.fill(text, 100)}")


def show(text: str) -> None:
    """Show commands or output, indented."""
    click.echo(textwrap.indent(text.rstrip(), _INDENT))


@dataclass(frozen=True, slots=True)
class Stage:
    """Runs the reader's clients. *environment* is theirs; the credentials come with each command."""

    environment: Mapping[str, str]

    def aws(self, arguments: Sequence[str], keys: Mapping[str, str], shown: Callable[[str], str] = str) -> str:
        """Run the AWS CLI, show what *shown* makes of its output, and return the output as it was."""
        click.echo()
        show(f"$ aws {shlex.join(arguments)}")
        done = self._run(["aws", *arguments], keys)
        _require(done.returncode == 0, done, "The AWS CLI failed")
        show(shown(done.stdout))
        return done.stdout

    def aws_refused(self, arguments: Sequence[str], keys: Mapping[str, str]) -> None:
        """Run the AWS CLI on what must be denied, and show the reason that is given."""
        click.echo()
        show(f"$ aws {shlex.join(arguments)}")
        done = self._run(["aws", *arguments], keys)
        _require(done.returncode != 0 and REFUSED in done.stderr, done, "This call should have been denied")
        show(textwrap.fill(done.stderr.strip(), 96))

    def python(self, source: str, keys: Mapping[str, str], *, expected: str) -> None:
        """Run *source*, with the interpreter that has boto3 and this package; its output must hold *expected*."""
        click.echo()
        show(f"$ python - <<'EOF'\n{source}EOF")
        done = self._run([sys.executable, "-c", source], keys)
        _require(done.returncode == 0 and expected in done.stdout, done, "The Python program failed")
        show("\n".join(textwrap.fill(line, 96) for line in done.stdout.splitlines()))

    def sts(self, arguments: Sequence[str]) -> Mapping[str, str]:
        """Run the `sts` command with `--json` and return what it says; the output holds a secret and is not shown."""
        click.echo()
        show(f"$ STS_HOME={shlex.quote(self.environment['STS_HOME'])} sts {shlex.join(arguments)}")
        done = self._run([sys.executable, "-m", "sts", *arguments], {})
        _require(done.returncode == 0, done, "The command failed")
        answer: Mapping[str, str] = json.loads(done.stdout)
        return answer

    def _run(self, command: Sequence[str], keys: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  the commands are those of the story, and no shell reads them
            command,
            env={**self.environment, **keys},
            capture_output=True,
            text=True,
            check=False,
            timeout=_TIMEOUT_SECONDS,
        )


def _require(met: bool, done: subprocess.CompletedProcess[str], complaint: str) -> None:  # noqa: FBT001  the outcome of one comparison
    if not met:
        said = done.stderr.strip() or "(it said nothing on standard error)"
        raise click.ClickException(f"{complaint} (exit code {done.returncode}):\n{said}")


def hide_secrets(output: str) -> str:
    """Return the answer to assume-role, *output*, with the secret hidden and the long token shortened."""
    answer = json.loads(output)
    answer["Credentials"]["SecretAccessKey"] = "***"
    answer["Credentials"]["SessionToken"] = answer["Credentials"]["SessionToken"][:_SHORTENED] + "…"
    return json.dumps(answer, indent=4, ensure_ascii=False)


def find_clients(environment: Mapping[str, str]) -> str:
    """Return what the AWS CLI on PATH calls itself; raises ClickException when it or boto3 is missing or too old."""
    advice = "`bash deploy/demo.sh` installs what the demo needs."
    try:
        import boto3  # noqa: F401  the steps need it; better missed now than halfway
    except ImportError:
        raise click.ClickException(f"boto3 is not installed beside sts. {advice}") from None
    found = shutil.which("aws", path=environment.get("PATH"))
    if found is None:
        raise click.ClickException(f"The AWS CLI is not on PATH. {advice}")
    done = subprocess.run([found, "--version"], env=environment, capture_output=True, text=True, check=False)  # noqa: S603  the reader's own AWS CLI
    named = done.stdout.partition(" ")[0]
    version = tuple(int(part) for part in named.removeprefix("aws-cli/").split(".")[:2] if part.isdigit())
    if not version or version < _OLDEST.get(version[0], (3,)):
        raise click.ClickException(
            f"{found} is {named or 'of an unknown version'}, which does not read AWS_ENDPOINT_URL. {advice}"
        )
    return named
