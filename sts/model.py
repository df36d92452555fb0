"""The nouns, frozen. Instants are aware and in UTC; spans are timedelta; paths begin and end with a slash."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from sts.arn import federated_user_arn, iam_arn, session_arn
from sts.federation import FederatedPrincipal, Values
from sts.providers import find_locator
from sts.tags import Tags

SERVICE_LINKED_PATH = "/aws-service-role/"  # of every role that is linked to a service, and of no other


class Secret(str):  # noqa: SLOT000  a str subclass without slots keeps the interpreter's fast paths
    """A secret text: it can be used as one, and shows itself as `***`."""

    def __repr__(self) -> str:
        return "***"


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """A tenant: twelve digits, and everything that is kept under them."""

    account_id: str
    name: str
    created_at: datetime
    enabled: bool = True

    @property
    def root_arn(self) -> str:
        """The ARN of the account's root."""
        return iam_arn(self.account_id, "root")


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of an account."""

    unique_id: str
    account_id: str
    name: str
    path: str
    created_at: datetime
    enabled: bool = True

    @property
    def arn(self) -> str:
        """The user's ARN, path included."""
        return iam_arn(self.account_id, f"user{self.path}{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """A group of users."""

    unique_id: str
    account_id: str
    name: str
    path: str
    created_at: datetime

    @property
    def arn(self) -> str:
        """The group's ARN, path included."""
        return iam_arn(self.account_id, f"group{self.path}{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Role:
    """A role; its trust policy is kept with principals by unique id."""

    unique_id: str
    account_id: str
    name: str
    path: str
    trust_policy: str
    description: str
    max_session_duration: timedelta
    created_at: datetime
    enabled: bool = True

    @property
    def arn(self) -> str:
        """The role's ARN, path included."""
        return iam_arn(self.account_id, f"role{self.path}{self.name}")

    @property
    def linked_service(self) -> str | None:
        """The service that the role is linked to; None for every role that is its account's own."""
        linked = self.path.startswith(SERVICE_LINKED_PATH)
        return self.path.removeprefix(SERVICE_LINKED_PATH).rstrip("/") if linked else None


@dataclass(frozen=True, slots=True, kw_only=True)
class InstanceProfile:
    """What a virtual machine is started with: it holds one role or none."""

    unique_id: str
    account_id: str
    name: str
    path: str
    role_id: str | None
    created_at: datetime

    @property
    def arn(self) -> str:
        """The profile's ARN, path included."""
        return iam_arn(self.account_id, f"instance-profile{self.path}{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """A managed policy; those of the account `aws` are kept by the service and belong to every account."""

    policy_id: str
    account_id: str
    name: str
    path: str
    description: str
    default_version_id: str
    attachment_count: int
    boundary_count: int
    created_at: datetime
    updated_at: datetime

    @property
    def arn(self) -> str:
        """The policy's ARN, path included."""
        return iam_arn(self.account_id, f"policy{self.path}{self.name}")


@dataclass(frozen=True, slots=True, kw_only=True)
class PolicyVersion:
    """One of at most five texts of a managed policy."""

    version_id: str
    document: str
    is_default: bool
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessKey:
    """A long-term access key; its secret is sealed, with the access key id as associated data."""

    access_key_id: str
    account_id: str
    user_id: str | None  # None: the key of the account's root
    active: bool
    sealed_secret: bytes = field(repr=False)
    created_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class MfaDevice:
    """A virtual MFA device; its seed is sealed, with the serial number as associated data.

    *owner_id* is the unique id of the user that it is enabled for, the account's number for root, None for nobody yet.
    """

    account_id: str
    name: str
    path: str
    owner_id: str | None
    sealed_seed: bytes = field(repr=False)
    last_step: int  # none up to it is taken any more
    drift: int  # steps that its clock is ahead of ours
    created_at: datetime
    enabled_at: datetime | None

    @property
    def serial_number(self) -> str:
        """The serial number, which is the device's ARN."""
        return iam_arn(self.account_id, f"mfa{self.path}{self.name}")


class CallerKind(StrEnum):
    """What kind of principal a proven caller is."""

    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role-session"
    FEDERATED_USER = "federated-user"
    WEB_IDENTITY = "web-identity"  # who comes with the token of an identity provider, not yet in a role
    OPERATOR = "operator"  # whoever runs `sts` on the host that holds the store


class Credential(StrEnum):
    """What kind of credential a caller has shown: some operations take some kinds only."""

    LONG_TERM = "long-term"
    ROLE_SESSION = "role-session"
    SESSION = "session"  # of GetSessionToken
    SESSION_WITH_FACTOR = "session-with-factor"  # of GetSessionToken, begun with a code of an MFA device
    FEDERATION = "federation"  # of GetFederationToken
    WEB_IDENTITY = "web-identity"  # the token of an identity provider
    SIGN_IN = "sign-in"  # of a browser session, or begun from one as `aws login` does


# What is taken for IAM and for our own administration: no session token that was lent without a second factor, and no
# federation token (STS API Reference, GetSessionToken and GetFederationToken).
ADMINISTERING = frozenset(
    {Credential.LONG_TERM, Credential.ROLE_SESSION, Credential.SESSION_WITH_FACTOR, Credential.SIGN_IN}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hop:
    """One link of the chain that a session came by: who, under which session name, when.

    *principal_id* and *jti* are what a revocation names: a session ends with any of those that it came by. Who began
    with a long-term key has *access_key_id* and no *jti*; of who signed in, *jti* is the browser session; who began
    with a token of an identity provider has neither, and *session_name* is the token's subject. *at* is the clock's
    time, or later where something was revoked by a clock ahead of it.
    """

    arn: str
    session_name: str
    at: datetime
    principal_id: str
    jti: str
    access_key_id: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """An opened session, as its token says it.

    *kind* is what kind of caller it makes: one of a role, whose unique id and ARN are *principal_id* and
    *principal_arn*; of a user or the root, whose own they are; or a federated user, where they are those of who made
    it. *session_name* is the role session's or the federated user's name. *authenticated_at* is when a user showed a
    second factor for it, *amr* how it was authenticated (RFC 8176).
    """

    kind: CallerKind = CallerKind.ROLE_SESSION
    jti: str
    access_key_id: str
    account_id: str
    principal_id: str
    principal_arn: str
    session_name: str
    issued_at: datetime
    expires_at: datetime
    chain: tuple[Hop, ...]
    policies: tuple[str, ...] = ()  # inline session policies
    policy_arns: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    transitive_keys: tuple[str, ...] = ()  # those of *tags* that go on to the next session of the chain
    source_identity: str | None = None
    authenticated_at: datetime | None = None
    amr: tuple[str, ...] = ()
    federation: Mapping[str, Values] = field(default_factory=dict)  # claims that policies may ask of the session

    @property
    def began_in_browser(self) -> bool:
        """Whether somebody signed in for it."""
        return self.chain[0].jti != ""

    @property
    def provider_hop(self) -> Hop | None:
        """The provider whose token this very session was begun with, and not one that led to it."""
        hop = self.chain[-2] if len(self.chain) > 1 else None
        return hop if hop is not None and find_locator(hop.arn) is not None else None

    @property
    def transitive_tags(self) -> Tags:
        """The tags that every session inherits that is begun from this one."""
        return {key: self.tags[key] for key in self.transitive_keys}


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who is calling, proven.

    *principal_arn* is what `aws:PrincipalArn` says: of a role session the role's ARN. *userid* is what `aws:userid`
    says: the unique id, `AROA…:session-name` for a role session, the account id for root.
    """

    kind: CallerKind
    account_id: str
    arn: str
    principal_arn: str
    unique_id: str
    userid: str
    access_key_id: str = ""
    user_name: str | None = None
    session: Session | None = None
    federated: FederatedPrincipal | None = None

    @property
    def beginner_id(self) -> str:
        """Who began: a unique id, the caller's own or that of the first of its chain; with a token, its subject too."""
        if self.federated is not None:
            return f"{self.unique_id} {self.federated.subject}"
        if self.session is None:
            return self.unique_id
        began = self.session.chain[0]
        return f"{began.principal_id} {began.session_name}" if began.session_name else began.principal_id

    @property
    def credential(self) -> Credential:
        """What kind of credential the caller has shown."""
        if self.federated is not None:
            return Credential.WEB_IDENTITY
        if self.session is None:
            return Credential.LONG_TERM
        if self.kind is CallerKind.ROLE_SESSION:
            return Credential.ROLE_SESSION
        if self.kind is CallerKind.FEDERATED_USER:
            return Credential.FEDERATION
        if self.session.began_in_browser:
            return Credential.SIGN_IN
        return Credential.SESSION if self.session.authenticated_at is None else Credential.SESSION_WITH_FACTOR


def user_caller(user: User, access_key_id: str, session: Session | None = None) -> Caller:
    """Return *user* as a caller, with a long-term access key or a *session* of its own."""
    return Caller(
        kind=CallerKind.USER,
        account_id=user.account_id,
        arn=user.arn,
        principal_arn=user.arn,
        unique_id=user.unique_id,
        userid=user.unique_id,
        access_key_id=access_key_id,
        user_name=user.name,
        session=session,
    )


def root_caller(account_id: str, access_key_id: str, session: Session | None = None) -> Caller:
    """Return the root of the account as a caller, with a long-term access key or a *session* of its own."""
    arn = iam_arn(account_id, "root")
    return Caller(
        kind=CallerKind.ROOT,
        account_id=account_id,
        arn=arn,
        principal_arn=arn,
        unique_id=account_id,
        userid=account_id,
        access_key_id=access_key_id,
        session=session,
    )


def federated_user_caller(session: Session) -> Caller:
    """Return the federated user that *session* speaks for; *unique_id* is that of who made it."""
    arn = federated_user_arn(session.account_id, session.session_name)
    return Caller(
        kind=CallerKind.FEDERATED_USER,
        account_id=session.account_id,
        arn=arn,
        principal_arn=arn,
        unique_id=session.principal_id,
        userid=f"{session.account_id}:{session.session_name}",
        access_key_id=session.access_key_id,
        session=session,
    )


def web_identity_caller(account_id: str, provider_arn: str, provider_id: str, federated: FederatedPrincipal) -> Caller:
    """Return who came with a token of the account's provider."""
    return Caller(
        kind=CallerKind.WEB_IDENTITY,
        account_id=account_id,
        arn=provider_arn,
        principal_arn=provider_arn,
        unique_id=provider_id,
        userid=federated.subject,
        federated=federated,
    )


def role_session_caller(session: Session) -> Caller:
    """Return the caller that *session*, of a role, speaks for."""
    role_name = session.principal_arn.rsplit("/", 1)[-1]
    return Caller(
        kind=CallerKind.ROLE_SESSION,
        account_id=session.account_id,
        arn=session_arn(session.account_id, role_name, session.session_name),
        principal_arn=session.principal_arn,
        unique_id=session.principal_id,
        userid=f"{session.principal_id}:{session.session_name}",
        access_key_id=session.access_key_id,
        session=session,
    )
