"""Logins of command lines."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.create_table(
        "login_grant",
        sa.Column("grant_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("principal_id", TEXT, nullable=False),
        sa.Column("principal_arn", TEXT, nullable=False),
        sa.Column("browser_session_id", TEXT, nullable=False),
        sa.Column("browser_session_at", sa.BigInteger(), nullable=False),
        sa.Column("began_at", sa.BigInteger(), nullable=False),
        sa.Column("authenticated_at", sa.BigInteger(), nullable=True),
        sa.Column("amr", TEXT, nullable=False),
        sa.Column("credentials_mark", sa.LargeBinary(), nullable=False),
        sa.Column("client", TEXT, nullable=False),
        sa.Column("redirect_uri", TEXT, nullable=False),
        sa.Column("challenge", TEXT, nullable=False),
        sa.Column("code_stamp", sa.LargeBinary(), nullable=False),
        sa.Column("code_ends_at", sa.BigInteger(), nullable=False),
        sa.Column("address", TEXT, nullable=False),
        sa.Column("ends_at", sa.BigInteger(), nullable=False),
        sa.Column("redemption", sa.LargeBinary(), nullable=True),
        sa.Column("key_thumbprint", TEXT, nullable=True),
        sa.Column("generation", sa.Integer(), nullable=False),
        sa.Column("replaced_at", sa.BigInteger(), nullable=False),
        sa.Column("ended_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("grant_id", name="pk_login_grant"),
    )
    op.create_index("ix_login_grant_principal_id", "login_grant", ["principal_id"], unique=False)
    op.create_index("ix_login_grant_ends_at", "login_grant", ["ends_at"], unique=False)
