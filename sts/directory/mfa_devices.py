"""Virtual MFA devices, by the rules: eight at most of a user or an account's root, their seeds shown once.

The seed is kept sealed for its serial number, because codes are made with it: one that is moved to the row of another
device does not open. What a code proves is looked at elsewhere (`authn/codes.py`).
"""

from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.crypto.totp import drift_at, encode_seed
from sts.directory.names import MFA_DEVICE_NAME_LENGTH, verify_name, verify_path
from sts.directory.owners import Owner, confirm_owner, owner_id_of
from sts.directory.resealing import Resealed, SealedValue, reseal_page
from sts.entropy import Entropy
from sts.errors import AlreadyExists, CodeInvalid, InUse, NotFound, QuotaExceeded
from sts.keyring.keyring import Keyring
from sts.model import MfaDevice, Secret
from sts.sessions import end_sessions
from sts.store import code_failures, mfa_devices, recovery_codes
from sts.store.database import Transaction
from sts.store.tags import delete_all_tags

_USED = "Authentication code for device is not valid."


@dataclass(frozen=True, slots=True)
class MintedDevice:
    """A new device, and its seed in base32 for the only time."""

    device: MfaDevice
    seed: Secret


@dataclass(frozen=True, slots=True)
class MfaDevices:
    """Changes virtual MFA devices."""

    entropy: Entropy
    keyring: Keyring
    per_owner: int = 8
    per_account: int = 5_000  # as many as users (IAM User Guide, "IAM and AWS STS quotas")

    def create(self, tx: Transaction, *, account_id: str, name: str, path: str = "/") -> MintedDevice:
        """Create a device that is enabled for nobody; raises InputInvalid, AlreadyExists, QuotaExceeded."""
        seed = self.entropy.totp_seed()
        return MintedDevice(self._keep(tx, account_id, name, path, seed), Secret(encode_seed(seed)))

    def enrol(self, tx: Transaction, *, owner: Owner, name: str, seed: bytes, step: int) -> MfaDevice:
        """Create a device with *seed* and `enable` it for *owner*, who showed by *step* that it has it.

        Raises InputInvalid, AlreadyExists, QuotaExceeded, CodeInvalid, and NotFound when the owner is gone.
        """
        confirm_owner(tx.connection, owner)
        self._require_room(tx.connection, owner)
        device = self._keep(tx, owner.account_id, name, "/", seed)
        self.enable(tx, owner=owner, device=device, step=step)
        return device

    def get_free(self, connection: Connection, *, owner: Owner, serial_number: str) -> MfaDevice:
        """Return a device that can be enabled for *owner*; raises NotFound, AlreadyExists, QuotaExceeded."""
        confirm_owner(connection, owner)
        device = get_device(connection, owner.account_id, serial_number)
        if device.owner_id is not None:
            raise AlreadyExists("MFA Device is already in use.")
        self._require_room(connection, owner)
        return device

    def enable(self, tx: Transaction, *, owner: Owner, device: MfaDevice, step: int) -> None:
        """Enable *device* for *owner*, which used up *step* of it by showing that it has it; raises CodeInvalid.

        How far its clock is from ours is learnt anew by that: it may have been set since it was last enabled.
        The owner's browser sessions end: they began without it.
        """
        if not mfa_devices.burn_step(tx.connection, device.serial_number, step, drift_at(step, tx.now)):
            raise CodeInvalid(_USED, detail="the step was used")
        mfa_devices.assign_device(tx.connection, device.serial_number, owner_id_of(owner), tx.now)
        code_failures.begin_count(tx.connection, owner_id_of(owner))
        end_sessions(tx, owner_id_of(owner))

    def deactivate(self, tx: Transaction, *, owner: Owner, serial_number: str) -> None:
        """Let the owner's device be enabled for nobody, so that it can be enabled anew; raises NotFound.

        The owner's browser sessions end: who had the device may have begun them.
        """
        device = get_enabled_device(tx.connection, owner, serial_number)
        mfa_devices.release_device(tx.connection, device.serial_number)
        if not mfa_devices.list_owned(tx.connection, owner_id_of(owner)):
            # They stand in for a factor: left behind, they would open what the next one is to guard.
            recovery_codes.delete_stamps(tx.connection, owner_id_of(owner))
        end_sessions(tx, owner_id_of(owner))

    def delete(self, tx: Transaction, *, device: MfaDevice) -> None:
        """Delete the device; raises NotFound, and InUse while it is enabled for anybody."""
        present = confirm_device(tx.connection, device)
        if present.owner_id is not None:
            raise InUse("MFA VirtualDevice in use. Must deactivate first.")
        delete_all_tags(tx.connection, present.serial_number)
        mfa_devices.delete_device(tx.connection, present.serial_number)

    def reseal(self, tx: Transaction, *, after: str, limit: int) -> Resealed:
        """Seal anew the seeds of up to *limit* devices behind *after* that are not under the current sealing key."""
        devices = mfa_devices.list_after(tx.connection, after, limit)
        page = [SealedValue(device.serial_number, device.sealed_seed) for device in devices]
        return reseal_page(self.keyring, page, limit, partial(mfa_devices.update_sealed_seed, tx.connection))

    def _require_room(self, connection: Connection, owner: Owner) -> None:
        if len(mfa_devices.list_owned(connection, owner_id_of(owner))) >= self.per_owner:
            raise QuotaExceeded(f"Cannot exceed quota for MFADevicesPerUser: {self.per_owner}")

    def _keep(self, tx: Transaction, account_id: str, name: str, path: str, seed: bytes) -> MfaDevice:
        verify_name(name, MFA_DEVICE_NAME_LENGTH)
        verify_path(path)
        if mfa_devices.is_device_name_taken(tx.connection, account_id, name):
            raise AlreadyExists("MFADevice entity at the same path and name already exists.")
        if mfa_devices.count_devices(tx.connection, account_id) >= self.per_account:
            raise QuotaExceeded(f"Cannot exceed quota for VirtualMFADevicesPerAccount: {self.per_account}")
        serial_number = iam_arn(account_id, f"mfa{path}{name}")
        device = MfaDevice(
            account_id=account_id,
            name=name,
            path=path,
            owner_id=None,
            sealed_seed=self.keyring.seal(seed, associated_data=serial_number.encode()),
            last_step=0,
            drift=0,
            created_at=tx.now,
            enabled_at=None,
        )
        mfa_devices.insert_device(tx.connection, device)
        return device


