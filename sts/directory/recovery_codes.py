"""Recovery codes: ten at a time, shown once, kept as MACs. New ones end those before."""

from dataclasses import dataclass

from sts.crypto.recovery_codes import CODE_BYTES, LABEL, bind_code, parse_code, render_code
from sts.directory.owners import Owner, confirm_owner, owner_id_of
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.keyring.rotation import Purpose
from sts.keyring.stamps import make_stamp
from sts.model import Secret
from sts.store import code_failures, recovery_codes
from sts.store.database import Transaction

CODES = 10


@dataclass(frozen=True, slots=True)
class RecoveryCodes:
    """Makes recovery codes."""

    entropy: Entropy
    keyring: Keyring

    def replace(self, tx: Transaction, *, owner: Owner) -> tuple[Secret, ...]:
        """Return ten new codes of the owner's, in place of what is left of earlier ones; raises NotFound."""
        confirm_owner(tx.connection, owner)
        owner_id = owner_id_of(owner)
        codes = tuple(Secret(render_code(self.entropy.draw(CODE_BYTES))) for _ in range(CODES))
        stamps = [self._stamp(owner_id, code) for code in codes]
        recovery_codes.put_stamps(tx.connection, owner_id, stamps, tx.now)
        code_failures.begin_count(tx.connection, owner_id)
        return codes

    def _stamp(self, owner_id: str, code: str) -> bytes:
        return make_stamp(self.keyring, Purpose.PEPPER, LABEL, bind_code(owner_id, parse_code(code)))
