"""The life of a key, decided by a pure function of (keys, now, schedule).

A key is *next* until the instant that it works from, *current* until its successor's, *old* (verify-only) for as long
as anything made with it may be shown, then *gone*. The file of a key says when it works from and nothing more: what it
is at this instant follows, so no process has to be told. Where no key has begun to work, the first to come is current
already: a process whose clock is behind takes up the successor of a removed key as soon as the others do.

How long a replaced key is kept differs by purpose. A signing or derivation key: the longest token's life (36 h) and
the skew. A marker key (MACs of pagination markers, cached sessions and their like, which all end sooner): the same. A
sealing key: until everything is sealed anew, which time cannot know, so it is never gone by itself. A pepper: until
each password that was kept under it was used or changed, likewise. An audit key: for ever, because the records are.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from sts.errors import InUse, KeyGone, NotFound, RotationUnderWay

SIGNING_ALGORITHMS = ("ES256", "RS256", "ES384")


class Purpose(StrEnum):
    """What a key is for; no key serves two purposes."""

    SIGNING = "signing"
    DERIVATION = "derivation"
    SEALING = "sealing"
    AUDIT = "audit"
    MARKER = "marker"
    PEPPER = "pepper"


class KeyState(StrEnum):
    """Where in its life a key is."""

    NEXT = "next"
    CURRENT = "current"
    OLD = "old"
    GONE = "gone"


_KEPT_FOR_EVER = frozenset({Purpose.SEALING, Purpose.AUDIT, Purpose.PEPPER})


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """The spans of a key's life (DESIGN section 5).

    *publish_ahead* and *soon_ahead* must be longer than propagation and JWKS caching take; *lead* longer than it takes
    until every process has a new key: half a second on one host, two minutes where a kubelet renews a mounted secret.
    """

    publish_ahead: timedelta = timedelta(hours=24)
    soon_ahead: timedelta = timedelta(minutes=15)
    signs_for: timedelta = timedelta(days=30)
    longest_token: timedelta = timedelta(hours=36)
    skew: timedelta = timedelta(seconds=60)
    lead: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyLife:
    """What is known of a key without its secret; *algorithm* is for signing keys, *asked* if an operator wanted it."""

    purpose: Purpose
    algorithm: str | None
    version: int
    made_at: datetime
    works_from: datetime
    asked: bool

    @property
    def slot(self) -> "Slot":
        """The place that the key fills, and that one key at a time works for."""
        return Slot(self.purpose, self.algorithm)


@dataclass(frozen=True, slots=True, order=True)
class Slot:
    """A purpose, and for signing an algorithm: what always has one current key."""

    purpose: Purpose
    algorithm: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyStanding:
    """A key and its state at one instant; *works_until* and *gone_at* are None while they are open."""

    life: KeyLife
    state: KeyState
    works_until: datetime | None
    gone_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PlannedKey:
    """A key to be made, to work from *works_from*; *withdraws* and is the next key that it takes the place of."""

    slot: Slot
    version: int
    works_from: datetime
    asked: bool
    withdraws: KeyLife | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """A key that is to go at once, how it stood, and the key that takes its place; None where none has to."""

    standing: KeyStanding
    successor: PlannedKey | None


def slots(algorithms: Iterable[str]) -> tuple[Slot, ...]:
    """Return every slot of a house that signs with *algorithms*."""
    signing = tuple(Slot(Purpose.SIGNING, algorithm) for algorithm in algorithms)
    return signing + tuple(Slot(purpose) for purpose in Purpose if purpose is not Purpose.SIGNING)


def judge(keys: Iterable[KeyLife], now: datetime, schedule: Schedule) -> tuple[KeyStanding, ...]:
    """Return the standing of each of *keys* at *now*, by slot and in the order in which they work."""
    by_slot: dict[Slot, list[KeyLife]] = {}
    for key in keys:
        by_slot.setdefault(key.slot, []).append(key)
    standings: list[KeyStanding] = []
    for slot in sorted(by_slot):
        line = sorted(by_slot[slot], key=lambda key: (key.works_from, key.version))
        began_by = max(now, line[0].works_from)
        standings += [
            _stand(key, line[place + 1] if place + 1 < len(line) else None, began_by, schedule)
            for place, key in enumerate(line)
        ]
    return tuple(standings)


def next_change(standings: Iterable[KeyStanding], now: datetime) -> datetime | None:
    """Return the first instant after *now* at which some key changes its state; None when nothing is planned."""
    instants = (
        at
        for standing in standings
        for at in (_begins_at(standing), standing.works_until, standing.gone_at)
        if at is not None and at > now
    )
    return min(instants, default=None)


def find_due(standing: KeyStanding, schedule: Schedule) -> datetime | None:
    """Return when a successor takes over from the key: the one that there is, or for signing the one to be made."""
    if standing.works_until is not None:
        return standing.works_until
    return standing.life.works_from + schedule.signs_for if standing.life.purpose is Purpose.SIGNING else None


def due(keys: Sequence[KeyLife], now: datetime, schedule: Schedule, wanted: Iterable[Slot]) -> tuple[PlannedKey, ...]:
    """Return the keys that the one writer has to make by itself at *now*.

    A slot without a working key gets one at once: that is the first start. A signing key whose days end within the
    time that publication takes gets its successor; after a long pause the old key signs on until the new one has been
    published for as long as it must be.
    """
    standings = judge(keys, now, schedule)
    planned = (_plan_successor(slot, [s for s in standings if s.life.slot == slot], now, schedule) for slot in wanted)
    return tuple(key for key in planned if key is not None)


def plan_rotation(
    keys: Sequence[KeyLife],
    now: datetime,
    schedule: Schedule,
    slot: Slot,
    *,
    soon: bool = False,
    emergency: bool = False,
) -> PlannedKey:
    """Return the key that an operator's rotation of *slot* makes.

    Raises RotationUnderWay while a next key that an operator asked for waits. A next key that the schedule made gives
    way to the operator's. An emergency is never refused: its key works at once, and a waiting next key, which whoever
    read the folder may hold as well, is withdrawn. What it costs: whoever caches the JWKS refuses the new key's tokens
    until they fetch it.
    """
    line = [standing for standing in judge(keys, now, schedule) if standing.life.slot == slot]
    if not line:
        raise NotFound(f"There is no {_name(slot)} key to rotate")
    waiting = next((standing.life for standing in line if standing.state is KeyState.NEXT), None)
    if waiting is not None and waiting.asked and not emergency:
        raise RotationUnderWay(f"A rotation of the {_name(slot)} key is under way: version {waiting.version} is next")
    ahead = schedule.lead if slot.purpose is not Purpose.SIGNING else schedule.publish_ahead
    if soon:
        ahead = min(ahead, schedule.soon_ahead)
    works_from = now if emergency else now + ahead
    return PlannedKey(slot=slot, version=_next_version(line), works_from=works_from, asked=True, withdraws=waiting)


def plan_removals(
    keys: Sequence[KeyLife], now: datetime, schedule: Schedule, wanted: Iterable[Slot], version: int
) -> tuple[Removal, ...]:
    """Return what has to be done to remove *version* at once from each of the *wanted* slots that has it.

    A current key is replaced as by an emergency rotation. Raises NotFound, KeyGone for one that was there once, and
    InUse where the removal would lose what no rotation can bring back.
    """
    places = set(wanted)
    line = [standing for standing in judge(keys, now, schedule) if standing.life.slot in places]
    found = [standing for standing in line if standing.life.version == version]
    if not found:
        name = _name(places.pop()) if len(places) == 1 else "signing"
        if version < _next_version(line):
            raise KeyGone(f"There is no {name} key of version {version} any more")
        raise NotFound(f"There is no {name} key of version {version}")
    return tuple(_plan_removal(keys, standing, now, schedule) for standing in found)


def _plan_removal(keys: Sequence[KeyLife], standing: KeyStanding, now: datetime, schedule: Schedule) -> Removal:
    slot = standing.life.slot
    is_current = standing.state is KeyState.CURRENT
    if slot.purpose is Purpose.AUDIT:
        raise InUse("An audit key is never removed: the records that it vouches for could not be verified any more")
    if slot.purpose is Purpose.SEALING:
        _require_out_of_use(keys, standing, now, schedule)
    successor = plan_rotation(keys, now, schedule, slot, emergency=True) if is_current else None
    return Removal(standing=standing, successor=successor)


def _require_out_of_use(keys: Iterable[KeyLife], standing: KeyStanding, now: datetime, schedule: Schedule) -> None:
    """Raise InUse while a process may seal with the key that does not have its successor, or whose clock is behind."""
    successor = next((k for k in keys if k.slot == standing.life.slot and k.works_from == standing.works_until), None)
    version, is_current = standing.life.version, standing.state is KeyState.CURRENT
    if successor is None:
        if is_current:
            raise InUse(
                f"Version {version} is the current sealing key: rotate first, and remove it once that is everywhere"
            )
        return
    safe_at = max(successor.works_from, successor.made_at + schedule.lead) + schedule.skew
    if is_current:
        raise InUse(
            f"Version {version} is the current sealing key: version {successor.version} takes over at"
            f" {_tell(successor.works_from)}; remove version {version} from {_tell(safe_at)} on"
        )
    if safe_at > now:
        raise InUse(f"Version {version} of the sealing key may be in use until {_tell(safe_at)}: remove it then")


def _tell(at: datetime) -> str:
    """Return the first whole second that is not before *at*."""
    return f"{at + timedelta(microseconds=999_999):%Y-%m-%d %H:%M:%S} UTC"


def _begins_at(standing: KeyStanding) -> datetime | None:
    return standing.life.works_from if standing.state is KeyState.NEXT else None


def _stand(key: KeyLife, successor: KeyLife | None, now: datetime, schedule: Schedule) -> KeyStanding:
    works_until = None if successor is None else successor.works_from
    gone_at = None
    if works_until is not None and key.purpose not in _KEPT_FOR_EVER:
        gone_at = works_until + schedule.longest_token + schedule.skew
    if key.works_from > now:
        state = KeyState.NEXT
    elif works_until is None or works_until > now:
        state = KeyState.CURRENT
    elif gone_at is None or gone_at > now:
        state = KeyState.OLD
    else:
        state = KeyState.GONE
    return KeyStanding(life=key, state=state, works_until=works_until, gone_at=gone_at)


def _plan_successor(slot: Slot, line: Sequence[KeyStanding], now: datetime, schedule: Schedule) -> PlannedKey | None:
    current = next((standing for standing in line if standing.state is KeyState.CURRENT), None)
    if current is None:
        return PlannedKey(slot=slot, version=_next_version(line), works_from=now, asked=False)
    ends_at = current.life.works_from + schedule.signs_for
    waiting = current.works_until is not None
    if waiting or slot.purpose is not Purpose.SIGNING or ends_at - schedule.publish_ahead > now:
        return None
    works_from = max(ends_at, now + schedule.publish_ahead)
    return PlannedKey(slot=slot, version=_next_version(line), works_from=works_from, asked=False)


def _next_version(line: Sequence[KeyStanding]) -> int:
    return 1 + max((standing.life.version for standing in line), default=0)


def _name(slot: Slot) -> str:
    return f"{slot.algorithm} {slot.purpose}" if slot.algorithm else str(slot.purpose)
