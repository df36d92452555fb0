"""OpenID Connect providers."""

import sqlalchemy as sa
from alembic import op

from sts.store.columns import TEXT

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "oidc_provider",
        sa.Column("unique_id", TEXT, nullable=False),
        sa.Column("account_id", TEXT, nullable=False),
        sa.Column("arn", TEXT, nullable=False),
        sa.Column("issuer", TEXT, nullable=False),
        sa.Column("client_ids", TEXT, nullable=False),
        sa.Column("thumbprints", TEXT, nullable=False),
        sa.Column("enabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("name", TEXT),
        sa.Column("name_key", TEXT),
        sa.Column("algorithms", TEXT, nullable=False),
        sa.Column("key_set", TEXT),
        sa.Column("authorities", TEXT),
        sa.Column("private_addresses", sa.Boolean(), nullable=False),
        sa.Column("preset", TEXT),
        sa.Column("claims", TEXT, nullable=False),
        sa.Column("sealed_client_secret", sa.LargeBinary()),
        sa.ForeignKeyConstraint(["account_id"], ["account.account_id"], name="fk_oidc_provider_account_id"),
        sa.PrimaryKeyConstraint("unique_id", name="pk_oidc_provider"),
        sa.UniqueConstraint("arn", name="uq_oidc_provider_arn"),
        sa.UniqueConstraint("account_id", "name_key", name="uq_oidc_provider_account_id_name_key"),
    )
