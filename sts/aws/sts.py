"""STS's operations: each a few lines between the wire and the verbs."""

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sts.access import Context, Demand
from sts.arn import federated_user_arn
from sts.assume import AssumedRole, RoleSessions, Wish, demand_role
from sts.audit.events import Event
from sts.authn.codes import CodeProof
from sts.aws.row import SMALL, Acts, Command, Demands, Done, Operation, Proof, Recall, Result, Target
from sts.aws.tags import describe_request, read_tags
from sts.credentials import TemporaryCredentials
from sts.entropy import find_account_of_access_key
from sts.errors import ParameterInvalid
from sts.folding import fold_letters
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
                demands=_demand_role,
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
        assumed = await self.sessions.begin(caller, target.noun.get_role(), _parse_wish(command))
        made = {
            "Arn": assumed.arn,
            "AssumedRoleId": assumed.userid,
            "AccessKeyId": assumed.credentials.access_key_id,
            "jti": assumed.credentials.jti,
        }
        return Done(_render_assumed(assumed), made)

    async def find_own_factor(self, caller: Caller, command: Command, address: str) -> Target:
        """Return when the caller proved a second factor by a TokenCode, which is used up; nothing without one."""
        return Target("*", caller.account_id, await self._prove_factor(caller, command, address))

    async def _prove_factor(self, caller: Caller, command: Command, address: str) -> datetime | None:
        return await self.codes.prove(caller, command.get("SerialNumber"), command.get("TokenCode"), address)

    async def get_session_token(self, caller: Caller, command: Command, target: Target) -> Done:
        """Begin a session of the caller's own, with a second factor when a code was shown."""
        begun = await self.lent.begin(caller, _read_duration(command), target.noun)
        made = {"AccessKeyId": begun.access_key_id, "jti": begun.jti}
        return Done({"Credentials": render_credentials(begun)}, made)

    async def get_federation_token(self, caller: Caller, command: Command, _target: Target) -> Done:
        """Begin a session of somebody whom the caller vouches for."""
        wish = FederationWish(
            name=command["Name"],
            duration=_read_duration(command),
            policy=command.get("Policy"),
            policy_arns=_read_policy_arns(command),
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


def _read_duration(command: Command) -> timedelta | None:
    seconds = command.get("DurationSeconds")
    return None if seconds is None else timedelta(seconds=seconds)


def _read_policy_arns(command: Command) -> tuple[str, ...]:
    return tuple(item["arn"] for item in command.get("PolicyArns", ()))


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


def _parse_wish(command: Command) -> Wish:
    tags = dict(read_tags(command))
    transitive = {fold_letters(key) for key in command.get("TransitiveTagKeys", ())}
    return Wish(
        session_name=command["RoleSessionName"],
        duration=_read_duration(command),
        policy=command.get("Policy"),
        policy_arns=_read_policy_arns(command),
        tags=tags,
        transitive_keys=tuple(key for key in tags if fold_letters(key) in transitive),
        source_identity=command.get("SourceIdentity"),
    )


def _demand_role(caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
    keys = [key for key, _ in read_tags(command)]
    verify_session_tags(caller, keys, command.get("TransitiveTagKeys", ()))
    context = {**target.context, **_describe_wish(command)}
    return demand_role(
        caller, target.noun, context, brings_tags=bool(keys), source_identity=command.get("SourceIdentity")
    )


def _describe_wish(command: Command) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that AssumeRole's parameters bring: each is absent when its parameter is."""
    context = {"sts:rolesessionname": (command["RoleSessionName"],)}
    if "ExternalId" in command:
        context["sts:externalid"] = (command["ExternalId"],)
    if "SourceIdentity" in command:
        context["sts:sourceidentity"] = (command["SourceIdentity"],)
    if command.get("TransitiveTagKeys"):
        context["sts:transitivetagkeys"] = tuple(command["TransitiveTagKeys"])
    return context | describe_request(command)


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


def _render_assumed(assumed: AssumedRole) -> Result:
    result: dict[str, Any] = {
        "Credentials": render_credentials(assumed.credentials),
        "AssumedRoleUser": {"AssumedRoleId": assumed.userid, "Arn": assumed.arn},
    }
    if assumed.credentials.packed_percent is not None:
        result["PackedPolicySize"] = assumed.credentials.packed_percent
    if assumed.source_identity is not None:
        result["SourceIdentity"] = assumed.source_identity
    return result


def render_credentials(credentials: TemporaryCredentials) -> Result:
    """Return temporary credentials as STS writes them."""
    return {
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires_at,
    }
