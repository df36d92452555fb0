"""Logins of command lines that people approved, as they are kept."""

from dataclasses import dataclass, field
from datetime import datetime

from sts.model import Hop


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginGrant:
    """A login that its user approved on a page, and the client that it was given to.

    It is redeemed once, by a code; *generation* is then the number of the refresh token in force, which took the place
    of the one before it at *replaced_at*. *key_thumbprint* is the key that the client must show.
    """

    grant_id: str
    account_id: str
    principal_id: str  # the account's number for its root
    principal_arn: str  # as it was
    browser_session_id: str
    browser_session_at: datetime
    began_at: datetime
    authenticated_at: datetime | None  # when a second factor was shown
    amr: tuple[str, ...]
    credentials_mark: bytes
    client: str
    redirect_uri: str
    challenge: str
    code_stamp: bytes = field(repr=False)
    code_ends_at: datetime
    address: str
    ends_at: datetime
    redemption: bytes | None = field(default=None, repr=False)
    key_thumbprint: str | None = None
    generation: int = 0
    replaced_at: datetime
    ended_at: datetime | None = None

    @property
    def chain(self) -> tuple[Hop, ...]:
        """The browser session that the login was begun from, then the login itself."""
        return (
            self._hop(self.browser_session_id, self.browser_session_at),
            self._hop(self.grant_id, self.began_at),
        )

    def _hop(self, jti: str, at: datetime) -> Hop:
        return Hop(arn=self.principal_arn, session_name="", at=at, principal_id=self.principal_id, jti=jti)
