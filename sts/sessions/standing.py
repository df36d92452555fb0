"""Whether a sign-in under way may go on: it ends with the password, the factors and the rights that it began with."""

from sqlalchemy import Connection

from sts.errors import FlowEnded
from sts.sessions.flow import Flow
from sts.store.credential_marks import mark_sign_in
from sts.store.database import Transaction

_OVERTAKEN = (
    "This sign-in is over: the password or the second factor was changed meanwhile, or all sign-ins were ended. "
    "Please sign in again."
)


def verify_standing(connection: Connection, flow: Flow) -> None:
    """Verify that what *flow* stands on is as it was when it began, or changed it itself; raises FlowEnded."""
    if mark_sign_in(connection, flow.account_id, flow.principal_id) != flow.mark:
        raise FlowEnded(_OVERTAKEN, detail="what the sign-in stands on has changed, or was ended")


def require_standing(tx: Transaction, flow: Flow) -> None:
    """Do what `verify_standing` does, and let nobody change it before *tx* has ended."""
    tx.begin_change()
    verify_standing(tx.connection, flow)
