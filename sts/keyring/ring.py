"""What the keys of a folder are good for at one instant: pure, and arranged anew only when something changes."""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from sts.crypto.base64url import encode_base64url, parse_base64url
from sts.crypto.jwk import KeySet, SigningKey, parse_private_jwk, render_jwk
from sts.crypto.sealing import KEY_LENGTH
from sts.errors import KeyMalformed, KeysRefused, Malformed, TokenInvalid
from sts.keyring.keyfiles import StoredKey, file_name
from sts.keyring.rotation import KeyLife, KeyStanding, KeyState, Purpose, Schedule, Slot, judge, next_change

_TEND = "`sts keys tend` makes what an earlier release did not know"
_PROBE = b"a key that does not verify what it signs must not leave the folder"


@dataclass(frozen=True, slots=True, kw_only=True)
class Material:
    """The keys themselves, read from their files: they do not change with time."""

    signing: Mapping[KeyLife, SigningKey] = field(repr=False)
    symmetric: Mapping[KeyLife, bytes] = field(repr=False)

    @property
    def lives(self) -> tuple[KeyLife, ...]:
        """The life of every key."""
        return (*self.signing, *self.symmetric)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ring:
    """The keys by their use at one instant; *good_until* is when it must be arranged anew, None if never."""

    material: Material = field(repr=False)
    standings: tuple[KeyStanding, ...]
    signing: Mapping[str, SigningKey] = field(repr=False)
    key_set: KeySet = field(repr=False)
    published: tuple[SigningKey, ...] = field(repr=False)
    symmetric: Mapping[tuple[Purpose, int], bytes] = field(repr=False)
    current: Mapping[Purpose, int]
    jwks: bytes = field(repr=False)
    etag: str
    good_until: datetime | None


def parse_material(stored: Iterable[StoredKey], known: Material | None = None) -> Material:
    """Return the keys in *stored*, each proven to verify what it signs; raises KeysRefused, naming every fault.

    A key that *known* holds already, with the same life, is neither parsed nor proven again.
    """
    signing: dict[KeyLife, SigningKey] = {}
    symmetric: dict[KeyLife, bytes] = {}
    faults: list[str] = []
    for key in stored:
        try:
            if key.life.purpose is not Purpose.SIGNING:
                symmetric[key.life] = _parse_secret(key)
            elif known is not None and key.life in known.signing:
                signing[key.life] = known.signing[key.life]
            else:
                signing[key.life] = _prove(key)
        except (Malformed, TokenInvalid) as fault:
            faults.append(f"{file_name(key.life)} {fault.message}")
    if faults:
        raise KeysRefused("The key folder is refused: " + "; ".join(faults))
    return Material(signing=signing, symmetric=symmetric)


def arrange(material: Material, now: datetime, schedule: Schedule, wanted: Iterable[Slot]) -> Ring:
    """Return *material* by its use at *now*; raises KeysRefused when a wanted slot has no current key."""
    standings = judge(material.lives, now, schedule)
    working = {standing.life.slot: standing.life for standing in standings if standing.state is KeyState.CURRENT}
    missing = [" ".join(filter(None, (slot.algorithm, slot.purpose))) for slot in wanted if slot not in working]
    if missing:
        raise KeysRefused(f"The key folder lacks a current key: {', '.join(missing)}; where it can be written, {_TEND}")
    kept = [standing.life for standing in standings if standing.state is not KeyState.GONE]
    published = tuple(material.signing[life] for life in kept if life.purpose is Purpose.SIGNING)
    jwks, etag = render_jwks(published)
    return Ring(
        material=material,
        standings=standings,
        signing={
            life.algorithm: material.signing[life]
            for life in working.values()
            if life.purpose is Purpose.SIGNING and life.algorithm
        },
        key_set=KeySet(tuple(key.verification_key() for key in published)),
        published=published,
        symmetric={
            (life.purpose, life.version): material.symmetric[life]
            for life in kept
            if life.purpose is not Purpose.SIGNING
        },
        current={life.purpose: life.version for life in working.values() if life.purpose is not Purpose.SIGNING},
        jwks=jwks,
        etag=etag,
        good_until=next_change(standings, now),
    )


def _parse_secret(key: StoredKey) -> bytes:
    text = key.jwk.get("k")
    if key.jwk.get("kty") != "oct" or not isinstance(text, str):
        raise KeyMalformed("holds no symmetric key")
    secret = parse_base64url(text.encode("utf-8"))
    if len(secret) != KEY_LENGTH:
        raise KeyMalformed(f"holds a key that has not {KEY_LENGTH} bytes")
    return secret


def _prove(key: StoredKey) -> SigningKey:
    """Return the signing key, once what it signs verifies: a damaged key would mint tokens that nobody takes."""
    parsed = parse_private_jwk(key.jwk)
    if parsed.algorithm.name != key.life.algorithm:
        raise KeyMalformed("holds a key for another algorithm than its name says")
    public = parsed.verification_key()
    parsed.algorithm.verify(_PROBE, public.material, parsed.algorithm.sign(_PROBE, parsed.material))
    return parsed


def render_jwks(keys: Iterable[SigningKey]) -> tuple[bytes, str]:
    """Return the public halves as a JWKS document, in the order of the keys' slots and lives, and its ETag."""
    entries = [render_jwk(key.verification_key()) for key in keys]
    jwks = json.dumps({"keys": entries}, separators=(",", ":")).encode("ascii")
    return jwks, f'"{encode_base64url(hashlib.sha256(jwks).digest()[:18])}"'
