"""`sts serve`: run the service until it is told to end."""

import contextlib
import signal
from types import FrameType
from typing import TYPE_CHECKING

import click

from sts.cli.output import show_example
from sts.errors import Refusal

if TYPE_CHECKING:
    import uvicorn

    from sts.settings import Settings

_LEVELS = click.Choice(["debug", "info", "warning", "error"])
_ENDS_WITHIN_SECONDS = 20  # requests under way are answered until then


@click.command(epilog=show_example("sts serve --port 8080"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that serve.")
@click.option("--log-level", default="info", show_default=True, type=_LEVELS, help="From which level on to log.")
@click.option("--json", "as_json", is_flag=True, help="Log JSON, also in a terminal.")
def serve(host: str, port: int, workers: int, log_level: str, *, as_json: bool) -> None:
    """Run the service. SIGTERM or Ctrl-C ends it once all requests under way are answered.

    Store and keys are made at the first start; the log goes to stderr, as JSON unless that is a terminal.
    """
    import os

    from sts.cli.logs import configure_logs
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    _refuse_workers(settings, workers)
    configure_logs(log_level, as_json=as_json)
    _run(_build_server(settings, host, port))


def _refuse_workers(settings: "Settings", workers: int) -> None:
    from sts.cache.address import MEMORY

    # Each process would keep a cache of its own, and what one of them burned or counted the others would not know.
    if workers > 1 and settings.cache_url == MEMORY:
        raise Refusal(f"--workers {workers} needs a cache that processes share, and STS_CACHE_URL is memory://")


def _build_server(settings: "Settings", host: str, port: int) -> "uvicorn.Server":
    import uvicorn

    from sts.app import create_app
    from sts.cli.operator import telling_of_store

    with telling_of_store():
        app = create_app(settings)
        _warn_of_no_account(settings)
    return uvicorn.Server(
        uvicorn.Config(
            app,
            host=host,
            port=port,
            loop="uvloop",
            http="httptools",
            ws="none",
            lifespan="on",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=_ENDS_WITHIN_SECONDS,
        )
    )


def _run(server: "uvicorn.Server") -> None:
    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # The server raises the signal that ended it once more when it has ended: it finds this handler, and the command
    # ends as one that has done what it should.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, end)
    with contextlib.suppress(SystemExit):  # of a server that could not start, with an exit code of its own
        server.run()
    if not server.started:
        raise Refusal("The service did not start; the log says why")


def _warn_of_no_account(settings: "Settings") -> None:
    import structlog

    from sts.store.accounts import list_accounts
    from sts.store.database import open_database

    database = open_database(settings.database_url)
    if not database.read_now(list_accounts):
        structlog.get_logger("sts.cli").warning("serve.no_account", hint="`sts init` makes the first account")
    database.close()
