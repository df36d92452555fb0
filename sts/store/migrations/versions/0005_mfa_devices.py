"""Virtual MFA devices, and the wrong codes of their owners."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "mfa_device",
        sa.Column("serial_number", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("owner_id", TEXT, nullable=True),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("last_step", sa.BigInteger(), nullable=False),
        sa.Column("drift", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("enabled_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_mfa_device_account_id"),
        sa.PrimaryKeyConstraint("serial_number", name="pk_mfa_device"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_mfa_device_account_id_name_key"),
    )
    op.create_index("ix_mfa_device_owner_id", "mfa_device", ["owner_id"], unique=False)
    op.create_table(
        "code_failure",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", name="pk_code_failure"),
    )
