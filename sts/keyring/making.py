"""How keys come to be: drawn, written to the folder, and only where one is due."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

from sts.clock import Clock
from sts.crypto import sealing
from sts.crypto.base64url import encode_base64url
from sts.crypto.jwk import generate_signing_key, render_private_jwk
from sts.entropy import Entropy
from sts.keyring import keyfiles
from sts.keyring.keyfiles import StoredKey
from sts.keyring.rotation import KeyLife, PlannedKey, Purpose, Schedule, Slot, due

_LATER = (Purpose.PEPPER,)  # younger than the first key folders


def complete_keys(folder: Path, clock: Clock, entropy: Entropy) -> None:
    """Make the keys of purposes that the release which made the folder did not know; nothing depends on them yet.

    A folder that can only be read is left as it is: its writer is elsewhere. Raises KeysRefused, Unavailable.
    """
    if not keyfiles.is_only_read(folder):
        fill_slots(folder, clock.now(), entropy, Schedule(), [Slot(purpose) for purpose in _LATER])


def fill_slots(
    folder: Path, now: datetime, entropy: Entropy, schedule: Schedule, wanted: Iterable[Slot]
) -> tuple[KeyLife, ...]:
    """Make the keys that are due in the *wanted* slots, and return their lives; raises KeysRefused, Unavailable."""
    with keyfiles.writing(folder):
        lives = [key.life for key in keyfiles.read_keys(folder)]
        return tuple(make_key(folder, plan, now, entropy) for plan in due(lives, now, schedule, wanted))


def make_key(folder: Path, plan: PlannedKey, now: datetime, entropy: Entropy) -> KeyLife:
    """Make the key of *plan* and take away the one whose place it takes; raises Unavailable."""
    life = KeyLife(
        purpose=plan.slot.purpose,
        algorithm=plan.slot.algorithm,
        version=plan.version,
        made_at=now,
        works_from=plan.works_from,
        asked=plan.asked,
    )
    if life.algorithm is None:
        jwk = {"kty": "oct", "k": encode_base64url(entropy.draw(sealing.KEY_LENGTH))}
    else:
        jwk = render_private_jwk(generate_signing_key(life.algorithm))
    keyfiles.write_key(folder, StoredKey(life, jwk))
    if plan.withdraws is not None:
        keyfiles.remove_key(folder, plan.withdraws)
    return life
