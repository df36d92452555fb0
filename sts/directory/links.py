"""Links by which a person sets a password that nobody else knows, at first or when the old one is lost.

A link is for one owner, works once and for a short time; a newer one, or any change of the password, ends it. It
proves nothing but that its bearer may set the password: a second factor is asked for all the same.

The secret in it is kept as a MAC alone. The address is looked at by whatever fetches it (scanners of mail, previews):
that does not use it up, setting the password does.
"""

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sts.directory.owners import Owner, confirm_owner, owner_id_of
from sts.entropy import Entropy
from sts.errors import LinkInvalid, RootRefused, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp, verify_stamp
from sts.model import Account, Secret
from sts.passwords import SignInLink
from sts.store import accounts, links, users
from sts.store.database import Transaction

PATH = "/ui/link/"
_LABEL = b"sign-in link"
_TOKEN = re.compile(r"([A-Za-z0-9_-]{22})\.([A-Za-z0-9_-]{22})")
_ROOT = "Root may not sign in here: STS_ROOT_SIGN_IN is off"


@dataclass(frozen=True, slots=True)
class MintedLink:
    """A new link, and its address for the only time."""

    link: SignInLink
    url: Secret


@dataclass(frozen=True, slots=True)
class SignInLinks:
    """Makes links, and redeems them.

    *life* is at most a day: the key of their MACs is kept for 36 hours after its rotation.
    """

    entropy: Entropy
    keyring: Keyring
    issuer: str
    life: timedelta
    root_signs_in: bool

    def create(self, tx: Transaction, *, owner: Owner) -> MintedLink:
        """Make a link of the owner's, in place of an earlier one; raises NotFound, RootRefused."""
        confirm_owner(tx.connection, owner)
        self._require_signing_in(owner.account_id, owner_id_of(owner))
        link_id, secret = self.entropy.nonce(), self.entropy.nonce()
        stamp = make_stamp(self.keyring, Purpose.MARKER, _LABEL, _bind(link_id, secret))
        new = SignInLink(
            link_id=link_id,
            account_id=owner.account_id,
            owner_id=owner_id_of(owner),
            stamp=stamp,
            made_at=tx.now,
            expires_at=tx.now + self.life,
        )
        links.put_link(tx.connection, new)
        return MintedLink(new, Secret(f"{self.issuer}{PATH}{link_id}.{secret}"))

    def get_owner(self, connection: Connection, token: str, now: datetime) -> Owner:
        """Return whose password the bearer of *token*, the last part of the address, may set; raises LinkInvalid."""
        link = self._get_link(connection, token)
        if link.expires_at <= now:
            raise LinkInvalid("the link has expired")
        self._require_signing_in(link.account_id, link.owner_id)
        return _get_enabled(connection, link)

    def redeem(self, tx: Transaction, token: str) -> Owner:
        """Use the link up in the transaction that sets the password, and return the owner; raises LinkInvalid."""
        tx.begin_change()
        owner = self.get_owner(tx.connection, token, tx.now)
        if not links.use_up_link(tx.connection, _parse_token(token)[0], tx.now):
            raise LinkInvalid("the link was used")
        return owner

    def _get_link(self, connection: Connection, token: str) -> SignInLink:
        link_id, secret = _parse_token(token)
        link = links.find_link(connection, link_id)
        if link is None:
            raise LinkInvalid("there is no such link, or not any more")
        try:
            verify_stamp(self.keyring, Purpose.MARKER, _LABEL, _bind(link_id, secret), link.stamp)
        except SealBroken:
            raise LinkInvalid("the link's secret is wrong") from None
        return link

    def _require_signing_in(self, account_id: str, owner_id: str) -> None:
        if owner_id == account_id and not self.root_signs_in:
            raise RootRefused(_ROOT)


def _parse_token(token: str) -> tuple[str, str]:
    """Return the link's id and its secret; raises LinkInvalid."""
    parts = _TOKEN.fullmatch(token)
    if parts is None:
        raise LinkInvalid("that has not the form of a link")
    return parts[1], parts[2]


def _get_enabled(connection: Connection, link: SignInLink) -> Owner:
    """Return the owner as it stands now; raises LinkInvalid when it is gone or disabled."""
    if link.owner_id == link.account_id:
        account: Account | None = accounts.find_account(connection, link.account_id)
        if account is not None and account.enabled:
            return account
    for user, enabled in users.find_users_by_id(connection, [link.owner_id]):
        if enabled:
            return user
    raise LinkInvalid("its owner is disabled")


def _bind(link_id: str, secret: str) -> bytes:
    return f"{link_id}.{secret}".encode("ascii")
