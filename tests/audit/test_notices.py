"""A-27: what the owner of credentials should hear of is logged and counted, once its record is durable."""

import asyncio
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sts.audit.events import Event
from sts.audit.notices import Notice
from sts.audit.record import Entry
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import NotFound, Refusal
from sts.foundation import Foundation, lay_foundation
from sts.model import Caller, CallerKind
from sts.settings import read_settings
from sts.telemetry import catalogue

ACCOUNT_ID = "111122223333"
ADMIN, ALICE = (f"arn:aws:iam::{ACCOUNT_ID}:user/{name}" for name in ("admin", "alice"))
CALLER = Caller(
    kind=CallerKind.USER,
    account_id=ACCOUNT_ID,
    arn=ADMIN,
    principal_arn=ADMIN,
    unique_id="AIDAADMIN",
    userid="AIDAADMIN",
    user_name="admin",
)


@pytest.fixture
def at(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Foundation]:
    foundation = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)
    yield foundation
    foundation.database.close()


def told(at: Foundation, event: Event, refusal: Refusal | None = None, **more: Any) -> list[Any]:
    """Return the notices of a change that is made, or refused."""

    def change(_tx: Any) -> Refusal | None:
        return refusal

    entry = Entry(
        request_id="r-1",
        at=at.clock.now(),
        address="192.0.2.7",
        user_agent="a browser",
        event=event,
        caller=CALLER,
        **more,
    )

    async def make() -> None:
        writing = asyncio.create_task(at.journal.write())
        with nullcontext() if refusal is None else pytest.raises(type(refusal)):
            await at.journal.change(entry, change)
        at.journal.close()
        await writing

    with capture_logs() as logs:
        asyncio.run(make())
    return [line for line in logs if line["event"].startswith("notice.")]


def count(at: Foundation, notice: Notice) -> float:
    numbers = at.meters.numbers
    return numbers.mine[numbers.layout.find(catalogue.NOTICES, (notice,))]


@pytest.mark.parametrize(
    ("event", "notice"),
    [
        (Event.MFA_DEVICE_ENABLE, Notice.FACTOR_CHANGED),
        (Event.MFA_DEVICE_DEACTIVATE, Notice.FACTOR_CHANGED),
        (Event.RECOVERY_CODES_CREATE, Notice.FACTOR_CHANGED),
        (Event.LOGIN_PROFILE_CREATE, Notice.PASSWORD_CHANGED),
        (Event.LOGIN_PROFILE_UPDATE, Notice.PASSWORD_CHANGED),
        (Event.LOGIN_PROFILE_DELETE, Notice.PASSWORD_CHANGED),
        (Event.PASSWORD_CHANGE, Notice.PASSWORD_CHANGED),
        (Event.PASSWORD_CHANGE_REQUIRE, Notice.PASSWORD_CHANGED),
        (Event.SIGN_IN_LINK_CREATE, Notice.LINK_MADE),
    ],
)
def test_a_27_a_change_is_told_with_whose_it_is_by_whom_and_from_where(
    at: Foundation, event: Event, notice: Notice
) -> None:
    (line,) = told(at, event, pairs=(("iam:X", ALICE),))
    assert line == {
        "event": f"notice.{notice}",
        "log_level": "info",
        "about": ALICE,
        "by": ADMIN,
        "record": f"{event}.done",
        "account_id": ACCOUNT_ID,
        "address": "192.0.2.7",
        "user_agent": "a browser",
        "at": at.clock.now().isoformat(),
        "request_id": "r-1",
    }
    assert count(at, notice) == 1


@pytest.mark.parametrize(("failures", "notices"), [(0, 0), (4, 0), (5, 1), (12, 1)])
def test_a_27_a_sign_in_after_five_wrong_passwords_is_told(at: Foundation, failures: int, notices: int) -> None:
    found = told(at, Event.BROWSER_SESSION_BEGIN, parameters={"methods": ["pwd"], "failures": failures})
    assert [line["event"] for line in found] == ["notice.sign-in-after-failures"] * notices


def test_a_27_what_one_changes_of_ones_own_is_told_too(at: Foundation) -> None:
    (line,) = told(at, Event.MFA_DEVICE_ENABLE)
    assert (line["about"], line["by"]) == (ADMIN, ADMIN)


def test_what_was_refused_and_what_concerns_no_owner_is_not_told(at: Foundation) -> None:
    assert told(at, Event.MFA_DEVICE_ENABLE, NotFound("no")) == []
    assert sum(count(at, notice) for notice in Notice) == 0


def test_most_events_are_not_told(at: Foundation) -> None:
    assert told(at, Event.USER_CREATE) == []


def test_every_notice_has_a_place_among_the_numbers() -> None:
    assert set(map(str, Notice)) == set(catalogue.NOTICES.labels["notice"])