def get_device(connection: Connection, account_id: str, serial_number: str) -> MfaDevice:
    """Return the device of this serial number that the account has; raises NotFound, whoever else may have it."""
    device = mfa_devices.find_device(connection, serial_number)
    if device is None or device.account_id != account_id:
        raise unknown_device(serial_number)
    return device


def confirm_device(connection: Connection, authorized: MfaDevice) -> MfaDevice:
    """Return what was authorized as it stands now; raises NotFound when it is gone, whatever bears its name."""
    present = mfa_devices.find_device(connection, authorized.serial_number)
    if present is None or present.created_at != authorized.created_at:
        raise unknown_device(authorized.serial_number)
    return present


def unknown_device(serial_number: str) -> NotFound:
    """Return the refusal of a serial number that no device has."""
    return NotFound(f"VirtualMFADevice with serial number {serial_number} does not exist.")


def get_enabled_device(connection: Connection, owner: Owner, serial_number: str) -> MfaDevice:
    """Return the device of this serial number that is enabled for *owner*; raises NotFound, whose it may else be."""
    confirm_owner(connection, owner)
    device = get_device(connection, owner.account_id, serial_number)
    if device.owner_id != owner_id_of(owner):
        raise NotFound(f"MFA Device with serial number {serial_number} is not enabled for the user.")
    return device
