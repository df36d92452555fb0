"""STS's operations: each a few lines between the wire and the verbs."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sts.access import Context, Demand
from sts.arn import federated_user_arn
from sts.assume import RoleSessions
from sts.audit.events import Event
from sts.authn.codes import CodeProof
from sts.aws.role_sessions import (
    demand_session,
    parse_wish,
    read_duration,
    read_policy_arns,
    render_assumed,
    render_credentials,
)
from sts.aws.row import SMALL, Acts, Command, Demands, Done, Operation, Proof, Recall, Result, Target
from sts.aws.tags import describe_request, read_tags
from sts.entropy import find_account_of_access_key
from sts.errors import ParameterInvalid
from sts.lending import FederationWish, UserSessions
from sts.model import Caller, Credential
from sts.policy.question import Outcome
from sts.receipts import Receipts
from sts.wishes import verify_session_tags

_LONG_TERM = frozenset({Credential.LONG_TERM})
_LASTING = frozenset({Credential.LONG_TERM, Credential.ROLE_SESSION, Credential.SIGN_IN})
_ALL = frozenset(Credential)


@dataclass(frozen=True, slots=True)
class StsOperations:
    """STS's operations, those that take temporary credentials and those that make them."""

    sessions: RoleSessions
    lent: UserSessions
    codes: CodeProof
    receipts: Receipts

    def rows(self) -> tuple[Operation, ...]:
        """Return STS's rows of the operations table."""
        lent = frozenset({"MinimumSessionTokenSize"})
        return (
            _row(
                "AssumeRole",
                Event.ROLE_ASSUME,
                self.assume_role,
                credentials=_ALL - {Credential.FEDERATION},
                target=self.find_role,
                demands=demand_session,
                not_yet=lent | {"ProvidedContexts"},
            ),
            _row(
                "GetSessionToken",
                Event.USER_SESSION_CREATE,
                self.get_session_token,
                _LONG_TERM,
                target=self.find_own_factor,
                not_yet=lent,
            ),
            _row(
                "GetFederationToken",
                Event.FEDERATED_USER_CREATE,
                self.get_federation_token,
                credentials=_LONG_TERM,
                target=find_federated_user,
                demands=_demand_federation,
                not_yet=lent,
            ),
            _row("GetCallerIdentity", Event.CALLER_IDENTIFY, get_caller_identity, _ALL),
            _row("GetAccessKeyInfo", Event.ACCESS_KEY_LOCATE, get_access_key_info, _LASTING, demands=_demand_key_info),
            _row(
                "DecodeAuthorizationMessage",
                Event.DENIAL_DECODE,
                self.decode_message,
                credentials=_LASTING,
                demands=_demand_decoding,
            ),
        )

    async def find_role(self, caller: Caller, command: Command, address: str) -> Target:
        """Return the role of RoleArn, found or not: a missing one is refused as a forbidden one is.

        A TokenCode is used up here: what it proves is for the decision to weigh.
        """
        candidate = await self.sessions.find(command["RoleArn"])
        owner = candidate.account_id if candidate.role is not None else None
        proven_at = await self._prove_factor(caller, command, address)
        return Target(candidate.arn, candidate.account_id, candidate, owner, context=_describe_factor(proven_at))

    async def assume_role(self, caller: Caller, command: Command, target: Target) -> Done:
        """Begin a role session."""
        return render_assumed(await self.sessions.begin(caller, target.noun.get_role(), parse_wish(command)))

    async def find_own_factor(self, caller: Caller, command: Command, address: str) -> Target:
        """Return when the caller proved a second factor by a TokenCode, which is used up; nothing without one."""
        return Target("*", caller.account_id, await self._prove_factor(caller, command, address))

    async def _prove_factor(self, caller: Caller, command: Command, address: str) -> datetime | None:
        return await self.codes.prove(caller, command.get("SerialNumber"), command.get("TokenCode"), address)

    async def get_session_token(self, caller: Caller, command: Command, target: Target) -> Done:
        """Begin a session of the caller's own, with a second factor when a code was shown."""
        begun = await self.lent.begin(caller, read_duration(command), target.noun)
        made = {"AccessKeyId": begun.access_key_id, "jti": begun.jti}
        return Done({"Credentials": render_credentials(begun)}, made)

    async def get_federation_token(self, caller: Caller, command: Command, _target: Target) -> Done:
        """Begin a session of somebody whom the caller vouches for."""
        wish = FederationWish(
            name=command["Name"],
            duration=read_duration(command),
            policy=command.get("Policy"),
            policy_arns=read_policy_arns(command),
            tags=dict(read_tags(command)),
        )
        begun = await self.lent.federate(caller, wish)
        result: Result = {
            "Credentials": render_credentials(begun.credentials),
            "FederatedUser": {"FederatedUserId": begun.userid, "Arn": begun.arn},
        }
        if begun.credentials.packed_percent is not None:
            result["PackedPolicySize"] = begun.credentials.packed_percent
        made = {"Arn": begun.arn, "AccessKeyId": begun.credentials.access_key_id, "jti": begun.credentials.jti}
        return Done(result, made)

    async def decode_message(self, caller: Caller, command: Command, _target: Target) -> Done:
        """Open the receipt of a denial, as far as it is the reader's account's."""
        receipt = self.receipts.open(command["EncodedMessage"], caller.account_id)
        return Done({"DecodedMessage": render_denial(receipt)})


