"""Mint and open temporary AWS credentials.

A session token is a compact JWS that says who a session is (its claims stand in `Claims`). It never proves who sent a
request: it travels in clear in every signed request and presigned URL, so nothing takes it as a bearer token. The
secret access key is an HMAC, under a derivation key that never leaves the keyring, over the token's identifiers and
end: any node opens any session without a look-up, and the token with every public key yields nothing.
"""

import base64
import contextlib
import hashlib
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Annotated

import msgspec

from sts.cache import Cache
from sts.clock import Clock
from sts.entropy import Entropy
from sts.errors import (
    CredentialUnknown,
    KeyUnknown,
    PackedTooLarge,
    SealBroken,
    SessionEnded,
    TokenInvalid,
    TokenMalformed,
    Unavailable,
)
from sts.federation import Values
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import STAMP_BYTES, make_stamp, verify_stamp
from sts.model import CallerKind, Hop, Secret, Session
from sts.tags import Tags
from sts.telemetry.meters import Meters

TOKEN_TYPE = "sts-session+jwt"  # noqa: S105  a media type, no secret
ALGORITHM = "ES256"
SKEW = timedelta(seconds=60)
PACK_BUDGET = 2_400  # characters of `pack`; PackedPolicySize is its percentage
_LARGEST_PACK = (
    256 * 1024
)  # bytes that `pack` may inflate to: an inflation bomb would be ours, but costs nothing to stop
_LONGEST_TOKEN = 4_096
_CACHE_LABEL = b"opened-session"
_INVALID = "The security token included in the request is invalid."
_ENDED = "The security token included in the request is expired"


_END_OF_TIME = 253_402_300_799  # seconds of the epoch at the end of the year 9999
Seconds = Annotated[int, msgspec.Meta(ge=0, le=_END_OF_TIME)]


class ChainLink(msgspec.Struct, array_like=True, frozen=True):
    """A hop as the claim `chain` writes it.

    ARN, session name, instant, principal's unique id, `jti`, id of the long-term key that it began with. The instant is
    in seconds of the epoch, to the microsecond: what was begun right after a revocation is told by it.
    """

    arn: str
    session_name: str
    at: Annotated[float, msgspec.Meta(ge=0, le=_END_OF_TIME)]
    principal_id: str
    jti: str
    access_key_id: str = ""


