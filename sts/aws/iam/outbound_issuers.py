"""Whether tokens of the account's principals can be shown to strangers, and under which issuer."""

from dataclasses import dataclass

from sqlalchemy import Connection

from sts.audit.events import Event
from sts.aws.iam.account import find_everything
from sts.aws.iam.rows import iam_row
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.directory.outbound_issuers import OutboundIssuers, get_enabled
from sts.model import Caller
from sts.store.database import Transaction

_FEATURE = "OutboundWebIdentityFederation"


@dataclass(frozen=True, slots=True)
class OutboundIssuerOperations:
    """The rows about the account's issuer; *service* is the issuer of the service itself."""

    issuers: OutboundIssuers
    service: str

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        return (
            iam_row(f"Enable{_FEATURE}", Event.OUTBOUND_ISSUER_ENABLE, find_everything, Changes(self._enable)),
            iam_row(f"Disable{_FEATURE}", Event.OUTBOUND_ISSUER_DISABLE, find_everything, Changes(self._disable)),
            iam_row(f"Get{_FEATURE}Info", Event.OUTBOUND_ISSUER_READ, find_everything, Reads(self._get_info)),
        )

    def _enable(self, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
        issuer = self.issuers.enable(tx, account_id=target.account_id)
        return {"IssuerIdentifier": issuer.get_url(self.service)}

    def _disable(self, tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
        self.issuers.disable(tx, account_id=target.account_id)
        return {}

    def _get_info(self, connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
        issuer = get_enabled(connection, target.account_id)
        return {"IssuerIdentifier": issuer.get_url(self.service), "JwtVendingEnabled": True}
