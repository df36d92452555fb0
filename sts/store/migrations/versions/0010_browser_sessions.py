"""Sessions of browsers: who signed in, when, from where, with what."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "browser_session",
        sa.Column("session_id", TEXT, nullable=False),
        sa.Column("stamp", sa.LargeBinary(), nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("principal_id", TEXT, nullable=False),
        sa.Column("begun_at", sa.BigInteger(), nullable=False),
        sa.Column("authenticated_at", sa.BigInteger(), nullable=False),
        sa.Column("methods", TEXT, nullable=False),
        sa.Column("factor_at", sa.BigInteger()),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("user_agent", TEXT, nullable=False),
        sa.Column("last_seen_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger()),
        sa.Column("has_lent", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_browser_session_account_id"),
        sa.PrimaryKeyConstraint("session_id", name="pk_browser_session"),
    )
    op.create_index("ix_browser_session_principal_id_begun_at", "browser_session", ["principal_id", "begun_at"])
    op.create_index("ix_browser_session_expires_at", "browser_session", ["expires_at"])
