"""Outbound federation: the issuer that an account is to strangers (IAM User Guide, "Federating AWS identities").

At AWS an account's issuer is a host of its own, `https://UUID.tokens.sts.global.api.aws`; here it is a path of the
service's, which needs neither another name nor another certificate.
"""

import re
from dataclasses import dataclass
from typing import Final

PATH: Final = "/outbound"
ALGORITHMS: Final = ("RS256", "ES384")  # that a caller may ask for (STS API Reference, "GetWebIdentityToken")
NAMESPACE: Final = "https://sts.amazonaws.com/"  # of the claims that are AWS's own
CLAIMS: Final = ("iss", "sub", "aud", "iat", "exp", "jti", NAMESPACE)
_ISSUER_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


@dataclass(frozen=True, slots=True, kw_only=True)
class OutboundIssuer:
    """The issuer of an account; it keeps its identifier, a UUID that nobody guesses, while it is disabled."""

    issuer_id: str
    account_id: str
    enabled: bool

    def get_url(self, service: str) -> str:
        """Return what `iss` of its tokens says, where *service* is the issuer of the service itself."""
        return f"{service}{PATH}/{self.issuer_id}"


def is_issuer_id(text: str) -> bool:
    """Say whether *text* has the form of an issuer's identifier: all else is of no account."""
    return _ISSUER_ID.fullmatch(text) is not None


def is_own_issuer(issuer: str, service: str) -> bool:
    """Say whether *issuer*, as a token's `iss` says it, is *service* itself or the issuer of one of its accounts.

    No role is assumed with such a token (IAM User Guide, "Getting started with outbound identity federation"): whoever
    has credentials of this service would come by others past the trust policies that speak of them.
    """
    return issuer == service or issuer.startswith(f"{service}{PATH}/")
