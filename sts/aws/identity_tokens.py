"""GetWebIdentityToken: STS's operation by which a caller is known to strangers."""

from dataclasses import dataclass
from datetime import timedelta

from sts.access import Context, Demand
from sts.arn import self_arn
from sts.audit.events import Event
from sts.aws.row import SMALL, Acts, Command, Done, Operation, Proof, Target
from sts.aws.tags import describe_request, read_tags
from sts.errors import CredentialUnsuitable, ParameterInvalid, ValueInvalid
from sts.identity_tokens import DEFAULT_LIFE, IdentityTokens, TokenWish
from sts.model import ADMINISTERING, Caller, CallerKind, Credential
from sts.outbound import ALGORITHMS
from sts.tags import find_repetition

_NAME = "GetWebIdentityToken"
_TAGGING = "sts:TagGetWebIdentityToken"


@dataclass(frozen=True, slots=True)
class IdentityTokenOperation:
    """The row of GetWebIdentityToken."""

    tokens: IdentityTokens

    def rows(self) -> tuple[Operation, ...]:
        """Return the row."""
        row = Operation(
            service="sts",
            name=_NAME,
            event=Event.WEB_IDENTITY_TOKEN_CREATE,
            proof=Proof.SIGNATURE,
            target=find_self,
            demands=_demand,
            handler=Acts(self._mint),
            limit=SMALL,
            credentials=ADMINISTERING | {Credential.SESSION},
        )
        return (row,)

    async def _mint(self, caller: Caller, command: Command, target: Target) -> Done:
        wish = TokenWish(
            audiences=tuple(command["Audience"]),
            algorithm=command["SigningAlgorithm"],
            life=_read_life(command),
            region=target.region,
            tags=dict(read_tags(command)),
        )
        token = await self.tokens.mint(caller, wish)
        return Done({"WebIdentityToken": token.text, "Expiration": token.expires_at}, {"jti": token.jti})


async def find_self(caller: Caller, _command: Command, _address: str) -> Target:
    """Return the caller as target: what a token tells of."""
    return Target(self_arn(caller.account_id), caller.account_id)


def _demand(caller: Caller, command: Command, target: Target) -> tuple[Demand, ...]:
    _verify(caller, command)
    actions = (f"sts:{_NAME}", _TAGGING) if read_tags(command) else (f"sts:{_NAME}",)
    context = _describe_wish(command)
    return tuple(
        Demand(action=action, resource=target.arn, resource_account_id=target.account_id, context=context)
        for action in actions
    )


def _verify(caller: Caller, command: Command) -> None:
    """Raise CredentialUnsuitable, ParameterInvalid or ValueInvalid for what no policy can allow.

    AWS says that IAM users and roles are given tokens; the root, which is neither, is refused here.
    """
    if caller.kind is CallerKind.ROOT:
        raise CredentialUnsuitable(f"Cannot call {_NAME} as the root of an account")
    if command["SigningAlgorithm"] not in ALGORITHMS:
        raise ParameterInvalid(
            "1 validation error detected: Value at 'signingAlgorithm' failed to satisfy constraint: "
            f"Member must satisfy enum value set: [{', '.join(ALGORITHMS)}]"
        )
    repeated = find_repetition([key for key, _ in read_tags(command)])
    if repeated is not None:
        raise ValueInvalid(repeated)


def _describe_wish(command: Command) -> Context:
    """Return the condition keys that the parameters bring; the duration is told also where it is the usual one."""
    return {
        "sts:identitytokenaudience": tuple(command["Audience"]),
        "sts:signingalgorithm": (command["SigningAlgorithm"],),
        "sts:durationseconds": (str(int(_read_life(command).total_seconds())),),
        **describe_request(command),
    }


def _read_life(command: Command) -> timedelta:
    return timedelta(seconds=command.get("DurationSeconds", DEFAULT_LIFE.total_seconds()))
