"""The first tables."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.create_table(
        "access_key_use",
        sa.Column("access_key_id", TEXT, nullable=False),
        sa.Column("used_at", sa.BigInteger(), nullable=False),
        sa.Column("service", TEXT, nullable=False),
        sa.Column("region", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("access_key_id", name="pk_access_key_use"),
    )
    op.create_table(
        "account",
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", name="pk_account"),
    )
    op.create_table(
        "audit_checkpoint",
        sa.Column("checkpoint_id", TEXT, nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("checkpoint_id", name="pk_audit_checkpoint"),
    )
    op.create_table(
        "audit_record",
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=True),
        sa.Column("body", TEXT, nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("stream", "sequence", name="pk_audit_record"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_audit_record_account_id_at", "audit_record", ["account_id", "at"], unique=False)
    op.create_table(
        "audit_stream",
        sa.Column("stream", TEXT, nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("mac", sa.LargeBinary(), nullable=False),
        sa.Column("moved_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("stream", name="pk_audit_stream"),
    )
    op.create_index("ix_audit_stream_moved_at", "audit_stream", ["moved_at"], unique=False)
    op.create_table(
        "change",
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("noun", TEXT, nullable=False),
        sa.Column("key", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("counter", "noun", "key", name="pk_change"),
    )
    op.create_table(
        "inline_policy",
        sa.Column("bearer_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("bearer_id", "name", name="pk_inline_policy"),
    )
    op.create_table(
        "policy",
        sa.Column("policy_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("default_version", sa.Integer(), nullable=False),
        sa.Column("last_version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("policy_id", name="pk_policy"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_policy_account_id_name_key"),
    )
    op.create_table(
        "version",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", TEXT, nullable=False),
        sa.Column("counter", sa.BigInteger(), nullable=False),
        sa.Column("key_check", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_version"),
    )
    op.create_table(
        "attachment",
        sa.Column("bearer_id", TEXT, nullable=False),
        sa.Column("policy_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("attached_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.policy_id"], name="fk_attachment_policy_id"),
        sa.PrimaryKeyConstraint("bearer_id", "policy_id", name="pk_attachment"),
    )
    op.create_index("ix_attachment_policy_id_account_id", "attachment", ["policy_id", "account_id"], unique=False)
    op.create_table(
        "iam_group",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_iam_group_account_id"),
        sa.PrimaryKeyConstraint("unique_id", name="pk_iam_group"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_iam_group_account_id_name_key"),
    )
    op.create_table(
        "iam_role",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("description", TEXT, nullable=False),
        sa.Column("trust_policy", TEXT, nullable=False),
        sa.Column("max_session_seconds", sa.Integer(), nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_iam_role_account_id"),
        sa.PrimaryKeyConstraint("unique_id", name="pk_iam_role"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_iam_role_account_id_name_key"),
    )
    op.create_table(
        "iam_user",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("name_key", TEXT, nullable=False),
        sa.Column("path", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_iam_user_account_id"),
        sa.PrimaryKeyConstraint("unique_id", name="pk_iam_user"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_iam_user_account_id_name_key"),
    )
    op.create_table(
        "policy_version",
        sa.Column("policy_id", TEXT, nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("document", TEXT, nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["policy_id"], ["policy.policy_id"], name="fk_policy_version_policy_id"),
        sa.PrimaryKeyConstraint("policy_id", "number", name="pk_policy_version"),
    )
    op.create_table(
        "access_key",
        sa.Column("access_key_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=True),
        sa.Column("active", sa.Boolean(), nullable=False),
        sa.Column("sealed_secret", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_access_key_account_id"),
        sa.ForeignKeyConstraint(["user_id"], ["iam_user.unique_id"], name="fk_access_key_user_id"),
        sa.PrimaryKeyConstraint("access_key_id", name="pk_access_key"),
    )
    op.create_index("ix_access_key_user_id", "access_key", ["user_id"], unique=False)
    op.create_table(
        "membership",
        sa.Column("group_id", TEXT, nullable=False),
        sa.Column("user_id", TEXT, nullable=False),
        sa.ForeignKeyConstraint(["group_id"], ["iam_group.unique_id"], name="fk_membership_group_id"),
        sa.ForeignKeyConstraint(["user_id"], ["iam_user.unique_id"], name="fk_membership_user_id"),
        sa.PrimaryKeyConstraint("group_id", "user_id", name="pk_membership"),
    )
    op.create_index("ix_membership_user_id", "membership", ["user_id"], unique=False)
