"""Revocations."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "revocation",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("before", sa.BigInteger(), nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_revocation"),
    )
