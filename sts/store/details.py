"""All that some users, groups or roles bear, read of all of them at once: a few statements, however many they are."""

from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from sqlalchemy import Connection, select

from sts.arn import iam_arn
from sts.store.columns import is_among
from sts.store.tables import attachment, boundary, group, inline_policy, membership, policy, tag


@dataclass(slots=True)
class Details:
    """Inline policies (name and text), attached policies (name and ARN), boundary, groups (names) and tags."""

    inline: list[tuple[str, str]] = field(default_factory=list)
    attached: list[tuple[str, str]] = field(default_factory=list)
    boundary_arn: str | None = None
    groups: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)


def find_details(connection: Connection, bearer_ids: Collection[str]) -> Mapping[str, Details]:
    """Return, by unique id, what each of *bearer_ids* bears; all by name."""
    found: defaultdict[str, Details] = defaultdict(Details)
    if bearer_ids:
        _add_policies(connection, bearer_ids, found)
        _add_groups_and_tags(connection, bearer_ids, found)
    return found


def _add_policies(connection: Connection, bearer_ids: Collection[str], found: Mapping[str, Details]) -> None:
    inline = select(inline_policy).where(is_among(inline_policy.c.bearer_id, bearer_ids))
    for row in connection.execute(inline.order_by(inline_policy.c.name)):
        found[row.bearer_id].inline.append((row.name, row.document))
    for table in (attachment, boundary):
        used = select(table.c.bearer_id, policy.c.name, policy.c.account_id, policy.c.path).join(
            policy, policy.c.policy_id == table.c.policy_id
        )
        of_these = used.where(is_among(table.c.bearer_id, bearer_ids))
        for row in connection.execute(of_these.order_by(policy.c.name_key, policy.c.account_id)):
            arn = iam_arn(row.account_id, f"policy{row.path}{row.name}")
            if table is boundary:
                found[row.bearer_id].boundary_arn = arn
            else:
                found[row.bearer_id].attached.append((row.name, arn))


def _add_groups_and_tags(connection: Connection, bearer_ids: Collection[str], found: Mapping[str, Details]) -> None:
    joined = select(membership.c.user_id, group.c.name).join(group, group.c.unique_id == membership.c.group_id)
    of_these = joined.where(is_among(membership.c.user_id, bearer_ids))
    for row in connection.execute(of_these.order_by(group.c.name_key)):
        found[row.user_id].groups.append(row.name)
    tags = select(tag).where(is_among(tag.c.bearer_id, bearer_ids))
    for row in connection.execute(tags.order_by(tag.c.key)):
        found[row.bearer_id].tags[row.key] = row.value
