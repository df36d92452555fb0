"""What sessions of every kind have in common: their beginning, the tags and policies that may be wished for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sts.errors import ParameterInvalid, PolicyMalformed, ValueInvalid
from sts.folding import fold_letters
from sts.model import Caller, Hop
from sts.policy.document import Kind
from sts.store.snapshot import Snapshot
from sts.tags import Tags, find_fault

_LONGEST_SESSION_POLICY = 2_048  # characters
_MOST_POLICY_ARNS = 10
_MOST_TAGS = 50


@dataclass(frozen=True, slots=True)
class SessionPolicies:
    """Judges the policies that are to limit a session."""

    snapshot: Snapshot

    async def verify(self, account_id: str, policy: str | None, policy_arns: Sequence[str]) -> None:
        """Raise ParameterInvalid or PolicyMalformed unless these can limit a session in the account."""
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
            await self._verify_managed(account_id, arn)

    async def _verify_managed(self, account_id: str, arn: str) -> None:
        own = (f"arn:aws:iam::{account_id}:policy/", "arn:aws:iam::aws:policy/")
        policy = await self.snapshot.find_managed_policy(arn) if arn.startswith(own) else None
        if policy is None:
            raise PolicyMalformed(f"The session policy {arn} is not a managed policy of the session's account")
        if not policy.readable:
            raise PolicyMalformed(f"The managed policy {arn} cannot be a session policy")


async def find_beginning(snapshot: Snapshot, subjects: Sequence[str], now: datetime) -> datetime:
    """Return an instant that no revocation of *subjects* reaches that is known by *now*, however far apart clocks are.

    Subjects are unique ids and account ids, of all by whom a session is begun and whose it is.
    """
    revoked = await snapshot.find_revoked()
    return revoked.next_instant(subjects, now)


def begin_chain(caller: Caller, began_at: datetime) -> tuple[Hop, ...]:
    """Return who began, then each session up to the caller's own."""
    if caller.session is not None:
        return caller.session.chain
    return (
        Hop(
            arn=caller.arn,
            session_name="" if caller.federated is None else caller.federated.subject,
            at=began_at,
            principal_id=caller.unique_id,
            jti="",
            access_key_id=caller.access_key_id,
        ),
    )


def inherit_tags(caller: Caller) -> Tags:
    """Return the tags that a session has, whether wished for or not, when *caller* begins it."""
    return {} if caller.session is None else caller.session.transitive_tags


def verify_session_tags(caller: Caller, keys: Sequence[str], transitive_keys: Sequence[str]) -> None:
    """Raise ValueInvalid unless *caller* may bring tags of these keys into a session, some of them transitive."""
    fault = find_fault(keys) or find_fault(transitive_keys)
    if fault is not None:
        raise ValueInvalid(fault)
    brought, inherited = {fold_letters(key) for key in keys}, {fold_letters(key) for key in inherit_tags(caller)}
    if brought & inherited:
        raise ValueInvalid(
            "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key "
            "from the calling session."
        )
    if not {fold_letters(key) for key in transitive_keys} <= brought:
        raise ValueInvalid("The specified transitive tag key must be included in the requested tags.")
    if len(brought | inherited) > _MOST_TAGS:
        raise ValueInvalid(f"A session has at most {_MOST_TAGS} tags, those that it inherits included")
