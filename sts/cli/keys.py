"""`sts keys`: the keys of the service, without their secrets, how the next one is made, and how one is removed."""

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import click

from sts.cli.output import json_option, print_json, print_table, show_example

if TYPE_CHECKING:
    from sts.audit.record import Entry
    from sts.cli.operator import Host
    from sts.keyring.keyring import KeyRecord, Keyring
    from sts.store.database import Transaction

_PURPOSES = ("signing", "derivation", "sealing", "audit", "marker", "pepper")
_ALGORITHMS = ("ES256", "RS256", "ES384")
_COLUMNS = ("purpose", "algorithm", "version", "state", "works_from", "works_until", "gone_at", "kid")
_COST = (
    "Whoever keeps our key set for its five minutes refuses the tokens of a new signing key until they fetch it again."
)


@click.group(
    short_help="List, rotate and remove the keys of the service.",
    epilog=show_example("sts keys rotate --purpose signing --soon"),
)
def keys() -> None:
    """List, rotate and remove the keys of the service, on the host that holds the key folder."""


@keys.command("list", epilog=show_example("sts keys list"))
@json_option
def list_(*, as_json: bool) -> None:
    """List all keys: next, current, old, gone. No secret is shown."""
    rows = [describe_key(key) for key in _open_keys().keys()]  # noqa: SIM118  a keyring is no mapping
    print_table(rows, _COLUMNS, as_json=as_json)


def _open_keys() -> "Keyring":
    """Open the keys to look at them: nothing is made, and nothing written."""
    from sts.cli.operator import require_keys, require_store, telling_of_store
    from sts.clock import SystemClock
    from sts.entropy import Entropy
    from sts.keyring.keyring import open_keyring
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    require_store(settings)
    require_keys(settings)
    with telling_of_store(settings):
        return open_keyring(settings.keys_dir, SystemClock(), Entropy(), create=False)


@keys.command(epilog=show_example("sts keys rotate --purpose sealing"))
@click.option(
    "--purpose", default="signing", show_default=True, type=click.Choice(_PURPOSES), help="Which kind of key."
)
@click.option("--algorithm", type=click.Choice(_ALGORITHMS), help="Of signing keys, only this one; else all in use.")
@click.option("--soon", is_flag=True, help="Publish a signing key for 15 minutes before it signs, not for 24 hours.")
@click.option("--emergency", is_flag=True, help="Let the new key work at once.")
@json_option
def rotate(purpose: str, algorithm: str | None, *, soon: bool, emergency: bool, as_json: bool) -> None:
    """Make the next key of a purpose, and print when it takes effect. Nothing that older keys made is lost.

    A running service finds the new key by itself. Exits with 3 while an earlier rotation is under way; an emergency
    withdraws the key that waits, and says so.
    """
    if soon and emergency:
        raise click.UsageError("--soon and --emergency exclude each other")
    if algorithm is not None and purpose != "signing":
        raise click.UsageError("--algorithm is for signing keys")
    if soon and purpose != "signing":
        raise click.UsageError("--soon is for signing keys: no others are published")
    told = _rotate(purpose, algorithm, soon=soon, emergency=emergency)
    cost = _COST if emergency and purpose == "signing" else None
    if as_json:
        print_json({**told, "cost": cost})
        return
    _print_changes(told)
    if cost is not None:
        click.echo(cost, err=True)


@keys.command(
    short_help="Remove a key at once: what it made is refused.",
    epilog=show_example("sts keys remove 1 --purpose signing --algorithm ES256"),
)
@click.argument("version", type=click.IntRange(min=1))
@click.option("--purpose", required=True, type=click.Choice(_PURPOSES), help="Which kind of key.")
@click.option("--algorithm", type=click.Choice(_ALGORITHMS), help="Of signing keys, only this one; else all in use.")
@click.option("--dry-run", is_flag=True, help="Say what would be lost, and remove nothing.")
@json_option
def remove(version: int, purpose: str, algorithm: str | None, *, dry_run: bool, as_json: bool) -> None:
    """Remove a key before its time, because somebody else may have it: what it made is refused at once.

    A running service knows of it within a second. A current key is replaced by a new one, which works at once; so that
    no secret is lost, a sealing key has to be rotated first. An audit key is never removed. Exits with 3 when the key
    is gone already.
    """
    from sts.cli.key_removal import preview_removal, remove_key
    from sts.cli.operator import open_host
    from sts.clock import SystemClock
    from sts.settings import read_settings

    if algorithm is not None and purpose != "signing":
        raise click.UsageError("--algorithm is for signing keys")
    if dry_run:
        told = preview_removal(_open_keys(), SystemClock().now(), purpose, version, algorithm)
    else:
        with open_host(read_settings(os.environ)) as host:
            told = remove_key(host, purpose, version, algorithm)
    if as_json:
        print_json({**told, "done": not dry_run})
    else:
        _print_removal(told, "would be removed" if dry_run else "was removed")


