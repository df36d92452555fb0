"""`sts audit`: read the records through the API, and verify on the host that none was altered or taken out."""

import os
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO, TypeVar

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.instants import INSTANT
from sts.cli.output import json_option, print_json, print_table, show_example
from sts.errors import Refusal, Unavailable
from sts.legible import show

if TYPE_CHECKING:
    from sts.audit.record import Entry
    from sts.audit.verification import Findings
    from sts.cli.operator import Host
    from sts.settings import Settings
    from sts.store.database import Transaction

_F = TypeVar("_F", bound=Callable[..., Any])

_FILTERS = (
    click.option("--principal", metavar="ARN", help="Who did it: an ARN, or user/NAME, role/NAME or root."),
    click.option("--action", metavar="ACTION", help="What was done: iam:CreateUser, sts:*, or the event user.create."),
    click.option("--resource", metavar="ARN", help="On what it was done; * and ? are wildcards, as in ACTION."),
    click.option("--outcome", type=click.Choice(["done", "refused", "failed"]), help="How it ended."),
    click.option("--from", "begins_at", type=INSTANT, help="At this time or later: 2026-03-02, or 2h ago."),
    click.option("--to", "ends_at", type=INSTANT, help="Before this time."),
)
_LOOK_SECONDS = 2
_MOST = 1_000  # records of one look
_UNSEEN = "What was cut off after the last checkpoint that was exported does not show"


def filter_options(command: _F) -> _F:
    """Give a command the options by which records are found."""
    for option in reversed(_FILTERS):
        command = option(command)
    return command


@click.group(short_help="Read and verify the audit records.", epilog=show_example("sts audit tail --follow"))
def audit() -> None:
    """Read the audit records, and verify that none was altered or taken out."""


@audit.command(
    short_help="Show the latest records of the account.", epilog=show_example("sts audit tail --profile admin --follow")
)
@endpoint_options
@click.option("--limit", default=20, show_default=True, type=click.IntRange(1, _MOST), help="How many to begin with.")
@click.option("--follow/--once", default=False, help="Go on with what follows until Ctrl-C, or end (the default).")
@click.option("--denied", is_flag=True, help="Only what was refused; looked for among the latest 1000 at first.")
@json_option
def tail(
    endpoint_url: str | None, profile: str | None, limit: int, *, follow: bool, denied: bool, as_json: bool
) -> None:
    """Show the latest records of the account whose credentials are used, oldest first.

    A line tells time, event, principal, action, resource, the reason of a refusal, and address.
    Credentials are found as an AWS SDK finds them. They need sts-admin:ListAuditRecords on
    arn:aws:sts-admin::ACCOUNT:audit/records. The reading itself is recorded, and not shown here.
    """
    from sts.audit.summary import is_refused
    from sts.client.audit import Tail

    reading = Tail(connect(endpoint_url, profile))
    latest = reading.read_latest(_MOST if denied else limit)
    for record in [record for record in latest if not denied or is_refused(record)][-limit:]:
        _print_record(record, as_json=as_json)
    if follow:
        try:
            for record in reading.follow(lambda: time.sleep(_LOOK_SECONDS)):
                if not denied or is_refused(record):
                    _print_record(record, as_json=as_json)
        except KeyboardInterrupt:
            return  # the way to end it


@audit.command(
    "list",
    short_help="Find records by who, what, on what, how it ended and when.",
    epilog=show_example("sts audit list --principal user/alice --outcome refused --from 24h"),
)
@endpoint_options
@filter_options
@click.option("--limit", default=50, show_default=True, type=click.IntRange(1), help="How many at most.")
@click.option("--oldest-first", is_flag=True, help="Begin with the oldest, not with the latest.")
@click.option("--marker", metavar="MARKER", help="Go on where a list with the same filters ended.")
@json_option
def list_records(
    endpoint_url: str | None,
    profile: str | None,
    limit: int,
    marker: str | None,
    *,
    oldest_first: bool,
    as_json: bool,
    **filters: str | None,
) -> None:
    """Find records of the account whose credentials are used, the latest first.

    A role stands for all of its sessions. Where more follow, the marker to go on with is told. The credentials need
    sts-admin:ListAuditRecords on arn:aws:sts-admin::ACCOUNT:audit/records. The reading itself is recorded.
    """
    from sts.audit.summary import COLUMNS, summarize
    from sts.client.audit import read_pages

    query = _write_query(filters, marker, "oldest" if oldest_first else "newest")
    pages = list(read_pages(connect(endpoint_url, profile), query, limit))
    records, following = [record for page in pages for record in page.records], pages[-1].marker
    if as_json:
        print_json({"records": records, "marker": following})
        return
    rows = [dict(zip(COLUMNS, summarize(record), strict=True)) for record in records]
    print_table(rows, COLUMNS, as_json=False)
    if following is not None:
        click.echo(f"More may follow: --marker {following}", err=True)


