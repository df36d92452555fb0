"""Queries about managed policies and their versions.

Names are unique within an account, so a policy is found by account and name, and is the one meant only when its whole
ARN is the one asked for. Whoever asks sees the attachments of one account counted, never those of others.
"""

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Label, Row, Select, Table, and_, delete, exists, func, insert, or_, select, update

from sts.arn import parse_arn
from sts.errors import Malformed
from sts.model import Policy, PolicyVersion
from sts.store.database import from_microseconds, to_microseconds
from sts.store.tables import attachment, boundary, policy, policy_version

SERVICE_ACCOUNT = "aws"  # the owner of the policies that are kept by the service


def find_policy(connection: Connection, arn: str, viewer: str | None = None) -> Policy | None:
    """Return the policy that has this very ARN, with the attachments in the account *viewer* counted.

    Without *viewer* those in the policy's own account are counted. A text that is no ARN names no policy.
    """
    try:
        parts = parse_arn(arn)
    except Malformed:
        return None
    name = parts.resource.rsplit("/", 1)[-1]
    found = find_policy_named(connection, parts.account_id, name, viewer or parts.account_id)
    return found if found is not None and found.arn == arn else None


def find_policy_named(connection: Connection, account_id: str, name: str, viewer: str) -> Policy | None:
    """Return the policy of the account whose name is exactly *name*, whatever its path."""
    query = select_policies(viewer).where(policy.c.account_id == account_id, policy.c.name_key == name.lower())
    row = connection.execute(query).one_or_none()
    found = None if row is None else _to_policy(row)
    return found if found is not None and found.name == name else None


def is_policy_name_taken(connection: Connection, account_id: str, name: str) -> bool:
    """Say whether a policy of the account has this name in any case."""
    query = select(policy.c.policy_id).where(policy.c.account_id == account_id, policy.c.name_key == name.lower())
    return connection.execute(query).one_or_none() is not None


def list_policies(
    connection: Connection,
    viewer: str,
    owners: tuple[str, ...],
    path_prefix: str,
    *,
    only_attached: bool,
    only_boundaries: bool,
    after: str | None,
    limit: int,
) -> tuple[Policy, ...]:
    """Return at most *limit* policies of the accounts *owners*, by name, from behind the position *after* on.

    *only_attached* leaves out what is not attached to anything in the account *viewer*, *only_boundaries* what is
    nobody's permissions boundary there.
    """
    query = select_policies(viewer).where(policy.c.account_id.in_(owners))
    for table, only in ((attachment, only_attached), (boundary, only_boundaries)):
        if only:
            query = query.where(exists().where(table.c.policy_id == policy.c.policy_id, table.c.account_id == viewer))
    return fetch_policies(connection, query, path_prefix, after, limit)


