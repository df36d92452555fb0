"""Links that let people set a password, recovery codes, and who must have a second factor."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "sign_in_link",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("link_id", TEXT, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_sign_in_link_account_id"),
        sa.PrimaryKeyConstraint("owner_id", name="pk_sign_in_link"),
        sa.UniqueConstraint("link_id", name="uq_sign_in_link_link_id"),
    )
    op.create_table(
        "recovery_code",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "stamp", name="pk_recovery_code"),
    )
    op.create_table(
        "factor_requirement",
        sa.Column("subject", TEXT, nullable=False),
        sa.Column("required_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("subject", name="pk_factor_requirement"),
    )
