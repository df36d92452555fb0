"""A provider: an OpenID Connect issuer whose tokens an account takes, as it was registered (IAM User Guide, "OIDC").

Its ARN is made of the issuer without the scheme. A policy trusts a provider by that, and so whatever bears the same
issuer later; sessions, tags and revocations know it by its unique id, which is never given twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from types import MappingProxyType
from typing import Final

from sts.arn import iam_arn
from sts.errors import Malformed

KIND: Final = "oidc-provider"  # of resource, in ARNs
# None rests on a secret that both sides hold, nor on SHA-1 or a key that a token brings along.
ALGORITHMS: Final = (
    "RS256",
    "RS384",
    "RS512",
    "PS256",
    "PS384",
    "PS512",
    "ES256",
    "ES384",
    "ES512",
    "EdDSA",
)  # that a provider may sign with
USUAL_ALGORITHMS: Final = ("RS256", "ES256", "ES384", "PS256", "EdDSA")


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderSettings:
    """What AWS does not keep of a provider; the defaults are those of one that was made through IAM.

    *key_set* is a JWKS document (RFC 7517) that takes the place of what the provider publishes, *authorities* the
    certificates (PEM) of the CAs that its certificate is verified against in place of the system's.
    """

    name: str | None = None  # unique in the account, ignoring case
    algorithms: tuple[str, ...] = USUAL_ALGORITHMS
    key_set: str | None = None
    authorities: str | None = None
    private_addresses: bool = False  # the mark that PrivateProviders.MARKED looks for
    preset: str | None = None
    claims: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}))  # ours, and the token's for each
    sealed_client_secret: bytes | None = field(default=None, repr=False)


class PrivateProviders(Enum):
    """Which providers may be on loopback or a private network, and on loopback over plain http.

    The operator says it, whose network it is: what an account's administrators mark counts as far as that goes.
    """

    NONE = "off"
    MARKED = "marked"
    ALL = "on"

    def let(self, settings: ProviderSettings) -> bool:
        """Say whether a provider with these settings may be there."""
        return self is PrivateProviders.ALL or (self is PrivateProviders.MARKED and settings.private_addresses)


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """An issuer that an account takes tokens of; *issuer* is exactly what their `iss` says.

    *client_ids* are the audiences that are taken. *thumbprints* (SHA-1, forty hexadecimal digits in either case) pin
    the certificate of a provider where verification against CAs fails.
    """

    unique_id: str  # what chains of sessions and revocations name it by
    account_id: str
    issuer: str
    client_ids: tuple[str, ...]
    thumbprints: tuple[str, ...]
    created_at: datetime
    enabled: bool = True
    settings: ProviderSettings = field(default_factory=ProviderSettings)

    @property
    def arn(self) -> str:
        """The provider's ARN."""
        return render_provider_arn(self.account_id, self.issuer)

    @property
    def locator(self) -> str:
        """The issuer without its scheme: what condition keys of its claims begin with."""
        return cut_scheme(self.issuer)


def parse_private_providers(text: str) -> PrivateProviders:
    """Parse `on`, `marked` or `off`; raises Malformed."""
    try:
        return PrivateProviders(text)
    except ValueError:
        raise Malformed(f"{text} is not on, marked or off") from None


def render_provider_arn(account_id: str, issuer: str) -> str:
    """Return the ARN of the account's provider of this *issuer*."""
    return iam_arn(account_id, f"{KIND}/{cut_scheme(issuer)}")


def cut_scheme(issuer: str) -> str:
    """Return *issuer* without its scheme."""
    return issuer.partition("://")[2]


def find_locator(arn: str) -> str | None:
    """Return the locator of the provider that *arn* names; None when it names something else."""
    kind, _, locator = arn.split(":", 5)[-1].partition("/")
    return locator if kind == KIND else None
