"""STS's operations: each a few lines between the wire and the verbs."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sts.access import Demand
from sts.assume import AssumedRole, RoleSessions
from sts.audit.events import Event
from sts.aws.row import SMALL, Acts, Command, Done, Operation, Proof, Result, Target
from sts.credentials import TemporaryCredentials
from sts.entropy import find_account_of_access_key
from sts.errors import ParameterInvalid
from sts.model import Caller

_NOT_YET = frozenset({"Tags", "TransitiveTagKeys", "SourceIdentity", "SerialNumber", "TokenCode", "ProvidedContexts"})


@dataclass(frozen=True, slots=True)
class StsOperations:
    """AssumeRole, GetCallerIdentity, GetAccessKeyInfo."""

    sessions: RoleSessions

    def rows(self) -> tuple[Operation, ...]:
        """Return STS's rows of the operations table."""
        return (
            Operation(
                service="sts",
                name="AssumeRole",
                event=Event.ROLE_ASSUME,
                proof=Proof.SIGNATURE,
                target=self.find_role,
                demands=_demand_role,
                handler=Acts(self.assume_role),
                limit=SMALL,
                not_yet=_NOT_YET,
            ),
            Operation(
                service="sts",
                name="GetCallerIdentity",
                event=Event.CALLER_IDENTIFY,
                proof=Proof.SIGNATURE,
                target=find_nothing,
                demands=demand_nothing,
                handler=Acts(get_caller_identity),
                limit=SMALL,
            ),
            Operation(
                service="sts",
                name="GetAccessKeyInfo",
                event=Event.ACCESS_KEY_LOCATE,
                proof=Proof.SIGNATURE,
                target=find_nothing,
                demands=_demand_access_key_info,
                handler=Acts(get_access_key_info),
                limit=SMALL,
            ),
        )

    async def find_role(self, _caller: Caller, command: Command) -> Target:
        """Return the role of RoleArn, found or not: a missing one is refused as a forbidden one is."""
        candidate = await self.sessions.find(command["RoleArn"])
        owner = candidate.account_id if candidate.role is not None else None
        return Target(candidate.arn, candidate.account_id, candidate, owner)

    async def assume_role(self, caller: Caller, command: Command, target: Target) -> Done:
        """Begin a role session."""
        seconds = command.get("DurationSeconds")
        assumed = await self.sessions.begin(
            caller,
            target.noun.get_role(),
            session_name=command["RoleSessionName"],
            duration=None if seconds is None else timedelta(seconds=seconds),
            policy=command.get("Policy"),
            policy_arns=[item["arn"] for item in command.get("PolicyArns", ())],
        )
        made = {
            "Arn": assumed.arn,
            "AssumedRoleId": assumed.userid,
            "AccessKeyId": assumed.credentials.access_key_id,
            "jti": assumed.credentials.jti,
        }
        return Done(_render_assumed(assumed), made)


async def find_nothing(caller: Caller, _command: Command) -> Target:
    """Return the target of an operation that has none."""
    return Target("*", caller.account_id)


def demand_nothing(_caller: Caller, _command: Command, _target: Target) -> tuple[Demand, ...]:
    """Return what an operation demands that any proven caller may call, whatever policies say."""
    return ()


async def get_caller_identity(caller: Caller, _command: Command, _target: Target) -> Done:
    """Say who is calling."""
    return Done({"UserId": caller.userid, "Account": caller.account_id, "Arn": caller.arn})


async def get_access_key_info(_caller: Caller, command: Command, _target: Target) -> Done:
    """Say which account an access key id belongs to, from the id alone."""
    account_id = find_account_of_access_key(command["AccessKeyId"])
    if account_id is None:
        raise ParameterInvalid("The access key id is not of the form that this service gives")
    return Done({"Account": account_id})


def _demand_role(_caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
    context = {"sts:rolesessionname": (command["RoleSessionName"],)}
    if "ExternalId" in command:
        context["sts:externalid"] = (command["ExternalId"],)
    return (
        Demand(
            action="sts:AssumeRole",
            resource=target.arn,
            resource_account_id=target.account_id,
            context=context,
            trust=target.noun.trust,
        ),
    )


def _demand_access_key_info(caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
    return (Demand(action="sts:GetAccessKeyInfo", resource=target.arn, resource_account_id=caller.account_id),)


def _render_assumed(assumed: AssumedRole) -> Result:
    result: dict[str, Any] = {
        "Credentials": render_credentials(assumed.credentials),
        "AssumedRoleUser": {"AssumedRoleId": assumed.userid, "Arn": assumed.arn},
    }
    if assumed.credentials.packed_percent is not None:
        result["PackedPolicySize"] = assumed.credentials.packed_percent
    return result


def render_credentials(credentials: TemporaryCredentials) -> Result:
    """Return temporary credentials as STS writes them."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires_at,
    }
