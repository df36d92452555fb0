"""The texts that a login hands out: an authorization code, then refresh tokens, one in the place of another.

Each names its login, so that it is found without a search. A code is random and kept as a keyed hash. A refresh token
is a MAC over its login and its number: nothing of it is kept, and whoever asks for the same one again, as clients do
whose answer was lost, gets the same one. It is of no use without the key that the login was given to.
"""

import hashlib
import hmac
import re
from dataclasses import dataclass

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.errors import LoginCodeInvalid, LoginEnded, Malformed, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp, verify_stamp
from sts.login_grants import LoginGrant
from sts.model import Secret

_CODE_LABEL, _REFRESH_LABEL = b"login-code", b"login-refresh-token"
_CODE = re.compile(r"([A-Za-z0-9_-]{22})\.[A-Za-z0-9_-]{22}", re.ASCII)
_REFRESH = re.compile(r"([A-Za-z0-9_-]{22})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{48})", re.ASCII)
CODE_INVALID = "The authorization code is not valid: it was used, is too old, or was not given to this client"
TOKEN_INVALID = "The refresh token is not valid: sign in again"  # noqa: S105  no secret


@dataclass(frozen=True, slots=True)
class RefreshToken:
    """A refresh token of ours: which login's, and which of them."""

    grant_id: str
    generation: int


@dataclass(frozen=True, slots=True)
class LoginTokens:
    """Makes codes and refresh tokens, and recognizes them."""

    keyring: Keyring

    def make_code(self, grant_id: str, nonce: str) -> tuple[Secret, bytes]:
        """Return a code, and its keyed hash."""
        code = f"{grant_id}.{nonce}"
        return Secret(code), make_stamp(self.keyring, Purpose.MARKER, _CODE_LABEL, code.encode("ascii"))

    def verify_code(self, code: str, stamp: bytes) -> None:
        """Raise LoginCodeInvalid unless *stamp* is the keyed hash of *code*."""
        try:
            verify_stamp(self.keyring, Purpose.MARKER, _CODE_LABEL, code.encode("ascii"), stamp)
        except SealBroken:
            raise LoginCodeInvalid(CODE_INVALID, detail="no such code") from None

    def make_refresh_token(self, grant_id: str, generation: int) -> Secret:
        """Return the refresh token of that number."""
        named = f"{grant_id}.{generation}"
        stamp = make_stamp(self.keyring, Purpose.MARKER, _REFRESH_LABEL, named.encode("ascii"))
        return Secret(f"{named}.{encode_base64url(stamp)}")

    def parse_refresh_token(self, text: str) -> RefreshToken:
        """Return what *text* is a refresh token of; raises LoginEnded when it is none of ours."""
        match = _REFRESH.fullmatch(text)
        if match is None:
            raise LoginEnded(TOKEN_INVALID, detail="not of a refresh token's form")
        named = f"{match[1]}.{match[2]}".encode("ascii")
        try:
            stamp = parse_base64url(match[3].encode("ascii"))
            verify_stamp(self.keyring, Purpose.MARKER, _REFRESH_LABEL, named, stamp)
        except (Malformed, SealBroken):
            raise LoginEnded(TOKEN_INVALID, detail="no refresh token of ours") from None
        return RefreshToken(match[1], int(match[2]))


def read_grant_id(code: str) -> str:
    """Return the login that *code* names; raises LoginCodeInvalid when it has not a code's form."""
    match = _CODE.fullmatch(code)
    if match is None:
        raise LoginCodeInvalid(CODE_INVALID, detail="not of a code's form")
    return match[1]


def verify_redemption(grant: LoginGrant, *, client: str, redirect_uri: str, verifier: str) -> None:
    """Raise LoginCodeInvalid unless the code was asked for by who redeems it (RFC 6749 section 4.1.3, RFC 7636)."""
    challenge = encode_base64url(hashlib.sha256(verifier.encode("ascii")).digest())
    if client != grant.client or redirect_uri != grant.redirect_uri:
        raise LoginCodeInvalid(CODE_INVALID, detail="of another client or redirect URI")
    if not hmac.compare_digest(challenge, grant.challenge):
        raise LoginCodeInvalid(CODE_INVALID, detail="of another verifier")
