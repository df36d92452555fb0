"""The composition root: every part of the house, put together; the only place that knows them all."""

import importlib.metadata
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import Route

from sts.access import Access, Decider
from sts.api.endpoint import AdministrationEndpoint
from sts.api.row import Parts
from sts.assume import RoleSessions
from sts.audit.recording import Recorder
from sts.audit.search import Searches
from sts.audit.sums import Sums
from sts.authn.addresses import AddressCounts
from sts.authn.arrival import BehindProxies
from sts.authn.bearers import BearerProof
from sts.authn.codes import CodeProof
from sts.authn.devices import KnownDevices
from sts.authn.passwords import PasswordProof
from sts.authn.possession import Possessions
from sts.authn.signature import Prover, SignatureProof
from sts.authn.throttle import Throttle, build_throttle
from sts.authn.webidentity import WebIdentity
from sts.aws.endpoint import Identifier, QueryEndpoint
from sts.aws.foreign import UnknownPath
from sts.aws.iam.operations import build_iam_rows
from sts.aws.identity_tokens import IdentityTokenOperation
from sts.aws.login.authorize import PATH as AUTHORIZE_PATH
from sts.aws.login.authorize import AuthorizeEndpoint
from sts.aws.login.token import PATH as TOKEN_PATH
from sts.aws.login.token import TokenEndpoint
from sts.aws.operations import Operations
from sts.aws.row import Operation as Row
from sts.aws.sts import StsOperations
from sts.aws.web_identity import WebIdentityOperations, WebIdentityProof
from sts.cache.address import MEMORY
from sts.clock import Clock, SystemClock
from sts.credentials import Credentials
from sts.crypto.passwords import Cost
from sts.directory.access_keys import AccessKeys
from sts.directory.accounts import Accounts
from sts.directory.links import SignInLinks
from sts.directory.login_profiles import NewPasswords
from sts.directory.mfa_devices import MfaDevices
from sts.directory.providers import Providers
from sts.directory.resealing import Sealing
from sts.directory.users import Users
from sts.egress.fetching import Egress
from sts.entropy import Entropy
from sts.errors import Refusal
from sts.evaluator import Evaluator
from sts.foundation import Foundation, lay_foundation
from sts.hashing import PasswordHasher
from sts.health.metrics import MetricsPage
from sts.health.probes import Probes
from sts.health.readiness import Readiness
from sts.identity_tokens import IdentityTokens
from sts.issuers.checking import IssuerCheck
from sts.issuers.keysets import KeySets
from sts.issuers.shared import SharedKeySets
from sts.lending import UserSessions
from sts.logins.grants import Logins
from sts.logins.requests import CONFIRMATION_PATH, LoginRequests
from sts.logins.tokens import LoginTokens
from sts.metering import build_meters, build_registry, build_sampler
from sts.oauth.metadata import KeySetEndpoint
from sts.oauth.outbound_issuers import OutboundIssuerDocuments
from sts.receipts import Receipts
from sts.sessions import BrowserSessions
from sts.settings import Settings
from sts.signin.endpoint import PagesEndpoint
from sts.signin.pages import Parts as PageParts
from sts.signin.pages import build_pages
from sts.store.address import SQLITE
from sts.telemetry.meters import Meters
from sts.telemetry.sampling import Sampler
from sts.tracing.untraced import Untraced
from sts.upkeep import Upkeep

if TYPE_CHECKING:
    from sts.tracing.traced import Traced

_NO_TRACES = "OTEL_EXPORTER_OTLP_ENDPOINT asks for traces, and their sender is not installed: pip install 'sts[traces]'"


def create_app(
    settings: Settings,
    *,
    clock: Clock | None = None,
    entropy: Entropy | None = None,
    readiness: Readiness | None = None,
    sums: Sums | None = None,
    meters: Meters | None = None,
) -> Starlette:
    """Return the service as an ASGI application; raises Refusal kin when it cannot start.

    The server around it may share *readiness*, to drain, and *sums* and *meters*, to count what it refuses by itself.
    """
    tracing = _open_tracing(settings)
    at = lay_foundation(settings, clock or SystemClock(), entropy or Entropy(), meters or build_meters(), tracing)
    at = at if sums is None else replace(at, sums=sums)
    sampler = build_sampler(at.meters, at.snapshot, at.journal)
    upkeep = _upkeep(at, sampler)
    metrics = MetricsPage(build_registry(at.meters, at.keyring, at.clock), sampler, settings.metrics_from)
    probes = Probes(at.database, at.cache, at.journal, readiness or Readiness())
    app = Starlette(
        routes=[
            *_build_fronts(settings, at, tracing),
            Route("/.well-known/jwks.json", KeySetEndpoint(at.keyring).get),
            *OutboundIssuerDocuments(settings.issuer, at.keyring, at.snapshot).routes(),
            Route("/livez", probes.live),
            Route("/readyz", probes.ready),
            Route("/metrics", metrics.show),
        ],
        middleware=[*tracing.around_requests(), *_behind_proxies(settings)],
        exception_handlers={404: UnknownPath(at.entropy).refuse},
        lifespan=lambda _app: _live(upkeep, tracing),
    )
    # A redirect would be made of the request's own Host header, and send a client to whoever wrote it.
    app.router.redirect_slashes = False
    return app


