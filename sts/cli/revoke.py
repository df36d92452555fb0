"""`sts revoke`: end sessions through the API."""

import click

from sts.cli.endpoint import connect, endpoint_options
from sts.cli.output import json_option, print_fields, show_example


@click.group(
    short_help="End sessions before their time.",
    epilog=show_example("sts revoke principal arn:aws:iam::123456789012:role/deploy"),
)
def revoke() -> None:
    """End sessions before their time; whatever was begun from them ends too."""


@revoke.command(
    short_help="End one session, by the jti of its token.",
    epilog=show_example("sts revoke session 3q2-7wEjRWeJq83vASNFZw"),
)
@click.argument("jti")
@endpoint_options
@json_option
def session(jti: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """End the session whose token has this JTI, and what was begun from it.

    The records tell the jti: `sts audit tail --json` shows it under `made` where a role was assumed, and under
    `session` in all that a session did. It takes sts-admin:RevokeSession on arn:aws:sts-admin::ACCOUNT:session/JTI.
    """
    from sts.client.revocations import revoke_session

    print_fields(revoke_session(connect(endpoint_url, profile), jti), as_json=as_json)


@revoke.command(
    short_help="End all sessions of a user, a role or an account.",
    epilog=show_example("sts revoke principal arn:aws:iam::123456789012:user/alice"),
)
@click.argument("arn")
@endpoint_options
@json_option
def principal(arn: str, endpoint_url: str | None, profile: str | None, *, as_json: bool) -> None:
    """End all sessions that a user or a role has begun by now, or anybody in the account, by the ARN of its root.

    Access keys go on working, and can begin new sessions: `sts disable` stops those too. It takes
    sts-admin:RevokePrincipal on the ARN.
    """
    from sts.client.revocations import revoke_principal

    print_fields(revoke_principal(connect(endpoint_url, profile), arn), as_json=as_json)
