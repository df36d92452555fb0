"""What is asked of the policies: who asks, to do what, on what, in which circumstances; and what may come out.

Context keys ignore the case of letters (`folding.fold_letters`), actions of ASCII letters alone (`folding.fold`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum

from sts.policy.matching import Memory

Context = Mapping[str, tuple[str, ...]]


class Outcome(StrEnum):
    """What a decision says, and what each kind of policy said on its way."""

    ALLOWED = "allowed"
    EXPLICIT_DENY = "explicitDeny"
    IMPLICIT_DENY = "implicitDeny"


class PrincipalKind(StrEnum):
    """Who asks, as the Principal element tells them apart."""

    ROOT = "root"
    USER = "user"
    ROLE_SESSION = "role-session"
    FEDERATED_USER = "federated-user"
    SERVICE = "service"
    PROVIDER = "provider"  # who comes with the token or assertion of an identity provider, not yet in a role
    ANONYMOUS = "anonymous"


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who asks.

    *arn* is the ARN of the user, the root or the session; of a service its name, of a provider its ARN or, for one of
    the four that are built in, its host name; *host* is that name where such a provider has an ARN. *principal_arn* is
    what `aws:PrincipalArn` says: of a role session the role's ARN, path included. *unique_id* is `AIDA…` or, of a role
    session, the role's `AROA…`; the account id for root. Of a federated user, *creator_arn* and *creator_id* name the
    user whose key made the session.
    """

    kind: PrincipalKind
    account_id: str = ""
    arn: str = ""
    principal_arn: str = ""
    host: str = ""
    unique_id: str = ""
    session_name: str | None = None
    creator_arn: str | None = None
    creator_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One action on one resource (`*` for an action that has none), in a context.

    The keys of *context* are folded; a key that the request does not have is absent, never empty. *memory* is what all
    policies that are asked find out about the resource and the values of the context. *concealed* are the keys of
    *context* that tell of the resource what another account may not know.
    """

    principal: Principal
    action: str
    resource: str
    resource_account_id: str
    context: Context
    concealed: frozenset[str] = frozenset()
    memory: Memory = field(default_factory=dict, init=False, repr=False, compare=False)

    def conceal(self) -> "Question":
        """Return the question as an account other than the resource's may know it."""
        if not self.concealed or self.principal.account_id == self.resource_account_id:
            return self
        known = {key: values for key, values in self.context.items() if key not in self.concealed}
        return replace(self, context=known, concealed=frozenset())