@dataclass(frozen=True, slots=True, kw_only=True)
class _Verbs:
    """What several fronts call, each made once: two that count, lock or trace would each know of half."""

    proof: Prover
    web_identities: Identifier
    access: Decider
    journal: Recorder
    throttle: Throttle
    codes: CodeProof
    passwords: PasswordProof
    new_passwords: NewPasswords
    assuming: RoleSessions
    lending: UserSessions
    logins: Logins
    egress: Egress


def _build_verbs(settings: Settings, at: Foundation, tracing: "Untraced | Traced") -> _Verbs:
    credentials = Credentials(settings.issuer, at.keyring, at.cache, at.clock, at.entropy, at.meters)
    throttle = build_throttle(settings.failed_proofs, settings.caller_requests, at.clock)
    proof = SignatureProof(at.snapshot, at.coherence, credentials, at.keyring, at.clock, throttle)
    hasher, addresses, egress = _build_hasher(at, settings), AddressCounts(at.cache, at.clock), Egress()
    lending = UserSessions(credentials, at.snapshot, at.clock)
    return _Verbs(
        proof=tracing.around_proof(proof),
        web_identities=tracing.around_web_identities(_build_web_identities(settings, at, throttle, egress)),
        access=tracing.around_access(Access(Evaluator(at.snapshot))),
        journal=tracing.around_journal(at.journal),
        throttle=throttle,
        codes=CodeProof(at.database, at.keyring, at.clock, addresses),
        passwords=_build_password_proof(at, settings, hasher, addresses),
        new_passwords=NewPasswords(at.database, hasher),
        assuming=RoleSessions(credentials, at.snapshot, at.clock),
        lending=lending,
        logins=build_logins(settings, at, lending),
        egress=egress,
    )


def _build_web_identities(settings: Settings, at: Foundation, throttle: Throttle, egress: Egress) -> WebIdentityProof:
    verifier = WebIdentity(settings.issuer, at.snapshot, build_key_sets(settings, at, egress), at.clock)
    return WebIdentityProof(BearerProof(verifier, at.coherence, throttle))


def build_key_sets(settings: Settings, at: Foundation, egress: Egress) -> KeySets:
    """Return what finds the keys of identity providers."""
    shared = SharedKeySets(at.cache, at.keyring)
    return KeySets(egress, shared, at.clock, at.meters, private=settings.private_providers)


def _build_fronts(settings: Settings, at: Foundation, tracing: "Untraced | Traced") -> tuple[Route, ...]:
    """Return the routes whose requests are proven, decided and recorded; the hot one first."""
    verbs = _build_verbs(settings, at, tracing)
    pages = _pages(settings, at, verbs)
    return (
        Route("/", _query_endpoint(at, verbs, tracing.around_rows(_signed_rows(settings, at, verbs)))),
        Route("/api/{path:path}", _administration_endpoint(settings, at, verbs)),
        *_login_routes(settings, at, verbs),
        Route(CONFIRMATION_PATH, pages),
        Route("/ui", pages),
        Route("/ui/{path:path}", pages),
    )


def _signed_rows(settings: Settings, at: Foundation, verbs: _Verbs) -> tuple[Row, ...]:
    sts = StsOperations(verbs.assuming, verbs.lending, verbs.codes, Receipts(at.keyring))
    tokens = IdentityTokens(settings.issuer, at.keyring, at.snapshot, at.clock, at.entropy)
    iam = build_iam_rows(
        keyring=at.keyring,
        entropy=at.entropy,
        clock=at.clock,
        codes=verbs.codes,
        passwords=verbs.new_passwords,
        proof=verbs.passwords,
        issuer=settings.issuer,
        providers=build_providers(at, settings),
    )
    others = (*IdentityTokenOperation(tokens).rows(), *WebIdentityOperations(verbs.assuming).rows())
    return (*sts.rows(), *others, *iam)


def _pages(settings: Settings, at: Foundation, verbs: _Verbs) -> PagesEndpoint:
    return build_pages(
        PageParts(
            issuer=settings.issuer,
            database=at.database,
            cache=at.cache,
            keyring=at.keyring,
            clock=at.clock,
            entropy=at.entropy,
            sessions=build_sessions(at, settings),
            passwords=verbs.passwords,
            new_passwords=verbs.new_passwords,
            links=build_links(at, settings),
            codes=verbs.codes,
            logins=verbs.logins,
            assuming=verbs.assuming,
            access=verbs.access,
            journal=verbs.journal,
            sums=at.sums,
            meters=at.meters,
        )
    )


@asynccontextmanager
async def _live(upkeep: Upkeep, tracing: "Untraced | Traced") -> AsyncIterator[None]:
    try:
        async with upkeep.run():
            yield
    finally:
        await tracing.close()


