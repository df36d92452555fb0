"""`sts disable` and `sts enable`: users, roles and providers, through the API."""

from typing import TYPE_CHECKING

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import json_option, print_standing, show_example

if TYPE_CHECKING:
    from sts.client.revocations import Noun


@click.group(short_help="Disable a user, role or provider.", epilog=show_example("sts disable user alice"))
def disable() -> None:
    """Disable a user, role or provider: nothing of it is accepted any more, and all that it has begun ends."""


@click.group(short_help="Enable a user, role or provider again.", epilog=show_example("sts enable user alice"))
def enable() -> None:
    """Enable a user, role or provider again; sessions that have ended stay so."""


@disable.command(
    "user", short_help="Disable a user and its access keys.", epilog=show_example("sts disable user alice")
)
@click.argument("name")
@endpoint_options
@json_option
def disable_user(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Disable the user NAME, its access keys too, and end what it has begun.

    It takes sts-admin:DisableUser on the user. Exits with 3 when it is disabled already.
    """
    _disable("user", name, endpoint_url, profile, as_json=as_json)


@disable.command(
    "role", short_help="Disable a role and end its sessions.", epilog=show_example("sts disable role deploy")
)
@click.argument("name")
@endpoint_options
@json_option
def disable_role(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Disable the role NAME: nobody becomes it, and its sessions end with all that was begun from them.

    It takes sts-admin:DisableRole on the role. Exits with 3 when it is disabled already.
    """
    _disable("role", name, endpoint_url, profile, as_json=as_json)


@disable.command(
    "provider", short_help="Disable a provider and end its sessions.", epilog=show_example("sts disable provider ci")
)
@click.argument("name")
@endpoint_options
@json_option
def disable_provider(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Disable the identity provider of this NAME, or of this issuer: its tokens are refused, and what they began ends.

    It takes sts-admin:DisableProvider on the provider. Exits with 3 when it is disabled already.
    """
    _disable("provider", name, endpoint_url, profile, as_json=as_json)


@enable.command("user", epilog=show_example("sts enable user alice"))
@click.argument("name")
@endpoint_options
@json_option
def enable_user(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Enable the user NAME again, and its access keys.

    It takes sts-admin:EnableUser on the user. Exits with 3 when it is enabled already.
    """
    _enable("user", name, endpoint_url, profile, as_json=as_json)


@enable.command("role", epilog=show_example("sts enable role deploy"))
@click.argument("name")
@endpoint_options
@json_option
def enable_role(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Enable the role NAME again.

    It takes sts-admin:EnableRole on the role. Exits with 3 when it is enabled already.
    """
    _enable("role", name, endpoint_url, profile, as_json=as_json)


@enable.command("provider", short_help="Enable a provider again.", epilog=show_example("sts enable provider ci"))
@click.argument("name")
@endpoint_options
@json_option
def enable_provider(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Enable the identity provider of this NAME, or of this issuer, again.

    It takes sts-admin:EnableProvider on the provider. Exits with 3 when it is enabled already.
    """
    _enable("provider", name, endpoint_url, profile, as_json=as_json)


def _disable(noun: "Noun", name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    from sts.client.revocations import disable as ask

    print_standing(ask(connect(endpoint_url, profile), noun, name), "disabled", as_json=as_json)


def _enable(noun: "Noun", name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    from sts.client.revocations import enable as ask

    print_standing(ask(connect(endpoint_url, profile), noun, name), "enabled", as_json=as_json)
