"""The tables. Names are unique ignoring case, so each is kept beside its lower-case form (names are ASCII).

Instants are microseconds of the epoch: an integer is compared and bound alike on SQLite and PostgreSQL.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    PrimaryKeyConstraint,
    Table,
    UniqueConstraint,
    text,
)

from sts.store.columns import TEXT, metadata

_UNDONE = text("event NOT LIKE '%.done'")

account = Table(
    "account",
    metadata,
    Column("account_id", TEXT, primary_key=True),
    Column("name", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
)

account_alias = Table(
    "account_alias",
    metadata,
    Column("alias", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    UniqueConstraint("account_id"),
)

outbound_issuer = Table(
    "outbound_issuer",
    metadata,
    Column("issuer_id", TEXT, primary_key=True),  # a UUID
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("enabled", Boolean, nullable=False),
    UniqueConstraint("account_id"),
)

user = Table(
    "iam_user",
    metadata,
    Column("unique_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

group = Table(
    "iam_group",
    metadata,
    Column("unique_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

membership = Table(
    "membership",
    metadata,
    Column("group_id", ForeignKey("iam_group.unique_id"), nullable=False),
    Column("user_id", ForeignKey("iam_user.unique_id"), nullable=False),
    PrimaryKeyConstraint("group_id", "user_id"),
    Index(None, "user_id"),
)

role = Table(
    "iam_role",
    metadata,
    Column("unique_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("trust_policy", TEXT, nullable=False),  # principals by unique id
    Column("max_session_seconds", Integer, nullable=False),
    Column("enabled", Boolean, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

# Managed policies; those of the account "aws" are kept by the service and belong to every account.
policy = Table(
    "policy",
    metadata,
    Column("policy_id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("description", TEXT, nullable=False),
    Column("default_version", Integer, nullable=False),
    Column("last_version", Integer, nullable=False),  # numbers are never given twice
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "name_key"),
)

policy_version = Table(
    "policy_version",
    metadata,
    Column("policy_id", ForeignKey("policy.policy_id"), nullable=False),
    Column("number", Integer, nullable=False),
    Column("document", TEXT, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("policy_id", "number"),
)

# The bearer of an attachment or an inline policy is a user, a group or a role, by unique id: AIDA…, AGPA…, AROA….
attachment = Table(
    "attachment",
    metadata,
    Column("bearer_id", TEXT, nullable=False),
    Column("policy_id", ForeignKey("policy.policy_id"), nullable=False),
    Column("account_id", TEXT, nullable=False),  # of the bearer
    Column("attached_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("bearer_id", "policy_id"),
    Index(None, "policy_id", "account_id"),
)

# The permissions boundary of a user or a role.
boundary = Table(
    "boundary",
    metadata,
    Column("bearer_id", TEXT, primary_key=True),
    Column("policy_id", ForeignKey("policy.policy_id"), nullable=False),
    Column("account_id", TEXT, nullable=False),  # of the bearer
    Index(None, "policy_id", "account_id"),
)

inline_policy = Table(
    "inline_policy",
    metadata,
    Column("bearer_id", TEXT, nullable=False),
    Column("name", TEXT, nullable=False),
    Column("document", TEXT, nullable=False),
    PrimaryKeyConstraint("bearer_id", "name"),
)

# The bearer of a tag is a user, role, managed policy or instance profile, by unique id: AIDA…, AROA…, ANPA…, AIPA….
tag = Table(
    "tag",
    metadata,
    Column("bearer_id", TEXT, nullable=False),
    Column("key_key", TEXT, nullable=False),  # what must differ: in lower case where a key's case does not count
    Column("key", TEXT, nullable=False),
    Column("value", TEXT, nullable=False),
    PrimaryKeyConstraint("bearer_id", "key_key"),
)

instance_profile = Table(
    "instance_profile",
    metadata,
    Column("unique_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("role_id", ForeignKey("iam_role.unique_id")),  # null: there is no role in it
    Column("created_at", BigInteger, nullable=False),
    UniqueConstraint("account_id", "name_key"),
    Index(None, "role_id"),
)

access_key = Table(
    "access_key",
    metadata,
    Column("access_key_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("user_id", ForeignKey("iam_user.unique_id")),  # null: the key of the account's root
    Column("active", Boolean, nullable=False),
    Column("sealed_secret", LargeBinary, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index(None, "user_id"),
)

# Joined per key and minute, in the transaction of the audit records.
access_key_use = Table(
    "access_key_use",
    metadata,
    Column("access_key_id", TEXT, primary_key=True),
    Column("used_at", BigInteger, nullable=False),
    Column("service", TEXT, nullable=False),
    Column("region", TEXT, nullable=False),
)

# Joined per role and minute, likewise.
role_use = Table(
    "role_use",
    metadata,
    Column("role_id", TEXT, primary_key=True),
    Column("used_at", BigInteger, nullable=False),
    Column("region", TEXT, nullable=False),
)

# The owner is a user, by unique id, or an account's root, by the account's digits; null: not enabled.
mfa_device = Table(
    "mfa_device",
    metadata,
    Column("serial_number", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("name", TEXT, nullable=False),
    Column("name_key", TEXT, nullable=False),
    Column("path", TEXT, nullable=False),
    Column("owner_id", TEXT),
    Column("sealed_seed", LargeBinary, nullable=False),
    Column("last_step", BigInteger, nullable=False),  # moved forward only: none up to it is taken any more
    Column("drift", Integer, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("enabled_at", BigInteger),
    UniqueConstraint("account_id", "name_key"),
    Index(None, "owner_id"),
)

# Wrong codes of a principal in a row, of whichever factor, from a device that it is known to sign in from or from all
# others (""), and until when none from there is looked at.
code_failure = Table(
    "code_failure",
    metadata,
    Column("owner_id", TEXT, nullable=False),
    Column("device_id", TEXT, nullable=False, server_default=""),
    Column("failures", Integer, nullable=False),
    Column("locked_until", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner_id", "device_id"),
)

# What lets an owner of credentials set a password: one at a time of each, gone when it was used.
sign_in_link = Table(
    "sign_in_link",
    metadata,
    Column("owner_id", TEXT, primary_key=True),
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("link_id", TEXT, nullable=False),
    Column("stamp", LargeBinary, nullable=False),  # a MAC of its secret, which is kept nowhere
    Column("made_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    UniqueConstraint("link_id"),
)

# What is left of an owner's recovery codes, as MACs; a code that was used is gone.
recovery_code = Table(
    "recovery_code",
    metadata,
    Column("owner_id", TEXT, nullable=False),
    Column("stamp", LargeBinary, nullable=False),
    Column("made_at", BigInteger, nullable=False),
    PrimaryKeyConstraint("owner_id", "stamp"),
)

# Who must have a second factor to sign in: a user, by unique id, or all of an account, by its digits.
factor_requirement = Table(
    "factor_requirement",
    metadata,
    Column("subject", TEXT, primary_key=True),
    Column("required_at", BigInteger, nullable=False),
)

# The principal is a user, by unique id, or an account's root, by the account's digits.
browser_session = Table(
    "browser_session",
    metadata,
    Column("session_id", TEXT, primary_key=True),  # the `jti` of what is begun from it
    Column("stamp", LargeBinary, nullable=False),  # a keyed hash of what the browser's cookie holds now
    Column("account_id", ForeignKey("account.account_id"), nullable=False),
    Column("principal_id", TEXT, nullable=False),
    Column("begun_at", BigInteger, nullable=False),
    Column("authenticated_at", BigInteger, nullable=False),  # the password and all that goes with it, the last time
    Column("methods", TEXT, nullable=False),  # how, in the words of RFC 8176, with spaces between
    Column("factor_at", BigInteger),  # null: no second factor was shown
    Column("address", TEXT, nullable=False),
    Column("user_agent", TEXT, nullable=False),
    Column("last_seen_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),  # null: nobody has ended it
    Column("has_lent", Boolean, nullable=False),  # credentials were begun from it, and end with it
    Index(None, "principal_id", "begun_at"),
    Index(None, "expires_at"),
)

# The subject is a session's `jti` behind its account and a slash, a principal's unique id, or an account's digits.
revocation = Table(
    "revocation",
    metadata,
    Column("subject", TEXT, primary_key=True),
    Column("before", BigInteger, nullable=False),
    Column("ends_at", BigInteger, nullable=False),
)

# One row. The epoch changes when a store is made or restored, so that a counter which went backwards is noticed.
version = Table(
    "version",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("epoch", TEXT, nullable=False),
    Column("counter", BigInteger, nullable=False),
    Column("key_check", LargeBinary),  # a MAC under the keys that the store was made with; null until the first start
)

# What each version changed, so that other processes drop that and nothing else from their snapshots.
change = Table(
    "change",
    metadata,
    Column("counter", BigInteger, nullable=False),
    Column("noun", TEXT, nullable=False),
    Column("key", TEXT, nullable=False),
    PrimaryKeyConstraint("counter", "noun", "key"),
)

audit_record = Table(
    "audit_record",
    metadata,
    Column("stream", TEXT, nullable=False),
    Column("sequence", BigInteger, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event", TEXT, nullable=False),
    Column("account_id", TEXT),
    Column("body", TEXT, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("principal", TEXT),  # the ARN that the body says, but for the session's name in that of a role's session
    PrimaryKeyConstraint("stream", "sequence"),
    Index(None, "account_id", "at"),
    Index(None, "account_id", "principal", "at"),
    # Of what was refused or failed alone: what was done costs it nothing.
    Index("ix_audit_record_undone", "account_id", "at", sqlite_where=_UNDONE, postgresql_where=_UNDONE),
    sqlite_with_rowid=False,
)

# The head of each stream: moved in the transaction that adds to it.
audit_stream = Table(
    "audit_stream",
    metadata,
    Column("stream", TEXT, primary_key=True),
    Column("sequence", BigInteger, nullable=False),
    Column("mac", LargeBinary, nullable=False),
    Column("moved_at", BigInteger, nullable=False),
    Index(None, "moved_at"),
)

audit_checkpoint = Table(
    "audit_checkpoint",
    metadata,
    Column("checkpoint_id", TEXT, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("body", TEXT, nullable=False),
    Column("mac", LargeBinary, nullable=False),
)

# Logins that somebody approved on a page, and the client that each was given to. *principal_id* is a user's unique id,
# or an account's digits for its root. Neither a code nor a refresh token stands here, nor anything to make one from.
login_grant = Table(
    "login_grant",
    metadata,
    Column("grant_id", TEXT, primary_key=True),
    Column("account_id", TEXT, nullable=False),
    Column("principal_id", TEXT, nullable=False),
    Column("principal_arn", TEXT, nullable=False),
    Column("browser_session_id", TEXT, nullable=False),
    Column("browser_session_at", BigInteger, nullable=False),
    Column("began_at", BigInteger, nullable=False),  # what revocations are compared with
    Column("authenticated_at", BigInteger),  # when a second factor was shown
    Column("amr", TEXT, nullable=False),  # separated by spaces
    Column("credentials_mark", LargeBinary, nullable=False),  # of password and factors, as they were
    Column("client", TEXT, nullable=False),
    Column("redirect_uri", TEXT, nullable=False),
    Column("challenge", TEXT, nullable=False),
    Column("code_stamp", LargeBinary, nullable=False),
    Column("code_ends_at", BigInteger, nullable=False),
    Column("address", TEXT, nullable=False),  # of the browser
    Column("ends_at", BigInteger, nullable=False),
    Column("redemption", LargeBinary),  # the digest of the request that redeemed the code; null until then
    Column("key_thumbprint", TEXT),
    Column("generation", Integer, nullable=False),  # the number of the refresh token that is in force
    Column("replaced_at", BigInteger, nullable=False),  # when the one before it was
    Column("ended_at", BigInteger),
    Index(None, "principal_id"),
    Index(None, "ends_at"),
)
