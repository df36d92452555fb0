"""The keyring: signs, verifies, derives, seals and authenticates with keys that never leave it.

Nothing on the way of a request touches the disk. The folder is read at the start, by `refresh` when it changed, and
once when something names a key that is not known here: another process may have made it a moment ago.
"""

import base64
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from sts.clock import Clock
from sts.crypto import sealing
from sts.crypto.base64url import parse_base64url
from sts.crypto.jsonobject import parse_json_object
from sts.crypto.jwk import KeySet, SigningKey
from sts.crypto.jws import sign_jws, verify_jws
from sts.entropy import Entropy
from sts.errors import KeysRefused, KeyUnknown, SealBroken, TokenInvalid
from sts.keyring import keyfiles
from sts.keyring.keyfiles import FolderMark
from sts.keyring.making import fill_slots, make_key
from sts.keyring.ring import Material, Ring, arrange, parse_material, render_jwks
from sts.keyring.rotation import (
    SIGNING_ALGORITHMS,
    KeyLife,
    KeyStanding,
    KeyState,
    Purpose,
    Removal,
    Schedule,
    Slot,
    find_due,
    plan_removals,
    plan_rotation,
    slots,
)
from sts.model import Secret

# However many unknown keys are named, the folder is read for their sake once in this time.
_BRAKE = timedelta(seconds=1)
_DERIVED_LENGTH = 30  # forty characters of base64, the form of a secret access key
_DERIVATION_LABEL = b"sts secret access key 1"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRecord:
    """A key as `sts keys list` shows it: no secret; *kid* is None for symmetric keys.

    *works_from* is when it begins to sign, seal or derive; *works_until* and *gone_at* are None while they are open.
    *due_at* is when its successor takes over, planned already or only by the schedule; None where neither says.
    """

    purpose: Purpose
    algorithm: str | None
    version: int
    kid: str | None
    state: KeyState
    made_at: datetime
    works_from: datetime
    works_until: datetime | None
    gone_at: datetime | None
    due_at: datetime | None


class _Reading(NamedTuple):
    """What was read of the folder, and its mark then.

    Kept and replaced as one value: threads read and arrange beside each other, and keys under the mark of a later
    folder would never be read again, so that a removed key stayed.
    """

    mark: FolderMark
    ring: Ring


