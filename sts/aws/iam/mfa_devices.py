"""IAM's operations on virtual MFA devices.

Root, which has no name, is meant where root itself gives the number of its account for a UserName, or none.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from sqlalchemy import Connection

from sts.arn import iam_arn
from sts.audit.events import Event
from sts.authn.codes import CodeProof, require_unlocked
from sts.aws.iam.paging import Pager, read_limit
from sts.aws.iam.rows import iam_row, on_tagging
from sts.aws.iam.users import describe_root, describe_user, find_user_or_caller, require_owner
from sts.aws.row import Changes, Command, Operation, Reads, Result, Target
from sts.aws.tags import read_tags, show_tags
from sts.crypto.qr import draw_qr_code
from sts.crypto.totp import render_uri
from sts.directory.mfa_devices import MfaDevices, get_enabled_device, unknown_device
from sts.directory.owners import Owner, owner_id_of
from sts.directory.tags import Tagging
from sts.errors import Refusal
from sts.model import Account, Caller, CallerKind, MfaDevice
from sts.store import mfa_devices as stored
from sts.store.accounts import find_account
from sts.store.database import Transaction
from sts.store.users import find_users_by_id

_ASSIGNED = {"Assigned": True, "Unassigned": False, "Any": None}


@dataclass(frozen=True, slots=True)
class MfaDeviceOperations:
    """The rows about virtual MFA devices: on the device where it is made and deleted, else on the user that has it."""

    devices: MfaDevices
    codes: CodeProof
    tagging: Tagging
    issuer: str
    pager: Pager

    def rows(self) -> tuple[Operation, ...]:
        """Return the rows."""
        create, enable, resync = Changes(self._create), Changes(self._enable), Changes(self._resync)
        deactivate, delete, finish = Changes(self._deactivate), Changes(self._delete), self._add_qr_code
        return (
            iam_row(
                "CreateVirtualMFADevice",
                Event.MFA_DEVICE_CREATE,
                _find_asked,
                create,
                demands=on_tagging("iam:CreateVirtualMFADevice", "iam:TagMFADevice"),
                finish=finish,
            ),
            iam_row("EnableMFADevice", Event.MFA_DEVICE_ENABLE, _find_owner, enable),
            iam_row("ResyncMFADevice", Event.MFA_DEVICE_RESYNC, _find_owner, resync),
            iam_row("GetMFADevice", Event.MFA_DEVICE_READ, _find_owner, Reads(self._get)),
            iam_row("ListMFADevices", Event.MFA_DEVICE_LIST, _find_owner, Reads(self._list_owned)),
            iam_row("ListVirtualMFADevices", Event.MFA_DEVICE_LIST, _find_any, Reads(self._list)),
            iam_row("DeactivateMFADevice", Event.MFA_DEVICE_DEACTIVATE, _find_owner, deactivate),
            iam_row("DeleteVirtualMFADevice", Event.MFA_DEVICE_DELETE, find_device, delete),
        )

    def _create(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        minted = self.devices.create(
            tx,
            account_id=target.account_id,
            name=command["VirtualMFADeviceName"],
            path=command.get("Path", "/"),
        )
        tags = read_tags(command)
        self.tagging.put(tx, bearer=minted.device, tags=tags)
        seed = minted.seed.encode("ascii")
        shown = {"Tags": show_tags(dict(tags))} if tags else {}
        return {"VirtualMFADevice": {"SerialNumber": minted.device.serial_number, "Base32StringSeed": seed, **shown}}

    def _add_qr_code(self, result: Result) -> Result:
        device = result["VirtualMFADevice"]
        uri = render_uri(
            device["Base32StringSeed"].decode("ascii"),
            name=_label(device["SerialNumber"]),
            issuer=urlsplit(self.issuer).hostname or "",
        )
        return {"VirtualMFADevice": {**device, "QRCodePNG": draw_qr_code(uri)}}

    def _enable(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        owner = require_owner(target)
        device = self.devices.get_free(tx.connection, owner=owner, serial_number=command["SerialNumber"])
        require_unlocked(tx, owner_id_of(owner))
        first, second = command["AuthenticationCode1"], command["AuthenticationCode2"]
        step = self.codes.find_pair(device, first, second, tx.now)
        self.devices.enable(tx, owner=owner, device=device, step=step)
        return {}

    def _resync(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result | Refusal:
        owner = require_owner(target)
        device = get_enabled_device(tx.connection, owner, command["SerialNumber"])
        first, second = command["AuthenticationCode1"], command["AuthenticationCode2"]
        return self.codes.resync(tx, device, owner_id_of(owner), first, second) or {}

    def _get(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        owner = require_owner(target)
        return _describe(owner, get_enabled_device(connection, owner, command["SerialNumber"]))

    def _list_owned(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        owner = require_owner(target)
        after = self.pager.after(command, "ListMFADevices", target.account_id)
        owned = stored.list_owned(connection, owner_id_of(owner))
        devices = [device for device in owned if after is None or device.serial_number > after]
        fetched = devices[: read_limit(command)]
        shown, more = self.pager.page(fetched, command, "ListMFADevices", target.account_id, _serial_number)
        return {"MFADevices": [_describe(owner, device) for device in shown], **more}

    def _list(self, connection: Connection, _caller: Caller, command: Command, target: Target) -> Result:
        after = self.pager.after(command, "ListVirtualMFADevices", target.account_id)
        assigned = _ASSIGNED[command.get("AssignmentStatus", "Any")]
        found = stored.list_devices(
            connection, target.account_id, assigned=assigned, after=after, limit=read_limit(command)
        )
        shown, more = self.pager.page(found, command, "ListVirtualMFADevices", target.account_id, _serial_number)
        owners = _describe_owners(connection, target.account_id, [each.owner_id for each in shown if each.owner_id])
        return {"VirtualMFADevices": [_describe_virtual(device, owners) for device in shown], **more}

    def _deactivate(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.devices.deactivate(tx, owner=require_owner(target), serial_number=command["SerialNumber"])
        return {}

    def _delete(self, tx: Transaction, _caller: Caller, command: Command, target: Target) -> Result:
        self.devices.delete(tx, device=get_device(command, target))
        return {}


def _find_asked(_connection: Connection, caller: Caller, command: Command) -> Target:
    arn = iam_arn(caller.account_id, f"mfa{command.get('Path', '/')}{command['VirtualMFADeviceName']}")
    return Target(arn, caller.account_id)


def _find_any(_connection: Connection, caller: Caller, _command: Command) -> Target:
    return Target(iam_arn(caller.account_id, "mfa/"), caller.account_id)


def find_device(connection: Connection, caller: Caller, command: Command) -> Target:
    """Return the device of SerialNumber, which is what a policy names, whether or not the account has such a device."""
    device = stored.find_device(connection, command["SerialNumber"])
    own = device is not None and device.account_id == caller.account_id
    return Target(command["SerialNumber"], caller.account_id, device if own else None)


def get_device(command: Command, target: Target) -> MfaDevice:
    """Return the device that was authorized; raises NotFound when there was none."""
    if not isinstance(target.noun, MfaDevice):
        raise unknown_device(command["SerialNumber"])
    return target.noun


def _find_owner(connection: Connection, caller: Caller, command: Command) -> Target:
    if caller.kind is CallerKind.ROOT and command.get("UserName") == caller.account_id:
        return Target(caller.arn, caller.account_id, find_account(connection, caller.account_id))
    return find_user_or_caller(connection, caller, command)


def _serial_number(device: MfaDevice) -> str:
    return device.serial_number


def _describe(owner: Owner, device: MfaDevice) -> Result:
    name = owner.account_id if isinstance(owner, Account) else owner.name
    return {"UserName": name, "SerialNumber": device.serial_number, "EnableDate": device.enabled_at}


def _describe_virtual(device: MfaDevice, owners: Mapping[str, Result]) -> Result:
    described: Result = {"SerialNumber": device.serial_number}
    if device.owner_id is not None:
        described |= {"User": owners[device.owner_id], "EnableDate": device.enabled_at}
    return described


def _describe_owners(connection: Connection, account_id: str, owner_ids: list[str]) -> Mapping[str, Result]:
    owners = {user.unique_id: describe_user(user) for user, _ in find_users_by_id(connection, owner_ids)}
    account = find_account(connection, account_id) if account_id in owner_ids else None
    return owners if account is None else {**owners, account_id: describe_root(account)}


def _label(serial_number: str) -> str:
    """Return the name under which an authenticator shows the device: two accounts may have devices of one name."""
    account_id, resource = serial_number.split(":", 5)[4:]
    return f"{resource.rpartition('/')[2]}@{account_id}"
