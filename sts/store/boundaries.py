"""Queries about permissions boundaries: of a user or a role, one at most."""

from sqlalchemy import Connection, delete, func, insert, select

from sts.arn import iam_arn
from sts.store.tables import boundary, policy


def find_boundary_arn(connection: Connection, bearer_id: str) -> str | None:
    """Return the ARN of the policy that is the bearer's permissions boundary."""
    query = select(policy).join(boundary, boundary.c.policy_id == policy.c.policy_id)
    row = connection.execute(query.where(boundary.c.bearer_id == bearer_id)).one_or_none()
    return None if row is None else iam_arn(row.account_id, f"policy{row.path}{row.name}")


def count_boundaries(connection: Connection, policy_id: str) -> int:
    """Return how many have the policy as their permissions boundary, in whatever account."""
    query = select(func.count()).select_from(boundary).where(boundary.c.policy_id == policy_id)
    return connection.execute(query).scalar_one()


def put_boundary(connection: Connection, bearer_id: str, policy_id: str, account_id: str) -> None:
    """Make the policy the boundary of the bearer, which belongs to the account, in place of what it had."""
    delete_boundary(connection, bearer_id)
    connection.execute(insert(boundary).values(bearer_id=bearer_id, policy_id=policy_id, account_id=account_id))


def delete_boundary(connection: Connection, bearer_id: str) -> bool:
    """Take the bearer's boundary away; False: it had none."""
    return connection.execute(delete(boundary).where(boundary.c.bearer_id == bearer_id)).rowcount == 1
