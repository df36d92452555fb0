"""All pages: their table, and the endpoint that answers for them."""

from collections.abc import Iterator
from dataclasses import dataclass

from sts.access import Decider
from sts.assume import RoleSessions
from sts.audit.recording import Recorder
from sts.audit.search import Searches
from sts.audit.sums import Sums
from sts.authn.codes import CodeProof
from sts.authn.passwords import PasswordProof
from sts.authn.recovery import RecoveryProof
from sts.cache import Cache
from sts.clock import Clock
from sts.directory.access_keys import AccessKeys
from sts.directory.links import SignInLinks
from sts.directory.login_profiles import NewPasswords
from sts.directory.mfa_devices import MfaDevices
from sts.directory.providers import Providers
from sts.directory.recovery_codes import RecoveryCodes
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.logins.grants import Logins
from sts.logins.requests import LoginRequests
from sts.receipts import Receipts
from sts.sessions import BrowserSessions, Flows
from sts.signin.account_policies import account_policy_rows
from sts.signin.account_roles import account_role_rows
from sts.signin.again import AgainPages
from sts.signin.amending import AmendingPages
from sts.signin.auditing import AuditPages
from sts.signin.authorizing import AuthorizingPages
from sts.signin.endpoint import PagesEndpoint
from sts.signin.entering import EnteringPages
from sts.signin.factors import FactorPages
from sts.signin.home import home_rows
from sts.signin.keys import AccessKeyPages
from sts.signin.linking import LinkPages
from sts.signin.own_password import OwnPasswordPages
from sts.signin.own_sessions import SessionPages
from sts.signin.progress import Progress
from sts.signin.providers import ProviderPages
from sts.signin.rendering import build_renderer
from sts.signin.roles import RolePages
from sts.signin.row import Page
from sts.signin.security import FormTokens
from sts.signin.table import Table
from sts.signin.users import UserPages
from sts.store.database import Database
from sts.telemetry.meters import Meters

# The names of all rows, which are counted by them; a test compares.
PAGES = (
    "ActivateAccessKey",
    "AddFactor",
    "AssumeRole",
    "AuthorizeOAuth2Access",
    "ChangePassword",
    "ChooseNewPassword",
    "CreateAccessKey",
    "CreateSignInLink",
    "DeactivateAccessKey",
    "DeclineOAuth2Access",
    "DeleteAccessKey",
    "DisableProvider",
    "DisableUser",
    "EnableProvider",
    "EnableUser",
    "EndLogin",
    "EndOtherSessions",
    "EndSession",
    "EndUserSessions",
    "EnrolDevice",
    "MakeRecoveryCodes",
    "ProveAgain",
    "ProveCode",
    "ProveRecoveryCode",
    "ReleaseUserFactor",
    "RemoveFactor",
    "RequirePasswordChange",
    "RequireUserFactor",
    "RevokePrincipal",
    "SetPassword",
    "ShowAccessKeys",
    "ShowAccountRole",
    "ShowAccountRoles",
    "ShowAgain",
    "ShowAudit",
    "ShowAuthorization",
    "ShowCode",
    "ShowConfirmation",
    "ShowEnrolment",
    "ShowFactors",
    "ShowGroup",
    "ShowGroups",
    "ShowHome",
    "ShowLink",
    "ShowNewFactor",
    "ShowNewPassword",
    "ShowPassword",
    "ShowPolicies",
    "ShowPolicy",
    "ShowProvider",
    "ShowProviders",
    "ShowRecovery",
    "ShowRoles",
    "ShowServicePolicy",
    "ShowSessions",
    "ShowSignIn",
    "ShowSignOut",
    "ShowSignedOut",
    "ShowUser",
    "ShowUsers",
    "SignIn",
    "SignOut",
    "UnlockUser",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the pages stand on."""

    issuer: str
    database: Database
    cache: Cache
    keyring: Keyring
    clock: Clock
    entropy: Entropy
    sessions: BrowserSessions
    passwords: PasswordProof
    new_passwords: NewPasswords
    links: SignInLinks
    codes: CodeProof
    logins: Logins
    assuming: RoleSessions
    access: Decider
    journal: Recorder
    sums: Sums
    meters: Meters


def build_pages(parts: Parts) -> PagesEndpoint:
    """Return what answers at every address under `/ui/`."""
    flows = Flows(parts.cache, parts.keyring, parts.clock, parts.entropy)
    return PagesEndpoint(
        table=Table.compile(_build_rows(parts, flows)),
        sessions=parts.sessions,
        flows=flows,
        tokens=FormTokens(parts.keyring),
        access=parts.access,
        receipts=Receipts(parts.keyring),
        journal=parts.journal,
        sums=parts.sums,
        meters=parts.meters,
        database=parts.database,
        clock=parts.clock,
        entropy=parts.entropy,
        renderer=build_renderer(),
    )


def _build_rows(parts: Parts, flows: Flows) -> Iterator[Page]:
    progress = Progress(flows, parts.sessions, parts.passwords, parts.keyring, parts.entropy)
    recovery = RecoveryProof(parts.keyring, parts.codes)
    devices, recovery_codes = MfaDevices(parts.entropy, parts.keyring), RecoveryCodes(parts.entropy, parts.keyring)
    yield from EnteringPages(parts.passwords, parts.codes, recovery, progress, parts.clock).rows()
    yield from AmendingPages(parts.new_passwords, devices, recovery_codes, progress, parts.issuer, parts.clock).rows()
    yield from LinkPages(parts.links, parts.new_passwords, parts.passwords.addresses, progress, parts.clock).rows()
    yield from AgainPages(parts.passwords, progress, parts.clock).rows()
    yield from AuthorizingPages(LoginRequests(parts.keyring, parts.clock), parts.logins, parts.issuer).rows()
    yield from OwnPasswordPages(parts.passwords, parts.new_passwords, parts.sessions).rows()
    yield from FactorPages(devices, recovery_codes, parts.sessions, parts.keyring, parts.issuer, parts.clock).rows()
    yield from AuditPages(Searches(parts.keyring)).rows()
    yield from AccessKeyPages(AccessKeys(parts.entropy, parts.keyring)).rows()
    yield from RolePages(parts.assuming, parts.sessions, parts.access).rows()
    yield from SessionPages(Searches(parts.keyring), parts.sessions, parts.clock).rows()
    yield from UserPages(parts.links, parts.sessions, parts.clock).rows()
    yield from ProviderPages(Providers(parts.entropy, parts.keyring)).rows()
    yield from account_role_rows()
    yield from account_policy_rows()
    yield from home_rows()
