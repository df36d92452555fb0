"""The table of what comes next in a sign-in."""

from datetime import UTC, datetime
from itertools import product

import pytest

from sts.sessions import Flow, Needs, Step, next_step

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)


def _flow(needs: Needs, password_at: datetime | None, factor_at: datetime | None, *, strong_alone: bool = True) -> Flow:
    return Flow(
        account_id="123456789012",
        principal_id="AIDA",
        arn="arn",
        name="alice",
        goal="/ui/",
        needs=needs,
        password_at=password_at,
        factor_at=factor_at,
        strong_alone=strong_alone,
    )


EVERY_STATE = [
    _flow(Needs(has_factor=has, must_enrol=enrol, must_change=change), password, factor, strong_alone=strong)
    for has, enrol, change, password, factor, strong in product(
        (False, True), (False, True), (False, True), (None, NOW), (None, NOW), (False, True)
    )
]


@pytest.mark.parametrize("flow", EVERY_STATE)
def test_a_25_no_session_is_earned_before_every_step_was_taken(flow: Flow) -> None:
    step, needs = next_step(flow), flow.needs
    if step is not Step.DONE:
        return
    assert flow.password_at is not None
    assert not needs.must_change
    assert flow.factor_at is not None or not needs.has_factor
    assert needs.has_factor or not needs.must_enrol
    assert needs.has_factor or flow.strong_alone


def test_who_has_a_device_shows_it_before_anything_can_be_changed() -> None:
    needs = Needs(has_factor=True, must_enrol=True, must_change=True)
    assert next_step(_flow(needs, None, None)) is Step.PASSWORD
    assert next_step(_flow(needs, NOW, None)) is Step.FACTOR
    assert next_step(_flow(needs, NOW, NOW)) is Step.NEW_PASSWORD


def test_a_password_is_changed_before_a_device_is_enrolled() -> None:
    assert next_step(_flow(Needs(has_factor=False, must_enrol=True, must_change=True), NOW, None)) is Step.NEW_PASSWORD
    assert next_step(_flow(Needs(has_factor=False, must_enrol=True, must_change=False), NOW, None)) is Step.ENROLMENT


def test_a_01_a_short_password_that_lost_its_factor_is_to_be_changed() -> None:
    alone = Needs(has_factor=False, must_enrol=False, must_change=False)
    assert next_step(_flow(alone, NOW, None, strong_alone=False)) is Step.NEW_PASSWORD
    assert next_step(_flow(alone, NOW, None)) is Step.DONE
    beside = Needs(has_factor=True, must_enrol=False, must_change=False)
    assert next_step(_flow(beside, NOW, NOW, strong_alone=False)) is Step.DONE
    enrolling = Needs(has_factor=False, must_enrol=True, must_change=False)
    assert next_step(_flow(enrolling, NOW, None, strong_alone=False)) is Step.ENROLMENT


@pytest.mark.parametrize("flow", EVERY_STATE)
def test_s_23_a_session_never_says_more_than_was_done(flow: Flow) -> None:
    assert ("mfa" in flow.methods) == ("otp" in flow.methods) == (flow.factor_at is not None)