class Keyring:
    """The keys of one folder, in use."""

    __slots__ = ("_clock", "_entropy", "_folder", "_looked_at", "_reading", "_schedule", "_wanted")

    def __init__(
        self, folder: Path, clock: Clock, entropy: Entropy, schedule: Schedule, algorithms: Iterable[str]
    ) -> None:
        self._folder = folder
        self._clock = clock
        self._entropy = entropy
        self._schedule = schedule
        self._wanted = slots(algorithms)
        self._looked_at: datetime | None = None
        self._reading = self._read(None)

    def __repr__(self) -> str:
        return f"Keyring({self._folder})"

    # Tokens

    def sign_token(self, typ: str, claims: bytes, algorithm: str = "ES256") -> str:
        """Return *claims*, JSON in UTF-8, as a token of type *typ* under the current key of *algorithm*.

        The key was proven when it was loaded: that it verifies what it signs. To verify each token would cost more
        than to sign it (ES256 32 µs against 75).
        """
        return sign_jws({"typ": typ}, claims, self._signing_key(algorithm))

    def verify_token(self, token: str | bytes, typ: str) -> bytes:
        """Return the payload of *token*, made here and of type *typ*; times and claims are the caller's to judge.

        Raises TokenMalformed or TokenInvalid.
        """
        try:
            verified = verify_jws(token, self._now_ring().key_set, self._algorithms())
        except KeyUnknown as fault:
            self._look_again(fault)
            verified = verify_jws(token, self._now_ring().key_set, self._algorithms())
        # A token of one kind is never taken for one of another (RFC 8725 section 3.11).
        if verified.header.get("typ") != typ:
            raise TokenInvalid("The token is of another type")
        return verified.payload

    def verify_standing(self, token: str) -> None:
        """Raise KeyUnknown unless the key that *token* names still verifies, or TokenMalformed when it names none.

        Nothing else of the token is looked at: this is for one that was verified before, whose key may be gone since.
        """
        kid = _read_kid(token.partition(".")[0])
        if all(key.kid != kid for key in self._now_ring().key_set.keys):
            raise KeyUnknown("The key that signed the token is gone")

    def jwks(self) -> tuple[bytes, str]:
        """Return the JWKS document, of next, current and verify-only keys in a stable order, and its ETag."""
        ring = self._now_ring()
        return ring.jwks, ring.etag

    def jwks_of(self, algorithms: Collection[str]) -> tuple[bytes, str]:
        """Return what `jwks` does of the keys of these algorithms alone."""
        return render_jwks(key for key in self._now_ring().published if key.algorithm.name in algorithms)

    def key_set(self, now: datetime) -> KeySet:
        """Return the public keys that verify at *now*."""
        ring = self._now_ring()
        if ring.good_until is not None and now >= ring.good_until:
            ring = arrange(ring.material, now, self._schedule, self._wanted)  # not kept: the present is not changed
        return ring.key_set

    # Secrets

    def derive_secret(self, version: int | None, *parts: str) -> tuple[int, Secret]:
        """Return the secret access key that *parts* and a derivation key make, with that key's version.

        With *version* None it is the current key's, for minting; else the named one's, for opening. Raises KeyUnknown.
        """
        version, key = self._secret(Purpose.DERIVATION, version)
        digest = sealing.mac(key, _DERIVATION_LABEL, *(part.encode("utf-8") for part in parts))
        return version, Secret(base64.b64encode(digest[:_DERIVED_LENGTH]).decode("ascii"))

    def seal(self, plaintext: bytes, associated_data: bytes) -> bytes:
        """Return *plaintext* sealed under the current sealing key for the place *associated_data*."""
        version, key = self._secret(Purpose.SEALING, None)
        nonce = self._entropy.draw(sealing.NONCE_LENGTH)
        return sealing.seal(plaintext, key=key, version=version, nonce=nonce, associated_data=associated_data)

    def open_sealed(self, value: bytes, associated_data: bytes) -> bytes:
        """Return what was sealed for the place *associated_data*; raises SealBroken."""
        sealed = sealing.parse_sealed(value)
        try:
            _, key = self._secret(Purpose.SEALING, sealed.version)
        except KeyUnknown as fault:
            raise SealBroken("The sealed value's key is unknown", detail=fault.detail) from fault
        return sealing.open_sealed(sealed, key=key, associated_data=associated_data)

    def current_version(self, purpose: Purpose) -> int:
        """Return the version of the key of *purpose*, other than signing, that is used now."""
        return self._now_ring().current[purpose]

    def find_resealed(self, value: bytes, associated_data: bytes) -> bytes | None:
        """Return *value* sealed anew under the current key; None when it is under that key already."""
        if sealing.parse_sealed(value).version == self._now_ring().current[Purpose.SEALING]:
            return None
        return self.seal(self.open_sealed(value, associated_data), associated_data)

    def mac(self, purpose: Purpose, label: bytes, data: bytes, version: int | None = None) -> tuple[int, bytes]:
        """Return the MAC of *data* for the use *label* under a key of *purpose*, with that key's version.

        With *version* None it is the current key. Raises KeyUnknown.
        """
        version, key = self._secret(purpose, version)
        return version, sealing.mac(key, label, data)

    def verify_mac(self, purpose: Purpose, label: bytes, data: bytes, *, version: int, claimed: bytes) -> None:
        """Raise SealBroken unless *claimed* is the MAC of *data* for *label* under that version of the key."""
        try:
            _, key = self._secret(purpose, version)
        except KeyUnknown as fault:
            raise SealBroken("The MAC's key is unknown", detail=fault.detail) from fault
        sealing.verify_mac(claimed, key, label, data)

    # Lives

    def keys(self) -> tuple[KeyRecord, ...]:
        """Return every key of the folder with its state, without its secret."""
        ring = self._now_ring()
        return tuple(_record(standing, ring.material, self._schedule) for standing in ring.standings)

    def refresh(self) -> bool:
        """Read the folder again if a file came or went; return whether it was read. Raises KeysRefused.

        When it raises, the keys that were known stay in use.
        """
        if keyfiles.mark_folder(self._folder) == self._reading.mark:
            return False
        self._reading = self._read(self._reading.ring.material)
        return True

    def rotate(
        self, purpose: Purpose, algorithm: str | None = None, *, soon: bool = False, emergency: bool = False
    ) -> tuple[KeyRecord, ...]:
        """Make the next key of *purpose*; of all signing algorithms in use unless one is named.

        Raises RotationUnderWay, NotFound, or Unavailable when the folder cannot be written.
        """
        wanted = self._slots(purpose, algorithm)
        with keyfiles.writing(self._folder):
            lives = [key.life for key in keyfiles.read_keys(self._folder)]
            now = self._clock.now()
            planned = [plan_rotation(lives, now, self._schedule, s, soon=soon, emergency=emergency) for s in wanted]
            for plan in planned:
                make_key(self._folder, plan, now, self._entropy)
        self.refresh()
        made = {(plan.slot, plan.version) for plan in planned}
        return tuple(key for key in self.keys() if (Slot(key.purpose, key.algorithm), key.version) in made)

    def plan_removal(self, purpose: Purpose, version: int, algorithm: str | None = None) -> tuple[Removal, ...]:
        """Return what `remove` would do, and do nothing; raises NotFound, KeyGone or InUse."""
        lives = [key.life for key in keyfiles.read_keys(self._folder)]
        return plan_removals(lives, self._clock.now(), self._schedule, self._slots(purpose, algorithm), version)

    def remove(self, purpose: Purpose, version: int, algorithm: str | None = None) -> tuple[Removal, ...]:
        """Remove a key at once, of all signing algorithms in use unless one is named, and return what was done.

        What was made with it is refused from here on. Raises NotFound, KeyGone, InUse, or Unavailable when the folder
        cannot be written.
        """
        with keyfiles.writing(self._folder):
            planned = self.plan_removal(purpose, version, algorithm)
            now = self._clock.now()
            for plan in planned:  # the successor first: whoever reads the folder in between finds a current key
                if plan.successor is not None:
                    make_key(self._folder, plan.successor, now, self._entropy)
                keyfiles.remove_key(self._folder, plan.standing.life)
        self.refresh()
        return planned

    def tend(self) -> tuple[KeyLife, ...]:
        """Make the keys that are due and remove those that are gone: for the one writer, from time to time.

        Returns the lives of the keys that were made. On a read-only folder nothing is done: its writer is elsewhere.
        """
        if self.is_only_read():
            return ()
        made = fill_slots(self._folder, self._clock.now(), self._entropy, self._schedule, self._wanted)
        for standing in self._now_ring().standings:
            if standing.state is KeyState.GONE:
                keyfiles.remove_key(self._folder, standing.life)
        self.refresh()
        return made

    def is_only_read(self) -> bool:
        """Say whether the folder is mounted so that nobody here can write to it; raises KeysRefused without one."""
        return keyfiles.is_only_read(self._folder)

    # Within

    def _read(self, known: Material | None) -> _Reading:
        """Read the folder; its mark is taken first, so that a change meanwhile is seen the next time."""
        mark = keyfiles.mark_folder(self._folder)
        material = parse_material(keyfiles.read_keys(self._folder), known)
        return _Reading(mark, arrange(material, self._clock.now(), self._schedule, self._wanted))

    def _now_ring(self) -> Ring:
        now = self._clock.now()
        mark, ring = self._reading
        if ring.good_until is not None and now >= ring.good_until:
            ring = arrange(ring.material, now, self._schedule, self._wanted)
            self._reading = _Reading(mark, ring)
        return ring

    def _slots(self, purpose: Purpose, algorithm: str | None) -> list[Slot]:
        if algorithm is not None:
            return [Slot(purpose, algorithm)]
        return [slot for slot in self._wanted if slot.purpose is purpose]

    def _algorithms(self) -> tuple[str, ...]:
        return tuple(slot.algorithm for slot in self._wanted if slot.algorithm)

    def _signing_key(self, algorithm: str) -> SigningKey:
        key = self._now_ring().signing.get(algorithm)
        if key is None:
            raise KeyUnknown(f"There is no {algorithm} signing key")
        return key

    def _secret(self, purpose: Purpose, version: int | None) -> tuple[int, bytes]:
        ring = self._now_ring()
        version = ring.current[purpose] if version is None else version
        key = ring.symmetric.get((purpose, version))
        if key is None:
            self._look_again(KeyUnknown(f"There is no {purpose} key of version {version}"))
            key = self._now_ring().symmetric.get((purpose, version))
        if key is None:
            raise KeyUnknown(f"There is no {purpose} key of version {version}")
        return version, key

    def _look_again(self, unknown: KeyUnknown) -> None:
        """Read the folder for a key that is not known; raises *unknown* while the brake holds."""
        now = self._clock.now()
        if self._looked_at is not None and timedelta(0) <= now - self._looked_at < _BRAKE:
            raise unknown
        self._looked_at = now
        try:
            self._reading = self._read(self._reading.ring.material)
        except KeysRefused as fault:
            raise KeyUnknown(unknown.message, detail=fault.message) from fault


