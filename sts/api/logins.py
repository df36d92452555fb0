"""Ending the login of a command line, by the credentials that came from it."""

import msgspec
from sqlalchemy import Connection

from sts.api.request import Asked, parse_members
from sts.api.row import Command, Parts, Target
from sts.errors import CredentialUnsuitable
from sts.logins import grants
from sts.model import Caller, Credential
from sts.store.database import Transaction
from sts.store.login_grants import find_grant


class _Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


def parse_end(asked: Asked) -> Command:
    """Parse `{}`; raises Malformed kin."""
    parse_members(asked, _Nothing)
    return {}


def find_own(connection: Connection, caller: Caller, _command: Command) -> Target:
    """Return the login that the caller's credentials came from; raises CredentialUnsuitable where from none."""
    if caller.session is not None and caller.credential is Credential.SIGN_IN:
        for hop in caller.session.chain:
            found = find_grant(connection, hop.jti)
            if found is not None:
                return Target(caller.arn, found)
    raise CredentialUnsuitable("These credentials came from no login of a command line")


def end_own(_parts: Parts, tx: Transaction, caller: Caller, _command: Command, target: Target) -> bytes:
    """End the login, with all credentials that came from it."""
    grants.end(tx, target.noun)
    return msgspec.json.encode({"arn": caller.arn, "ended_at": tx.now})
