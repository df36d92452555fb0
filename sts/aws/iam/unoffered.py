"""What clients ask for of kinds that are not offered: there is none, and they are told so.

Without these, a client that clears a user of everything first could not delete one (AWS CLI, configuration tools), and
one that takes stock of an account would stop at the first list.
"""

from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.paging import Pager
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import find_user_or_caller, require_owner
from sts.aws.row import Command, Find, Operation, Reads, Result, Target
from sts.model import Caller


def unoffered_rows(pager: Pager) -> tuple[Operation, ...]:
    """Return a row for each list of what nobody has."""
    of_user = partial(_list_row, pager, find_user_or_caller)
    certificates, saml = _under("server-certificate"), _under("saml-provider")
    return (
        of_user("ListSSHPublicKeys", "SSHPublicKeys"),
        of_user("ListSigningCertificates", "Certificates"),
        of_user("ListServiceSpecificCredentials", "ServiceSpecificCredentials", not_yet={"AllUsers"}),
        _list_row(pager, certificates, "ListServerCertificates", "ServerCertificateMetadataList"),
        _list_row(pager, saml, "ListSAMLProviders", "SAMLProviderList", paged=False),
    )


def _list_row(
    pager: Pager, find: Find, name: str, member: str, *, paged: bool = True, not_yet: Collection[str] = ()
) -> Operation:
    """Return the row of a list that is empty, shown as *member*; where it is a user's, of an existing one."""

    def show(_connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        if find is find_user_or_caller:
            require_owner(target)
        pager.after(command, name, target.account_id)
        return {member: [], "IsTruncated": False} if paged else {member: []}

    return iam_row(name, Event.CREDENTIAL_LIST, find, Reads(show), not_yet=not_yet)


def _under(kind: str) -> Find:
    """Return what finds all of a *kind* whose path begins as the command asks."""

    def find(_connection: Connection, caller: Caller, command: Command) -> Target:
        return Target(iam_arn(caller.account_id, f"{kind}{command.get('PathPrefix', '/')}"), caller.account_id)

    return find
