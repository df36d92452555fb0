"""A sign-in under way, and the one table of what comes next in it.

No page decides what follows it: each proves one thing, notes it in the flow and asks `next_step`. So a step cannot be
skipped by asking for the page behind it, and a session begins only where nothing is left to do.
"""

from collections.abc import Callable
from datetime import datetime
from enum import StrEnum

import msgspec

from sts.model import Caller, CallerKind, root_caller

PASSWORD, ONE_TIME, SEVERAL = "pwd", "otp", "mfa"  # how somebody was authenticated, in the words of RFC 8176


class Step(StrEnum):
    """What is to be done next."""

    PASSWORD = "password"  # noqa: S105  no password
    FACTOR = "factor"  # a code of a device, or a recovery code
    NEW_PASSWORD = "new-password"  # noqa: S105  no password
    ENROLMENT = "enrolment"
    DONE = "done"


class Needs(msgspec.Struct, frozen=True, kw_only=True):
    """What the store asks of a principal that signs in: read anew at every step, so that a change counts at once."""

    has_factor: bool
    must_enrol: bool  # a second factor is required, of the principal or of everybody in its account
    must_change: bool  # the password was set by somebody else, or may be known to others


class Flow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A sign-in whose password was proven, or the renewed proof of the session *session_id*.

    *mark* is of what it stands on (`mark_sign_in`): it ends when that changes. *password_at*, its beginning, and
    *factor_at* are when either was shown. *sealed_seed* is of a device that is being enrolled. *goal* is the path that
    the person was on the way to.
    """

    account_id: str
    principal_id: str
    arn: str
    name: str
    goal: str
    needs: Needs
    mark: bytes = b""  # of nothing: no session begins by it
    password_at: datetime | None = None
    factor_at: datetime | None = None
    strong_alone: bool = False  # the password is long enough without a second factor
    failures: int = 0  # wrong passwords and codes that came before the right ones
    session_id: str = ""
    sealed_seed: bytes = b""

    @property
    def methods(self) -> tuple[str, ...]:
        """What was done, and nothing above it."""
        if self.factor_at is None:
            return (PASSWORD,)
        return PASSWORD, ONE_TIME, SEVERAL


def _needs_password(flow: Flow) -> bool:
    """Say whether another password is to be chosen: also where a short one has lost the second factor beside it."""
    stands_alone = not flow.needs.has_factor and not flow.needs.must_enrol
    return flow.needs.must_change or (stands_alone and not flow.strong_alone)


# In this order: who has a device shows it before anything can be changed.
_TABLE: tuple[tuple[Step, Callable[[Flow], bool]], ...] = (
    (Step.PASSWORD, lambda flow: flow.password_at is None),
    (Step.FACTOR, lambda flow: flow.needs.has_factor and flow.factor_at is None),
    (Step.NEW_PASSWORD, _needs_password),
    (Step.ENROLMENT, lambda flow: flow.needs.must_enrol and not flow.needs.has_factor),
)


def next_step(flow: Flow) -> Step:
    """Return what is to be done next; DONE when a session has been earned."""
    return next((step for step, is_due in _TABLE if is_due(flow)), Step.DONE)


def caller_of(flow: Flow) -> Caller:
    """Return the principal of *flow* as the record of a step names it: it may nothing before a session has begun."""
    if flow.principal_id == flow.account_id:
        return root_caller(flow.account_id, "")
    return Caller(
        kind=CallerKind.USER,
        account_id=flow.account_id,
        arn=flow.arn,
        principal_arn=flow.arn,
        unique_id=flow.principal_id,
        userid=flow.principal_id,
        user_name=flow.name,
    )
