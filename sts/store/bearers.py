"""The policies that users, groups and roles bear: attached and inline, read together."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, select

from sts.arn import iam_arn
from sts.store.tables import attachment, inline_policy, policy, policy_version
from sts.store.versions import Change

_NOUNS = {"AIDA": "user", "AGPA": "group", "AROA": "role"}


@dataclass(frozen=True, slots=True)
class Held:
    """Names and texts of policies, and what they depend on."""

    policies: tuple[tuple[str, str], ...]
    depends: frozenset[Change]


def find_held(connection: Connection, bearer_ids: Sequence[str]) -> Held:
    """Return the policies that *bearer_ids* bear: a user with its groups, or a role."""
    attached = connection.execute(
        select(policy.c.policy_id, policy.c.account_id, policy.c.path, policy.c.name, policy_version.c.document)
        .join(attachment, attachment.c.policy_id == policy.c.policy_id)
        .join(
            policy_version,
            (policy_version.c.policy_id == policy.c.policy_id) & (policy_version.c.number == policy.c.default_version),
        )
        .where(attachment.c.bearer_id.in_(bearer_ids))
        .distinct()
    ).all()
    inline = connection.execute(
        select(inline_policy.c.bearer_id, inline_policy.c.name, inline_policy.c.document).where(
            inline_policy.c.bearer_id.in_(bearer_ids)
        )
    ).all()
    texts = [(iam_arn(row.account_id, f"policy{row.path}{row.name}"), row.document) for row in attached]
    texts += [(f"inline {row.name} of {row.bearer_id}", row.document) for row in inline]
    depends = {Change(_NOUNS[bearer_id[:4]], bearer_id) for bearer_id in bearer_ids}
    depends |= {Change("policy", row.policy_id) for row in attached}
    return Held(tuple(sorted(texts)), frozenset(depends))
