"""Tags."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "tag",
        sa.Column("bearer_id", TEXT, nullable=False),
        sa.Column("key_key", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("bearer_id", "key_key", name="pk_tag"),
    )
