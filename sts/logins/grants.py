"""What was approved, and what becomes of it: redeemed once by a code, refreshed for at most half a day, ended.

A client repeats itself when it got no answer, and processes that share a cache share a refresh token. So the token that
was last replaced is taken for a minute longer from the same key, and a code from the very same request; both get the
refresh token that is in force already. Whoever shows anything else that was used up, or a token with another key, has
what is not theirs: the login ends, and with it all credentials that came from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import Connection

from sts.access import Context, Demand
from sts.arn import signin_arn
from sts.authn.possession import Possession
from sts.clock import Clock
from sts.credentials import TemporaryCredentials
from sts.directory.revocations import revoke_principal, revoke_session
from sts.entropy import Entropy
from sts.errors import LoginCodeInvalid, LoginEnded, LoginOutdated, QuotaExceeded, Refusal, SignInNeeded
from sts.lending import UserSessions
from sts.login_grants import LoginGrant
from sts.logins.requests import Client, LoginRequest
from sts.logins.tokens import CODE_INVALID, TOKEN_INVALID, LoginTokens, RefreshToken, read_grant_id
from sts.model import Caller, CallerKind, Session, root_caller, user_caller
from sts.sessions import end_everywhere
from sts.store import browser_sessions, login_grants
from sts.store.accounts import find_account
from sts.store.credential_marks import mark_credentials
from sts.store.database import Database, Transaction
from sts.store.revocations import find_revoked_among, name_session, name_subjects
from sts.store.users import find_user_by_id, is_principal_enabled

AUTHORIZE, REDEEM = "signin:AuthorizeOAuth2Access", "signin:CreateOAuth2Token"
# OAuth 2.0 Security Best Current Practice wants codes short-lived: a machine has a minute, a person types.
_CODE_LIFE = {Client.SAME_DEVICE: timedelta(minutes=1), Client.CROSS_DEVICE: timedelta(minutes=5)}
GRACE = timedelta(seconds=60)
CREDENTIALS_LIFE = timedelta(minutes=15)
_ENDED = "The login has ended: sign in again"
_OUTDATED = "The user's password, second factor or state has changed: sign in again"


@dataclass(frozen=True, slots=True)
class Login:
    """A grant, and who calls by it; *fault* is why it gives nothing any more, None when it does."""

    grant: LoginGrant
    caller: Caller
    fault: LoginEnded | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Logins:
    """Grants logins, and redeems and refreshes them; *life* is how long one can be refreshed."""

    lending: UserSessions
    tokens: LoginTokens
    database: Database
    clock: Clock
    entropy: Entropy
    life: timedelta

    def approve(self, tx: Transaction, caller: Caller, request: LoginRequest, address: str) -> str:
        """Keep that *caller*, signed in at *address*, approved *request*, and return the code for its client.

        That the caller may was decided before; raises LookupError when the caller has not signed in, SignInNeeded when
        its session was ended meanwhile.
        """
        if caller.session is None or not caller.session.began_in_browser:
            raise LookupError("only who has signed in approves a login")
        began, grant_id = caller.session.chain[0], self.entropy.nonce()
        if not browser_sessions.note_lending(tx.connection, began.jti):
            raise SignInNeeded("Please sign in: your session has ended.", detail="the session was ended meanwhile")
        code, stamp = self.tokens.make_code(grant_id, self.entropy.nonce())
        subjects = (caller.unique_id, caller.account_id, name_session(caller.account_id, grant_id))
        grant = LoginGrant(
            grant_id=grant_id,
            account_id=caller.account_id,
            principal_id=caller.unique_id,
            principal_arn=caller.arn,
            browser_session_id=began.jti,
            browser_session_at=began.at,
            began_at=find_revoked_among(tx.connection, subjects).next_instant(subjects, tx.now),
            authenticated_at=caller.session.authenticated_at,
            amr=caller.session.amr,
            credentials_mark=mark_credentials(tx.connection, caller.unique_id),
            client=request.client,
            redirect_uri=request.redirect_uri,
            challenge=request.challenge,
            code_stamp=stamp,
            code_ends_at=tx.now + _CODE_LIFE[request.client],
            address=address,
            ends_at=tx.now + self.life,
            replaced_at=tx.now,
        )
        login_grants.insert_grant(tx.connection, grant)
        return code

    async def get_by_code(self, code: str) -> Login:
        """Return the login, ended or not, that *code* was made for; raises LoginCodeInvalid."""
        login = await self._find(read_grant_id(code))
        if login is None:
            raise LoginCodeInvalid(CODE_INVALID, detail="no such login")
        self.tokens.verify_code(code, login.grant.code_stamp)
        return login

    async def get_by_refresh_token(self, token: RefreshToken, client: Client) -> Login:
        """Return the login of *client*, ended or not, that *token* is of; raises LoginEnded."""
        login = await self._find(token.grant_id)
        if login is None or login.grant.client != client:
            raise LoginEnded(TOKEN_INVALID, detail="no such login of this client")
        return login

    async def _find(self, grant_id: str) -> Login | None:
        """Return the login with who calls by it; None when there is none, or its user is gone."""
        now = self.clock.now()
        return await self.database.read(lambda connection: _find_login(connection, grant_id, now))

    def redeem(self, tx: Transaction, grant_id: str, possession: Possession) -> LoginGrant | Refusal:
        """Redeem the code of the login, which was verified, for the key of *possession*.

        A Refusal is returned rather than raised: that a login is ended by it is to be kept.
        """
        first = login_grants.redeem_grant(
            tx.connection,
            grant_id,
            redemption=possession.digest,
            key_thumbprint=possession.thumbprint,
            now=tx.now,
        )
        grant = _get(tx, grant_id)
        if not first:
            if grant.redemption is None:
                return LoginCodeInvalid(CODE_INVALID, detail="the code is too old")
            is_repeated = grant.redemption == possession.digest and grant.generation == 1
            if not (is_repeated and _is_fresh(grant, tx.now)):
                return end_for(
                    tx, grant, LoginCodeInvalid(CODE_INVALID, detail="the code was used: the login is ended")
                )
        fault = find_fault(tx.connection, grant, tx.now)
        return grant if fault is None else end_for(tx, grant, fault)

    def refresh(self, tx: Transaction, grant_id: str, generation: int) -> LoginGrant | Refusal:
        """Put the next refresh token in the place of that of *generation*, shown with the key that it was given to.

        A Refusal is returned rather than raised, as by `redeem`.
        """
        grant = _get(tx, grant_id)
        fault = find_fault(tx.connection, grant, tx.now)
        if fault is not None:
            return end_for(tx, grant, fault)
        if login_grants.replace_token(tx.connection, grant_id, generation, tx.now):
            return _get(tx, grant_id)
        if generation == grant.generation - 1 and _is_fresh(grant, tx.now):
            return grant
        return end_for(tx, grant, LoginEnded(_ENDED, detail="a refresh token was used again: the login is ended"))

    async def mint(self, login: Login) -> TemporaryCredentials:
        """Mint credentials of the login's user, which are those of a session begun from the login."""
        grant = login.grant
        life = min(CREDENTIALS_LIFE, max(grant.ends_at - self.clock.now(), timedelta(seconds=1)))
        return await self.lending.lend(login.caller, life, grant.authenticated_at, grant.amr)


