"""What clients ask for of kinds that are not offered: there is none, and they are told so.

Without these, a client that clears a user of everything first could not delete one (AWS CLI, configuration tools), and
one that takes stock of an account would stop at the first list.
"""

from collections.abc import Collection
from functools import partial

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.aws.iam.bearers import on_bearer
from sts.aws.iam.paging import Pager
from sts.aws.iam.rows import iam_row
from sts.aws.iam.users import find_user_or_caller, require_owner, require_user
from sts.aws.row import Changes, Command, Find, Operation, Reads, Result, Target
from sts.errors import NotFound
from sts.model import Account, Caller
from sts.store.attachments import BearerKind
from sts.store.database import Transaction


def unoffered_rows(pager: Pager) -> tuple[Operation, ...]:
    """Return a row for each list of what nobody has, and for the login profile that nobody has."""
    of_user, on_user = partial(_list_row, pager, find_user_or_caller), on_bearer(BearerKind.USER)
    certificates, saml, oidc = (_under(kind) for kind in ("server-certificate", "saml-provider", "oidc-provider"))
    return (
        of_user("ListSSHPublicKeys", "SSHPublicKeys"),
        of_user("ListSigningCertificates", "Certificates"),
        of_user("ListServiceSpecificCredentials", "ServiceSpecificCredentials", not_yet={"AllUsers"}),
        _list_row(pager, certificates, "ListServerCertificates", "ServerCertificateMetadataList"),
        _list_row(pager, saml, "ListSAMLProviders", "SAMLProviderList", paged=False),
        _list_row(pager, oidc, "ListOpenIDConnectProviders", "OpenIDConnectProviderList", paged=False),
        iam_row("GetLoginProfile", Event.LOGIN_PROFILE_READ, find_user_or_caller, Reads(_get_login_profile)),
        iam_row("DeleteLoginProfile", Event.LOGIN_PROFILE_DELETE, on_user, Changes(_delete_login_profile)),
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


def _get_login_profile(_connection: Connection, _caller: Caller, _command: Command, target: Target) -> Result:
    raise _no_login_profile(target)


def _delete_login_profile(_tx: Transaction, _caller: Caller, _command: Command, target: Target) -> Result:
    raise _no_login_profile(target)


def _no_login_profile(target: Target) -> NotFound:
    name = target.arn.rsplit("/", 1)[-1] if isinstance(target.noun, Account) else require_user(target).name
    return NotFound(f"Login Profile for User {name} cannot be found.")
