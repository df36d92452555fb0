"""A-24: on a fresh service nobody signs in by a password that everybody knows."""

import asyncio
from pathlib import Path

import pytest

from sts.app import build_accounts
from sts.authn.addresses import AddressCounts
from sts.authn.devices import KnownDevices
from sts.authn.passwords import PasswordProof
from sts.clock import ManualClock
from sts.crypto.passwords import Cost
from sts.entropy import Entropy
from sts.errors import SignInRefused
from sts.foundation import lay_foundation
from sts.hashing import PasswordHasher
from sts.settings import read_settings
from sts.store.password_tables import login_profile

NAMES = ("admin", "root", "administrator", "sts", "user", "guest", "test")
PASSWORDS = ("", "admin", "root", "password", "changeme", "sts", "123456")


def test_a_24_a_fresh_service_has_no_password_at_all(home: Path, clock: ManualClock) -> None:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    accounts = build_accounts(at)
    made, _ = at.database.transact_now(lambda tx: accounts.create(tx, name="first"), clock.now())
    hasher = PasswordHasher(at.keyring, at.entropy, Cost(memory_kib=8, passes=1))
    devices = KnownDevices(at.keyring, at.entropy)
    addresses = AddressCounts(at.cache, clock, most_wrong=1_000)
    proof = PasswordProof(at.database, hasher, devices, addresses, clock, root_signs_in=True)
    for name in (*NAMES, made.account.account_id):
        for password in (*PASSWORDS, name, made.account.account_id):
            with pytest.raises(SignInRefused):
                asyncio.run(proof.prove(made.account.account_id, name, password, "192.0.2.1"))
    assert at.database.read_now(lambda c: c.execute(login_profile.select()).all()) == []
    at.database.close()
