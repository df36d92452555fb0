"""`sts demo`: the service at work on this machine, shown through the clients that people have already.

The demo knows the service as anyone does: through the `sts` command, the AWS CLI, boto3 and HTTP.
"""

from pathlib import Path

import click


@click.command(short_help="Show the service at work, with the AWS CLI and boto3.", epilog="Example: sts demo --once")
@click.option("--once", is_flag=True, help="End after the last step, with exit code 0, instead of staying up.")
@click.option("--port", type=click.IntRange(1, 65535), help="The loopback port; 8080 unless taken, else any free one.")
@click.option("--json", "as_json", is_flag=True, help="Tell the story on stderr, and on stdout what it made, as JSON.")
def demo(*, once: bool, port: int | None, as_json: bool) -> None:
    """Start the service, make a demo account, and show the main job on real input.

    Everything is kept in the folder demo/ of the current folder; a second run uses what is there. The AWS CLI must be
    on PATH (version 1.29 or 2.13 and later) and boto3 installed: `bash deploy/demo.sh` sees to both.

    At the end the service stays up until Ctrl-C, and exports are printed to paste into another shell. Exit code 1 when
    a step fails.
    """
    import json
    import sys
    from contextlib import nullcontext, redirect_stdout

    from sts.cli.demo.story import tell

    stdout = sys.stdout
    with redirect_stdout(sys.stderr) if as_json else nullcontext():
        for made in tell(Path("demo"), port, once=once):
            if as_json:
                click.echo(json.dumps(made), file=stdout)
