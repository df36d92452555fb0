"""`sts assume-role`: temporary credentials of a role, in the form that a shell or an SDK takes."""

import json
import os
import re
from collections.abc import Callable, Mapping
from datetime import UTC
from typing import TYPE_CHECKING

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import print_json, show_example
from sts.exports import describe_process, name_variables, render_posix, render_powershell

if TYPE_CHECKING:
    from sts.client.connection import Connection
    from sts.client.roles import RoleCredentials

# What records call a session (STS API Reference, AssumeRole).
_SESSION_NAME = re.compile(r"[\w+=,.@-]{2,64}", re.ASCII)
_PROCESS = "credential-process"
_SHORTEST_SECONDS, _LONGEST_SECONDS = 900, 43_200
_MEMBERS = {
    "session_name": "RoleSessionName",
    "serial_number": "SerialNumber",
    "token_code": "TokenCode",
    "external_id": "ExternalId",
    "source_identity": "SourceIdentity",
}


def _parse_session_name(_context: click.Context, _option: click.Parameter, name: str | None) -> str | None:
    if name is not None and not _SESSION_NAME.fullmatch(name):
        raise click.BadParameter(f"“{name}” is no name of a session: 2 to 64 letters, digits or characters of _+=,.@-")
    return name


@click.command(
    "assume-role",
    short_help="Get temporary credentials of a role.",
    epilog=show_example('eval "$(sts assume-role deploy)"'),
)
@click.argument("role")
@endpoint_options
@click.option(
    "--session-name",
    metavar="NAME",
    callback=_parse_session_name,
    help="What the session is called in records; else who you are.",
)
@click.option(
    "--duration",
    type=click.IntRange(_SHORTEST_SECONDS, _LONGEST_SECONDS),
    metavar="SECONDS",
    help="How long they last, up to the role's maximum; an hour unless given.",
)
@click.option("--serial-number", metavar="ARN", help="Your MFA device, where the role asks for a code.")
@click.option("--token-code", metavar="CODE", help="The code that the device shows.")
@click.option("--external-id", metavar="ID", help="What the role's owner has agreed on with you.")
@click.option("--source-identity", metavar="NAME", help="Who you are, kept for the session and all begun from it.")
@click.option("--tag", "tags", metavar="KEY=VALUE", multiple=True, help="A session tag; may be given again.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["posix", "powershell", _PROCESS]),
    default="posix",
    show_default=True,
    help="Exports for a shell, or what credential_process of a profile takes.",
)
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def assume_role(
    role: str,
    *,
    endpoint_url: str | None,
    profile: str | None,
    duration: int | None,
    tags: tuple[str, ...],
    form: str,
    as_json: bool,
    **texts: str | None,
) -> None:
    """Get temporary credentials of ROLE: its ARN, or the name of one of your own account.

    Without --format they are exports for a POSIX shell, to be evaluated. The role's trust policy must name you, and
    sts:AssumeRole be allowed to you. With AWS_ENDPOINT_URL set, any SDK then works with them. For credential-process
    they are kept until five minutes before their end, for you alone, below $XDG_CACHE_HOME or ~/.cache.
    """
    said = {_MEMBERS[name]: value for name, value in texts.items()}
    parameters = {**said, "DurationSeconds": duration, "Tags": [_parse_tag(tag) for tag in tags] or None}
    asked = {name: value for name, value in parameters.items() if value is not None}
    credentials = _ask(connect(endpoint_url, profile), role, asked, keeps=form == _PROCESS)
    if as_json:
        print_json(_describe(credentials))
    else:
        click.echo(_FORMS[form](credentials))


def _ask(connection: "Connection", role: str, parameters: Mapping[str, object], *, keeps: bool) -> "RoleCredentials":
    from sts.client.private_files import find_folder
    from sts.client.role_cache import RoleCache, open_role_files
    from sts.client.roles import assume_role as ask
    from sts.clock import SystemClock

    if not keeps:
        return ask(connection, role, parameters)
    cache = RoleCache(open_role_files(find_folder(os.environ)), SystemClock())
    return cache.assume_role(connection, role, parameters)


def _parse_tag(text: str) -> Mapping[str, str]:
    key, equals, value = text.partition("=")
    if not key or not equals:
        raise click.BadParameter(f"{text} is no tag: give KEY=VALUE", param_hint="--tag")
    return {"Key": key, "Value": value}


def _describe(credentials: "RoleCredentials") -> Mapping[str, str]:
    return {
        "arn": credentials.arn,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "session_token": credentials.session_token,
        "expires_at": _expiration(credentials),
    }


def _variables(credentials: "RoleCredentials") -> Mapping[str, str]:
    return {**name_variables(credentials), "AWS_CREDENTIAL_EXPIRATION": _expiration(credentials)}


def _expiration(credentials: "RoleCredentials") -> str:
    return credentials.expires_at.astimezone(UTC).isoformat()


_FORMS: Mapping[str, Callable[["RoleCredentials"], str]] = {
    "posix": lambda credentials: render_posix(_variables(credentials)),
    "powershell": lambda credentials: render_powershell(_variables(credentials)),
    _PROCESS: lambda credentials: json.dumps(describe_process(credentials, _expiration(credentials))),
}
