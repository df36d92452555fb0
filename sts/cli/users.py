"""`sts users`: how users sign in, through the API."""

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import json_option, print_fields, print_standing, print_table, show_example


@click.group(
    short_help="Let users sign in, unlock them, require factors.", epilog=show_example("sts users activate alice")
)
def users() -> None:
    """Let users sign in: links, locks, changes of password and second factors."""


@users.command("list", short_help="List how users stand.", epilog=show_example("sts users list --containing ali"))
@click.option("--containing", metavar="TEXT", help="Only users whose names hold this, in any case.")
@endpoint_options
@json_option
def list_(containing: str | None, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """List how users stand: locks, passwords, second factors, last sign-ins and, with --json, access keys.

    It takes sts-admin:ListUserStates on arn:aws:iam::ACCOUNT:user/.
    """
    from sts.client.sign_in import list_users

    columns = (
        "name",
        "enabled",
        "locked_until",
        "password",
        "must_change",
        "factors",
        "factor_required",
        "signed_in_at",
    )
    print_table(list_users(connect(endpoint_url, profile), containing), columns, as_json=as_json)


@users.command(
    short_help="Make a link by which a user sets a password.", epilog=show_example("sts users activate alice")
)
@click.argument("name")
@endpoint_options
@json_option
def activate(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Make a link by which the user NAME sets a password that nobody else knows, and print it, this once.

    It works once and for a short time, and ends an earlier one. A second factor is asked for all the same. Send it to
    nobody but the user: until it is used, whoever has it can set the password. It takes sts-admin:CreateSignInLink on
    the user.
    """
    from sts.client.sign_in import create_link

    print_fields(create_link(connect(endpoint_url, profile), name), as_json=as_json)


@users.command(short_help="Let a user try again who was locked out.", epilog=show_example("sts users unlock alice"))
@click.argument("name")
@endpoint_options
@json_option
def unlock(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Forget the wrong passwords and codes of the user NAME, who may try again now.

    It takes sts-admin:UnlockUser on the user.
    """
    from sts.client.sign_in import unlock as ask

    print_fields(ask(connect(endpoint_url, profile), name), as_json=as_json)


@users.command(
    "require-change",
    short_help="Have a user choose another password.",
    epilog=show_example("sts users require-change alice"),
)
@click.argument("name")
@endpoint_options
@json_option
def require_change(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Have the user NAME choose another password, because somebody else may know it, and end what it has begun.

    Its next sign-in leads to that choice and nowhere else. Access keys go on working, and `sts disable user` stops
    those too. It takes sts-admin:RequirePasswordChange on the user.
    """
    from sts.client.sign_in import require_password_change

    print_fields(require_password_change(connect(endpoint_url, profile), name), as_json=as_json)


@users.command(
    "end-sessions", short_help="Sign a user out everywhere.", epilog=show_example("sts users end-sessions alice")
)
@click.argument("name")
@endpoint_options
@json_option
def end_sessions(name: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """End the browser sessions and command lines of the user NAME, and print how many there were.

    What was begun from them ends too. Access keys and the password go on working. It takes sts-admin:EndUserSessions on
    the user.
    """
    from sts.client.sign_in import end_sessions as ask

    print_fields(ask(connect(endpoint_url, profile), name), as_json=as_json)


@users.command(
    "require-factor",
    short_help="Require a second factor, or not.",
    epilog=show_example("sts users require-factor alice"),
)
@click.argument("name", required=False)
@click.option("--account", metavar="12-DIGITS", help="Of everybody in the account, in place of one user.")
@click.option("--off", is_flag=True, help="Take the requirement back.")
@endpoint_options
@json_option
def require_factor(
    name: str | None, account: str | None, endpoint_url: str | None, profile: str | None, *, off: bool, as_json: bool
) -> None:
    """Require a second factor of the user NAME, or of everybody in the account: root too.

    Whoever has none enrols one at their next sign-in. It takes sts-admin:RequireUserFactor on the user, or
    sts-admin:RequireAccountFactor on the account's root; with --off ReleaseUserFactor or ReleaseAccountFactor. Exits
    with 3 when it is so already.
    """
    from sts.client.sign_in import set_account_factor, set_user_factor

    if name is not None and account is None:
        told = set_user_factor(connect(endpoint_url, profile), name, required=not off)
    elif account is not None and name is None:
        told = set_account_factor(connect(endpoint_url, profile), account, required=not off)
    else:
        raise click.UsageError("Name a user, or an account with --account.")
    print_standing(told, "not required" if off else "required", as_json=as_json)