def describe(client: Client, *, redirect_uri: str | None = None, grant_type: str | None = None) -> Context:
    """Return what policies may ask about a login (Service Authorization Reference, AWS Signin)."""
    context = {"signin:oauthclientid": (client.client_id,)}
    if redirect_uri is not None:
        context["signin:oauthredirecturi"] = (redirect_uri,)
    if grant_type is not None:
        context["signin:oauthgranttype"] = (grant_type,)
    return context


def demand(action: str, caller: Caller, client: Client, context: Context) -> Demand:
    """Return what a login demands: *action* on AWS's resource for *client*, in the caller's account."""
    arn = signin_arn(caller.account_id, client.resource)
    return Demand(action=action, resource=arn, resource_account_id=caller.account_id, context=context)


def end(tx: Transaction, grant: LoginGrant) -> None:
    """End the login and all credentials that came from it."""
    if not login_grants.end_grant(tx.connection, grant.grant_id, tx.now) or tx.now >= grant.ends_at:
        return
    try:
        revoke_session(tx, account_id=grant.account_id, jti=grant.grant_id)
    except QuotaExceeded:  # too many single sessions are remembered as revoked: more ends than would have to
        principal = find_user_by_id(tx.connection, grant.principal_id) or find_account(tx.connection, grant.account_id)
        if principal is not None:
            revoke_principal(tx, principal=principal)


