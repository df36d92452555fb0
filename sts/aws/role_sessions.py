"""Role sessions between the wire and the verbs: what AssumeRole and its kin have in common."""

from datetime import timedelta
from typing import Any

from sts.access import Demand
from sts.assume import AssumedRole, Wish, demand_role
from sts.aws.row import Command, Done, Result, Target
from sts.aws.tags import describe_request, read_tags
from sts.credentials import TemporaryCredentials
from sts.folding import fold_letters
from sts.model import Caller
from sts.wishes import verify_session_tags


def parse_wish(command: Command) -> Wish:
    """Return what a command wants its role session to be."""
    tags = dict(read_tags(command))
    transitive = {fold_letters(key) for key in command.get("TransitiveTagKeys", ())}
    return Wish(
        session_name=command["RoleSessionName"],
        duration=read_duration(command),
        policy=command.get("Policy"),
        policy_arns=read_policy_arns(command),
        tags=tags,
        transitive_keys=tuple(key for key in tags if fold_letters(key) in transitive),
        source_identity=command.get("SourceIdentity"),
    )


def demand_session(
    caller: Caller, command: Command, target: Target, *, action: str = "sts:AssumeRole"
) -> tuple[Demand, ...]:
    """Return what assuming the role of *target* by *action* demands; raises ParameterInvalid kin."""
    keys = [key for key, _ in read_tags(command)]
    verify_session_tags(caller, keys, command.get("TransitiveTagKeys", ()))
    context = {**target.context, **_describe_wish(command)}
    source_identity = command.get("SourceIdentity")
    return demand_role(
        caller, target.noun, context, action=action, brings_tags=bool(keys), source_identity=source_identity
    )


def _describe_wish(command: Command) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that the parameters bring: each is absent when its parameter is."""
    context = {"sts:rolesessionname": (command["RoleSessionName"],)}
    if "ExternalId" in command:
        context["sts:externalid"] = (command["ExternalId"],)
    if "SourceIdentity" in command:
        context["sts:sourceidentity"] = (command["SourceIdentity"],)
    if command.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = tuple(command["TransitiveTagKeys"])
    return context | describe_request(command)


def read_duration(command: Command) -> timedelta | None:
    """Return the duration that a command asks for."""
    seconds = command.get("DurationSeconds")
    return None if seconds is None else timedelta(seconds=seconds)


def read_policy_arns(command: Command) -> tuple[str, ...]:
    """Return the ARNs of the managed policies that a command brings."""
    return tuple(item["arn"] for item in command.get("PolicyArns", ()))


def render_assumed(assumed: AssumedRole) -> Done:
    """Return a role session that was begun as STS writes it, and its identifiers."""
    result: dict[str, Any] = {
        "Credentials": render_credentials(assumed.credentials),
        "AssumedRoleUser": {"AssumedRoleId": assumed.userid, "Arn": assumed.arn},
    }
    if assumed.credentials.packed_percent is not None:
        result["PackedPolicySize"] = assumed.credentials.packed_percent
    if assumed.source_identity is not None:
        result["SourceIdentity"] = assumed.source_identity
    made = {
        "Arn": assumed.arn,
        "AssumedRoleId": assumed.userid,
        "AccessKeyId": assumed.credentials.access_key_id,
        "jti": assumed.credentials.jti,
    }
    return Done(result, made)


def render_credentials(credentials: TemporaryCredentials) -> Result:
    """Return temporary credentials as STS writes them."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires_at,
    }
