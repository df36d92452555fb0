"""The table of commands: each group is imported when it is asked for, and what it needs when it runs."""

import importlib
from collections.abc import Mapping
from typing import Any

import click

from sts.cli.output import show_example
from sts.errors import AlreadyExists, InputInvalid, KeyGone, Refusal, RotationUnderWay

REFUSED, WRONG_USAGE, ALREADY_SO = 1, 2, 3

_COMMANDS: Mapping[str, str] = {
    "serve": "sts.cli.serve",
    "init": "sts.cli.accounts",
    "accounts": "sts.cli.accounts",
    "migrate": "sts.cli.migrate",
    "backup": "sts.cli.backup",
    "restore": "sts.cli.backup",
    "keys": "sts.cli.keys",
    "revoke": "sts.cli.revoke",
    "disable": "sts.cli.disabling",
    "enable": "sts.cli.disabling",
    "users": "sts.cli.users",
    "providers": "sts.cli.providers",
    "explain": "sts.cli.explain",
    "audit": "sts.cli.audit",
    "login": "sts.cli.login",
    "logout": "sts.cli.login",
    "whoami": "sts.cli.login",
    "assume-role": "sts.cli.assume_role",
    "settings": "sts.cli.settings",
    "demo": "sts.cli.demo",
}
_CODES: tuple[tuple[type[Refusal], int], ...] = (
    (AlreadyExists, ALREADY_SO),
    (RotationUnderWay, ALREADY_SO),
    (KeyGone, ALREADY_SO),
    (InputInvalid, WRONG_USAGE),
)


def find_exit_code(refusal: Refusal) -> int:
    """Return the exit code for *refusal*."""
    return next((code for kind, code in _CODES if isinstance(refusal, kind)), REFUSED)


class Commands(click.Group):
    """A group whose commands are found in a table, and that tells a Refusal in its own words."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002  click's own signature
        """Return the names, in the order of the table."""
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002  as above
        """Import a command when it is first asked for."""
        module = _COMMANDS.get(cmd_name)
        if module is None:
            return None
        command: click.Command = getattr(importlib.import_module(module), cmd_name.replace("-", "_"))
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; a Refusal becomes a line on stderr and an exit code."""
        try:
            return super().invoke(ctx)
        except Refusal as refusal:
            click.echo(f"Error: {refusal.message}", err=True)
            ctx.exit(find_exit_code(refusal))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    epilog=show_example("sts init && sts serve"),
)
@click.version_option(package_name="sts", prog_name="sts")
def main() -> None:
    """Run an identity and security-token service that every AWS SDK already knows how to talk to.

    Settings are environment variables that begin with STS_: `sts settings` lists them. Every command has --json, and
    exits with 0 when it is done, 1 when it is refused or failed, 2 on wrong usage, 3 when it is so already.
    """
