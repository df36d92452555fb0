import base64
from dataclasses import replace
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from sts.crypto.totp import step_at
from sts.directory.accounts import get_account
from sts.directory.mfa_devices import MfaDevices, MintedDevice, get_device, get_enabled_device
from sts.directory.owners import Owner, owner_id_of
from sts.directory.users import Users
from sts.errors import AlreadyExists, CodeInvalid, InputInvalid, InUse, NotFound, QuotaExceeded, SealBroken
from sts.keyring.rotation import Purpose
from sts.model import Account, MfaDevice
from sts.store import code_failures
from sts.store.mfa_devices import burn_step, find_device, list_devices, list_owned
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

STEP = step_at(NOW)


def devices_of(store: Store, **limits: int) -> MfaDevices:
    return MfaDevices(ENTROPY, store.keyring, **limits)


def mint(store: Store, name: str = "phone", path: str = "/", account_id: str = ACCOUNT_ID) -> MintedDevice:
    devices = devices_of(store)
    return store.change(lambda tx: devices.create(tx, account_id=account_id, name=name, path=path))


def enable(store: Store, owner: Owner, device: MfaDevice, step: int = STEP) -> None:
    devices = devices_of(store)
    free = store.read(lambda c: devices.get_free(c, owner=owner, serial_number=device.serial_number))
    store.change(lambda tx: devices.enable(tx, owner=owner, device=free, step=step))


def deactivate(store: Store, owner: Owner, device: MfaDevice) -> None:
    store.change(lambda tx: devices_of(store).deactivate(tx, owner=owner, serial_number=device.serial_number))


def delete(store: Store, device: MfaDevice) -> None:
    store.change(lambda tx: devices_of(store).delete(tx, device=device))


def kept(store: Store, device: MfaDevice) -> MfaDevice | None:
    return store.read(lambda connection: find_device(connection, device.serial_number))


def root(store: Store) -> Account:
    return store.read(lambda connection: get_account(connection, ACCOUNT_ID))


def test_a_new_device_is_kept_and_enabled_for_nobody(store: Store) -> None:
    minted = mint(store, "phone", "/staff/")
    assert minted.device.serial_number == f"arn:aws:iam::{ACCOUNT_ID}:mfa/staff/phone"
    assert minted.device.owner_id is None
    assert minted.device.enabled_at is None
    assert minted.device.created_at == NOW
    assert kept(store, minted.device) == minted.device


def test_a_31_the_seed_has_160_bits(store: Store) -> None:
    assert len(base64.b32decode(mint(store).seed)) == 20


def test_a_32_the_seed_is_kept_sealed_for_its_own_device(store: Store) -> None:
    first, second = mint(store, "one"), mint(store, "two")
    seed = base64.b32decode(first.seed)
    place = first.device.serial_number.encode()
    assert store.keyring.open_sealed(first.device.sealed_seed, place) == seed
    assert seed not in first.device.sealed_seed
    assert first.seed not in repr(first)
    with pytest.raises(SealBroken):
        store.keyring.open_sealed(first.device.sealed_seed, second.device.serial_number.encode())


def test_a_name_is_unique_in_the_account_ignoring_case_under_whichever_path(store: Store) -> None:
    mint(store, "Phone")
    with pytest.raises(AlreadyExists, match=r"^MFADevice entity at the same path and name already exists\.$"):
        mint(store, "phone", "/staff/")
    mint(store, "phone", account_id=OTHER_ACCOUNT_ID)


@pytest.mark.parametrize("wrong", [{"name": "a b"}, {"name": "a/b"}, {"name": "é"}, {"name": "n" * 129}, {"path": "a"}])
def test_names_and_paths_are_those_of_iam(store: Store, wrong: dict[str, Any]) -> None:
    with pytest.raises(InputInvalid):
        mint(store, **wrong)


def test_an_account_has_so_many_devices_at_most(store: Store) -> None:
    few = devices_of(store, per_account=1)
    mint(store, account_id=OTHER_ACCOUNT_ID)
    store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="one"))
    with pytest.raises(QuotaExceeded, match=r"VirtualMFADevicesPerAccount: 1$"):
        store.change(lambda tx: few.create(tx, account_id=ACCOUNT_ID, name="two"))


def test_an_enabled_device_is_its_owners(store: Store) -> None:
    alice, bob, device = user(store), user(store, "bob"), mint(store).device
    enable(store, alice, device)
    assert kept(store, device) == replace(device, owner_id=alice.unique_id, enabled_at=NOW, last_step=STEP)
    found = store.read(lambda connection: get_enabled_device(connection, alice, device.serial_number))
    assert found == kept(store, device)
    for other in (bob, root(store)):
        with pytest.raises(NotFound):
            store.read(partial(get_enabled_device, owner=other, serial_number=device.serial_number))


def test_a_device_is_enabled_for_one_at_a_time(store: Store) -> None:
    alice, device = user(store), mint(store).device
    enable(store, alice, device)
    for owner in (alice, user(store, "bob"), root(store)):
        with pytest.raises(AlreadyExists, match=r"^MFA Device is already in use\.$"):
            enable(store, owner, device)