def _open_tracing(settings: Settings) -> "Untraced | Traced":
    if settings.traces_to is None:
        return Untraced()
    try:
        from sts.tracing.traced import open_traced  # noqa: PLC0415  an extra, and a tenth of a second
    except ModuleNotFoundError as missing:
        if not (missing.name or "").startswith("opentelemetry"):
            raise
        raise Refusal(_NO_TRACES) from missing
    return open_traced(
        settings.traces_to,
        importlib.metadata.version("sts"),
        settings.trusted_proxies,
        store_system="sqlite" if settings.database_url.startswith(SQLITE) else "postgresql",
        cache_system="memory" if settings.cache_url == MEMORY else "redis",
    )


def _upkeep(at: Foundation, sampler: Sampler) -> Upkeep:
    return Upkeep(
        clock=at.clock,
        keyring=at.keyring,
        database=at.database,
        coherence=at.coherence,
        journal=at.journal,
        sums=at.sums,
        sealing=build_sealing(at),
        beside=(at.cache.attend, sampler.run),
    )


def _behind_proxies(settings: Settings) -> list[Middleware]:
    trusted = settings.trusted_proxies
    return [Middleware(BehindProxies, trusted=trusted)] if trusted else []


def _query_endpoint(at: Foundation, verbs: _Verbs, rows: Iterable[Row]) -> QueryEndpoint:
    return QueryEndpoint(
        operations=Operations.compile(rows),
        proof=verbs.proof,
        web_identities=verbs.web_identities,
        access=verbs.access,
        receipts=Receipts(at.keyring),
        journal=verbs.journal,
        sums=at.sums,
        meters=at.meters,
        database=at.database,
        clock=at.clock,
        entropy=at.entropy,
    )


def _login_routes(settings: Settings, at: Foundation, verbs: _Verbs) -> tuple[Route, ...]:
    token = TokenEndpoint(
        logins=verbs.logins,
        possessions=Possessions(settings.issuer, at.cache, at.clock),
        addresses=verbs.passwords.addresses,
        throttle=verbs.throttle,
        coherence=at.coherence,
        access=verbs.access,
        journal=verbs.journal,
        sums=at.sums,
        meters=at.meters,
        keyring=at.keyring,
        issuer=settings.issuer,
        clock=at.clock,
        entropy=at.entropy,
    )
    authorize = AuthorizeEndpoint(LoginRequests(at.keyring, at.clock), settings.issuer, at.clock, at.entropy)
    return Route(AUTHORIZE_PATH, authorize), Route(TOKEN_PATH, token)


def build_logins(settings: Settings, at: Foundation, lending: UserSessions) -> Logins:
    """Return what grants logins of command lines."""
    return Logins(
        lending=lending,
        tokens=LoginTokens(at.keyring),
        database=at.database,
        clock=at.clock,
        entropy=at.entropy,
        life=settings.login,
    )


def _administration_endpoint(settings: Settings, at: Foundation, verbs: _Verbs) -> AdministrationEndpoint:
    return AdministrationEndpoint(
        proof=verbs.proof,
        access=verbs.access,
        receipts=Receipts(at.keyring),
        journal=verbs.journal,
        sums=at.sums,
        meters=at.meters,
        database=at.database,
        parts=Parts(
            searches=Searches(at.keyring),
            links=build_links(at, settings),
            providers=build_providers(at, settings),
            issuers=IssuerCheck(verbs.egress, at.clock, settings.private_providers),
            clock=at.clock,
        ),
        clock=at.clock,
        entropy=at.entropy,
    )


def _build_hasher(at: Foundation, settings: Settings) -> PasswordHasher:
    cost = Cost(memory_kib=settings.password_memory_kib, passes=settings.password_passes)
    return PasswordHasher(at.keyring, at.entropy, cost)


def _build_password_proof(
    at: Foundation, settings: Settings, hasher: PasswordHasher, addresses: AddressCounts
) -> PasswordProof:
    devices = KnownDevices(at.keyring, at.entropy)
    return PasswordProof(at.database, hasher, devices, addresses, at.clock, settings.root_signs_in)


def build_sessions(at: Foundation, settings: Settings) -> BrowserSessions:
    """Return what begins, opens and ends sessions of browsers."""
    return BrowserSessions(
        at.database, at.snapshot, at.coherence, at.keyring, at.clock, at.entropy, settings.browser_sessions
    )


def build_accounts(at: Foundation) -> Accounts:
    """Return what makes accounts."""
    return Accounts(at.entropy, Users(at.entropy), AccessKeys(at.entropy, at.keyring))


def build_links(at: Foundation, settings: Settings) -> SignInLinks:
    """Return what makes links by which people set passwords."""
    return SignInLinks(at.entropy, at.keyring, settings.issuer, settings.sign_in_link, settings.root_signs_in)


def build_providers(at: Foundation, settings: Settings) -> Providers:
    """Return what changes identity providers."""
    return Providers(at.entropy, at.keyring, private=settings.private_providers)


def build_sealing(at: Foundation) -> tuple[Sealing, ...]:
    """Return all who keep sealed values."""
    return tuple(keeper(at.entropy, at.keyring) for keeper in (AccessKeys, MfaDevices, Providers))
