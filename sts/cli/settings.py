"""`sts settings`: what the service can be told by its environment, and what it is told."""

import os

import click

from sts.cli.output import json_option, print_json, show_example
from sts.legible import show


@click.command(
    short_help="List the settings: meaning, default and value.",
    epilog=show_example("STS_HOME=/var/lib/sts sts settings"),
)
@json_option
def settings(*, as_json: bool) -> None:
    """List the settings, environment variables that begin with STS_: meaning, default, and the value in force here.

    Passwords are masked. Exits with 1, and tells all faults, when no command would start with these values.
    """
    from sts.settings import SETTINGS, find_values, read_settings

    values = find_values(os.environ)
    if as_json:
        print_json(
            [
                {"name": each.name, "default": each.default, "value": values[each.name], "meaning": each.meaning}
                for each in SETTINGS
            ]
        )
    else:
        for each in SETTINGS:
            click.echo(f"{each.name}\n    {each.meaning}\n    Default: {each.default}")
            click.echo(f"    In force: {show(values[each.name])}")
    read_settings(os.environ)