async def find_nothing(caller: Caller, _command: Command, _address: str) -> Target:
    """Return the target of an operation that has none."""
    return Target("*", caller.account_id)


def _describe_factor(proven_at: datetime | None) -> Context:
    """Return what policies may ask about a second factor that this very request proves, if it proves one."""
    return {} if proven_at is None else {"aws:multifactorauthpresent": ("true",), "aws:multifactorauthage": ("0",)}


async def find_federated_user(caller: Caller, command: Command, _address: str) -> Target:
    """Return the federated user that is to be made."""
    return Target(federated_user_arn(caller.account_id, command["Name"]), caller.account_id)


def _demand_federation(caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
    keys = [key for key, _ in read_tags(command)]
    verify_session_tags(caller, keys, ())
    actions = ("sts:GetFederationToken", "sts:TagSession") if keys else ("sts:GetFederationToken",)
    context = describe_request(command)
    return tuple(
        Demand(action=action, resource=target.arn, resource_account_id=target.account_id, context=context)
        for action in actions
    )


def demand_nothing(_caller: Caller, _command: Command, _target: Target) -> tuple[Demand, ...]:
    """Return what an operation demands that any proven caller may call, whatever policies say."""
    return ()


def _row(
    name: str,
    event: Event,
    run: Callable[[Caller, Command, Target], Awaitable[Done]],
    credentials: frozenset[Credential],
    *,
    target: Recall = find_nothing,
    demands: Demands = demand_nothing,
    not_yet: frozenset[str] = frozenset(),
) -> Operation:
    return Operation(
        service="sts",
        name=name,
        event=event,
        proof=Proof.SIGNATURE,
        target=target,
        demands=demands,
        handler=Acts(run),
        limit=SMALL,
        credentials=credentials,
        not_yet=not_yet,
    )


async def get_caller_identity(caller: Caller, _command: Command, _target: Target) -> Done:
    """Say who is calling."""
    return Done({"UserId": caller.userid, "Account": caller.account_id, "Arn": caller.arn})


async def get_access_key_info(_caller: Caller, command: Command, _target: Target) -> Done:
    """Say which account an access key id belongs to, from the id alone."""
    account_id = find_account_of_access_key(command["AccessKeyId"])
    if account_id is None:
        raise ParameterInvalid("The access key id is not of the form that this service gives")
    return Done({"Account": account_id})


def _demand_key_info(caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
    return (Demand(action="sts:GetAccessKeyInfo", resource=target.arn, resource_account_id=caller.account_id),)


def _demand_decoding(caller: Caller, _command: Command, target: Target) -> tuple[Demand, ...]:
    action = "sts:DecodeAuthorizationMessage"
    return (Demand(action=action, resource=target.arn, resource_account_id=caller.account_id),)


def render_denial(receipt: Mapping[str, Any]) -> str:
    """Return a receipt as AWS writes it, with AWS's members first and the decision as it was made behind them."""
    decision = receipt["decision"]
    seen = {each["key"]: each["seen"] for each in decision["conditions"] if each["seen"] is not None}
    told = {
        "allowed": False,
        "explicitDeny": decision["outcome"] == Outcome.EXPLICIT_DENY,
        "matchedStatements": {"items": decision["deciding"]},
        "failures": {"items": [each for each in decision["conditions"] if not each["held"]]},
        "context": {
            "principal": {"id": receipt["unique_id"], "arn": receipt["arn"]},
            "action": decision["action"],
            "resource": decision["resource"],
            "conditions": {
                "items": [
                    {"key": key, "values": {"items": [{"value": value} for value in values]}}
                    for key, values in seen.items()
                ]
            },
        },
        "receipt": receipt,
    }
    return json.dumps(told, ensure_ascii=False)
