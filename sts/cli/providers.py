"""`sts providers`: identity providers with what IAM does not keep of them, through the API."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import json_option, print_fields, print_json, print_table, show_example
from sts.errors import Refusal
from sts.legible import show

_F = TypeVar("_F", bound=Callable[..., Any])
_LONGEST_FILE = 128 * 1024  # bytes, of which the service takes fewer
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
_SHOWN = ("name", "issuer", "enabled", "client_ids", "algorithms", "key_set", "preset")


@click.group(short_help="Register identity providers.", epilog=show_example("sts providers list"))
def providers() -> None:
    """Register OpenID Connect providers, whose tokens become credentials of roles."""


def _setting_options(command: _F) -> _F:
    """Give a command the options that say what a provider is like."""
    for option in (
        click.option("--preset", metavar="NAME", help="A well-known provider: sts providers presets lists them."),
        click.option("--algorithm", "algorithms", metavar="NAME", multiple=True, help="Taken for signatures; several."),
        click.option("--ca-file", type=_FILE, help="CAs (PEM) in place of the system's."),
        click.option("--jwks-file", type=_FILE, help="The provider's public keys, in place of what it publishes."),
        click.option("--client-secret-file", type=_FILE, help="What the provider gave out with the client ID."),
        click.option("--thumbprint", "thumbprints", metavar="SHA-1", multiple=True, help="Of a certificate; up to 5."),
        click.option("--client-id", "client_ids", metavar="ID", multiple=True, help="An audience; up to 100."),
    ):
        command = option(command)
    return command


@providers.command(
    short_help="Register a provider.",
    epilog=show_example("sts providers add ci --preset github --client-id sts.amazonaws.com"),
)
@click.argument("name")
@click.option("--issuer", metavar="URL", help="What its tokens say as iss; a preset may know it.")
@_setting_options
@click.option("--allow-private-addresses", is_flag=True, help="It may be on loopback or a private network.")
@endpoint_options
@json_option
def add(
    name: str,
    issuer: str | None,
    endpoint_url: str | None,
    profile: str | None,
    *,
    allow_private_addresses: bool,
    as_json: bool,
    **options: Any,
) -> None:
    """Register a provider under NAME.

    A key set is checked at once. A client secret is sealed, and shown to nobody again. It takes sts-admin:AddProvider
    on the provider. Exits with 3 when the name or the issuer is taken.
    """
    from sts.client.providers import add_provider

    members = {"name": name, "issuer": issuer, "private_addresses": allow_private_addresses, **_read(options)}
    _print(add_provider(connect(endpoint_url, profile), members), as_json=as_json)


@providers.command(
    short_help="Change a provider.", epilog=show_example("sts providers update cluster --jwks-file keys.json")
)
@click.argument("name")
@click.option("--name", "new_name", metavar="NAME", help="Another name.")
@_setting_options
@click.option("--fetch-keys", is_flag=True, help="Take the keys that it publishes again.")
@click.option("--system-cas", is_flag=True, help="Verify it against the system's CAs again.")
@click.option("--no-client-secret", is_flag=True, help="Forget the client secret.")
@click.option(
    "--allow-private-addresses/--refuse-private-addresses", default=None, help="Whether it may be on a private network."
)
@endpoint_options
@json_option
def update(
    name: str,
    new_name: str | None,
    endpoint_url: str | None,
    profile: str | None,
    *,
    allow_private_addresses: bool | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Change the provider of this NAME, or of this issuer, and leave what is not named.

    What may be given several times takes the place of all that there were. It takes sts-admin:UpdateProvider on the
    provider.
    """
    from sts.client.providers import update_provider

    named = {"new_name": new_name, "private_addresses": allow_private_addresses}
    members = {member: value for member, value in named.items() if value is not None} | _read_changed(options)
    if not members:
        raise click.UsageError("Say what to change.")
    _print(update_provider(connect(endpoint_url, profile), name, members), as_json=as_json)


