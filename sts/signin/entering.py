"""The first steps of a sign-in: the password, then a code of a device or a recovery code."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime

from msgspec.structs import replace

from sts.audit.events import Event
from sts.authn.codes import CodeProof, FactorProven
from sts.authn.passwords import PasswordProof, PasswordProven
from sts.authn.recovery import RecoveryProof
from sts.clock import Clock
from sts.directory.needs import find_needs
from sts.directory.owners import Owner, owner_id_of
from sts.errors import Refusal, SignInNeeded, Throttled
from sts.model import Account
from sts.sessions import Flow, Needs, Step, caller_of
from sts.signin.answer import Answer, Moved, Shown
from sts.signin.ended import describe
from sts.signin.errors import render_message
from sts.signin.progress import Progress
from sts.signin.row import Page, Proof, Retry, Run, Target, change_own, show_own
from sts.signin.table import PAGE_OF_STEP, parse_goal
from sts.signin.visit import Visit

_SIGN_IN, _CODE = PAGE_OF_STEP[Step.PASSWORD], PAGE_OF_STEP[Step.FACTOR]
_RECOVERY = "/ui/sign-in/recovery"
_WRONG_CODE = (
    "This code is wrong or was used already, or codes are locked for a while after too many wrong ones. "
    "Please wait for the next one and try again."
)

# Of an owner, by a code, from an address and a device.
ProveFactor = Callable[[str, str, str, str | None], Awaitable[FactorProven]]


@dataclass(frozen=True, slots=True)
class EnteringPages:
    """The pages on which somebody says who they are, and proves it."""

    passwords: PasswordProof
    codes: CodeProof
    recovery: RecoveryProof
    progress: Progress
    clock: Clock

    def rows(self) -> tuple[Page, ...]:
        """Return the rows."""
        return (
            show_own("ShowSignIn", _SIGN_IN, self._show_sign_in, proof=Proof.NONE),
            change_own(
                "SignIn", _SIGN_IN, self._sign_in, proof=Proof.NONE, event=Event.PASSWORD_PROVE, retry=_retry_sign_in
            ),
            show_own("ShowCode", _CODE, _show_code, proof=Proof.FLOW, step=Step.FACTOR),
            _prove("ProveCode", _CODE, self._prove_code, _retry_code),
            show_own("ShowRecovery", _RECOVERY, _show_recovery, proof=Proof.FLOW, step=Step.FACTOR),
            _prove("ProveRecoveryCode", _RECOVERY, self._prove_recovery, _retry_recovery),
        )

    async def _show_sign_in(self, visit: Visit, _target: Target) -> Answer:
        goal = parse_goal(visit.query.get("to", ""))
        try:
            await self.progress.sessions.open(visit.session_value)
        except SignInNeeded:
            return _sign_in_form(visit, goal)
        return Moved(goal)

    async def _sign_in(self, visit: Visit, _target: Target) -> Answer:
        proven = await self.passwords.prove(
            visit.find("account"), visit.find("user"), visit.find("password"), visit.entry.address, visit.device
        )
        owner, now = proven.principal, self.clock.now()
        needs = await visit.read(lambda connection: find_needs(connection, owner.account_id, owner_id_of(owner), now))
        goal = parse_goal(visit.find("to"))
        flow = begin_flow(owner, proven=proven, mark=proven.mark, goal=goal, now=now, needs=needs)
        visit.entry.caller = caller_of(flow)
        return await self.progress.move_on(visit, flow)

    async def _prove_code(self, visit: Visit, _target: Target) -> Answer:
        # As authenticators show it: in two groups of three.
        code = visit.find("code").replace(" ", "")
        return await self._prove_factor(visit, self.codes.prove_any, code)

    async def _prove_recovery(self, visit: Visit, _target: Target) -> Answer:
        return await self._prove_factor(visit, self.recovery.prove, visit.find("recovery-code"))

    async def _prove_factor(self, visit: Visit, prove: ProveFactor, code: str) -> Answer:
        proven = await prove(visit.get_flow().principal_id, code, visit.entry.address, visit.device)
        return await self._go_on(visit, proven)

    async def _go_on(self, visit: Visit, proven: FactorProven) -> Answer:
        visit.entry.caller = caller_of(visit.get_flow())
        flow = await self.progress.take(visit)
        failures = flow.failures + proven.failures
        return await self.progress.move_on(visit, replace(flow, factor_at=proven.at, failures=failures))


def begin_flow(
    principal: Owner,
    *,
    goal: str,
    now: datetime,
    needs: Needs,
    mark: bytes,
    proven: PasswordProven | None = None,
    session_id: str = "",
) -> Flow:
    """Return the flow of who has just proven a password, or without *proven* is setting one that is strong enough.

    *mark* was read with the proof, or with *needs*: what changes between proof, needs and session shows.
    """
    arn, name = (principal.root_arn, "root") if isinstance(principal, Account) else (principal.arn, principal.name)
    return Flow(
        account_id=principal.account_id,
        principal_id=owner_id_of(principal),
        arn=arn,
        name=name,
        goal=goal,
        needs=needs,
        mark=mark,
        password_at=now,
        strong_alone=proven is None or proven.strong_alone,
        failures=0 if proven is None else proven.failures,
        session_id=session_id,
    )


def _sign_in_form(visit: Visit, goal: str, error: str = "") -> Shown:
    typed = {"account": visit.find("account"), "user": visit.find("user")}
    ended = describe(visit.query.get("ended", ""))
    return Shown("sign-in.html", {"goal": goal, "error": error, "ended": ended, **typed})


async def _retry_sign_in(visit: Visit, refusal: Refusal) -> Shown:
    return _sign_in_form(visit, parse_goal(visit.find("to")), render_message(refusal))


async def _show_code(visit: Visit, _target: Target) -> Answer:
    return Shown("code.html", {"name": visit.get_flow().name, "error": ""})


async def _retry_code(visit: Visit, refusal: Refusal) -> Shown:
    error = render_message(refusal) if isinstance(refusal, Throttled) else _WRONG_CODE
    return Shown("code.html", {"name": visit.get_flow().name, "error": error})


async def _show_recovery(visit: Visit, _target: Target) -> Answer:
    return Shown("recovery.html", {"name": visit.get_flow().name, "error": ""})


async def _retry_recovery(visit: Visit, refusal: Refusal) -> Shown:
    return Shown("recovery.html", {"name": visit.get_flow().name, "error": render_message(refusal)})


def _prove(name: str, path: str, run: Run, retry: Retry) -> Page:
    return change_own(name, path, run, proof=Proof.FLOW, step=Step.FACTOR, event=Event.FACTOR_PROVE, retry=retry)
