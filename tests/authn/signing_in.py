"""A store with people who have passwords, and the proof in front of it."""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sts.authn.addresses import AddressCounts
from sts.authn.codes import CodeProof
from sts.authn.devices import KnownDevices
from sts.authn.passwords import PasswordProof, PasswordProven
from sts.cache import Cache, MemoryCache
from sts.clock import ManualClock
from sts.crypto.passwords import Cost
from sts.directory.login_profiles import NewPasswords, choose_password, create_login_profile
from sts.directory.needs import find_needs
from sts.directory.owners import Owner, owner_id_of
from sts.hashing import PasswordHasher
from sts.model import User
from sts.passwords import KeptPassword
from sts.store.database import Transaction
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, Store

_T = TypeVar("_T")
CHEAP = Cost(memory_kib=8, passes=1)  # what a test is about is never the cost
PASSWORD = "correct horse battery staple"
ADDRESS = "192.0.2.1"


@dataclass
class Desk:
    """A store, the service's clock, and the proof between them."""

    store: Store
    clock: ManualClock
    hasher: PasswordHasher
    cache: Cache
    root_signs_in: bool = False

    @property
    def proof(self) -> PasswordProof:
        devices, addresses = KnownDevices(self.store.keyring, ENTROPY), AddressCounts(self.cache, self.clock)
        return PasswordProof(self.store.database, self.hasher, devices, addresses, self.clock, self.root_signs_in)

    def run(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run(work) if self.store.runner is None else self.store.runner.run(work)

    def prove(
        self,
        password: str = PASSWORD,
        name: str = "alice",
        account: str = ACCOUNT_ID,
        address: str = ADDRESS,
        device: str | None = None,
    ) -> PasswordProven:
        return self.run(self.proof.prove(account, name, password, address, device))

    def must_change(self, password: str = PASSWORD) -> bool:
        """Sign alice in, and say whether it is only to choose another password."""
        proven, now = self.prove(password), self.clock.now()
        owner_id = owner_id_of(proven.principal)
        return self.store.read(lambda c: find_needs(c, proven.principal.account_id, owner_id, now)).must_change

    def hash(self, password: str) -> KeptPassword:
        return self.run(self.hasher.hash(password))

    def make(self, owner: Owner, password: str) -> KeptPassword:
        """Return *password*, which *owner* chooses, as it may be kept by the rules."""
        return self.run(NewPasswords(self.store.database, self.hasher).make_chosen(owner, password))

    def choose(self, owner: Owner, password: str = PASSWORD) -> None:
        """Have *owner* choose a lasting password, whatever the rules say of it."""
        kept = self.hash(password)
        self.change(lambda tx: choose_password(tx, owner=owner, password=kept))

    def give(self, owner: Owner, password: str = PASSWORD) -> None:
        """Give *owner* a first password."""
        kept = self.hash(password)
        self.change(lambda tx: create_login_profile(tx, owner=owner, password=kept, reset_required=False))

    def change(self, work: Any) -> Any:
        def at_our_time(tx: Transaction) -> Any:
            tx.now = self.clock.now()
            return work(tx)

        return self.store.change(at_our_time)

    def somebody(self, name: str = "alice") -> User:
        """Return a new user who has chosen a password."""
        made = user(self.store, name)
        self.choose(made)
        return made


def open_codes(store: Store, clock: ManualClock, most_wrong: int = 100) -> CodeProof:
    """Return what proves codes over *store*, of which one address may show so many wrong ones."""
    addresses = AddressCounts(MemoryCache(clock), clock, most_wrong)
    return CodeProof(store.database, store.keyring, clock, addresses)


def open_desk(store: Store, now: datetime) -> Desk:
    """Return a desk over *store* whose passwords cost little."""
    clock = ManualClock(now)
    return Desk(store, clock, PasswordHasher(store.keyring, ENTROPY, CHEAP), MemoryCache(clock))
