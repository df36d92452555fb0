"""The table of identity providers: instants are microseconds of the epoch, as in all others."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, LargeBinary, Table, UniqueConstraint

from sts.store.columns import TEXT, metadata

# Lists are words with spaces between, or JSON where a word may hold one.
oidc_provider = Table(
    "oidc_provider",
    metadata,
    Column("unique_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("arn", TEXT, nullable=False),
    Column("issuer", TEXT, nullable=False),
    Column("client_ids", TEXT, nullable=False),  # a JSON array
    Column("thumbprints", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("name", TEXT),  # null: it was made through IAM, which gives none
    Column("name_key", TEXT),
    Column("algorithms", TEXT, nullable=False),
    Column("key_set", TEXT),  # a JWKS document; null: what the provider publishes
    Column("authorities", TEXT),  # certificates in PEM; null: the system's
    Column("private_addresses", Boolean, nullable=False),
    Column("preset", TEXT),
    Column("claims", TEXT, nullable=False),  # a JSON object
    Column("sealed_client_secret", LargeBinary),
    UniqueConstraint("arn"),
    UniqueConstraint("account_id", "name_key"),
)
