"""What a sign-in may have to mend before it ends: a password that others know, a second factor that is missing."""

from dataclasses import dataclass

from msgspec.structs import replace

from sts.audit.events import Event
from sts.authn.codes import find_step_of_pair
from sts.clock import Clock
from sts.directory.login_profiles import NewPasswords, choose_password
from sts.directory.mfa_devices import MfaDevices
from sts.directory.owners import Owner, get_owner
from sts.directory.recovery_codes import RecoveryCodes
from sts.errors import Refusal
from sts.sessions import Flow, Needs, Step, caller_of
from sts.signin.answer import Answer, Shown
from sts.signin.choosing import read_new_password
from sts.signin.enrolment import describe_seed
from sts.signin.errors import render_message
from sts.signin.progress import Progress
from sts.signin.row import Page, Proof, Target, change_own, show_own
from sts.signin.table import PAGE_OF_STEP
from sts.signin.visit import Visit
from sts.store.database import Transaction

_PASSWORD, _DEVICE = PAGE_OF_STEP[Step.NEW_PASSWORD], PAGE_OF_STEP[Step.ENROLMENT]


@dataclass(frozen=True, slots=True)
class AmendingPages:
    """The pages on which a new password is chosen, and a device enrolled."""

    new_passwords: NewPasswords
    devices: MfaDevices
    recovery_codes: RecoveryCodes
    progress: Progress
    issuer: str
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        flow = Proof.FLOW
        return (
            show_own("ShowNewPassword", _PASSWORD, self._show_password, proof=flow, step=Step.NEW_PASSWORD),
            change_own(
                "ChooseNewPassword",
                _PASSWORD,
                self._choose_password,
                proof=flow,
                step=Step.NEW_PASSWORD,
                event=Event.PASSWORD_CHANGE,
                retry=self._retry_password,
            ),
            show_own("ShowEnrolment", _DEVICE, self._show_device, proof=flow, step=Step.ENROLMENT),
            change_own(
                "EnrolDevice",
                _DEVICE,
                self._enrol,
                proof=flow,
                step=Step.ENROLMENT,
                event=Event.MFA_DEVICE_ENABLE,
                retry=self._retry_device,
            ),
        )

    async def _show_password(self, visit: Visit, _target: Target) -> Answer:
        return await self._password_page(visit, "")

    async def _retry_password(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._password_page(visit, render_message(refusal))

    async def _password_page(self, visit: Visit, error: str) -> Shown:
        flow, rules = visit.get_flow(), await self.new_passwords.describe_rules(await _find_owner(visit))
        shown = {"name": flow.name, "is_known": flow.needs.must_change, "rules": rules, "error": error}
        return Shown("new-password.html", shown)

    async def _choose_password(self, visit: Visit, _target: Target) -> Answer:
        owner = await _find_owner(visit)
        chosen = read_new_password(visit)
        kept = await self.new_passwords.make_chosen(owner, chosen)
        visit.entry.caller = caller_of(visit.get_flow())
        flow = await self.progress.take(visit)

        def change(tx: Transaction) -> None:
            choose_password(tx, owner=owner, password=kept)

        changed = _begin_anew(replace(flow, needs=replace(flow.needs, must_change=False), strong_alone=True))
        return await self.progress.move_on(visit, changed, change)

    async def _show_device(self, visit: Visit, _target: Target) -> Answer:
        return await self._device_page(visit, "")

    async def _retry_device(self, visit: Visit, refusal: Refusal) -> Shown:
        return await self._device_page(visit, render_message(refusal))

    async def _device_page(self, visit: Visit, error: str) -> Shown:
        flow = visit.get_flow()
        seed = self.progress.open_seed(flow)
        shown = await describe_seed(seed, name=flow.name, account_id=flow.account_id, issuer=self.issuer)
        device = visit.find("device") or f"{flow.name}-authenticator"
        return Shown("device.html", {**shown, "device": device, "action": _DEVICE, "error": error})

    async def _enrol(self, visit: Visit, _target: Target) -> Answer:
        owner = await _find_owner(visit)
        seed, now = self.progress.open_seed(visit.get_flow()), self.clock.now()
        step = find_step_of_pair(seed, visit.find("first-code"), visit.find("second-code"), now)
        visit.entry.caller = caller_of(visit.get_flow())
        flow = await self.progress.take(visit)
        codes: list[str] = []

        def change(tx: Transaction) -> None:
            self.devices.enrol(tx, owner=owner, name=visit.find("device"), seed=seed, step=step)
            codes.extend(self.recovery_codes.replace(tx, owner=owner))

        needs = Needs(has_factor=True, must_enrol=flow.needs.must_enrol, must_change=flow.needs.must_change)
        enrolled = _begin_anew(replace(flow, needs=needs, factor_at=now, sealed_seed=b""))
        cookies = await self.progress.go_on(visit, enrolled, change)
        shown = {"codes": codes, "goal": flow.goal, "done": "The authenticator is set up."}
        return Shown("recovery-codes.html", shown, cookies=cookies)


def _begin_anew(flow: Flow) -> Flow:
    """Return *flow* as a sign-in of its own: the session that it was to renew ends with all others by the change."""
    return replace(flow, session_id="")


async def _find_owner(visit: Visit) -> Owner:
    flow: Flow = visit.get_flow()
    return await visit.read(lambda connection: get_owner(connection, flow.account_id, flow.principal_id))
