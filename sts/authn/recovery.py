"""Prove a second factor that is lost: a recovery code in its place, each once.

Wrong ones count together with the wrong codes of devices (`codes`): whoever guesses has no second set of guesses.
"""

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from sts.authn.codes import CodeProof, FactorProven, count_attempt
from sts.authn.devices import find_known_device
from sts.crypto.recovery_codes import LABEL, bind_code, parse_code
from sts.errors import FactorUnproven, Malformed, SealBroken
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import verify_stamp
from sts.store import code_failures, recovery_codes
from sts.store.database import Transaction

_WRONG = "The recovery code is wrong, or was used"
_LOCKED = "Too many wrong codes: try again later"


@dataclass(frozen=True, slots=True)
class RecoveryProof:
    """Verifies recovery codes, and uses them up."""

    keyring: Keyring
    codes: CodeProof

    async def prove(self, owner_id: str, code: str, address: str, device: str | None = None) -> FactorProven:
        """Return when a recovery code of the owner's was shown, and used up.

        *device* is the value that a known device keeps. Raises FactorUnproven, Throttled, and Unavailable: without the
        store no code is taken.
        """
        try:
            parsed = parse_code(code)
        except Malformed as malformed:
            raise FactorUnproven(_WRONG, detail=malformed.message) from None
        return await self.codes.use_up(owner_id, address, partial(self._use, owner_id, parsed, device))

    def _use(self, owner_id: str, code: str, device: str | None, tx: Transaction) -> FactorUnproven | int:
        """Use *code* up and return how many were wrong before, or why not.

        What was counted is to be kept, so nothing is raised.
        """
        tx.begin_change()
        device_id = find_known_device(self.keyring, tx, device, owner_id)
        if not count_attempt(tx, owner_id, device_id):
            return FactorUnproven(_LOCKED, detail="the codes are locked, or the owner never had any")
        stamp = self._find_stamp(tx.connection, owner_id, code)
        if stamp is None or not recovery_codes.use_up_stamp(tx.connection, owner_id, stamp):
            return FactorUnproven(_WRONG, detail="the recovery code is wrong or was used")
        return code_failures.reset_count(tx.connection, owner_id, device_id) - 1

    def _find_stamp(self, connection: Connection, owner_id: str, code: str) -> bytes | None:
        """Return the stamp that *code* has among what is left of the owner's; None when it has none."""
        bound = bind_code(owner_id, code)
        for stamp in recovery_codes.list_stamps(connection, owner_id):
            try:
                verify_stamp(self.keyring, Purpose.PEPPER, LABEL, bound, stamp)
            except SealBroken:
                continue
            return stamp
        return None
