"""Ask whether a caller may: the embedded evaluator reads the policies that speak for the caller and weighs them.

Here stand the condition keys that this service knows, each present exactly when AWS has it (IAM User Guide, "AWS
global condition context keys"): a key that does not apply is absent, never empty. Nothing that a request carries as a
header or parameter can set one of them but those named here.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from sts.arn import parse_arn, signin_arn
from sts.federation import describe_claims, name_built_in, name_provider
from sts.folding import fold_letters
from sts.model import Caller, CallerKind, Session
from sts.policy.document import Kind, NamedPolicy, write_denial
from sts.policy.evaluate import Decision, Policies, Principal, PrincipalKind, Question, evaluate
from sts.providers import find_locator
from sts.store.readings import HeldRole, HeldUser
from sts.store.snapshot import Snapshot
from sts.tags import Tags, merge_tags

Context = Mapping[str, tuple[str, ...]]

_PRINCIPALS = ("user", "role")  # the kinds of resource whose tags iam:ResourceTag tells of
_KINDS = {
    CallerKind.ROOT: (PrincipalKind.ROOT, "Account"),
    CallerKind.USER: (PrincipalKind.USER, "User"),
    CallerKind.ROLE_SESSION: (PrincipalKind.ROLE_SESSION, "AssumedRole"),
    CallerKind.FEDERATED_USER: (PrincipalKind.FEDERATED_USER, "FederatedUser"),
    CallerKind.WEB_IDENTITY: (PrincipalKind.PROVIDER, ""),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What is known of a request beside its caller: when, from where, by what, how, and for which region."""

    at: datetime
    source_ip: str
    user_agent: str
    secure_transport: bool
    region: str


@dataclass(frozen=True, slots=True)
class Matter:
    """What is asked: an action on a resource, with the command's condition keys and a trust policy, if any.

    *borne* are the condition keys of what the resource bears.
    """

    action: str
    resource: str
    resource_account_id: str
    context: Context
    trust: NamedPolicy | None
    borne: Context = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Evaluator:
    """The embedded evaluator: policies from the snapshot, weighed in this process."""

    snapshot: Snapshot

    async def decide(self, caller: Caller, circumstances: Circumstances, matter: Matter) -> Decision:
        """Return the decision on *matter*, with its reasons; raises Unavailable when policies cannot be read."""
        held = await self._find_held(caller)
        tags = principal_tags(caller, {} if held is None else held.tags)
        question = Question(
            principal=_principal(caller),
            action=matter.action,
            resource=matter.resource,
            resource_account_id=matter.resource_account_id,
            context={
                **_context(caller, circumstances),
                "aws:resourceaccount": (matter.resource_account_id,),
                **describe_tags("aws:PrincipalTag", tags),
                **matter.borne,
                **matter.context,
            },
            concealed=frozenset(matter.borne),
        )
        policies = Policies(
            identity=() if held is None else held.identity,
            boundary=None if held is None else held.boundary,
            session=await self._session(caller),
            resource=matter.trust,
        )
        return evaluate(question, policies)

    async def _find_held(self, caller: Caller) -> HeldUser | HeldRole | None:
        """Return the user or role that calls or vouches, with what speaks for it; None: none, or it is disabled."""
        held: HeldUser | HeldRole | None = None
        if caller.kind in {CallerKind.USER, CallerKind.FEDERATED_USER}:  # unless it is the root who vouches
            held = await self.snapshot.find_user(caller.unique_id)
        elif caller.kind is CallerKind.ROLE_SESSION:
            held = await self.snapshot.find_role(caller.unique_id)
        return held if held is not None and held.enabled else None

    async def _session(self, caller: Caller) -> tuple[NamedPolicy, ...] | None:
        session = caller.session
        if session is None or not (session.policies or session.policy_arns):
            return None
        inline = [NamedPolicy("session policy", self.snapshot.compile(text, Kind.SESSION)) for text in session.policies]
        managed = [await self._managed(arn) for arn in session.policy_arns]
        return (*inline, *managed)

    async def _managed(self, arn: str) -> NamedPolicy:
        policy = await self.snapshot.find_managed_policy(arn)
        if policy is not None:
            return policy
        # What it denied is no longer known: whoever deletes a policy must not widen the sessions that it limits.
        denial = self.snapshot.compile(write_denial(Kind.SESSION), Kind.SESSION)
        return NamedPolicy(f"missing {arn}", denial, readable=False)


def principal_tags(caller: Caller, borne: Tags) -> Tags:
    """Return the tags that a caller has as principal: what its user or role bears, under those of its session."""
    return borne if caller.session is None else merge_tags(borne, caller.session.tags)


def describe_tags(name: str, tags: Tags) -> dict[str, tuple[str, ...]]:
    """Return the condition keys `NAME/KEY` of *tags*.

    Two keys that differ in case only are one condition key with two values, which no plain operator matches (IAM User
    Guide, "aws:RequestTag": it matches either, but not both); what brings both is refused once it is decided on.
    """
    described: dict[str, tuple[str, ...]] = {}
    for key, value in tags.items():
        folded = fold_letters(f"{name}/{key}")
        described[folded] = (*described.get(folded, ()), value)
    return described


