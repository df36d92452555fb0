"""Second factors of who is signed in: authenticators, added with a picture and two codes, and recovery codes.

Each change asks the person to have proven who they are a short while ago, and ends their other sessions. Devices are
added and removed by whom policies let do so through IAM; what one has, and recovery codes, are one's own.
"""

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from sqlalchemy import Connection

from sts.access import Demand
from sts.arn import iam_arn
from sts.audit.events import Event
from sts.authn.codes import find_step_of_pair, require_unlocked
from sts.clock import Clock
from sts.directory.factor_requirements import is_factor_required
from sts.directory.mfa_devices import MfaDevices, get_enabled_device
from sts.directory.names import MFA_DEVICE_NAME_LENGTH, verify_name
from sts.directory.owners import Owner, owner_id_of
from sts.directory.recovery_codes import RecoveryCodes
from sts.directory.tags import bearer_id
from sts.errors import FormStale, Refusal, SealBroken, Unmodifiable
from sts.keyring.keyring import Keyring
from sts.model import MfaDevice, Secret
from sts.sessions import BrowserSessions
from sts.signin.answer import Answer, Cookie, Moved, Shown
from sts.signin.enrolment import describe_seed
from sts.signin.errors import render_message
from sts.signin.own import change_and_stay, find_self
from sts.signin.row import Page, Proof, Target, demand_nothing, demand_on, on_target, show_page, take_form
from sts.signin.visit import Visit
from sts.store import mfa_devices, recovery_codes
from sts.store.database import Transaction
from sts.store.tags import find_tags

FACTORS = "/ui/factors"
_ADD, _REMOVE, _CODES = f"{FACTORS}/add", f"{FACTORS}/remove", f"{FACTORS}/recovery-codes"
_ENABLE = "iam:EnableMFADevice"
_STALE = "This page is out of date: please open it again, and scan the new picture."
_NO_DEVICE = "Recovery codes stand in for an authenticator: please add one first."


@dataclass(frozen=True, slots=True)
class _Removal:
    """A device that is to be taken away, and whose it is; what each bears."""

    bearer: Target
    device: Target


