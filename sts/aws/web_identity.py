"""AssumeRoleWithWebIdentity: the token of an identity provider is the proof, and may say more of the session.

Session tags and the source identity come as claims, and from there on are what the parameters of AssumeRole of the same
names are (IAM User Guide, "Passing session tags using AssumeRoleWithWebIdentity"). Tags stand in one claim, or each in
one of its own, for providers that can write texts only.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from sts.arn import parse_arn
from sts.assume import RoleSessions
from sts.audit.events import Event
from sts.authn.bearers import BearerProof
from sts.aws.role_sessions import demand_session, parse_wish, render_assumed
from sts.aws.row import SMALL, Acts, Command, Done, Operation, Proof, Target
from sts.aws.wire import load_model
from sts.aws.wire.faults import Faults
from sts.aws.wire.scalars import Node, Read
from sts.aws.wire.structures import compile_structure
from sts.errors import IdentityTokenInvalid, Malformed, ParameterInvalid
from sts.federation import name_provider
from sts.model import Caller, Credential

_TAGS = "https://aws.amazon.com/tags"
_TAG = f"{_TAGS}/principal_tags/"
_TRANSITIVE = f"{_TAGS}/transitive_tag_keys"
_SOURCE_IDENTITY = "https://aws.amazon.com/source_identity"
_FROM_CLAIMS = ("Tags", "TransitiveTagKeys", "SourceIdentity")


@dataclass(frozen=True, slots=True)
class WebIdentityOperations:
    """AssumeRoleWithWebIdentity."""

    sessions: RoleSessions

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows of the operations table."""
        return (
            Operation(
                service="sts",
                name="AssumeRoleWithWebIdentity",
                event=Event.ROLE_ASSUME,
                proof=Proof.WEB_IDENTITY,
                target=self.find_role,
                demands=partial(demand_session, action="sts:AssumeRoleWithWebIdentity"),
                handler=Acts(self.assume_role),
                limit=SMALL,
                credentials=frozenset({Credential.WEB_IDENTITY}),
                not_yet=frozenset({"MinimumSessionTokenSize", "ProviderId"}),
            ),
        )

    async def find_role(self, _caller: Caller, command: Command, _address: str) -> Target:
        """Return the role of RoleArn, found or not: a missing one is refused as one that trusts nobody."""
        candidate = await self.sessions.find(command["RoleArn"])
        return Target(candidate.arn, candidate.account_id, candidate)

    async def assume_role(self, caller: Caller, command: Command, target: Target) -> Done:
        """Begin a role session of who came with the token."""
        if caller.federated is None:
            raise LookupError("who calls did not come with a token")
        done = render_assumed(await self.sessions.begin(caller, target.noun.get_role(), parse_wish(command)))
        told = {
            "Provider": name_provider(caller.arn),
            "Audience": caller.federated.audience,
            "SubjectFromWebIdentityToken": caller.federated.subject,
        }
        return Done({**done.result, **told}, done.made)


def _compile_session_claims() -> Read:
    """Return the reader of what may stand in claims: their rules are those of AssumeRole's parameters."""
    model = load_model("sts")
    members = model.shapes["AssumeRoleRequest"]["members"]
    shape = {"type": "structure", "members": {name: members[name] for name in _FROM_CLAIMS}}
    return compile_structure(model, shape, "Member must be known")


@dataclass(frozen=True, slots=True)
class WebIdentityProof:
    """Proves who sent AssumeRoleWithWebIdentity, and adds to the command what the token says of the session."""

    bearers: BearerProof
    _read: Read = field(default_factory=_compile_session_claims)

    async def prove(self, command: Command, address: str) -> tuple[Caller, Command]:
        """Return who came from *address* with the command's token, and the command with the token's session claims.

        Raises ParameterInvalid, IdentityTokenInvalid kin, IssuerUnreachable, Unavailable and Throttled.
        """
        proven = await self.bearers.prove(_read_account(command["RoleArn"]), command["WebIdentityToken"], address)
        return proven.caller, {**command, **self.read_session_claims(proven.claims)}

    def read_session_claims(self, claims: Mapping[str, Any]) -> Command:
        """Return what *claims* say of the session, as parameters of AssumeRole; raises IdentityTokenInvalid."""
        faults = Faults()
        try:
            session: Command = self._read(_write_parameters(claims), (), faults)
            faults.verify()
        except (Malformed, ParameterInvalid) as fault:
            raise IdentityTokenInvalid(f"The identity token's session claims cannot be used: {fault.message}") from None
        return session


def _read_account(arn: str) -> str:
    try:
        return parse_arn(arn).account_id
    except Malformed:
        raise ParameterInvalid(f"{arn} is invalid") from None


def _write_parameters(claims: Mapping[str, Any]) -> Node:
    """Return the session claims as a form's tree of the parameters that they stand for; raises Malformed."""
    nested = claims.get(_TAGS, {})
    if not isinstance(nested, dict) or not isinstance(nested.get("principal_tags", {}), dict):
        raise Malformed(f"{_TAGS} is not of its form")
    tags = [{"Key": key, "Value": _read_tag(value)} for key, value in _find_tags(nested, claims)]
    transitive = [*_read_keys(nested.get("transitive_tag_keys", [])), *_read_keys(claims.get(_TRANSITIVE, []))]
    tree: dict[str, Any] = {}
    if tags:
        tree["Tags"] = _number(tags)
    if transitive:
        tree["TransitiveTagKeys"] = _number(transitive)
    if _SOURCE_IDENTITY in claims:
        tree["SourceIdentity"] = _read_text(claims[_SOURCE_IDENTITY], _SOURCE_IDENTITY)
    return tree


def _find_tags(nested: Mapping[str, Any], claims: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from nested.get("principal_tags", {}).items()
    for name, value in claims.items():
        if name.startswith(_TAG):
            yield name.removeprefix(_TAG), value


def _read_tag(value: Any) -> str:
    """Return the value of a tag: a text, or a list of one."""
    return _read_text(value[0] if isinstance(value, list) and len(value) == 1 else value, "The value of a session tag")


def _read_keys(value: Any) -> list[str]:
    keys = value if isinstance(value, list) else [value]
    return [_read_text(key, "A transitive tag key") for key in keys]


def _read_text(value: Any, name: str) -> str:
    if not isinstance(value, str):
        raise Malformed(f"{name} is no text")
    return value


def _number(members: list[Any]) -> dict[str, Any]:
    return {"member": {str(number): member for number, member in enumerate(members, start=1)}}
