"""`sts migrate`: bring the store to the revision that this program works with."""

import os
from functools import partial
from typing import TYPE_CHECKING

import click

from sts.cli.output import json_option, print_fields, show_example

if TYPE_CHECKING:
    from sts.settings import Settings


@click.command(epilog=show_example("sts migrate"))
@json_option
def migrate(*, as_json: bool) -> None:
    """Bring the store up to date, or make it. One that is up to date is left as it is, which is no fault.

    `sts serve` does the same when it starts; this is for who wants it done and seen before.
    """
    from sts.cli.operator import telling_of_store
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    with telling_of_store(settings):
        before, after = _migrate(settings)
    print_fields({"from_revision": before, "to_revision": after, "changed": before != after}, as_json=as_json)


def _migrate(settings: "Settings") -> tuple[str | None, str]:
    from sts.audit.events import Event
    from sts.audit.journal import Journal
    from sts.aws.errors import code_of
    from sts.cli.logs import configure_logs
    from sts.cli.operator import begin_act, change_now
    from sts.clock import SystemClock
    from sts.coherence import Coherence
    from sts.entropy import Entropy
    from sts.foundation import prepare_store
    from sts.keyring.keyring import open_keyring
    from sts.store.database import Transaction, open_database
    from sts.store.schema import HEAD, find_revision, upgrade
    from sts.store.snapshot import Snapshot
    from sts.store.versions import Version
    from sts.telemetry.meters import open_meters

    configure_logs("warning")
    settings.home.mkdir(parents=True, exist_ok=True)
    clock, entropy = SystemClock(), Entropy()
    database = open_database(settings.database_url)
    before = database.read_now(find_revision)
    if before == HEAD:
        database.close()
        return before, HEAD
    keyring = open_keyring(settings.keys_dir, clock, entropy, create=before is None)
    # A store of an older revision may have no version to read: nothing is remembered of it, and nothing served.
    coherence = Coherence(Snapshot(database, Version("", 0)), entropy, None)
    journal = Journal(database, coherence, keyring, clock, entropy.nonce(), code_of, open_meters())
    entry = begin_act(clock, entropy, Event.STORE_MIGRATE, {"from_revision": before, "to_revision": HEAD})

    def change(transaction: Transaction) -> None:
        upgrade(transaction.connection, partial(prepare_store, clock=clock, entropy=entropy))

    change_now(journal, entry, change)
    database.close()
    return before, HEAD
