"""`sts init` and `sts accounts`: accounts are made and disabled on the host that holds the store."""

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from sts.cli.output import json_option, print_fields, print_standing, print_table, show_example
from sts.errors import InputInvalid

if TYPE_CHECKING:
    from sts.audit.record import Entry
    from sts.cli.operator import Host
    from sts.directory.access_keys import MintedKey
    from sts.directory.accounts import Beginning
    from sts.directory.links import MintedLink
    from sts.settings import Settings
    from sts.store.database import Transaction

_F = TypeVar("_F", bound=Callable[..., Any])
_ACCOUNT_ID = re.compile(r"[0-9]{12}")
_LABEL_LENGTH = 64


def _parse_account_id(_context: click.Context, _parameter: click.Parameter, value: str | None) -> str | None:
    if value is not None and not _ACCOUNT_ID.fullmatch(value):
        raise click.BadParameter("an account id has twelve digits")
    return value


def _parse_admin(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    from sts.directory.names import USER_NAME_LENGTH, verify_name

    try:
        return verify_name(value, USER_NAME_LENGTH)
    except InputInvalid as invalid:
        raise click.BadParameter(invalid.message) from invalid


def _parse_label(_context: click.Context, _parameter: click.Parameter, value: str) -> str:
    # Lists show it on a line of its own: what breaks or turns that line could pass for another account.
    if len(value) > _LABEL_LENGTH or not value.isprintable():
        raise click.BadParameter(f"a name is one line of at most {_LABEL_LENGTH} characters")
    return value


def _account_options(command: _F) -> _F:
    numbered = click.option(
        "--account-id", callback=_parse_account_id, metavar="12-DIGITS", help="Its number; drawn unless given."
    )
    administered = click.option(
        "--admin",
        default="admin",
        show_default=True,
        callback=_parse_admin,
        metavar="NAME",
        help="Its administrator, a user.",
    )
    return numbered(administered(json_option(command)))


@click.command(
    short_help="Make store, keys and the first account.",
    epilog=show_example("sts init --account-id 123456789012 --json"),
)
@_account_options
def init(account_id: str | None, admin: str, *, as_json: bool) -> None:
    """Make store, keys and the first account, and print its administrator's access key, this once.

    Exits with 3 when there is an account already.
    """
    _create(account_id, admin, "", first=True, as_json=as_json)


@click.group(
    short_help="Make, list, disable and enable accounts.", epilog=show_example("sts accounts create --name staging")
)
def accounts() -> None:
    """Make, list, disable and enable accounts, on the host that holds the store."""


@accounts.command(
    short_help="Make a further account.", epilog=show_example("sts accounts create --name staging --admin alice")
)
@_account_options
@click.option("--name", default="", callback=_parse_label, metavar="TEXT", help="What people call it, on one line.")
def create(account_id: str | None, admin: str, name: str, *, as_json: bool) -> None:
    """Make a further account, and print its administrator's access key, this once.

    Exits with 3 when the number is taken.
    """
    _create(account_id, admin, name, first=False, as_json=as_json)


@accounts.command("list", epilog=show_example("sts accounts list"))
@json_option
def list_(*, as_json: bool) -> None:
    """List the accounts."""
    from sts.cli.operator import open_host
    from sts.settings import read_settings
    from sts.store.accounts import list_accounts

    with open_host(read_settings(os.environ)) as host:
        found = host.at.database.read_now(list_accounts)
    rows = [
        {
            "account_id": account.account_id,
            "name": account.name,
            "enabled": account.enabled,
            "created_at": account.created_at.isoformat(timespec="seconds"),
        }
        for account in found
    ]
    print_table(rows, ("account_id", "name", "enabled", "created_at"), as_json=as_json)


@accounts.command(
    "root-key",
    short_help="Make an access key of an account's root.",
    epilog=show_example("sts accounts root-key 123456789012"),
)
@click.argument("account_id", metavar="ACCOUNT", callback=_parse_account_id)
@json_option
def root_key(account_id: str, *, as_json: bool) -> None:
    """Make an access key of an account's root, and print it, this once.

    Root may do everything in its account, whatever policies say: use it to let yourself in again, then delete it.
    """
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    with open_host(read_settings(os.environ)) as host:
        minted = _make_root_key(host, account_id)
    fields = {
        "account_id": account_id,
        "arn": f"arn:aws:iam::{account_id}:root",
        "access_key_id": minted.key.access_key_id,
        "secret_access_key": str(minted.secret),
    }
    print_fields(fields, as_json=as_json)


@accounts.command(
    "root-link",
    short_help="Make a link by which root sets a password.",
    epilog=show_example("sts accounts root-link 123456789012"),
)
@click.argument("account_id", metavar="ACCOUNT", callback=_parse_account_id)
@json_option
def root_link(account_id: str, *, as_json: bool) -> None:
    """Make a link by which an account's root sets a password, and print it, this once.

    It works once and for a short time, and ends an earlier one. A second factor is asked for all the same. It is
    refused while STS_ROOT_SIGN_IN is off.
    """
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    settings = read_settings(os.environ)
    with open_host(settings) as host:
        minted = _make_root_link(host, settings, account_id)
    fields = {
        "account_id": account_id,
        "arn": f"arn:aws:iam::{account_id}:root",
        "url": str(minted.url),
        "expires_at": minted.link.expires_at.isoformat(timespec="seconds"),
    }
    print_fields(fields, as_json=as_json)


@accounts.command(
    short_help="Disable an account, and end what was begun in it.",
    epilog=show_example("sts accounts disable 123456789012"),
)
@click.argument("account_id", metavar="ACCOUNT", callback=_parse_account_id)
@json_option
def disable(account_id: str, *, as_json: bool) -> None:
    """Disable an account: no user, role or key of it is accepted any more, and all that was begun in it ends.

    Exits with 3 when it is disabled already.
    """
    _set_standing(account_id, enabled=False, as_json=as_json)


@accounts.command(epilog=show_example("sts accounts enable 123456789012"))
@click.argument("account_id", metavar="ACCOUNT", callback=_parse_account_id)
@json_option
def enable(account_id: str, *, as_json: bool) -> None:
    """Enable an account again; sessions that have ended stay so.

    Exits with 3 when it is enabled already.
    """
    _set_standing(account_id, enabled=True, as_json=as_json)


def _set_standing(account_id: str, *, enabled: bool, as_json: bool) -> None:
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    with open_host(read_settings(os.environ)) as host:
        changed = _change_standing(host, account_id, enabled=enabled)
    told = {"account_id": account_id, "enabled": enabled, "changed": changed}
    print_standing(told, "enabled" if enabled else "disabled", as_json=as_json)


def _change_standing(host: "Host", account_id: str, *, enabled: bool) -> bool:
    from sts.audit.events import Event
    from sts.cli.operator import describe_operator
    from sts.directory import revocations
    from sts.directory.accounts import get_account

    event, act = Event.ACCOUNT_DISABLE, revocations.disable
    if enabled:
        event, act = Event.ACCOUNT_ENABLE, revocations.enable

    def change(transaction: "Transaction", entry: "Entry") -> bool:
        changed = act(transaction, principal=get_account(transaction.connection, account_id))
        entry.caller = describe_operator(account_id)
        return changed

    return host.act(event, {"account_id": account_id}, change)


def _create(account_id: str | None, admin: str, name: str, *, first: bool, as_json: bool) -> None:
    from sts.cli.operator import open_host
    from sts.settings import read_settings

    with open_host(read_settings(os.environ), create=first) as host:
        begun = _begin_account(host, account_id, admin, name, first=first)
    fields = {
        "account_id": begun.account.account_id,
        "admin_arn": begun.administrator.arn,
        "access_key_id": begun.minted.key.access_key_id,
        "secret_access_key": str(begun.minted.secret),
    }
    print_fields(fields, as_json=as_json)


def _begin_account(host: "Host", account_id: str | None, admin: str, name: str, *, first: bool) -> "Beginning":
    from sts.app import build_accounts
    from sts.audit.events import Event
    from sts.cli.operator import describe_operator
    from sts.errors import AlreadyExists
    from sts.store.accounts import list_accounts

    asked = {"account_id": account_id, "name": name, "administrator": admin}

    def change(transaction: "Transaction", entry: "Entry") -> "Beginning":
        if first and list_accounts(transaction.connection):
            raise AlreadyExists("There is an account already: `sts accounts create` makes further ones")
        begun = build_accounts(host.at).create(transaction, account_id=account_id, name=name, administrator=admin)
        entry.caller = describe_operator(begun.account.account_id)
        made = {"account_id": begun.account.account_id, "access_key_id": begun.minted.key.access_key_id}
        entry.parameters = {**asked, **made}
        return begun

    return host.act(Event.ACCOUNT_CREATE, asked, change)


def _make_root_key(host: "Host", account_id: str) -> "MintedKey":
    from sts.app import build_accounts
    from sts.audit.events import Event
    from sts.cli.operator import describe_operator

    def change(transaction: "Transaction", entry: "Entry") -> "MintedKey":
        minted = build_accounts(host.at).create_root_key(transaction, account_id=account_id)
        entry.caller = describe_operator(account_id)
        entry.parameters = {"account_id": account_id, "access_key_id": minted.key.access_key_id}
        return minted

    return host.act(Event.ROOT_KEY_CREATE, {"account_id": account_id}, change)


def _make_root_link(host: "Host", settings: "Settings", account_id: str) -> "MintedLink":
    from sts.app import build_links
    from sts.audit.events import Event
    from sts.cli.operator import describe_operator
    from sts.directory.accounts import get_account

    def change(transaction: "Transaction", entry: "Entry") -> "MintedLink":
        root = get_account(transaction.connection, account_id)
        entry.caller = describe_operator(account_id)
        return build_links(host.at, settings).create(transaction, owner=root)

    return host.act(Event.ROOT_LINK_CREATE, {"account_id": account_id}, change)
