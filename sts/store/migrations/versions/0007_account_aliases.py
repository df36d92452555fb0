"""Account aliases."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.create_table(
        "account_alias",
        sa.Column("alias", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_account_alias_account_id"),
        sa.PrimaryKeyConstraint("alias", name="pk_account_alias"),
        sa.UniqueConstraint("account_id", name="uq_account_alias_account_id"),
    )
