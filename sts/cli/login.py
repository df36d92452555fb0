"""`sts login`, `sts logout` and `sts whoami`: sign in with the browser, and use that in every other command."""

import os
import sys
import threading
import webbrowser
from typing import TYPE_CHECKING

import click

from sts.cli.endpoint import connect, endpoint_options, find_endpoint, find_logins
from sts.cli.output import json_option, print_fields, show_example
from sts.errors import AlreadyExists, LoginEnded, NotFound

if TYPE_CHECKING:
    from sts.client.signin import Login, SignIn

_URL = click.option(
    "--endpoint-url",
    metavar="URL",
    help="The service; else AWS_ENDPOINT_URL, STS_ISSUER, or the one that is signed in at.",
)


@click.command(
    short_help="Sign in with the browser.", epilog=show_example("sts login --endpoint-url https://sts.example.com")
)
@_URL
@click.option("--no-browser", is_flag=True, help="Only show the address; open it in a browser of this machine.")
@click.option("--remote", is_flag=True, help="Sign in with a browser of another machine, and type in what it shows.")
@json_option
def login(endpoint_url: str | None, *, no_browser: bool, remote: bool, as_json: bool) -> None:
    """Sign in with the browser, as `aws login` does; other commands then use this login's credentials.

    They come after those of the environment and the shared files, last 15 minutes, and are refreshed for at most 12
    hours, or until `sts logout`. What is kept of them is for you alone, below $XDG_CACHE_HOME or ~/.cache. It takes
    signin:AuthorizeOAuth2Access and signin:CreateOAuth2Token, as in SignInLocalDevelopmentAccess.
    """
    from sts.client.signin import open_sign_in

    signing_in = open_sign_in(find_endpoint(endpoint_url))
    signing_in.require_answer()
    begun = _sign_in_elsewhere(signing_in) if remote else _sign_in_here(signing_in, opens=not no_browser)
    find_logins().save(begun)
    print_fields(_describe(begun), as_json=as_json)


@click.command(short_help="End the login of `sts login`.", epilog=show_example("sts logout"))
@_URL
@json_option
def logout(endpoint_url: str | None, *, as_json: bool) -> None:
    """End the login at the service, with all credentials that came from it, and forget it here.

    It takes no permission. Exits with 3 when nobody is signed in or the login was over, and with 1 when the login is
    forgotten here alone, because the service cannot be asked or refuses: it lasts there until its end.
    """
    from sts.client.ending import end_login
    from sts.client.private_files import find_folder
    from sts.client.role_cache import open_role_files
    from sts.client.sending import normalize_endpoint

    open_role_files(find_folder(os.environ)).remove_all()  # of whom they are it cannot be told
    endpoint, logins = normalize_endpoint(find_endpoint(endpoint_url)), find_logins()
    try:
        ended = end_login(logins, endpoint)
    except (NotFound, LoginEnded) as over:
        raise AlreadyExists(over.message) from over
    print_fields({"arn": ended.arn, "endpoint": endpoint, "ended": True}, as_json=as_json)


@click.command(short_help="Say whom the service takes you for.", epilog=show_example("sts whoami"))
@endpoint_options
@json_option
def whoami(endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """Say whom the service takes you for, and where the credentials are from. It takes no permission."""
    from sts.client.roles import identify

    connection = connect(endpoint_url, profile)
    caller = identify(connection)
    fields = {"arn": caller.arn, "account_id": caller.account_id, "user_id": caller.user_id}
    where = {"endpoint": connection.endpoint, "credentials": connection.credentials.method}
    print_fields({**fields, **where}, as_json=as_json)


def _describe(begun: "Login") -> dict[str, object]:
    return {"arn": begun.arn, "endpoint": begun.endpoint, "ends_at": begun.ends_at.isoformat()}


def _sign_in_here(signing_in: "SignIn", *, opens: bool) -> "Login":
    from sts.client.loopback import Callback

    with Callback() as callback:
        question = signing_in.ask(callback.redirect_uri)
        click.echo(f"Sign in with your browser: {question.render_url()}", err=True)
        if opens:
            # A browser that is begun by this may not return before it is closed.
            threading.Thread(target=webbrowser.open, args=(question.render_url(),), daemon=True).start()
        return signing_in.redeem(question, callback.wait(question))


def _sign_in_elsewhere(signing_in: "SignIn") -> "Login":
    question = signing_in.ask(None)
    click.echo(f"Open this in a browser of any machine, and sign in: {question.render_url()}", err=True)
    click.echo("Type in only what the page shows that you opened yourself.", err=True)
    typed = click.prompt("What it shows", err=True) if sys.stdin.isatty() else sys.stdin.readline()
    return signing_in.redeem(question, question.read_typed_answer(typed))