def count_policies(connection: Connection, account_id: str) -> int:
    """Return how many managed policies the account has of its own."""
    query = select(func.count()).select_from(policy).where(policy.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def insert_policy(connection: Connection, new: Policy, document: str) -> None:
    """Keep a new policy; *document* is its first version and its default."""
    connection.execute(
        insert(policy).values(
            policy_id=new.policy_id,
            account_id=new.account_id,
            name=new.name,
            name_key=new.name.lower(),
            path=new.path,
            description=new.description,
            default_version=1,
            last_version=0,
            created_at=to_microseconds(new.created_at),
            updated_at=to_microseconds(new.updated_at),
        )
    )
    insert_version(connection, new.policy_id, document, new.created_at)


def delete_policy(connection: Connection, policy_id: str) -> None:
    """Forget the policy with all its versions."""
    connection.execute(delete(policy_version).where(policy_version.c.policy_id == policy_id))
    connection.execute(delete(policy).where(policy.c.policy_id == policy_id))


def get_default_document(connection: Connection, policy_id: str) -> str:
    """Return the text of the default version of a policy that is there."""
    query = (
        select(policy_version.c.document)
        .join(policy, policy.c.policy_id == policy_version.c.policy_id)
        .where(policy.c.policy_id == policy_id, policy_version.c.number == policy.c.default_version)
    )
    return str(connection.execute(query).scalar_one())


def find_version(connection: Connection, policy_id: str, number: int) -> PolicyVersion | None:
    """Return the version of this number."""
    query = _select_versions(policy_id).where(policy_version.c.number == number)
    row = connection.execute(query).one_or_none()
    return None if row is None else _to_version(row)


def list_versions(connection: Connection, policy_id: str, before: int | None, limit: int) -> tuple[PolicyVersion, ...]:
    """Return at most *limit* versions, the newest first, from below the number *before* on."""
    query = _select_versions(policy_id)
    if before is not None:
        query = query.where(policy_version.c.number < before)
    rows = connection.execute(query.order_by(policy_version.c.number.desc()).limit(limit))
    return tuple(_to_version(row) for row in rows)


def count_versions(connection: Connection, policy_id: str) -> int:
    """Return how many versions the policy has."""
    query = select(func.count()).select_from(policy_version).where(policy_version.c.policy_id == policy_id)
    return connection.execute(query).scalar_one()


def insert_version(connection: Connection, policy_id: str, document: str, at: datetime) -> int:
    """Keep *document* under the next number, which was never given before, and return that number."""
    changed = (
        update(policy)
        .where(policy.c.policy_id == policy_id)
        .values(last_version=policy.c.last_version + 1, updated_at=to_microseconds(at))
        .returning(policy.c.last_version)
    )
    number = connection.execute(changed).scalar_one()
    connection.execute(
        insert(policy_version).values(
            policy_id=policy_id, number=number, document=document, created_at=to_microseconds(at)
        )
    )
    return int(number)


def delete_version(connection: Connection, policy_id: str, number: int) -> None:
    """Forget the version; its number is not given again."""
    connection.execute(
        delete(policy_version).where(policy_version.c.policy_id == policy_id, policy_version.c.number == number)
    )


def set_default_version(connection: Connection, policy_id: str, number: int) -> None:
    """Make this version the one that speaks for the policy."""
    connection.execute(update(policy).where(policy.c.policy_id == policy_id).values(default_version=number))


def position_of(listed: Policy) -> str:
    """Return where *listed* stands in a list of policies: two accounts may have policies of one name."""
    return f"{listed.name.lower()} {listed.account_id}"


def select_policies(viewer: str) -> Select[Any]:
    """Return the query for policies with their uses in the account *viewer*, to be narrowed."""
    return select(policy, _count_uses(attachment, viewer, "attached"), _count_uses(boundary, viewer, "bounding"))


def fetch_policies(
    connection: Connection, query: Select[Any], path_prefix: str, after: str | None, limit: int
) -> tuple[Policy, ...]:
    """Return at most *limit* policies of *query*, by name, from behind the position *after* on."""
    query = query.where(func.substr(policy.c.path, 1, len(path_prefix)) == path_prefix)
    if after is not None:
        name_key, account_id = after.split(" ")
        query = query.where(
            or_(
                policy.c.name_key > name_key,
                and_(policy.c.name_key == name_key, policy.c.account_id > account_id),
            )
        )
    rows = connection.execute(query.order_by(policy.c.name_key, policy.c.account_id).limit(limit))
    return tuple(_to_policy(row) for row in rows)


def _count_uses(table: Table, viewer: str, name: str) -> Label[int]:
    uses = select(func.count()).where(table.c.policy_id == policy.c.policy_id, table.c.account_id == viewer)
    return uses.correlate(policy).scalar_subquery().label(name)


def _select_versions(policy_id: str) -> Select[Any]:
    return (
        select(policy_version, policy.c.default_version)
        .join(policy, policy.c.policy_id == policy_version.c.policy_id)
        .where(policy_version.c.policy_id == policy_id)
    )


def _to_policy(row: Row[Any]) -> Policy:
    return Policy(
        policy_id=row.policy_id,
        account_id=row.account_id,
        name=row.name,
        path=row.path,
        description=row.description,
        default_version_id=f"v{row.default_version}",
        attachment_count=row.attached,
        boundary_count=row.bounding,
        created_at=from_microseconds(row.created_at),
        updated_at=from_microseconds(row.updated_at),
    )


def _to_version(row: Row[Any]) -> PolicyVersion:
    return PolicyVersion(
        version_id=f"v{row.number}",
        document=row.document,
        is_default=row.number == row.default_version,
        created_at=from_microseconds(row.created_at),
    )
