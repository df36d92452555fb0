"""Become a role: duration, session policies, tags, chaining (STS API Reference, AssumeRole)."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sts.arn import parse_arn, session_arn
from sts.clock import Clock
from sts.credentials import Credentials, Grant, TemporaryCredentials
from sts.errors import Malformed, NotFound, ParameterInvalid, PolicyMalformed, ValueInvalid
from sts.model import Caller, Hop, Role
from sts.policy.document import Kind, NamedPolicy
from sts.store.snapshot import Snapshot
from sts.tags import Tags, find_fault, fold_key

DEFAULT_DURATION = timedelta(hours=1)
CHAINED_LIMIT = timedelta(hours=1)
_LONGEST_SESSION_POLICY = 2_048  # characters
_MOST_POLICY_ARNS = 10
_MOST_TAGS = 50
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
            trust = NamedPolicy("no role", self.snapshot.compile(_TRUST_NOBODY, Kind.TRUST))
            return Candidate(arn=arn, account_id=parsed.account_id, role=None, trust=trust)
        return Candidate(arn=arn, account_id=parsed.account_id, role=held.role, trust=held.trust, tags=held.tags)

    async def begin(self, caller: Caller, role: Role, wish: Wish) -> AssumedRole:
        """Begin a session of *role*; raises ParameterInvalid, PolicyMalformed, PackedTooLarge."""
        span = _duration(caller, role, wish.duration)
        await self._check_policies(role, wish.policy, wish.policy_arns)
        began_at = await self._find_beginning(caller, role)
        arn = session_arn(role.account_id, role.name, wish.session_name)
        inherited, source_identity = inherit_tags(caller), find_source_identity(caller, wish.source_identity)
        grant = Grant(
            account_id=role.account_id,
            role_id=role.unique_id,
            role_arn=role.arn,
            session_name=wish.session_name,
            arn=arn,
            began_at=began_at,
            duration=span,
            chain=_chain(caller, began_at),
            policies=() if wish.policy is None else (wish.policy,),
            policy_arns=wish.policy_arns,
            tags={**inherited, **wish.tags},
            transitive_keys=(*inherited, *wish.transitive_keys),
            source_identity=source_identity,
        )
        credentials = await self.credentials.mint(grant)
        return AssumedRole(arn, f"{role.unique_id}:{wish.session_name}", credentials, source_identity)

    async def _check_policies(self, role: Role, policy: str | None, policy_arns: Sequence[str]) -> None:
        if policy is not None:
            if len(policy) > _LONGEST_SESSION_POLICY:
                raise ParameterInvalid(
                    "1 validation error detected: Value at 'policy' failed to satisfy constraint: "
                    f"Member must have length less than or equal to {_LONGEST_SESSION_POLICY}"
                )
            self.snapshot.compile(policy, Kind.SESSION)
        if len(policy_arns) > _MOST_POLICY_ARNS:
            raise ParameterInvalid(f"At most {_MOST_POLICY_ARNS} managed policies can be session policies")
        for arn in policy_arns:
            await self._check_managed(role, arn)

    async def _check_managed(self, role: Role, arn: str) -> None:
        own = (f"arn:aws:iam::{role.account_id}:policy/", "arn:aws:iam::aws:policy/")
        policy = await self.snapshot.find_managed_policy(arn) if arn.startswith(own) else None
        if policy is None:
            raise PolicyMalformed(f"The session policy {arn} is not a managed policy of the role's account")
        if not policy.readable:
            raise PolicyMalformed(f"The managed policy {arn} cannot be a session policy")

    async def _find_beginning(self, caller: Caller, role: Role) -> datetime:
        """Return an instant that no revocation reaches that is known by now, however far apart the clocks are."""
        revoked = await self.snapshot.find_revoked()
        subjects = role.unique_id, role.account_id, caller.unique_id, caller.account_id
        return revoked.next_instant(subjects, self.clock.now())


def _chain(caller: Caller, began_at: datetime) -> tuple[Hop, ...]:
    """Return who began, then each session up to the caller's own."""
    if caller.session is not None:
        return caller.session.chain
    return (
        Hop(
            arn=caller.arn,
            session_name="",
            at=began_at,
            principal_id=caller.unique_id,
            jti="",
            access_key_id=caller.access_key_id,
        ),
    )


def inherit_tags(caller: Caller) -> Tags:
    """Return the tags that a session has, whether wished for or not, when *caller* begins it."""
    return {} if caller.session is None else caller.session.transitive_tags


def find_source_identity(caller: Caller, wished: str | None) -> str | None:
    """Return the source identity of a session that *caller* begins; raises ParameterInvalid.

    It is set once: whoever could change it on the way would act in another's name.
    """
    present = None if caller.session is None else caller.session.source_identity
    if present is not None and wished not in {None, present}:
        raise ParameterInvalid("The source identity is already set for this assume role session")
    return present or wished


def verify_session_tags(caller: Caller, keys: Sequence[str], transitive_keys: Sequence[str]) -> None:
    """Raise ValueInvalid unless *caller* may bring tags of these keys into a session, some of them transitive."""
    fault = find_fault(keys) or find_fault(transitive_keys)
    if fault is not None:
        raise ValueInvalid(fault)
    brought, inherited = {fold_key(key) for key in keys}, {fold_key(key) for key in inherit_tags(caller)}
    if brought & inherited:
        raise ValueInvalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    if not {fold_key(key) for key in transitive_keys} <= brought:
        raise ValueInvalid("The specified transitive tag key must be included in the requested tags.")
    if len(brought | inherited) > _MOST_TAGS:
        raise ValueInvalid(f"A session has at most {_MOST_TAGS} tags, those that it inherits included")


def _duration(caller: Caller, role: Role, asked: timedelta | None) -> timedelta:
    if caller.session is not None and asked is not None and asked > CHAINED_LIMIT:
        raise ParameterInvalid(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if asked is not None and asked > role.max_session_duration:
        raise ParameterInvalid("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
    return DEFAULT_DURATION if asked is None else asked
