"""The story of the demo, step by step."""

import json
import os
import shlex
import shutil
import signal
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path
from subprocess import TimeoutExpired

import click

from sts.cli.demo.cast import ROLE, USER, Cast, open_casting
from sts.cli.demo.home import ADMIN, REGION, Home, Keys, clean_environment, client_environment
from sts.cli.demo.server import Server, endpoint_at, find_port, serving
from sts.cli.demo.stage import REFUSED, Stage, find_clients, hide_secrets, say, show
from sts.model import Secret


def tell(folder: Path, port: int | None, *, once: bool) -> Iterator[Mapping[str, str]]:
    """Run the demo in *folder*, yield once what it made, and without *once* stay up until a signal.

    Raises ClickException when a step fails.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(
            number, signal.default_int_handler
        )  # through the contexts that are open: the service ends as well
    clean = clean_environment(os.environ)
    for name in os.environ.keys() - clean.keys():
        del os.environ[name]  # boto3 in this process must not follow them either
    named = find_clients(clean)
    home = Home(folder)
    home.open()
    port = find_port(port)
    endpoint = endpoint_at(port)
    ours = {**clean, "STS_HOME": str(folder.absolute()), "STS_ISSUER": endpoint}
    administrator = _open_account(home, Stage(ours))
    say(f"2. The service starts on {endpoint}; what it says goes to {home.log}.")
    click.echo()
    show(f"$ STS_HOME={shlex.quote(ours['STS_HOME'])} STS_ISSUER={endpoint} sts serve --port {port}")
    with serving(port, ours, home.log) as server:
        stage = Stage({**clean, **client_environment(endpoint)})
        with _told():
            cast = _play(home, server, administrator, stage, named)
        yield {
            "endpoint_url": endpoint,
            "role_arn": cast.role_arn,
            "credentials_file": str(home.credentials.absolute()),
        }
        if once:
            say(f"That was all. The service ends; another run goes on with what is in {folder}/.")
        else:
            _stay(home, server, cast)


@contextmanager
def _told() -> Iterator[None]:
    """Tell what failed in a sentence: whoever runs a demo has not written it, and a trace tells them little."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        yield
    except BrokenPipeError:
        raise  # whoever read the story has gone, as `head` does: the command ends without a word
    except (OSError, HTTPException, TimeoutExpired, BotoCoreError, ClientError) as fault:
        raise click.ClickException(f"This step failed: {fault}") from fault


def _open_account(home: Home, stage: Stage) -> Keys:
    kept = home.find_keys(ADMIN)
    if kept is not None:
        say(f"1. The account of an earlier run is in {home.folder}/ already, its credentials in {home.credentials}.")
        return kept
    if home.has_store():
        raise click.ClickException(
            f"{home.folder}/ holds a store, but not its administrator's credentials. Remove it to begin anew."
        )
    say(f"1. A store, keys and an account with one administrator are made in {home.folder}/.")
    made = stage.sts(["init", "--admin", ADMIN, "--json"])
    show(f"account {made['account_id']}, administrator {made['admin_arn']}")
    show(f"(the administrator's access key is kept in {home.credentials})")
    keys = Keys(made["access_key_id"], Secret(made["secret_access_key"]))
    home.keep_keys(ADMIN, keys)
    return keys


def _play(home: Home, server: Server, administrator: Keys, stage: Stage, named: str) -> Cast:
    say(f"3. The administrator makes a user, {USER}, a role, {ROLE}, and their policies, with boto3.")
    cast = open_casting(home, administrator, stage.environment).make()
    say(f"4. {USER} asks who she is, with an unmodified AWS CLI ({named}) that AWS_ENDPOINT_URL leads here.")
    stage.aws(["sts", "get-caller-identity"], cast.keys.as_environment())
    session = _assume(stage, cast)
    say("7. The same with boto3. This time the refusal comes from an explicit deny in the role's policy.")
    stage.python(_BOTO3.format(role_arn=cast.role_arn, user=USER), cast.keys.as_environment(), expected=REFUSED)
    home.key_set.write_bytes(server.fetch("/.well-known/jwks.json"))
    say(
        "8. The session token is a signed JWT. With the service's public keys, fetched once from "
        f"{server.endpoint}/.well-known/jwks.json to {home.key_set}, anyone can verify it without asking the service."
    )
    source = _VERIFY.format(key_set=str(home.key_set), issuer=server.endpoint)
    stage.python(source, session, expected=f":assumed-role/{ROLE}/")
    return cast


def _assume(stage: Stage, cast: Cast) -> Mapping[str, str]:
    """Become the role and use it; return its credentials, as variables."""
    say(f"5. {USER} becomes {ROLE}. (The secret is not shown here, and the session token is shortened.)")
    arguments = ["sts", "assume-role", "--role-arn", cast.role_arn, "--role-session-name", "demo"]
    given = json.loads(stage.aws(arguments, cast.keys.as_environment(), hide_secrets))["Credentials"]
    session = Keys(given["AccessKeyId"], Secret(given["SecretAccessKey"]), Secret(given["SessionToken"]))
    say("6. The role's credentials at work: what its policy allows, and a call that no policy allows, with the reason.")
    stage.aws(["iam", "list-users", "--query", "Users[].Arn"], session.as_environment())
    stage.aws_refused(["iam", "create-user", "--user-name", "mallory"], session.as_environment())
    return session.as_environment()


_BOTO3 = """\
import boto3
role = boto3.client("sts").assume_role(RoleArn="{role_arn}", RoleSessionName="boto3")["Credentials"]
iam = boto3.client(
    "iam",
    aws_access_key_id=role["AccessKeyId"],
    aws_secret_access_key=role["SecretAccessKey"],
    aws_session_token=role["SessionToken"],
)
print([user["UserName"] for user in iam.list_users()["Users"]])
try:
    iam.list_access_keys(UserName="{user}")
except iam.exceptions.ClientError as refused:
    print(refused)
"""

_VERIFY = """\
import os
from datetime import UTC, datetime
from pathlib import Path
from sts.verify import parse_key_set, verify
keys = parse_key_set(Path("{key_set}").read_bytes())
token = os.environ["AWS_SESSION_TOKEN"]
claims = verify(token, keys, issuer="{issuer}", audience="{issuer}", now=datetime.now(UTC))
print("subject", claims.subject_arn)
print("expires", claims.expires_at)
"""


def _stay(home: Home, server: Server, cast: Cast) -> None:
    say(f"The service stays up. Paste this into another shell to be {USER} there:")
    click.echo()
    told = {"AWS_ENDPOINT_URL": server.endpoint, "AWS_DEFAULT_REGION": REGION, **cast.keys.as_environment()}
    for name, value in told.items():
        click.echo(f"export {name}={shlex.quote(value)}")
    found = shutil.which("aws")
    if found is not None:
        click.echo(f'export PATH={shlex.quote(str(Path(found).parent))}:"$PATH"')
    say(f"The administrator's credentials are the profile {ADMIN} of {home.credentials.absolute()}.")
    say("Ctrl-C ends the service.")
    try:
        server.wait()
    except KeyboardInterrupt:
        click.echo("\nThe service ends.")