def list_live(connection: Connection, principal_id: str, now: datetime) -> Sequence[LoginGrant]:
    """Return the principal's logins that still give something, the first begun first."""
    goes_on = login_grants.list_open(connection, principal_id, now)
    return tuple(grant for grant in goes_on if find_fault(connection, grant, now) is None)


def end_sign_ins(tx: Transaction, principal_id: str) -> int:
    """End all that the principal signed in to, with what was begun from it, and sign-ins under way.

    That is every login, and every session of a browser. Says how many there were.
    """
    logins = list_live(tx.connection, principal_id, tx.now)
    for grant in logins:
        end(tx, grant)
    return len(logins) + end_everywhere(tx, principal_id)


def end_for(tx: Transaction, grant: LoginGrant, fault: LoginEnded) -> LoginEnded:
    """End the login for *fault*, and return that as the answer."""
    end(tx, grant)
    return fault


def verify_holder(grant: LoginGrant, possession: Possession) -> LoginEnded | None:
    """Return why who shows *possession* may not continue the login: it was given to another key."""
    if grant.key_thumbprint == possession.thumbprint:
        return None
    return LoginEnded(_ENDED, detail="shown with another key: the login is ended")


def _find_login(connection: Connection, grant_id: str, now: datetime) -> Login | None:
    grant = login_grants.find_grant(connection, grant_id)
    if grant is None:
        return None
    session, fault = _as_session(grant), find_fault(connection, grant, now)
    if session.kind is CallerKind.ROOT:
        return Login(grant, root_caller(grant.account_id, "", session), fault)
    user = find_user_by_id(connection, grant.principal_id)
    return None if user is None else Login(grant, user_caller(user, "", session), fault)


def _get(tx: Transaction, grant_id: str) -> LoginGrant:
    grant = login_grants.find_grant(tx.connection, grant_id)
    if grant is None:
        raise LoginEnded(_ENDED, detail="the login is gone")
    return grant


def find_fault(connection: Connection, grant: LoginGrant, now: datetime) -> LoginEnded | None:
    """Return why the login gives nothing any more, None when it does."""
    if now >= grant.ends_at:
        return LoginEnded(_ENDED, detail="the login is past its end")
    if grant.ended_at is not None:
        return LoginEnded(_ENDED, detail="the login was ended")
    revoked = find_revoked_among(connection, sorted({each for hop in grant.chain for each in name_subjects(hop)}))
    if any(revoked.concerns_hop(hop) for hop in grant.chain):
        return LoginOutdated(_OUTDATED, detail="what the login came by was ended")
    if not is_principal_enabled(connection, grant.account_id, grant.principal_id):
        return LoginOutdated(_OUTDATED, detail="the user is gone or disabled")
    if mark_credentials(connection, grant.principal_id) != grant.credentials_mark:
        return LoginOutdated(_OUTDATED, detail="the password or a factor is another")
    return None


def _is_fresh(grant: LoginGrant, now: datetime) -> bool:
    """Say whether the token before the one in force was replaced just now, by whichever process's clock."""
    return abs(now - grant.replaced_at) <= GRACE


def _as_session(grant: LoginGrant) -> Session:
    """Return the login as the session by which its user calls."""
    is_root = grant.principal_id == grant.account_id
    return Session(
        kind=CallerKind.ROOT if is_root else CallerKind.USER,
        jti=grant.grant_id,
        access_key_id="",
        account_id=grant.account_id,
        principal_id=grant.principal_id,
        principal_arn=grant.principal_arn,
        session_name="",
        issued_at=grant.began_at,
        expires_at=grant.ends_at,
        chain=grant.chain,
        authenticated_at=grant.authenticated_at,
        amr=grant.amr,
    )
