"""Seal anew what is under an old sealing key, a page at a time, so that the old key may go."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sts.errors import SealBroken
from sts.keyring.keyring import Keyring
from sts.store.database import Transaction


class SealedValue(NamedTuple):
    """A sealed value, and the name of its place: what it is the secret of."""

    place: str
    value: bytes


@dataclass(frozen=True, slots=True)
class Resealed:
    """A page of values that was gone through: where to go on (None after the last), how many were sealed anew.

    *unopened* are the places whose values do not open: they stay as they are, and whoever needs them is refused.
    """

    further: str | None
    count: int
    unopened: tuple[str, ...]


class Sealing(Protocol):
    """Whoever keeps sealed values."""

    def reseal(self, tx: Transaction, *, after: str, limit: int) -> Resealed:
        """Seal anew up to *limit* values behind the place *after* that are not under the current sealing key."""
        ...


def reseal_page(
    keyring: Keyring, page: Sequence[SealedValue], limit: int, put: Callable[[str, bytes], None]
) -> Resealed:
    """Go through *page*, of at most *limit* values, and *put* those that are sealed anew into their places."""
    count, unopened = 0, []
    for place, value in page:
        try:
            sealed = keyring.find_resealed(value, place.encode())
        except SealBroken:
            unopened.append(place)
            continue
        if sealed is not None:
            put(place, sealed)
            count += 1
    return Resealed(page[-1].place if len(page) == limit else None, count, tuple(unopened))