@audit.command(
    short_help="Write records as lines of JSON.",
    epilog=show_example("sts audit export --from 2026-03-01 --to 2026-04-01 > march.jsonl"),
)
@endpoint_options
@filter_options
@click.option("--marker", metavar="MARKER", help="Go on where an export with the same filters broke off.")
@click.option("--json", "_as_json", is_flag=True, help="Print JSON, for programs: it is so anyway.")
def export(
    endpoint_url: str | None, profile: str | None, marker: str | None, *, _as_json: bool, **filters: str | None
) -> None:
    """Write records of the account whose credentials are used to standard output, the oldest first, a line each.

    It ends with what was recorded when it began. `sts audit verify --records FILE` checks on the host of the store that
    each of them is still there and says the same. The credentials need sts-admin:ListAuditRecords on
    arn:aws:sts-admin::ACCOUNT:audit/records. The reading itself is recorded.
    """
    from sts.client.audit import read_pages

    written, pages = 0, read_pages(connect(endpoint_url, profile), _write_query(filters, marker, "oldest"))
    try:
        with _progress() as watch:
            for page in pages:
                for record in page.records:
                    print_json(record)
                written, marker = written + len(page.records), page.marker
                watch(written)
    except Refusal:
        hint = "" if marker is None else f": go on with --marker {marker}"
        click.echo(f"It broke off after {written} records{hint}", err=True)
        raise


@audit.command(
    short_help="Verify every record, stream and checkpoint.",
    epilog=show_example("grep audit.checkpoint.done sts.log | sts audit verify --checkpoint -"),
)
@click.option(
    "--checkpoint",
    "exported",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Checkpoints exported from the log, a JSON object a line (`-`: standard input).",
)
@click.option(
    "--records",
    type=click.File("r", encoding="utf-8", errors="replace"),
    metavar="FILE",
    help="Records that `sts audit export` wrote (`-`: standard input): each must be in the store, and say the same.",
)
@json_option
def verify(exported: TextIO | None, records: TextIO | None, *, as_json: bool) -> None:
    """Verify every record, stream and checkpoint, on the host that holds store and keys.

    Tells the first fault of each stream and of each checkpoint, and exits with 1 when there is any. What was cut off
    after the last checkpoint that was exported does not show: keep the log elsewhere, and hand its checkpoints in.
    """
    from sts.audit.verification import count
    from sts.settings import read_settings

    findings = _verify(read_settings(os.environ), exported, records, as_json=as_json)
    if findings.faults:
        raise Refusal(f"The audit does not hold: {count(len(findings.faults), 'fault')}")


def _print_record(record: Mapping[str, Any], *, as_json: bool) -> None:
    from sts.audit.summary import summarize

    if as_json:
        print_json(record)
    else:
        click.echo("  ".join(show(value) for value in summarize(record)))


def _write_query(filters: Mapping[str, str | None], marker: str | None, order: str) -> Mapping[str, str]:
    named = {**filters, "from": filters["begins_at"], "to": filters["ends_at"], "marker": marker, "order": order}
    return {name: value for name, value in named.items() if value is not None and not name.endswith("_at")}


def _verify(settings: "Settings", exported: TextIO | None, records: TextIO | None, *, as_json: bool) -> "Findings":
    from sts.audit.events import Event
    from sts.cli.operator import open_host

    with open_host(settings) as host:
        findings = _examine(host, exported, records)
        _print_findings(findings, as_json=as_json)  # first: a store that takes no record any more is told of too

        def note(_transaction: "Transaction", entry: "Entry") -> None:
            entry.parameters = _describe(findings)

        try:
            host.act(Event.AUDIT_VERIFY, {}, note)
        except Unavailable as unavailable:
            # Of a copy that cannot be written to, what was found is the answer all the same.
            click.echo(f"Warning: this verification is not on record: {unavailable.message}", err=True)
    return findings


def _examine(host: "Host", exported: TextIO | None, records: TextIO | None) -> "Findings":
    from sts.audit.verification import Examination, parse_exported, parse_exported_records

    checkpoints = () if exported is None else tuple(parse_exported(exported))
    elsewhere = () if records is None else tuple(parse_exported_records(records))
    with _progress() as watch:
        return host.at.database.read_now(
            lambda connection: Examination(connection, host.at.keyring, watch).examine(checkpoints, elsewhere)
        )


def _describe(findings: "Findings") -> Mapping[str, Any]:
    return {
        "records": findings.records,
        "exported": findings.exported,
        "streams": findings.streams,
        "checkpoints": findings.checkpoints,
        "faults": [{"place": fault.place, "reason": fault.reason} for fault in findings.faults],
    }


def _print_findings(findings: "Findings", *, as_json: bool) -> None:
    from sts.audit.verification import count

    if as_json:
        print_json({**_describe(findings), "unseen": _UNSEEN})
        return
    for fault in findings.faults:
        click.echo(show(f"{fault.place}: {fault.reason}"))
    if not findings.faults:
        click.echo("No fault was found.")
    streams, checkpoints = count(findings.streams, "stream"), count(findings.checkpoints, "checkpoint")
    click.echo(f"{count(findings.records, 'record')} in {streams} and {checkpoints} were checked.")
    if findings.exported:
        was = "was" if findings.exported == 1 else "were"
        click.echo(f"{count(findings.exported, 'exported record')} {was} looked up in the store.")
    click.echo(f"{_UNSEEN}.")


@contextmanager
def _progress() -> Iterator[Callable[[int], None]]:
    """Say how far it is, on a line that is written over, when a person watches."""
    if not sys.stderr.isatty():
        yield lambda _records: None
        return
    yield lambda records: click.echo(f"\r{records} records…", nl=False, err=True)
    click.echo("\r\033[K", nl=False, err=True)
