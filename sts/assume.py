"""Become a role: duration, session policies, tags, chaining (STS API Reference, AssumeRole and its kin)."""

from dataclasses import dataclass, field
from datetime import timedelta

from sts.access import Context, Demand
from sts.arn import parse_arn, session_arn
from sts.clock import Clock
from sts.credentials import Credentials, Grant, TemporaryCredentials
from sts.errors import Malformed, NotFound, ParameterInvalid
from sts.evaluator import describe_principal
from sts.federation import keep_claims
from sts.model import Caller, CallerKind, Role
from sts.policy.document import Kind, NamedPolicy
from sts.store.snapshot import Snapshot
from sts.tags import Tags
from sts.wishes import SessionPolicies, begin_chain, find_beginning, inherit_tags

DEFAULT_DURATION = timedelta(hours=1)
CHAINED_LIMIT = timedelta(hours=1)
# Nobody bears this id.
_TRUST_NOBODY = '{"Statement":{"Effect":"Allow","Principal":{"AWS":"AROAAAAAAAAAAAAAAAAAA"},"Action":"sts:AssumeRole"}}'


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants their role session to be, beside what the chain that they came by makes it."""

    session_name: str
    duration: timedelta | None = None
    policy: str | None = None
    policy_arns: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    transitive_keys: tuple[str, ...] = ()
    source_identity: str | None = None


@dataclass(frozen=True, slots=True)
class AssumedRole:
    """A role session that was just begun."""

    arn: str
    userid: str
    credentials: TemporaryCredentials
    source_identity: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A role that somebody asks for; *role* is None when there is none of that ARN, or it is disabled.

    *trust* is there in any case: a role that is missing trusts nobody, and is weighed like one that trusts nobody.
    """

    arn: str
    account_id: str
    role: Role | None
    trust: NamedPolicy
    tags: Tags = field(default_factory=dict)

    def get_role(self) -> Role:
        """Return the role; raises NotFound."""
        if self.role is None:
            raise NotFound(f"There is no role {self.arn}")
        return self.role


@dataclass(frozen=True, slots=True)
class RoleSessions:
    """Begins role sessions; that the caller may was decided before."""

    credentials: Credentials
    snapshot: Snapshot
    clock: Clock

    async def find(self, arn: str) -> Candidate:
        """Return the role of exactly this ARN, or what stands for a missing one; raises ParameterInvalid."""
        try:
            parsed = parse_arn(arn)
        except Malformed:
            raise ParameterInvalid(f"{arn} is invalid") from None
        held = None
        if parsed.service == "iam" and parsed.resource.startswith("role/"):
            held = await self.snapshot.find_role_named(parsed.account_id, parsed.resource.rsplit("/", 1)[-1])
        if held is None or held.role.arn != arn or not held.enabled:
            trust = NamedPolicy(
                "no role of this ARN, or a disabled one", self.snapshot.compile(_TRUST_NOBODY, Kind.TRUST)
            )
            return Candidate(arn=arn, account_id=parsed.account_id, role=None, trust=trust)
        return Candidate(arn=arn, account_id=parsed.account_id, role=held.role, trust=held.trust, tags=held.tags)

    async def begin(self, caller: Caller, role: Role, wish: Wish) -> AssumedRole:
        """Begin a session of *role*; raises ParameterInvalid, PolicyMalformed, PackedTooLarge."""
        span = _duration(caller, role, wish.duration)
        await SessionPolicies(self.snapshot).verify(role.account_id, wish.policy, wish.policy_arns)
        subjects = role.unique_id, role.account_id, caller.unique_id, caller.account_id
        began_at = await find_beginning(self.snapshot, subjects, self.clock.now())
        arn = session_arn(role.account_id, role.name, wish.session_name)
        inherited, source_identity = inherit_tags(caller), find_source_identity(caller, wish.source_identity)
        grant = Grant(
            account_id=role.account_id,
            principal_id=role.unique_id,
            principal_arn=role.arn,
            session_name=wish.session_name,
            arn=arn,
            began_at=began_at,
            duration=span,
            chain=begin_chain(caller, began_at),
            policies=() if wish.policy is None else (wish.policy,),
            policy_arns=wish.policy_arns,
            tags={**inherited, **wish.tags},
            transitive_keys=(*inherited, *wish.transitive_keys),
            source_identity=source_identity,
            federation={} if caller.federated is None else keep_claims(caller.federated.claims),
        )
        credentials = await self.credentials.mint(grant)
        return AssumedRole(arn, f"{role.unique_id}:{wish.session_name}", credentials, source_identity)


def demand_role(
    caller: Caller,
    candidate: Candidate,
    context: Context,
    *,
    action: str = "sts:AssumeRole",
    brings_tags: bool,
    source_identity: str | None,
) -> tuple[Demand, ...]:
    """Return what *action* demands of *caller*, whose parameters bring *context*; raises ParameterInvalid.

    Tags and a source identity are demanded also where they are inherited.
    """
    tagging = ("sts:TagSession",) if brings_tags or inherit_tags(caller) else ()
    identity = () if find_source_identity(caller, source_identity) is None else ("sts:SetSourceIdentity",)
    return tuple(
        Demand(
            action=each,
            resource=candidate.arn,
            resource_account_id=candidate.account_id,
            context=context,
            trust=candidate.trust,
            borne=describe_principal(candidate.tags),
        )
        for each in (action, *tagging, *identity)
    )


def find_source_identity(caller: Caller, wished: str | None) -> str | None:
    """Return the source identity of a session that *caller* begins; raises ParameterInvalid.

    It is set once: whoever could change it on the way would act in another's name.
    """
    present = None if caller.session is None else caller.session.source_identity
    if present is not None and wished not in {None, present}:
        raise ParameterInvalid("The source identity is already set for this assume role session")
    return present or wished


def _duration(caller: Caller, role: Role, asked: timedelta | None) -> timedelta:
    chained = caller.kind is CallerKind.ROLE_SESSION
    if chained and asked is not None and asked > CHAINED_LIMIT:
        raise ParameterInvalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if asked is not None and asked > role.max_session_duration:
        raise ParameterInvalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return DEFAULT_DURATION if asked is None else asked
