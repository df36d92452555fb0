"""Permissions boundaries."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "boundary",
        sa.Column("bearer_id", TEXT, nullable=False),
        sa.Column("policy_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.policy_id"], name="fk_boundary_policy_id"),
        sa.PrimaryKeyConstraint("bearer_id", name="pk_boundary"),
    )
    op.create_index("ix_boundary_policy_id_account_id", "boundary", ["policy_id", "account_id"], unique=False)