def describe_principal(tags: Tags) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that tell of the tags which a user or a role bears that is the resource."""
    return {**describe_tags("aws:ResourceTag", tags), **describe_tags("iam:ResourceTag", tags)}


def describe_bearer(arn: str, tags: Tags) -> dict[str, tuple[str, ...]]:
    """Return the condition keys that tell of the *tags* of the resource of IAM that *arn* names, of whichever kind.

    One way for all who demand: what was looked for may be something else, as a key of the user that is the resource.
    """
    if not tags:
        return {}
    kind = parse_arn(arn).resource.partition("/")[0]
    return describe_principal(tags) if kind in _PRINCIPALS else describe_tags("aws:ResourceTag", tags)


def describe_boundary(arn: str | None) -> dict[str, tuple[str, ...]]:
    """Return the condition key that tells of a permissions boundary."""
    return {} if arn is None else {"iam:permissionsboundary": (arn,)}


def _principal(caller: Caller) -> Principal:
    creator = caller.session if caller.kind is CallerKind.FEDERATED_USER else None
    return Principal(
        kind=_KINDS[caller.kind][0],
        account_id=caller.account_id,
        arn=caller.arn,
        principal_arn=caller.principal_arn,
        unique_id=caller.unique_id,
        host=name_built_in(caller.arn) or "",
        session_name=None if caller.session is None else caller.session.session_name,
        creator_arn=None if creator is None else creator.principal_arn,
        creator_id=None if creator is None else creator.principal_id,
    )


def _context(caller: Caller, circumstances: Circumstances) -> dict[str, tuple[str, ...]]:
    """Return what is known of request and caller; who comes with a provider's token is known by its claims alone."""
    if caller.federated is not None:
        locator = find_locator(caller.arn) or ""
        return {**describe_claims(locator, caller.federated.claims), **_describe_request(circumstances)}
    return {**_describe_request(circumstances), **_describe_caller(caller, circumstances.at)}


def _describe_request(circumstances: Circumstances) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "aws:securetransport": ("true" if circumstances.secure_transport else "false",),
        "aws:currenttime": (_format_time(circumstances.at),),
        "aws:epochtime": (str(int(circumstances.at.timestamp())),),
        "aws:viaawsservice": ("false",),  # nobody calls on another's behalf: said, not absent, for a Deny to be met
    }
    if circumstances.region:  # a request without a signature is for none
        context["aws:requestedregion"] = (circumstances.region,)
    if circumstances.source_ip:  # a socket of the file system has no address
        context["aws:sourceip"] = (circumstances.source_ip,)
    if circumstances.user_agent:
        context["aws:useragent"] = (circumstances.user_agent,)
    return context


def _describe_caller(caller: Caller, at: datetime) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {
        "aws:principalarn": (caller.principal_arn,),
        "aws:principalaccount": (caller.account_id,),
        "aws:principaltype": (_KINDS[caller.kind][1],),
        "aws:userid": (caller.userid,),
        "aws:principalisawsservice": ("false",),  # nobody is: said, as above
    }
    if caller.user_name is not None:
        context["aws:username"] = (caller.user_name,)
    if caller.session is not None:
        context |= _describe_session(caller.session, at)
    return context


def _describe_session(session: Session, at: datetime) -> dict[str, tuple[str, ...]]:
    context: dict[str, tuple[str, ...]] = {"aws:tokenissuetime": (_format_time(session.issued_at),)}
    if session.source_identity is not None:
        context["aws:sourceidentity"] = (session.source_identity,)
    if session.kind is CallerKind.USER and session.began_in_browser:
        context["aws:signinsessionarn"] = (signin_arn(session.account_id, f"session/{session.chain[0].jti}"),)
    return context | _describe_federation(session) | _describe_factor(session, at)


def _describe_federation(session: Session) -> dict[str, tuple[str, ...]]:
    """Return what is known of the token that a role's session was begun with; of one begun from there, nothing."""
    hop = session.provider_hop
    locator = None if hop is None else find_locator(hop.arn)
    if hop is None or locator is None:
        return {}
    claims = {**session.federation, "sub": (hop.session_name,)}
    return {**describe_claims(locator, claims), "aws:federatedprovider": (name_provider(hop.arn),)}


def _describe_factor(session: Session, at: datetime) -> dict[str, tuple[str, ...]]:
    """Return what is known of a second factor: of a role's session nothing, whatever was shown when it was begun."""
    if session.kind is CallerKind.ROLE_SESSION:
        return {}
    if session.authenticated_at is None:
        return {"aws:multifactorauthpresent": ("false",)}
    age = max(0, int((at - session.authenticated_at).total_seconds()))
    return {"aws:multifactorauthpresent": ("true",), "aws:multifactorauthage": (str(age),)}


def _format_time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
