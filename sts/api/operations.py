"""The table of the administration's operations: method and path, event, what it is about, how it is read or done."""

from collections.abc import Callable, Mapping

from sqlalchemy import Connection

from sts.api import audit, logins, providers, revocations, sign_in, users
from sts.api.request import Asked
from sts.api.row import Acts, Changes, Command, Operation, Parts, Reads, Target
from sts.audit.events import Event
from sts.errors import MethodUnsupported, OperationUnknown
from sts.model import Caller
from sts.store.database import Transaction

_SMALL = 4 * 1024  # bytes of a body that names something
_SETTINGS = 256 * 1024  # bytes of a body with a key set and certificates


def _change(
    name: str,
    event: Event,
    parse: Callable[[Asked], Command],
    target: Callable[[Connection, Caller, Command], Target],
    run: Callable[[Parts, Transaction, Caller, Command, Target], bytes],
    *,
    largest_body: int = _SMALL,
) -> Operation:
    return Operation(
        name=name,
        event=event,
        demands=True,
        largest_body=largest_body,
        parse=parse,
        target=target,
        handler=Changes(run),
    )


_USER = (revocations.parse_name, revocations.find_user)
_ROLE = (revocations.parse_name, revocations.find_role)
_PROVIDER = (providers.parse_name, providers.find_named)
_ACCOUNT = (sign_in.parse_account, sign_in.find_account)

OPERATIONS: Mapping[tuple[str, str], Operation] = {
    ("GET", "/api/audit/records"): Operation(
        name="ListAuditRecords",
        event=Event.AUDIT_READ,
        demands=True,
        largest_body=0,
        parse=audit.parse_records,
        target=audit.find_records,
        handler=Reads(audit.render_records),
    ),
    ("POST", "/api/logins/end"): Operation(
        name="EndLogin",
        event=Event.LOGIN_END,
        demands=False,
        largest_body=_SMALL,
        parse=logins.parse_end,
        target=logins.find_own,
        handler=Changes(logins.end_own),
    ),
    ("GET", "/api/users"): Operation(
        name="ListUserStates",
        event=Event.USER_STATES_LIST,
        demands=True,
        largest_body=0,
        parse=users.parse_users,
        target=users.find_users,
        handler=Reads(users.render_users),
    ),
    ("POST", "/api/sessions/revoke"): _change(
        "RevokeSession",
        Event.SESSION_REVOKE,
        revocations.parse_session,
        revocations.find_session,
        revocations.revoke_session,
    ),
    ("POST", "/api/principals/revoke"): _change(
        "RevokePrincipal",
        Event.PRINCIPAL_REVOKE,
        revocations.parse_principal,
        revocations.find_principal,
        revocations.revoke_principal,
    ),
    ("POST", "/api/users/disable"): _change("DisableUser", Event.USER_DISABLE, *_USER, revocations.disable),
    ("POST", "/api/users/enable"): _change("EnableUser", Event.USER_ENABLE, *_USER, revocations.enable),
    ("POST", "/api/roles/disable"): _change("DisableRole", Event.ROLE_DISABLE, *_ROLE, revocations.disable),
    ("POST", "/api/roles/enable"): _change("EnableRole", Event.ROLE_ENABLE, *_ROLE, revocations.enable),
    ("POST", "/api/users/create-link"): _change(
        "CreateSignInLink", Event.SIGN_IN_LINK_CREATE, *_USER, sign_in.create_link
    ),
    ("POST", "/api/users/unlock"): _change("UnlockUser", Event.USER_UNLOCK, *_USER, sign_in.unlock),
    ("POST", "/api/users/require-password-change"): _change(
        "RequirePasswordChange", Event.PASSWORD_CHANGE_REQUIRE, *_USER, sign_in.require_password_change
    ),
    ("POST", "/api/users/end-sessions"): _change(
        "EndUserSessions", Event.USER_SESSIONS_END, *_USER, sign_in.end_user_sessions
    ),
    ("POST", "/api/users/require-factor"): _change(
        "RequireUserFactor", Event.FACTOR_REQUIRE, *_USER, sign_in.require_factor
    ),
    ("POST", "/api/users/release-factor"): _change(
        "ReleaseUserFactor", Event.FACTOR_RELEASE, *_USER, sign_in.release_factor
    ),
    ("POST", "/api/accounts/require-factor"): _change(
        "RequireAccountFactor", Event.FACTOR_REQUIRE, *_ACCOUNT, sign_in.require_factor
    ),
    ("POST", "/api/accounts/release-factor"): _change(
        "ReleaseAccountFactor", Event.FACTOR_RELEASE, *_ACCOUNT, sign_in.release_factor
    ),
    ("GET", "/api/providers"): Operation(
        name="ListProviders",
        event=Event.PROVIDER_LIST,
        demands=True,
        largest_body=0,
        parse=providers.parse_list,
        target=providers.find_any,
        handler=Reads(providers.render_list),
    ),
    ("POST", "/api/providers/add"): _change(
        "AddProvider",
        Event.PROVIDER_CREATE,
        providers.parse_new,
        providers.find_new,
        providers.add,
        largest_body=_SETTINGS,
    ),
    ("POST", "/api/providers/update"): _change(
        "UpdateProvider",
        Event.PROVIDER_UPDATE,
        providers.parse_changed,
        providers.find_named,
        providers.update,
        largest_body=_SETTINGS,
    ),
    ("POST", "/api/providers/check"): Operation(
        name="CheckProvider",
        event=Event.PROVIDER_CHECK,
        demands=True,
        largest_body=_SMALL,
        parse=providers.parse_name,
        target=providers.find_named,
        handler=Acts(providers.check),
    ),
    ("POST", "/api/providers/remove"): _change("RemoveProvider", Event.PROVIDER_DELETE, *_PROVIDER, providers.remove),
    ("POST", "/api/providers/disable"): _change(
        "DisableProvider", Event.PROVIDER_DISABLE, *_PROVIDER, providers.disable
    ),
    ("POST", "/api/providers/enable"): _change("EnableProvider", Event.PROVIDER_ENABLE, *_PROVIDER, providers.enable),
}


def get_operation(method: str, path: str) -> Operation:
    """Return the operation at this address; raises OperationUnknown, MethodUnsupported."""
    found = OPERATIONS.get((method, path))
    if found is not None:
        return found
    if find_methods(path):
        raise MethodUnsupported(f"The method {method} is not offered at {path}")
    raise OperationUnknown(f"Nothing is offered at {path}")


def find_methods(path: str) -> tuple[str, ...]:
    """Return the methods that are offered at *path*."""
    return tuple(sorted(method for method, offered in OPERATIONS if offered == path))