@providers.command("list", short_help="List the providers.", epilog=show_example("sts providers list"))
@endpoint_options
@json_option
def list_(endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """List the providers of the account; with --json all that is kept of them, but for client secrets.

    It takes sts-admin:ListProviders on arn:aws:iam::ACCOUNT:oidc-provider/.
    """
    from sts.client.providers import list_providers

    found = list_providers(connect(endpoint_url, profile))
    print_table(found if as_json else [_tell(each) for each in found], _SHOWN, as_json=as_json)


@providers.command(short_help="Tell what is wrong with a provider.", epilog=show_example("sts providers check ci"))
@click.argument("name")
@endpoint_options
@json_option
def check(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Have the service look at the provider of this NAME, or of this issuer, and tell what is wrong with it.

    It fetches metadata and keys as it would for a token. It takes sts-admin:CheckProvider on the provider. Exits with 1
    when no token of it would be taken.
    """
    from sts.client.providers import check_provider

    told = check_provider(connect(endpoint_url, profile), name)
    if as_json:
        print_json(told)
    else:
        for finding in told["findings"]:
            click.echo(f"{'fault' if finding['grave'] else 'warning'}: {show(finding['words'])}")
    if not told["ok"]:
        raise Refusal("No token of it would be taken")
    if not as_json:
        click.echo("ok")


@providers.command(short_help="Delete a provider.", epilog=show_example("sts providers remove ci"))
@click.argument("name")
@endpoint_options
@json_option
def remove(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Delete the provider of this NAME, or of this issuer, and end what was begun with its tokens.

    It takes sts-admin:RemoveProvider on the provider.
    """
    from sts.client.providers import remove_provider

    print_fields(remove_provider(connect(endpoint_url, profile), name), as_json=as_json)


@providers.command(
    short_help="List what is known of well-known providers.", epilog=show_example("sts providers presets")
)
@json_option
def presets(*, as_json: bool) -> None:
    """List the presets: the issuer that each needs, its algorithms, and what the provider does not do."""
    from sts.presets import PRESETS

    rows: list[dict[str, Any]] = [
        {
            "name": preset.name,
            "title": preset.title,
            "issuer": preset.form_words,
            "algorithms": preset.algorithms,
            "signs_in": preset.signs_in,
            "nonce": preset.sends_nonce,
            "pkce": preset.takes_pkce,
            "token_endpoint": preset.token_endpoint,
            "lacks": preset.lacks,
        }
        for preset in PRESETS.values()
    ]
    print_table(rows if as_json else list(map(_join, rows)), ("name", "title", "issuer"), as_json=as_json)
    if not as_json:
        for line in (f"{row['title']}: {lack}" for row in rows for lack in row["lacks"]):
            click.echo(line)


def _read(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the options of `_setting_options` say, as members of a request."""
    return {
        "client_ids": list(options["client_ids"]),
        "thumbprints": list(options["thumbprints"]),
        "client_secret": _read_secret(options["client_secret_file"]),
        "algorithms": list(options["algorithms"]) or None,
        "key_set": _read_file(options["jwks_file"]),
        "authorities": _read_file(options["ca_file"]),
        "preset": options["preset"],
    }


def _read_changed(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those that are given, and None for what is to go."""
    taken = (("fetch_keys", "key_set"), ("system_cas", "authorities"), ("no_client_secret", "client_secret"))
    gone = {member: None for option, member in taken if options[option]}
    given = {member: value for member, value in _read(options).items() if value}
    if gone.keys() & given.keys():
        raise click.UsageError("What is given cannot be taken away in the same command.")
    return given | gone


def _read_file(path: Path | None) -> str | None:
    """Return the text of a file that is not too long to be meant; raises click's own error for one that is no text."""
    if path is None:
        return None
    with path.open("rb") as opened:
        content = opened.read(_LONGEST_FILE + 1)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        raise click.UsageError(f"{path} is no text in UTF-8.") from None
    if len(content) > _LONGEST_FILE:
        raise click.UsageError(f"{path} is longer than {_LONGEST_FILE} bytes.")
    return text


def _read_secret(path: Path | None) -> str | None:
    """Return what stands in the file, without the line end that an editor puts there."""
    text = _read_file(path)
    return None if text is None else text.removesuffix("\n").removesuffix("\r")


def _print(provider: Mapping[str, Any], *, as_json: bool) -> None:
    print_fields(provider if as_json else _tell(provider), as_json=as_json)


def _tell(provider: Mapping[str, Any]) -> dict[str, Any]:
    """Return the provider for people: of long texts only whether they are there."""
    keys, authorities = provider["key_set"], provider["authorities"]
    told = {
        "key_set": "fetched" if keys is None else f"{len(keys['keys'])} uploaded",
        "authorities": "the system's" if authorities is None else "its own",
    }
    return _join({**provider, **told})


def _join(row: Mapping[str, Any]) -> dict[str, Any]:
    return {name: ", ".join(value) if isinstance(value, list | tuple) else value for name, value in row.items()}
