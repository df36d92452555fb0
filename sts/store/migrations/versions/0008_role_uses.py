"""When each role was last used."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.create_table(
        "role_use",
        sa.Column("role_id", TEXT, nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("region", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("role_id", name="pk_role_use"),
    )
