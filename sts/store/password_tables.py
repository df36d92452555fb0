"""The tables of passwords: instants are microseconds of the epoch, as in all others."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, PrimaryKeyConstraint, Table

from sts.store.columns import TEXT, metadata

# The owner is a user, by unique id, or an account's root, by the account's digits. The pepper is not kept here.
login_profile = Table(
    "login_profile",
    metadata,
    Column("owner_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("password_hash", TEXT, nullable=False),
    Column("pepper_version", Integer, nullable=False),
    Column("reset_required", Boolean, nullable=False),  # what an administrator asked for, and GetLoginProfile tells
    Column("change_required", Boolean, nullable=False),  # by an administrator, of a password that was lasting
    Column("first_until", BigInteger),  # until when a first password is taken; null: the owner chose it
    Column("created_at", BigInteger, nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("used_at", BigInteger),
    Index(None, "account_id"),
)

# Passwords that an owner had before, for as long as the account's policy forbids to use them again.
former_password = Table(
    "former_password",
    metadata,
    Column("owner_id", ForeignKey("login_profile.owner_id"), nullable=False),
    Column("changed_at", BigInteger, nullable=False),
    Column("password_hash", TEXT, nullable=False),
    Column("pepper_version", Integer, nullable=False),
    PrimaryKeyConstraint("owner_id", "changed_at"),
)

# Wrong passwords of an owner in a row, from a device that it is known to sign in from or from all others ("").
password_failure = Table(
    "password_failure",
    metadata,
    Column("owner_id", TEXT, nullable=False),
    Column("device_id", TEXT, nullable=False),
    Column("failures", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
    Column("seen_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner_id", "device_id"),
)

password_policy = Table(
    "password_policy",
    metadata,
    Column("account_id", ForeignKey("account.account_id"), primary_key=True),
    Column("minimum_length", Integer, nullable=False),
    Column("require_symbols", Boolean, nullable=False),
    Column("require_numbers", Boolean, nullable=False),
    Column("require_uppercase", Boolean, nullable=False),
    Column("require_lowercase", Boolean, nullable=False),
    Column("allow_change", Boolean, nullable=False),
    Column("maximum_age_days", Integer),  # null: passwords do not expire
    Column("former_passwords", Integer),  # that may not be used again; null: none
    Column("hard_expiry", Boolean, nullable=False),
)
