"""`sts serve`: run the service until it is told to end."""

import contextlib
import gc
import os
import signal
import sys
from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from sts.cli.output import show_example
from sts.errors import Refusal

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Sequence

    from sts.serving.server import Server
    from sts.settings import Settings

_LEVELS = click.Choice(["debug", "info", "warning", "error"])
_FILE = click.Path(dir_okay=False, path_type=Path)
_COLLECTIONS = 50_000, 20, 100  # objects, and younger collections, after which garbage is looked for
_GRACE = timedelta(seconds=10)  # for workers that have drained and finished to close what they have open


@click.command(epilog=show_example("sts serve --port 8080"))
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, type=click.IntRange(0, 65535), help="The port to listen on.")
@click.option("--workers", default=1, show_default=True, type=click.IntRange(1), help="Processes that serve.")
@click.option("--tls-cert", type=_FILE, help="Serve https: the PEM file of the certificate and its chain.")
@click.option("--tls-key", type=_FILE, help="The PEM file of the certificate's key, private to the service's user.")
@click.option("--log-level", default="info", show_default=True, type=_LEVELS, help="From which level on to log.")
@click.option("--json", "as_json", is_flag=True, help="Log JSON, also in a terminal.")
@click.option("--listener", "listeners", type=int, multiple=True, hidden=True)
@click.option("--supervisor", type=int, hidden=True)
@click.option("--numbers", type=int, hidden=True)
@click.option("--worker", type=int, hidden=True)
def serve(
    host: str,
    port: int,
    workers: int,
    *,
    tls_cert: Path | None,
    tls_key: Path | None,
    log_level: str,
    as_json: bool,
    listeners: "Sequence[int]",
    supervisor: int | None,
    numbers: int | None,
    worker: int | None,
) -> None:
    """Run the service. SIGTERM or Ctrl-C ends it once all requests under way are answered; a second one, at once.

    After SIGTERM /readyz says no for a while before the listener closes, so that a balancer looks elsewhere.
    Store and keys are made at the first start; the log goes to stderr, as JSON unless that is a terminal. Without
    STS_ISSUER the issuer is the loopback address that is listened on; on another host STS_ISSUER must be set.
    """
    import socket

    from sts.cli.logs import configure_logs
    from sts.serving.listeners import bind
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    _refuse_unnamed(host)
    _refuse_workers(settings, workers)
    tls = _load_tls(tls_cert, tls_key)
    configure_logs(log_level, as_json=as_json, exports=True)
    with contextlib.ExitStack() as opened:
        sockets = [socket.socket(fileno=number) for number in listeners] or bind(host, port)
        for each in sockets:
            opened.enter_context(each)
        settings = _name_issuer(settings, host, sockets, secure=tls is not None)
        if supervisor is None:  # a worker's supervisor has said it
            _tell_start(settings, host, sockets, secure=tls is not None)
        if workers > 1 and supervisor is None:
            _supervise(settings, sockets, workers)
        else:
            share = None if numbers is None or worker is None else (numbers, worker, workers)
            _run(_build_server(settings, sockets, tls, supervisor, share))


def _refuse_unnamed(host: str) -> None:
    # Clients know such a service by a name that the host does not tell, and tokens of another issuer would not verify.
    if not os.environ.get("STS_ISSUER") and not _is_loopback(host):
        raise click.UsageError(f"--host {host} needs STS_ISSUER: set it to the https:// address that clients use.")


