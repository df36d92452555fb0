"""Instance profiles."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "instance_profile",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("role_id", TEXT, nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_instance_profile_account_id"),
        sa.ForeignKeyConstraint(["role_id"], ["iam_role.unique_id"], name="fk_instance_profile_role_id"),
        sa.PrimaryKeyConstraint("unique_id", name="pk_instance_profile"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_instance_profile_account_id_name_key"),
    )
    op.create_index("ix_instance_profile_role_id", "instance_profile", ["role_id"], unique=False)
