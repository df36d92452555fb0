"""The service that a command asks, and who asks: found as an AWS SDK finds them."""

import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from sts.client.connection import Connection

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
    from sts.settings import read_settings

    found = endpoint_url or os.environ.get("AWS_ENDPOINT_URL") or read_settings(os.environ).issuer
    return open_connection(found, profile)