def _is_loopback(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _name_issuer(settings: "Settings", host: str, sockets: "Sequence[socket.socket]", *, secure: bool) -> "Settings":
    """Return *settings* with the issuer that was set, or else the loopback address that is listened on.

    A worker comes to the same, since it has the same words and the same sockets.
    """
    if os.environ.get("STS_ISSUER"):
        return settings
    port = sockets[0].getsockname()[1]
    shown = f"[{host}]" if ":" in host else host
    return replace(settings, issuer=f"{'https' if secure else 'http'}://{shown}:{port}")


def _tell_start(settings: "Settings", host: str, sockets: "Sequence[socket.socket]", *, secure: bool) -> None:
    import structlog

    from sts.serving.listeners import describe

    log = structlog.get_logger("sts.cli")
    log.info(
        "serve.starting",
        address=[describe(each, secure=secure) for each in sockets],
        issuer=settings.issuer,
        store=_describe_store(settings.database_url),
        keys=str(settings.keys_dir),
    )
    if not secure and not settings.trusted_proxies and not _is_loopback(host):
        hint = "anyone on the way reads what is sent: use --tls-cert, or name your TLS proxy in STS_TRUSTED_PROXIES"
        log.warning("serve.plain_http", hint=hint)


def _describe_store(url: str) -> str:
    """Return where the store is, without the password that its address may hold."""
    from sts.store.address import SQLITE, parse_address

    if url.startswith(SQLITE):
        return url
    address = parse_address(url)
    return f"postgresql://{','.join(f'{place.host}:{place.port}' for place in address.places)}/{address.database}"


def _refuse_workers(settings: "Settings", workers: int) -> None:
    from sts.cache.address import MEMORY

    # Each process would keep a cache of its own, and what one of them burned or counted the others would not know.
    if workers > 1 and settings.cache_url == MEMORY:
        raise Refusal(f"--workers {workers} needs a cache that processes share, and STS_CACHE_URL is memory://")


def _load_tls(certificate: Path | None, key: Path | None) -> "ssl.SSLContext | None":
    from sts.serving.tls import load_tls

    if certificate is None and key is None:
        return None
    if certificate is None or key is None:
        raise click.UsageError("--tls-cert and --tls-key go together.")
    return load_tls(certificate, key)


def _supervise(settings: "Settings", sockets: "Sequence[socket.socket]", workers: int) -> None:
    from sts.serving.workers import Supervisor

    grace = settings.limits.drain + settings.limits.finish + _GRACE
    # The same words again: a worker is told the same, and which sockets are already open.
    Supervisor([sys.executable, "-m", "sts", *sys.argv[1:]], sockets, workers, grace).run()


def _build_server(
    settings: "Settings",
    sockets: "Sequence[socket.socket]",
    tls: "ssl.SSLContext | None",
    supervisor: int | None,
    share: tuple[int, int, int] | None,
) -> "Server":
    from sts.app import create_app
    from sts.audit.sums import Sums
    from sts.cli.operator import telling_of_store
    from sts.clock import SystemClock
    from sts.entropy import Entropy
    from sts.health.readiness import Readiness
    from sts.metering import build_meters
    from sts.serving.listeners import allow_files
    from sts.serving.server import Server
    from sts.serving.threshold import Threshold
    from sts.telemetry.numbers import Share

    allow_files(settings.limits.connections)
    clock, entropy, readiness, sums = SystemClock(), Entropy(), Readiness(), Sums()
    meters = build_meters(None if share is None else Share(*share))
    with telling_of_store(settings):
        app = create_app(settings, clock=clock, entropy=entropy, readiness=readiness, sums=sums, meters=meters)
        _warn_of_no_account(settings)
    threshold = Threshold(
        limits=settings.limits, readiness=readiness, sums=sums, meters=meters, clock=clock, entropy=entropy
    )
    return Server(app, threshold, sockets, tls=tls, supervisor=supervisor)


def _run(server: "Server") -> None:
    def end(_signal: int, _frame: FrameType | None) -> None:
        server.should_exit = True

    # A signal that comes before the server listens ends it as soon as it does.
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, end)
    # What was made until now stays for good, and a request leaves little to collect: each search through all that is
    # held in memory would hold requests up, and costs a sixth of an AssumeRole in all.
    gc.collect()
    gc.freeze()
    gc.set_threshold(*_COLLECTIONS)
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
