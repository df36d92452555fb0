"""`sts settings`: what the service can be told by its environment."""

import click

from sts.cli.output import json_option, print_json, show_example


@click.command(
    short_help="List the settings, with meaning and default.", epilog=show_example("STS_HOME=/var/lib/sts sts serve")
)
@json_option
def settings(*, as_json: bool) -> None:
    """List the settings, with meaning and default: environment variables that begin with STS_."""
    from sts.settings import SETTINGS

    if as_json:
        print_json([{"name": each.name, "default": each.default, "meaning": each.meaning} for each in SETTINGS])
        return
    for each in SETTINGS:
        click.echo(f"{each.name}\n    {each.meaning}\n    Default: {each.default}")
