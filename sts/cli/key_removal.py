"""How the operator removes a key before its time, and what that costs."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any, Final

from sts.app import build_sealing
from sts.audit.events import Event
from sts.audit.record import Entry
from sts.cli.keys import describe_key
from sts.cli.operator import Host
from sts.directory.resealing import Sealing
from sts.errors import InUse
from sts.foundation import Foundation
from sts.keyring.keyring import KeyRecord, Keyring
from sts.keyring.rotation import KeyLife, KeyStanding, KeyState, Purpose, Removal
from sts.store.database import Transaction

Told = Mapping[str, Sequence[Any]]

_PAGE: Final = 1_000  # secrets that are sealed anew in one transaction
_NAMED: Final = 5  # access keys and MFA devices that a refusal names
_COSTS: Final[Mapping[Purpose, str]] = {
    Purpose.SIGNING: "Tokens signed from {since} until {until} are refused: the sessions among them end. Whoever keeps"
    " our key set for its five minutes takes them until then.",
    Purpose.DERIVATION: "Sessions begun from {since} until {until} are refused. Their tokens verify offline until they"
    " expire.",
    Purpose.MARKER: "Lists begun from {since} until {until} not read to their end begin anew. No session ends.",
    Purpose.PEPPER: "Passwords that were last set or used from {since} until {until} are refused from now on: their"
    " owners need a link, or a first password from an administrator. Recovery codes of that time are worth nothing."
    " Their owners make new ones.",
    Purpose.SEALING: "No secret is lost: all are under another key. Encoded messages of denials from {since} until"
    " {until} are not decoded any more. A copy of the store made before now needs this key: keep the copy of the key"
    " folder that belongs to it.",
}
_PUBLISHED_LATE: Final = "Whoever keeps our key set refuses tokens of the new signing key until they fetch it again."
_UNUSED: Final = "Nothing is lost: it was not used yet."


def preview_removal(keyring: Keyring, now: datetime, purpose: str, version: int, algorithm: str | None) -> Told:
    """Return what the removal would do at *now*, and do nothing; raises what it would."""
    planned = keyring.plan_removal(Purpose(purpose), version, algorithm)
    return _tell(planned, keyring.keys(), (), now)


def remove_key(host: Host, purpose: str, version: int, algorithm: str | None) -> Told:
    """Remove the key and record it; returns the keys `removed`, `made` and `withdrawn`, and what it `cost`."""
    asked = {"purpose": purpose, "version": version, "algorithm": algorithm}
    unopened = _reseal(host.at) if purpose == Purpose.SEALING else ()

    def change(_transaction: Transaction, entry: Entry) -> Told:
        _require_opened(unopened)
        # The folder is no part of the transaction: if the record fails now, the key is gone and the command says that
        # it failed. An emergency that waited for its record would be none.
        keyring = host.at.keyring
        before = keyring.keys()
        done = keyring.remove(Purpose(purpose), version, algorithm)
        told = _tell(done, before, keyring.keys(), entry.at)
        entry.parameters = {**asked, **told}
        return told

    return host.act(Event.KEY_REMOVE, asked, change)


def _reseal(at: Foundation) -> tuple[str, ...]:
    """Seal every secret under the current key; returns the access keys and MFA devices whose secrets do not open."""
    return tuple(unopened for sealing in build_sealing(at) for unopened in _reseal_all(at, sealing))


def _reseal_all(at: Foundation, sealing: Sealing) -> list[str]:
    unopened: list[str] = []
    further: str | None = ""
    while further is not None:
        work = partial(sealing.reseal, after=further, limit=_PAGE)
        page, _ = at.database.transact_now(work, at.clock.now())
        unopened += page.unopened
        further = page.further
    return unopened


def _require_opened(unopened: Sequence[str]) -> None:
    """Raise InUse while secrets do not open: put back where they belong, they might, and only with this key."""
    if unopened:
        named = ", ".join(unopened[:_NAMED]) + (", …" if len(unopened) > _NAMED else "")
        raise InUse(f"{len(unopened)} secrets do not open, nor can be sealed anew: delete what they are of ({named})")


def _tell(planned: Sequence[Removal], before: Sequence[KeyRecord], after: Sequence[KeyRecord], now: datetime) -> Told:
    successors = [plan.successor for plan in planned if plan.successor is not None]
    removed = {_name(plan.standing.life) for plan in planned}
    made = {(each.slot.purpose, each.slot.algorithm, each.version) for each in successors}
    withdrawn = {_name(each.withdraws) for each in successors if each.withdraws is not None}
    return {
        "removed": _find(before, removed),
        "made": _find(after, made),
        "withdrawn": _find(before, withdrawn),
        "cost": _count_cost(planned, now),
    }


def _name(key: KeyLife | KeyRecord) -> tuple[Purpose, str | None, int]:
    return key.purpose, key.algorithm, key.version


def _find(records: Iterable[KeyRecord], names: Collection[tuple[Purpose, str | None, int]]) -> list[Mapping[str, Any]]:
    return [describe_key(record) for record in records if _name(record) in names]


def _count_cost(planned: Sequence[Removal], now: datetime) -> list[str]:
    """Return the sentences that say what is lost, each once."""
    costs = [_cost(plan.standing, now) for plan in planned]
    if any(plan.successor is not None and plan.successor.slot.purpose is Purpose.SIGNING for plan in planned):
        costs.append(_PUBLISHED_LATE)
    return list(dict.fromkeys(costs))


def _cost(standing: KeyStanding, now: datetime) -> str:
    if standing.state is KeyState.NEXT:
        return _UNUSED
    since, until = standing.life.works_from, standing.works_until or now
    span = {"since": f"{since:%Y-%m-%d %H:%M:%S}", "until": f"{until:%Y-%m-%d %H:%M:%S} UTC"}
    return _COSTS[standing.life.purpose].format(**span)