class Pack(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the claim `pack` holds, deflated: session policies, inline and by ARN, and tags; which are transitive."""

    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: dict[str, str] = {}
    transitive: tuple[str, ...] = ()


class Claims(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """The claims of a session token, version 1. Instants are seconds of the epoch."""

    iss: str
    aud: str
    sub: str
    iat: Seconds
    nbf: Seconds
    exp: Seconds
    jti: str
    ver: Annotated[int, msgspec.Meta(ge=1, le=1)]
    akid: str
    acct: str
    pid: str
    dkv: int
    chain: tuple[ChainLink, ...]
    role: str = ""  # the role's ARN, of a role session
    user: str = ""  # the user's ARN, of a user's session
    rsn: str = ""
    src: str = ""
    amr: tuple[str, ...] = ()
    auth_time: Seconds = 0
    fed: dict[str, tuple[str, ...]] = {}  # claims of the token that it was begun with
    pack: str = ""


_encode = msgspec.json.Encoder().encode
_decode_claims = msgspec.json.Decoder(Claims).decode
_decode_pack = msgspec.json.Decoder(Pack).decode


@dataclass(frozen=True, slots=True, kw_only=True)
class Grant:
    """A session that is to be: whose, for how long, how limited; *chain* is who began and the sessions before it.

    *began_at* is what revocations are compared with; its end is reckoned from the time of the clock.
    """

    account_id: str
    kind: CallerKind = CallerKind.ROLE_SESSION
    principal_id: str
    principal_arn: str
    session_name: str
    arn: str
    began_at: datetime
    duration: timedelta
    chain: tuple[Hop, ...]
    policies: tuple[str, ...] = ()
    policy_arns: tuple[str, ...] = ()
    tags: Tags = field(default_factory=dict)
    transitive_keys: tuple[str, ...] = ()
    source_identity: str | None = None
    authenticated_at: datetime | None = None  # when a second factor was shown
    amr: tuple[str, ...] = ()  # how it was authenticated (RFC 8176)
    federation: Mapping[str, Values] = field(default_factory=dict)  # claims that policies may ask of the session


@dataclass(frozen=True, slots=True, kw_only=True)
class TemporaryCredentials:
    """What is handed out: three texts and their end; *packed_percent* is what policies and tags took of the budget."""

    access_key_id: str
    secret_access_key: Secret
    session_token: Secret
    expires_at: datetime
    jti: str
    packed_percent: int | None


@dataclass(frozen=True, slots=True)
class Credentials:
    """Mints and opens the temporary credentials of one issuer."""

    issuer: str
    keyring: Keyring
    cache: Cache
    clock: Clock
    entropy: Entropy
    meters: Meters

    async def mint(self, grant: Grant) -> TemporaryCredentials:
        """Mint credentials for *grant*; raises PackedTooLarge when its policies do not fit."""
        pack = _pack(grant)
        claims = self._claims(grant, pack)
        version, secret = self.keyring.derive_secret(None, *_derived_from(claims))
        claims = msgspec.structs.replace(claims, dkv=version)
        payload = _encode(claims)
        token = self.keyring.sign_token(TOKEN_TYPE, payload, ALGORITHM)
        if len(token) > _LONGEST_TOKEN:
            raise PackedTooLarge("The session's names and policies do not fit into a session token")
        await self._remember(token, payload, claims)
        self.meters.count_minted()
        return TemporaryCredentials(
            access_key_id=claims.akid,
            secret_access_key=secret,
            session_token=Secret(token),
            expires_at=datetime.fromtimestamp(claims.exp, UTC),
            jti=claims.jti,
            packed_percent=-(-100 * len(pack) // PACK_BUDGET) if pack else None,
        )

    async def open(self, token: str, access_key_id: str) -> tuple[Session, Secret]:
        """Return the session that *token* speaks of, with its secret access key.

        Raises CredentialUnknown when it is no token of ours or not that of *access_key_id*, SessionEnded when it is
        past its end. What is returned proves nothing until a signature made with the secret was verified.
        """
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            raise CredentialUnknown(_INVALID, detail="not of a session token's size or characters")
        payload = await self._recall(token) or await self._verify(token)
        claims = _read_claims(payload)
        self._check(claims, access_key_id)
        try:
            _, secret = self.keyring.derive_secret(claims.dkv, *_derived_from(claims))
        except KeyUnknown as removed:  # an emergency took the key, and with it every session that it made
            raise CredentialUnknown(_INVALID, detail=removed.message, claimed=claims.sub) from None
        return _read_session(claims), secret

    def _claims(self, grant: Grant, pack: str) -> Claims:
        now, jti = int(self.clock.now().timestamp()), self.entropy.nonce()
        own = Hop(
            arn=grant.principal_arn,
            session_name=grant.session_name,
            at=grant.began_at,
            principal_id=grant.principal_id,
            jti=jti,
        )
        is_role = grant.kind is CallerKind.ROLE_SESSION
        return Claims(
            iss=self.issuer,
            aud=self.issuer,
            sub=grant.arn,
            iat=now,
            nbf=now - int(SKEW.total_seconds()),
            exp=now + int(grant.duration.total_seconds()),
            jti=jti,
            ver=1,
            akid=self.entropy.access_key_id("ASIA", grant.account_id),
            acct=grant.account_id,
            pid=grant.principal_id,
            role=grant.principal_arn if is_role else "",
            user="" if is_role else grant.principal_arn,
            rsn=grant.session_name,
            src=grant.source_identity or "",
            amr=grant.amr,
            auth_time=0 if grant.authenticated_at is None else int(grant.authenticated_at.timestamp()),
            fed=dict(grant.federation),
            dkv=0,  # known once the secret is derived
            chain=(*map(_link, grant.chain), _link(own)),
            pack=pack,
        )

    def _check(self, claims: Claims, access_key_id: str) -> None:
        if claims.akid != access_key_id or claims.iss != self.issuer or claims.aud != self.issuer:
            raise CredentialUnknown(_INVALID, detail="of another access key or issuer", claimed=claims.sub)
        now = self.clock.now().timestamp()
        if now >= claims.exp:
            raise SessionEnded(_ENDED, claimed=claims.sub)
        if now < claims.nbf:
            raise CredentialUnknown(_INVALID, detail="not valid yet", claimed=claims.sub)

    async def _verify(self, token: str) -> bytes:
        try:
            payload = self.keyring.verify_token(token, TOKEN_TYPE)
        except (TokenMalformed, TokenInvalid) as error:
            raise CredentialUnknown(_INVALID, detail=error.message) from None
        await self._remember(token, payload, _read_claims(payload))
        self.meters.count_opened("signature")
        return payload

    async def _remember(self, token: str, payload: bytes, claims: Claims) -> None:
        """Put the verified payload into the cache, bound to the token's hash by a MAC; it holds no secret."""
        digest = hashlib.sha256(token.encode("ascii")).digest()
        span = timedelta(seconds=claims.exp - int(self.clock.now().timestamp()))
        if span > timedelta(0):
            stamp = make_stamp(self.keyring, Purpose.MARKER, _CACHE_LABEL, digest + payload)
            # Unreachable, it costs time only: whoever opens the session verifies its token. The cache logs its outage.
            with contextlib.suppress(Unavailable):
                await self.cache.put(_cache_key(digest), stamp + payload, span)

    async def _recall(self, token: str) -> bytes | None:
        """Return the payload that was remembered for *token*; one whose MAC does not hold is a miss."""
        digest = hashlib.sha256(token.encode("ascii")).digest()
        try:
            kept = await self.cache.get(_cache_key(digest))
        except Unavailable:  # bypassed: the token's own signature says the same
            return None
        if kept is None:
            return None
        stamp, payload = kept[:STAMP_BYTES], kept[STAMP_BYTES:]
        try:
            verify_stamp(self.keyring, Purpose.MARKER, _CACHE_LABEL, digest + payload, stamp)
            self.keyring.verify_standing(token)
        # Somebody wrote into the cache, or the token's key was removed since: it is verified as if nothing was there.
        except (SealBroken, KeyUnknown):
            return None
        self.meters.count_opened("cache")
        return payload


def _derived_from(claims: Claims) -> tuple[str, ...]:
    return claims.jti, claims.akid, claims.pid, str(claims.exp)


def _cache_key(digest: bytes) -> str:
    return f"session:{digest.hex()}"


def _read_claims(payload: bytes) -> Claims:
    try:
        claims = _decode_claims(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        raise CredentialUnknown(_INVALID, detail="its claims are not those of version 1") from None
    if bool(claims.role) == bool(claims.user):
        raise CredentialUnknown(_INVALID, detail="neither of a role nor of a user, or of both", claimed=claims.sub)
    return claims


def _pack(grant: Grant) -> str:
    packed = Pack(grant.policies, grant.policy_arns, dict(grant.tags), grant.transitive_keys)
    if packed == Pack():
        return ""
    deflated = zlib.compress(_encode(packed), 9)
    pack = base64.urlsafe_b64encode(deflated).decode("ascii").rstrip("=")
    if len(pack) > PACK_BUDGET:
        percent = -(-100 * len(pack) // PACK_BUDGET)
        raise PackedTooLarge(
            f"The session policies and tags take {percent} percent of the space that a session has for them"
        )
    return pack


def _unpack(pack: str) -> Pack:
    if not pack:
        return Pack()
    inflate = zlib.decompressobj()
    text = inflate.decompress(base64.urlsafe_b64decode(pack + "=" * (-len(pack) % 4)), _LARGEST_PACK)
    if not inflate.eof:
        raise CredentialUnknown(_INVALID, detail="its pack inflates past the bound")
    return _decode_pack(text)


def _read_session(claims: Claims) -> Session:
    try:
        return _session(claims)
    except (ValueError, zlib.error, msgspec.DecodeError):
        raise CredentialUnknown(_INVALID, detail="its pack cannot be read", claimed=claims.sub) from None


def _session(claims: Claims) -> Session:
    pack = _unpack(claims.pack)
    return Session(
        jti=claims.jti,
        access_key_id=claims.akid,
        account_id=claims.acct,
        kind=_kind_of(claims),
        principal_id=claims.pid,
        principal_arn=claims.role or claims.user,
        session_name=claims.rsn,
        issued_at=datetime.fromtimestamp(claims.iat, UTC),
        expires_at=datetime.fromtimestamp(claims.exp, UTC),
        chain=tuple(map(_hop, claims.chain)),
        policies=pack.policies,
        policy_arns=pack.policy_arns,
        tags=pack.tags,
        transitive_keys=pack.transitive,
        source_identity=claims.src or None,
        authenticated_at=datetime.fromtimestamp(claims.auth_time, UTC) if claims.auth_time else None,
        amr=claims.amr,
        federation=claims.fed,
    )


def _kind_of(claims: Claims) -> CallerKind:
    if claims.role:
        return CallerKind.ROLE_SESSION
    if claims.rsn:
        return CallerKind.FEDERATED_USER
    return CallerKind.ROOT if claims.pid == claims.acct else CallerKind.USER


def _hop(link: ChainLink) -> Hop:
    return Hop(
        arn=link.arn,
        session_name=link.session_name,
        at=datetime.fromtimestamp(link.at, UTC),
        principal_id=link.principal_id,
        jti=link.jti,
        access_key_id=link.access_key_id,
    )


def _link(hop: Hop) -> ChainLink:
    return ChainLink(hop.arn, hop.session_name, hop.at.timestamp(), hop.principal_id, hop.jti, hop.access_key_id)