@lru_cache(64)
def _read_kid(header: str) -> str | None:
    """Return the `kid` of an encoded header; the headers of one key are all alike, so few are ever read."""
    kid = parse_json_object(parse_base64url(header.encode("ascii"))).get("kid")
    return kid if isinstance(kid, str) else None


def open_keyring(
    folder: Path,
    clock: Clock,
    entropy: Entropy,
    *,
    create: bool,
    schedule: Schedule | None = None,
    algorithms: Iterable[str] = SIGNING_ALGORITHMS,
) -> Keyring:
    """Return the keyring of *folder*; with *create* the folder and the keys that it lacks are made first.

    Without *create* nothing is written, so that the folder may be read-only. Raises KeysRefused, naming every fault at
    once; Unavailable when a key must be made and cannot be.
    """
    wanted, schedule = tuple(algorithms), schedule or Schedule()
    if create:
        keyfiles.make_folder(folder)
        fill_slots(folder, clock.now(), entropy, schedule, slots(wanted))
    return Keyring(folder, clock, entropy, schedule, wanted)


def _record(standing: KeyStanding, material: Material, schedule: Schedule) -> KeyRecord:
    life = standing.life
    return KeyRecord(
        purpose=life.purpose,
        algorithm=life.algorithm,
        version=life.version,
        kid=material.signing[life].kid if life in material.signing else None,
        state=standing.state,
        made_at=life.made_at,
        works_from=life.works_from,
        works_until=standing.works_until,
        gone_at=standing.gone_at,
        due_at=find_due(standing, schedule),
    )
