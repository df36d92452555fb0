"""Passwords of users, what they may be, and the wrong ones that were given."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_table(
        "login_profile",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("pepper_version", sa.Integer(), nullable=False),
        sa.Column("reset_required", sa.Boolean(), nullable=False),
        sa.Column("change_required", sa.Boolean(), nullable=False),
        sa.Column("first_until", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=True),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_login_profile_account_id"),
        sa.PrimaryKeyConstraint("owner_id", name="pk_login_profile"),
    )
    op.create_index("ix_login_profile_account_id", "login_profile", ["account_id"], unique=False)
    op.create_table(
        "former_password",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("changed_at", sa.BigInteger(), nullable=False),
        sa.Column("password_hash", TEXT, nullable=False),
        sa.Column("pepper_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["owner_id"], ["login_profile.owner_id"], name="fk_former_password_owner_id"),
        sa.PrimaryKeyConstraint("owner_id", "changed_at", name="pk_former_password"),
    )
    op.create_table(
        "password_failure",
        sa.Column("owner_id", TEXT, nullable=False),
        sa.Column("device_id", TEXT, nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("locked_until", sa.BigInteger(), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("owner_id", "device_id", name="pk_password_failure"),
    )
    op.create_table(
        "password_policy",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("minimum_length", sa.Integer(), nullable=False),
        sa.Column("require_symbols", sa.Boolean(), nullable=False),
        sa.Column("require_numbers", sa.Boolean(), nullable=False),
        sa.Column("require_uppercase", sa.Boolean(), nullable=False),
        sa.Column("require_lowercase", sa.Boolean(), nullable=False),
        sa.Column("allow_change", sa.Boolean(), nullable=False),
        sa.Column("maximum_age_days", sa.Integer(), nullable=True),
        sa.Column("former_passwords", sa.Integer(), nullable=True),
        sa.Column("hard_expiry", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_password_policy_account_id"),
        sa.PrimaryKeyConstraint("account_id", name="pk_password_policy"),
    )