def _print_removal(told: Mapping[str, Sequence[Any]], ending: str) -> None:
    for key in told["removed"]:
        replaced = " and replaced" if key["state"] == "current" else ""
        click.echo(f"Version {key['version']} of the {_name(key)} key, which was {key['state']}, {ending}{replaced}")
    _print_changes(told)
    for sentence in told["cost"]:
        click.echo(sentence, err=True)


def _print_changes(told: Mapping[str, Sequence[Any]]) -> None:
    for key in told["made"]:
        click.echo(f"Version {key['version']} of the {_name(key)} key takes effect at {key['works_from']}")
    for key in told["withdrawn"]:
        click.echo(f"Version {key['version']} of the {_name(key)} key, which waited to be next, was withdrawn")


@keys.command(short_help="Make keys that are due, remove those that are gone.", epilog=show_example("sts keys tend"))
@json_option
def tend(*, as_json: bool) -> None:
    """Make the signing keys that are due and remove the keys that are gone: for a timer, once a day.

    A server does so itself, each minute, on a key folder that it may write to. Where servers only read theirs, this is
    the one writer: a signing key is made a day before it signs. When nothing is due nothing is done, with 0.
    """
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    with open_host(read_settings(os.environ)) as host:
        told = _tend(host)
    if as_json:
        print_json(told)
        return
    _print_changes(told)
    for key in told["removed"]:
        click.echo(f"Version {key['version']} of the {_name(key)} key, which was gone, was removed")


def _tend(host: "Host") -> Mapping[str, Sequence[Any]]:
    from sts.audit.events import Event
    from sts.errors import Unavailable

    keyring = host.at.keyring
    if keyring.is_only_read():
        raise Unavailable("The key folder is mounted read-only: its keys are made where it can be written")

    def change(_transaction: "Transaction", entry: "Entry") -> Mapping[str, Sequence[Any]]:
        before = keyring.keys()
        keyring.tend()
        after = keyring.keys()
        told = {
            "made": [describe_key(key) for key in _lacking(after, before)],
            "withdrawn": [],
            "removed": [describe_key(key) for key in _lacking(before, after)],
        }
        entry.parameters = {"due": True, **told}
        return told

    return host.act(Event.KEY_ROTATE, {"due": True}, change)


def _lacking(these: "Sequence[KeyRecord]", those: "Sequence[KeyRecord]") -> "Sequence[KeyRecord]":
    """Return those of *these* keys that are not among *those*, whatever the state of either."""
    named = {(key.purpose, key.algorithm, key.version) for key in those}
    return [key for key in these if (key.purpose, key.algorithm, key.version) not in named]


def _name(key: Mapping[str, Any]) -> str:
    return " ".join(filter(None, (key["algorithm"], key["purpose"])))


def _rotate(purpose: str, algorithm: str | None, *, soon: bool, emergency: bool) -> Mapping[str, Sequence[Any]]:
    """Rotate and return what was `made` and what was `withdrawn`, as the record says it."""
    from sts.audit.events import Event
    from sts.cli.operator import open_host
    from sts.keyring.rotation import KeyState, Purpose
    from sts.settings import read_settings

    asked = {"purpose": purpose, "algorithm": algorithm, "soon": soon, "emergency": emergency}
    with open_host(read_settings(os.environ)) as host:
        keyring = host.at.keyring

        def change(_transaction: "Transaction", entry: "Entry") -> Mapping[str, Sequence[Any]]:
            # The folder is no part of the transaction: the key is made first, so that no record names a key that is
            # not there; if the record fails then, the key stands and the command says that it failed.
            waiting = [key for key in keyring.keys() if key.state is KeyState.NEXT]  # noqa: SIM118  it is no mapping
            made = keyring.rotate(Purpose(purpose), algorithm, soon=soon, emergency=emergency)
            withdrawn = _lacking(waiting, keyring.keys())
            told = {"made": [describe_key(key) for key in made], "withdrawn": [describe_key(key) for key in withdrawn]}
            entry.parameters = {**asked, **told}
            return told

        return host.act(Event.KEY_ROTATE, asked, change)


def describe_key(key: "KeyRecord") -> Mapping[str, Any]:
    """Return what is known of a key, for programs; no secret."""
    return {
        "purpose": str(key.purpose),
        "algorithm": key.algorithm,
        "version": key.version,
        "kid": key.kid,
        "state": str(key.state),
        "made_at": key.made_at.isoformat(timespec="seconds"),
        "works_from": key.works_from.isoformat(timespec="seconds"),
        "works_until": None if key.works_until is None else key.works_until.isoformat(timespec="seconds"),
        "gone_at": None if key.gone_at is None else key.gone_at.isoformat(timespec="seconds"),
    }
