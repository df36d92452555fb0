"""Virtual MFA devices: the queries."""

from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Row, bindparam, delete, func, insert, select, update

from sts.model import MfaDevice
from sts.store.database import from_microseconds, from_optional_microseconds, to_microseconds
from sts.store.tables import mfa_device

# What every code asks: built for each, these would cost as much as they do.
_OF = mfa_device.c.serial_number == bindparam("of_serial_number")
_FIND = select(mfa_device).where(_OF)
_UNUSED = update(mfa_device).where(_OF, mfa_device.c.last_step < bindparam("step"))
_BURN = _UNUSED.values(last_step=bindparam("step"))
_BURN_AND_SET = _UNUSED.values(last_step=bindparam("step"), drift=bindparam("new_drift"))


def find_device(connection: Connection, serial_number: str) -> MfaDevice | None:
    """Return the device of this serial number, whosever it is."""
    row = connection.execute(_FIND, {"of_serial_number": serial_number}).one_or_none()
    return None if row is None else _device(row)


def is_device_name_taken(connection: Connection, account_id: str, name: str) -> bool:
    """Say whether a device of the account has this name in any case, under whichever path."""
    query = select(mfa_device.c.name).where(
        mfa_device.c.account_id == account_id, mfa_device.c.name_key == name.lower()
    )
    return connection.execute(query).one_or_none() is not None


def list_owned(connection: Connection, owner_id: str) -> tuple[MfaDevice, ...]:
    """Return the devices that are enabled for the owner, by serial number."""
    query = select(mfa_device).where(mfa_device.c.owner_id == owner_id).order_by(mfa_device.c.serial_number)
    return tuple(_device(row) for row in connection.execute(query))


def list_devices(
    connection: Connection, account_id: str, *, assigned: bool | None, after: str | None, limit: int
) -> tuple[MfaDevice, ...]:
    """Return at most *limit* devices of the account, by serial number, past that of *after*.

    *assigned* True is those that are enabled for somebody, False the others, None all.
    """
    query = select(mfa_device).where(mfa_device.c.account_id == account_id)
    if assigned is not None:
        has_owner = mfa_device.c.owner_id.is_not(None)
        query = query.where(has_owner if assigned else ~has_owner)
    if after is not None:
        query = query.where(mfa_device.c.serial_number > after)
    return tuple(_device(row) for row in connection.execute(query.order_by(mfa_device.c.serial_number).limit(limit)))


def list_after(connection: Connection, after: str, limit: int) -> tuple[MfaDevice, ...]:
    """Return up to *limit* devices of all accounts behind the serial number *after*, by serial number."""
    of_all = select(mfa_device).where(mfa_device.c.serial_number > after).order_by(mfa_device.c.serial_number)
    return tuple(_device(row) for row in connection.execute(of_all.limit(limit)))


def count_devices(connection: Connection, account_id: str) -> int:
    """Return how many devices the account has, enabled or not."""
    query = select(func.count()).select_from(mfa_device).where(mfa_device.c.account_id == account_id)
    return connection.execute(query).scalar_one()


def insert_device(connection: Connection, new: MfaDevice) -> None:
    """Keep a new device, enabled for nobody."""
    connection.execute(
        insert(mfa_device).values(
            serial_number=new.serial_number,
            account_id=new.account_id,
            name=new.name,
            name_key=new.name.lower(),
            path=new.path,
            sealed_seed=new.sealed_seed,
            last_step=new.last_step,
            drift=new.drift,
            created_at=to_microseconds(new.created_at),
        )
    )


def assign_device(connection: Connection, serial_number: str, owner_id: str, at: datetime) -> None:
    """Enable the device for the owner."""
    enabled = update(mfa_device).where(_is(serial_number))
    connection.execute(enabled.values(owner_id=owner_id, enabled_at=to_microseconds(at)))


def release_device(connection: Connection, serial_number: str) -> None:
    """Enable the device for nobody; the steps that were used stay used, and its drift is known."""
    connection.execute(update(mfa_device).where(_is(serial_number)).values(owner_id=None, enabled_at=None))


def burn_step(connection: Connection, serial_number: str, step: int, drift: int | None = None) -> bool:
    """Use up *step* and all before it, and say whether it was unused: of all who ask for one step, one hears yes.

    *drift* is what is known of the device's clock from now on; None leaves it.
    """
    burnt = {"of_serial_number": serial_number, "step": step}
    if drift is None:
        return connection.execute(_BURN, burnt).rowcount == 1
    return connection.execute(_BURN_AND_SET, {**burnt, "new_drift": drift}).rowcount == 1


def update_sealed_seed(connection: Connection, serial_number: str, sealed_seed: bytes) -> None:
    """Keep the same seed sealed under another key."""
    connection.execute(update(mfa_device).where(_is(serial_number)).values(sealed_seed=sealed_seed))


def delete_device(connection: Connection, serial_number: str) -> None:
    """Remove the device, and its seed with it."""
    connection.execute(delete(mfa_device).where(_is(serial_number)))


def _is(serial_number: str) -> ColumnElement[bool]:
    return mfa_device.c.serial_number == serial_number


def _device(row: Row[Any]) -> MfaDevice:
    return MfaDevice(
        account_id=row.account_id,
        name=row.name,
        path=row.path,
        owner_id=row.owner_id,
        sealed_seed=row.sealed_seed,
        last_step=row.last_step,
        drift=row.drift,
        created_at=from_microseconds(row.created_at),
        enabled_at=from_optional_microseconds(row.enabled_at),
    )