@pytest.mark.parametrize("is_root", [False, True])
def test_nobody_has_more_than_eight_devices(store: Store, *, is_root: bool) -> None:
    owner = root(store) if is_root else user(store)
    for number in range(8):
        enable(store, owner, mint(store, f"phone{number}").device)
    ninth = mint(store, "ninth").device
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for MFADevicesPerUser: 8$"):
        enable(store, owner, ninth)
    enable(store, user(store, "bob"), ninth)
    owned = store.read(lambda connection: list_owned(connection, owner_id_of(owner)))
    assert len(owned) == 8


def test_a_device_of_another_account_is_not_found(store: Store) -> None:
    device = mint(store, account_id=OTHER_ACCOUNT_ID).device
    alice = user(store)
    with pytest.raises(NotFound, match="does not exist"):
        enable(store, alice, device)
    with pytest.raises(NotFound):
        store.read(lambda connection: get_device(connection, ACCOUNT_ID, device.serial_number))


def test_a_renamed_user_gets_no_device_under_the_name_that_was_authorized(store: Store) -> None:
    alice, device = user(store), mint(store).device
    store.change(lambda tx: Users(ENTROPY).update(tx, user=alice, new_name="bob"))
    with pytest.raises(NotFound, match="alice"):
        enable(store, alice, device)


def test_a_deactivated_device_keeps_the_steps_that_were_used(store: Store) -> None:
    alice, device = user(store), mint(store).device
    enable(store, alice, device, step=STEP)
    deactivate(store, alice, device)
    assert kept(store, device) == replace(device, last_step=STEP)
    with pytest.raises(CodeInvalid):
        enable(store, alice, device, step=STEP)
    enable(store, alice, device, step=STEP + 1)


def test_nobody_elses_device_is_deactivated(store: Store) -> None:
    alice, device = user(store), mint(store).device
    enable(store, alice, device)
    for other in (user(store, "bob"), root(store)):
        with pytest.raises(NotFound):
            deactivate(store, other, device)
    assert kept(store, device) is not None


def test_a_device_in_use_is_not_deleted(store: Store) -> None:
    alice, device = user(store), mint(store).device
    enable(store, alice, device)
    with pytest.raises(InUse, match=r"^MFA VirtualDevice in use\. Must deactivate first\.$"):
        delete(store, device)
    deactivate(store, alice, device)
    delete(store, device)
    assert kept(store, device) is None
    with pytest.raises(NotFound):
        delete(store, device)


def test_a_device_that_was_made_anew_is_not_deleted_for_the_one_that_was_authorized(store: Store) -> None:
    device = mint(store).device
    older = replace(device, created_at=device.created_at - timedelta(microseconds=1))
    with pytest.raises(NotFound):
        delete(store, older)
    assert kept(store, device) == device


def test_a_user_with_a_device_is_not_deleted_and_takes_its_count_along(store: Store) -> None:
    alice, device = user(store), mint(store).device
    enable(store, alice, device)
    with pytest.raises(InUse, match=r"^Cannot delete entity, must delete MFA device first\.$"):
        store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    deactivate(store, alice, device)
    assert store.read(lambda c: code_failures.find_locked_until(c, alice.unique_id)) is not None
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    assert store.read(lambda c: code_failures.find_locked_until(c, alice.unique_id)) is None


def test_devices_are_listed_by_whether_they_are_enabled(store: Store) -> None:
    free, owned = mint(store, "a").device, mint(store, "b").device
    mint(store, "c", account_id=OTHER_ACCOUNT_ID)
    enable(store, user(store), owned)

    def listed(*, assigned: bool | None, after: str | None = None, limit: int = 10) -> list[str]:
        found = store.read(lambda c: list_devices(c, ACCOUNT_ID, assigned=assigned, after=after, limit=limit))
        return [device.name for device in found]

    assert listed(assigned=None) == ["a", "b"]
    assert listed(assigned=True) == ["b"]
    assert listed(assigned=False) == ["a"]
    assert listed(assigned=None, limit=1) == ["a"]
    assert listed(assigned=None, after=free.serial_number) == ["b"]


def test_a_28_a_step_is_used_up_once_with_all_before_it(store: Store) -> None:
    serial_number = mint(store).device.serial_number

    def burn(step: int) -> bool:
        return store.change(lambda tx: burn_step(tx.connection, serial_number, step))

    assert [burn(step) for step in (5, 5, 4, 6, 6, 5)] == [True, False, False, True, False, False]


def test_seeds_are_sealed_anew_under_the_current_key(store: Store) -> None:
    minted = mint(store)
    devices = devices_of(store)
    before = store.keyring.current_version(Purpose.SEALING)
    store.keyring.rotate(Purpose.SEALING, emergency=True)
    assert store.keyring.current_version(Purpose.SEALING) > before
    page = store.change(lambda tx: devices.reseal(tx, after="", limit=10))
    assert (page.further, page.count, page.unopened) == (None, 1, ())
    device = kept(store, minted.device)
    assert device is not None
    assert device.sealed_seed != minted.device.sealed_seed
    opened = store.keyring.open_sealed(device.sealed_seed, device.serial_number.encode())
    assert base64.b32encode(opened).decode() == minted.seed
    assert store.change(lambda tx: devices.reseal(tx, after="", limit=1)).further == device.serial_number
