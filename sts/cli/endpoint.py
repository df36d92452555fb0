"""The service that a command asks, and who asks: found as an AWS SDK finds them."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sts.client.connection import Connection
    from sts.client.saved_logins import SavedLogins

_F = TypeVar("_F", bound=Callable[..., Any])


def endpoint_options(command: _F) -> _F:
    """Give a command the options `--endpoint-url` and `--profile`."""
    endpoint = click.option(
        "--endpoint-url", metavar="URL", help="The service; else AWS_ENDPOINT_URL, else STS_ISSUER."
    )
    profile = click.option(
        "--profile", metavar="NAME", help="The profile of the shared files that holds the credentials."
    )
    return endpoint(profile(command))


def connect(endpoint_url: str | None, profile: str | None) -> "Connection":
    """Return a connection to the service that is meant; raises Refusal kin."""
    from sts.client.connection import open_connection

    return open_connection(find_endpoint(endpoint_url), profile, find_logins())


def find_logins() -> "SavedLogins":
    """Return the logins of who runs the command."""
    from sts.client.private_files import find_folder
    from sts.client.saved_logins import open_logins

    return open_logins(find_folder(os.environ))


def find_endpoint(endpoint_url: str | None) -> str:
    """Return the address of the service that is meant; raises Refusal kin.

    Where nothing says which, it is the one service that a login is at, else the issuer's default.
    """
    from sts.settings import read_settings

    named = endpoint_url or os.environ.get("AWS_ENDPOINT_URL")
    if named:
        return named
    only = None if os.environ.get("STS_ISSUER") else find_logins().find_only()
    return read_settings(os.environ).issuer if only is None else only.endpoint
