"""Outbound issuers of accounts."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.create_table(
        "outbound_issuer",
        sa.Column("issuer_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_outbound_issuer_account_id"),
        sa.PrimaryKeyConstraint("issuer_id", name="pk_outbound_issuer"),
        sa.UniqueConstraint("account_id", name="uq_outbound_issuer_account_id"),
    )
