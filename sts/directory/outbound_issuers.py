"""Outbound federation of an account: enabled, disabled, asked about (IAM API, "EnableOutboundWebIdentityFederation").

An account that enables it again has the issuer that it had: those who trust that need not be told of another.
"""

from dataclasses import dataclass, replace

from sqlalchemy import Connection

from sts.entropy import Entropy
from sts.errors import FeatureDisabled, FeatureEnabled
from sts.outbound import OutboundIssuer
from sts.store import outbound_issuers
from sts.store.database import Transaction

_ENABLED = "Outbound web identity federation is already enabled for your account."
_DISABLED = "Outbound web identity federation is disabled for your account."


@dataclass(frozen=True, slots=True)
class OutboundIssuers:
    """Enables and disables the issuers of accounts."""

    entropy: Entropy

    def enable(self, tx: Transaction, *, account_id: str) -> OutboundIssuer:
        """Enable the account's issuer, made when it has none; raises FeatureEnabled."""
        with tx.savepoint():
            present = outbound_issuers.find_issuer(tx.connection, account_id)
            if present is not None and present.enabled:
                raise FeatureEnabled(_ENABLED)
            return self._make(tx, account_id) if present is None else _keep(tx, replace(present, enabled=True))

    def disable(self, tx: Transaction, *, account_id: str) -> OutboundIssuer:
        """Disable the account's issuer, which mints and publishes nothing from then on; raises FeatureDisabled."""
        with tx.savepoint():
            return _keep(tx, replace(get_enabled(tx.connection, account_id), enabled=False))

    def _make(self, tx: Transaction, account_id: str) -> OutboundIssuer:
        new = OutboundIssuer(issuer_id=self.entropy.uuid(), account_id=account_id, enabled=True)
        outbound_issuers.insert_issuer(tx.connection, new)
        _touch(tx, new)
        return new


def get_enabled(connection: Connection, account_id: str) -> OutboundIssuer:
    """Return the account's issuer; raises FeatureDisabled unless it is enabled."""
    present = outbound_issuers.find_issuer(connection, account_id)
    if present is None or not present.enabled:
        raise FeatureDisabled(_DISABLED)
    return present


def _keep(tx: Transaction, changed: OutboundIssuer) -> OutboundIssuer:
    outbound_issuers.update_issuer(tx.connection, changed)
    _touch(tx, changed)
    return changed


def _touch(tx: Transaction, issuer: OutboundIssuer) -> None:
    """Say that the issuer is changed, by both names that it is remembered by."""
    tx.touch(outbound_issuers.NOUN, issuer.account_id)
    tx.touch(outbound_issuers.NOUN, issuer.issuer_id)
