"""The event grammar: what happened is one of these, and how it ended one of the outcomes."""

from enum import StrEnum

CHECKPOINT_LOGGER = "sts.audit.checkpoint"  # checkpoints are exported by it, whatever the level of the other logs

NOTICE_LOGGER = "sts.audit.notice"  # what owners of credentials should hear of, likewise


class Event(StrEnum):
    """Everything that is recorded: `noun.verb`; a record adds the outcome (`noun.verb.outcome`)."""

    ROLE_ASSUME = "role.assume"
    CALLER_IDENTIFY = "caller.identify"
    ACCESS_KEY_LOCATE = "access-key.locate"
    USER_SESSION_CREATE = "user-session.create"
    FEDERATED_USER_CREATE = "federated-user.create"
    DENIAL_DECODE = "denial.decode"
    WEB_IDENTITY_TOKEN_CREATE = "web-identity-token.create"  # noqa: S105  no token

    USER_CREATE = "user.create"
    USER_READ = "user.read"
    USER_LIST = "user.list"
    USER_UPDATE = "user.update"
    USER_DELETE = "user.delete"

    ACCESS_KEY_CREATE = "access-key.create"
    ACCESS_KEY_READ = "access-key.read"
    ACCESS_KEY_LIST = "access-key.list"
    ACCESS_KEY_UPDATE = "access-key.update"
    ACCESS_KEY_DELETE = "access-key.delete"

    MFA_DEVICE_CREATE = "mfa-device.create"
    MFA_DEVICE_READ = "mfa-device.read"
    MFA_DEVICE_LIST = "mfa-device.list"
    MFA_DEVICE_ENABLE = "mfa-device.enable"
    MFA_DEVICE_RESYNC = "mfa-device.resync"
    MFA_DEVICE_DEACTIVATE = "mfa-device.deactivate"
    MFA_DEVICE_DELETE = "mfa-device.delete"

    GROUP_CREATE = "group.create"
    GROUP_READ = "group.read"
    GROUP_LIST = "group.list"
    GROUP_UPDATE = "group.update"
    GROUP_DELETE = "group.delete"
    MEMBER_ADD = "member.add"
    MEMBER_REMOVE = "member.remove"
    MEMBER_LIST = "member.list"

    ROLE_CREATE = "role.create"
    ROLE_READ = "role.read"
    ROLE_LIST = "role.list"
    ROLE_UPDATE = "role.update"
    ROLE_DELETE = "role.delete"
    ROLE_DELETION_READ = "role-deletion.read"
    TRUST_UPDATE = "trust.update"

    INSTANCE_PROFILE_CREATE = "instance-profile.create"
    INSTANCE_PROFILE_READ = "instance-profile.read"
    INSTANCE_PROFILE_LIST = "instance-profile.list"
    INSTANCE_PROFILE_DELETE = "instance-profile.delete"
    INSTANCE_ROLE_ADD = "instance-role.add"
    INSTANCE_ROLE_REMOVE = "instance-role.remove"

    PROVIDER_CREATE = "provider.create"
    PROVIDER_READ = "provider.read"
    PROVIDER_LIST = "provider.list"
    PROVIDER_UPDATE = "provider.update"
    PROVIDER_DELETE = "provider.delete"
    PROVIDER_CHECK = "provider.check"
    PROVIDER_DISABLE = "provider.disable"
    PROVIDER_ENABLE = "provider.enable"

    POLICY_CREATE = "policy.create"
    POLICY_READ = "policy.read"
    POLICY_LIST = "policy.list"
    POLICY_DELETE = "policy.delete"
    POLICY_VERSION_CREATE = "policy-version.create"
    POLICY_VERSION_READ = "policy-version.read"
    POLICY_VERSION_LIST = "policy-version.list"
    POLICY_VERSION_DELETE = "policy-version.delete"
    POLICY_VERSION_CHOOSE = "policy-version.choose"

    ATTACHMENT_ADD = "attachment.add"
    ATTACHMENT_REMOVE = "attachment.remove"
    ATTACHMENT_LIST = "attachment.list"

    INLINE_POLICY_PUT = "inline-policy.put"
    INLINE_POLICY_READ = "inline-policy.read"
    INLINE_POLICY_LIST = "inline-policy.list"
    INLINE_POLICY_DELETE = "inline-policy.delete"

    ALIAS_CREATE = "account-alias.create"
    ALIAS_DELETE = "account-alias.delete"
    ALIAS_LIST = "account-alias.list"
    ACCOUNT_READ = "account.read"
    OUTBOUND_ISSUER_ENABLE = "outbound-issuer.enable"
    OUTBOUND_ISSUER_DISABLE = "outbound-issuer.disable"
    OUTBOUND_ISSUER_READ = "outbound-issuer.read"
    PASSWORD_POLICY_READ = "password-policy.read"  # noqa: S105  no password
    PASSWORD_POLICY_UPDATE = "password-policy.update"  # noqa: S105  no password
    PASSWORD_POLICY_DELETE = "password-policy.delete"  # noqa: S105  no password

    CREDENTIAL_REPORT = "credential.report"
    CREDENTIAL_LIST = "credential.list"
    PASSWORD_CHANGE = "password.change"  # noqa: S105  no password
    LOGIN_PROFILE_CREATE = "login-profile.create"
    LOGIN_PROFILE_UPDATE = "login-profile.update"
    LOGIN_PROFILE_READ = "login-profile.read"
    LOGIN_PROFILE_DELETE = "login-profile.delete"

    LOGIN_AUTHORIZE = "login.authorize"
    LOGIN_DECLINE = "login.decline"
    LOGIN_REDEEM = "login.redeem"
    LOGIN_REFRESH = "login.refresh"
    LOGIN_END = "login.end"

    BOUNDARY_PUT = "boundary.put"
    BOUNDARY_REMOVE = "boundary.remove"

    TAG_PUT = "tag.put"
    TAG_REMOVE = "tag.remove"
    TAG_LIST = "tag.list"

    SESSION_REVOKE = "session.revoke"
    PRINCIPAL_REVOKE = "principal.revoke"
    USER_DISABLE = "user.disable"
    USER_ENABLE = "user.enable"
    ROLE_DISABLE = "role.disable"
    ROLE_ENABLE = "role.enable"

    USER_STATES_LIST = "user-states.list"
    SIGN_IN_LINK_CREATE = "sign-in-link.create"
    USER_UNLOCK = "user.unlock"
    PASSWORD_CHANGE_REQUIRE = "password-change.require"  # noqa: S105  no password
    USER_SESSIONS_END = "user-sessions.end"
    RECOVERY_CODES_CREATE = "recovery-codes.create"
    FACTOR_REQUIRE = "factor.require"
    FACTOR_RELEASE = "factor.release"
    PASSWORD_PROVE = "password.prove"  # noqa: S105  no password
    FACTOR_PROVE = "factor.prove"
    BROWSER_SESSION_BEGIN = "browser-session.begin"
    BROWSER_SESSION_RENEW = "browser-session.renew"
    BROWSER_SESSION_READ = "browser-session.read"
    BROWSER_SESSION_END = "browser-session.end"

    ACCOUNT_CREATE = "account.create"
    ACCOUNT_DISABLE = "account.disable"
    ACCOUNT_ENABLE = "account.enable"
    ROOT_LINK_CREATE = "root-link.create"
    ROOT_KEY_CREATE = "root-key.create"
    KEY_ROTATE = "key.rotate"
    KEY_REMOVE = "key.remove"
    STORE_MIGRATE = "store.migrate"
    STORE_BACKUP = "store.backup"
    STORE_RESTORE = "store.restore"
    REQUEST_REFUSE = "request.refuse"  # before a caller was proven: recorded in sums
    AUDIT_READ = "audit.read"
    AUDIT_VERIFY = "audit.verify"


class Outcome(StrEnum):
    """How a thing that is recorded ended."""

    DONE = "done"
    REFUSED = "refused"  # answered with a Refusal
    FAILED = "failed"  # a bug, or something that the answer rests on was down
