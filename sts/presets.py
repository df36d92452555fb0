"""Well-known providers: the issuer that each has, what it signs with, and what it does not do.

What is told here of a provider is what its own documentation says, in November 2026.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Preset:
    """A well-known provider.

    *issuer* is the only or the usual one, None where each customer has another; *form* matches all that it may be, and
    *form_words* says that for people. *lacks* are sentences about what the provider does not do.
    """

    name: str
    title: str
    issuer: str | None
    form: re.Pattern[str]
    form_words: str
    algorithms: tuple[str, ...] = ("RS256",)
    lacks: tuple[str, ...] = ()
    sends_nonce: bool = True
    takes_pkce: bool = True
    signs_in: bool = True  # people, in a browser
    token_endpoint: str | None = None  # where discovery tells none

    def fits(self, issuer: str) -> bool:
        """Say whether *issuer* can be the provider's."""
        return self.form.fullmatch(issuer) is not None


_HOST = r"[a-z0-9.-]+(?::[0-9]+)?"
_WORD = r"[A-Za-z0-9._~%-]+"
_GUID = r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"

_ALL = (
    Preset(
        name="google",
        title="Google",
        issuer="https://accounts.google.com",
        form=re.compile(r"https://accounts\.google\.com"),
        form_words="https://accounts.google.com",
        lacks=("It has no groups in its tokens.", "It has no sign-out that another service can begin."),
    ),
    Preset(
        name="entra",
        title="Microsoft Entra",
        issuer=None,
        form=re.compile(rf"https://login\.microsoftonline\.(?:com|us)/{_GUID}/v2\.0"),
        form_words="https://login.microsoftonline.com/TENANT/v2.0, with the tenant's id in small letters",
        lacks=(
            "The addresses common, organizations and consumers are no issuers: tokens name a tenant.",
            "Tokens of version 1.0 (https://sts.windows.net/TENANT/) are another issuer's.",
            "With more than 200 groups a token names none of them.",
        ),
    ),
    Preset(
        name="github",
        title="GitHub Actions",
        issuer="https://token.actions.githubusercontent.com",
        form=re.compile(
            rf"https://token\.actions\.githubusercontent\.com(?:/{_WORD})?|https://{_HOST}/_services/token"
        ),
        form_words="https://token.actions.githubusercontent.com, /ENTERPRISE behind it where that is set, or of an "
        "Enterprise Server https://HOST/_services/token",
        signs_in=False,
        lacks=("It signs nobody in: what GitHub lets people sign in with (OAuth) makes no ID tokens.",),
    ),
    Preset(
        name="gitlab",
        title="GitLab",
        issuer="https://gitlab.com",
        form=re.compile(rf"https://{_HOST}(?:/{_WORD})*"),
        form_words="https://gitlab.com, or the address of your own",
        lacks=("Tokens of jobs and of people have one issuer: tell them apart by aud and sub.",),
    ),
    Preset(
        name="okta",
        title="Okta",
        issuer=None,
        form=re.compile(rf"https://{_HOST}(?:/oauth2/{_WORD})?"),
        form_words="https://ORGANIZATION.okta.com, or of an authorization server https://ORGANIZATION.okta.com/oauth2/ID",
    ),
    Preset(
        name="keycloak",
        title="Keycloak",
        issuer=None,
        form=re.compile(rf"https?://(?:{_HOST}|\[[0-9a-f:]+\](?::[0-9]+)?)(?:/{_WORD})*/realms/{_WORD}"),
        form_words="https://HOST/realms/REALM",
        algorithms=("RS256", "PS256", "ES256", "ES384", "EdDSA"),
        lacks=("A client's own id is no audience of its access tokens: take ID tokens, or add an audience mapper.",),
    ),
    Preset(
        name="linkedin",
        title="LinkedIn",
        issuer="https://www.linkedin.com/oauth",
        form=re.compile(r"https://www\.linkedin\.com/oauth"),
        form_words="https://www.linkedin.com/oauth",
        sends_nonce=False,
        takes_pkce=False,
        lacks=(
            "It sends no nonce back.",
            "It takes no PKCE: the state and the exact redirect address are all that bind an answer to its browser.",
        ),
    ),
    Preset(
        name="facebook",
        title="Facebook",
        issuer="https://www.facebook.com",
        form=re.compile(r"https://www\.facebook\.com"),
        form_words="https://www.facebook.com",
        token_endpoint="https://graph.facebook.com/oauth/access_token",  # noqa: S106  an address
        lacks=("Its discovery document names no token endpoint: it is known here.",),
    ),
)

PRESETS: Final[Mapping[str, Preset]] = MappingProxyType({preset.name: preset for preset in _ALL})