@dataclass(frozen=True, slots=True)
class FactorPages:
    """The pages about second factors."""

    devices: MfaDevices
    recovery_codes: RecoveryCodes
    sessions: BrowserSessions
    keyring: Keyring
    issuer: str
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        show, take = partial(show_page, find=find_self), partial(take_form, proof=Proof.RECENT)
        listed, session = Event.MFA_DEVICE_LIST, Proof.SESSION
        return (
            show("ShowFactors", FACTORS, _show, event=listed, proof=session, demands=demand_nothing, back=FACTORS),
            show(
                "ShowNewFactor",
                _ADD,
                self._show_new,
                event=None,
                proof=Proof.RECENT,
                demands=on_target(_ENABLE),
                back=_ADD,
            ),
            take(
                "AddFactor",
                _ADD,
                self._add,
                event=Event.MFA_DEVICE_ENABLE,
                find=_find_new,
                demands=_demand_add,
                back=_ADD,
                retry=self._retry_new,
            ),
            take(
                "RemoveFactor",
                _REMOVE,
                self._remove,
                event=Event.MFA_DEVICE_DEACTIVATE,
                find=_find_removal,
                demands=_demand_remove,
                back=FACTORS,
            ),
            take(
                "MakeRecoveryCodes",
                _CODES,
                self._make_codes,
                event=Event.RECOVERY_CODES_CREATE,
                find=find_self,
                demands=demand_nothing,
                back=FACTORS,
            ),
        )

    async def _show_new(self, visit: Visit, _target: Target) -> Answer:
        return await self._new_page(visit, self.devices.entropy.totp_seed(), "")

    async def _retry_new(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._new_page(visit, self._open_seed(visit), render_message(refusal))

    async def _new_page(self, visit: Visit, seed: bytes, error: str) -> Shown:
        name = visit.caller.user_name or "root"
        shown = await describe_seed(seed, name=name, account_id=visit.caller.account_id, issuer=self.issuer)
        sealed = base64.urlsafe_b64encode(self.keyring.seal(seed, _place(visit))).decode("ascii")
        device = visit.find("device") or f"{name}-authenticator"
        return Shown("new-factor.html", {**shown, "sealed": sealed, "device": device, "action": _ADD, "error": error})

    def _open_seed(self, visit: Visit) -> bytes:
        """Return the seed that the page showed; raises FormStale for one of another session."""
        try:
            sealed = base64.b64decode(visit.find("sealed").encode("ascii"), altchars=b"-_", validate=True)
            return self.keyring.open_sealed(sealed, _place(visit))
        except (ValueError, SealBroken):
            raise FormStale(_STALE, detail="the seed was not sealed for this session") from None

    async def _add(self, visit: Visit, target: Target) -> Answer:
        owner: Owner = target.noun
        seed, name = self._open_seed(visit), visit.find("device")
        step = find_step_of_pair(seed, visit.find("first-code"), visit.find("second-code"), self.clock.now())

        def change(tx: Transaction) -> tuple[Secret, ...]:
            require_unlocked(tx, owner_id_of(owner))
            self.devices.enrol(tx, owner=owner, name=name, seed=seed, step=step)
            if recovery_codes.list_stamps(tx.connection, owner_id_of(owner)):
                return ()
            return self.recovery_codes.replace(tx, owner=owner)

        codes, cookie = await change_and_stay(visit, self.sessions, change)
        if codes:
            return _show_codes(codes, f"The authenticator {name} is set up.", cookie)
        return Moved(FACTORS, (cookie,))

    async def _remove(self, visit: Visit, target: Target) -> Answer:
        owner: Owner = target.noun.bearer.noun
        device: MfaDevice = target.noun.device.noun

        def change(tx: Transaction) -> None:
            self.devices.deactivate(tx, owner=owner, serial_number=device.serial_number)
            self.devices.delete(tx, device=device)

        _, cookie = await change_and_stay(visit, self.sessions, change)
        return Moved(FACTORS, (cookie,))

    async def _make_codes(self, visit: Visit, target: Target) -> Answer:
        owner: Owner = target.noun

        def change(tx: Transaction) -> tuple[Secret, ...]:
            if not mfa_devices.list_owned(tx.connection, owner_id_of(owner)):
                raise Unmodifiable(_NO_DEVICE)
            return self.recovery_codes.replace(tx, owner=owner)

        return _show_codes(await visit.change(change), "Earlier codes are good for nothing now.")


async def _show(visit: Visit, target: Target) -> Answer:
    owner_id, account_id = owner_id_of(target.noun), visit.caller.account_id

    def read(connection: Connection) -> Mapping[str, Any]:
        return {
            "devices": mfa_devices.list_owned(connection, owner_id),
            "codes_left": len(recovery_codes.list_stamps(connection, owner_id)),
            "required": is_factor_required(connection, account_id=account_id, owner_id=owner_id),
        }

    return Shown("factors.html", await visit.read(read))


def _show_codes(codes: tuple[Secret, ...], done: str, *cookies: Cookie) -> Shown:
    return Shown("recovery-codes.html", {"codes": codes, "goal": FACTORS, "done": done}, cookies=cookies)


async def _find_new(visit: Visit) -> Target:
    """Return the owner of a device of the name that was typed; raises InputInvalid."""
    verify_name(visit.find("device"), MFA_DEVICE_NAME_LENGTH)
    return await find_self(visit)


async def _find_removal(visit: Visit) -> Target:
    """Return the person's own device of the serial number that was sent; raises NotFound, whosever it may be."""
    bearer = await find_self(visit)

    def read(connection: Connection) -> Target:
        device = get_enabled_device(connection, bearer.noun, visit.find("device"))
        return Target(device.serial_number, device, tags=find_tags(connection, bearer_id(device)))

    return Target(bearer.arn, _Removal(bearer, await visit.read(read)))


def _demand_add(visit: Visit, target: Target) -> tuple[Demand, ...]:
    device = Target(iam_arn(visit.caller.account_id, f"mfa/{visit.find('device')}"))
    return demand_on(visit, _ENABLE, target), demand_on(visit, "iam:CreateVirtualMFADevice", device)


def _demand_remove(visit: Visit, target: Target) -> tuple[Demand, ...]:
    found: _Removal = target.noun
    return (
        demand_on(visit, "iam:DeactivateMFADevice", found.bearer),
        demand_on(visit, "iam:DeleteVirtualMFADevice", found.device),
    )


def _place(visit: Visit) -> bytes:
    return f"seed of a new device in {visit.get_opened().session.session_id}".encode("ascii")
