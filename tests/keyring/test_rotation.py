"""The life of a key, as tables and properties of the pure function."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sts.errors import InUse, KeyGone, NotFound, RotationUnderWay
from sts.keyring.rotation import (
    KeyLife,
    KeyState,
    PlannedKey,
    Purpose,
    Removal,
    Schedule,
    Slot,
    due,
    judge,
    next_change,
    plan_removals,
    plan_rotation,
    slots,
)

pytestmark = pytest.mark.pure

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
DAY = timedelta(days=1)
SCHEDULE = Schedule()
ES256 = Slot(Purpose.SIGNING, "ES256")
DERIVATION = Slot(Purpose.DERIVATION)


def _life(slot: Slot, version: int, works_from: datetime, *, asked: bool = False) -> KeyLife:
    return KeyLife(
        purpose=slot.purpose,
        algorithm=slot.algorithm,
        version=version,
        made_at=works_from - DAY,
        works_from=works_from,
        asked=asked,
    )


def _made(plan: PlannedKey, now: datetime) -> KeyLife:
    return KeyLife(
        purpose=plan.slot.purpose,
        algorithm=plan.slot.algorithm,
        version=plan.version,
        made_at=now,
        works_from=plan.works_from,
        asked=plan.asked,
    )


def _states(keys: list[KeyLife], now: datetime) -> dict[int, KeyState]:
    return {standing.life.version: standing.state for standing in judge(keys, now, SCHEDULE)}


@pytest.mark.parametrize(
    ("after", "first", "second"),
    [
        (timedelta(0), KeyState.CURRENT, KeyState.NEXT),
        (DAY - timedelta(microseconds=1), KeyState.CURRENT, KeyState.NEXT),
        (DAY, KeyState.OLD, KeyState.CURRENT),
        (DAY + timedelta(hours=36, seconds=60) - timedelta(microseconds=1), KeyState.OLD, KeyState.CURRENT),
        (DAY + timedelta(hours=36, seconds=60), KeyState.GONE, KeyState.CURRENT),
    ],
)
@pytest.mark.parametrize("slot", [ES256, DERIVATION, Slot(Purpose.MARKER)])
def test_a_key_is_next_then_current_then_old_then_gone(
    slot: Slot, after: timedelta, first: KeyState, second: KeyState
) -> None:
    keys = [_life(slot, 1, NOW - DAY), _life(slot, 2, NOW + DAY)]
    assert _states(keys, NOW + after) == {1: first, 2: second}


@pytest.mark.parametrize("purpose", [Purpose.SEALING, Purpose.AUDIT])
def test_sealing_and_audit_keys_are_never_gone_by_time_alone(purpose: Purpose) -> None:
    keys = [_life(Slot(purpose), 1, NOW - DAY), _life(Slot(purpose), 2, NOW)]
    assert _states(keys, NOW + 10_000 * DAY) == {1: KeyState.OLD, 2: KeyState.CURRENT}


def test_the_first_start_makes_a_key_for_every_slot_that_works_at_once() -> None:
    wanted = slots(("ES256", "RS256", "ES384"))
    plans = due([], NOW, SCHEDULE, wanted)
    assert {plan.slot for plan in plans} == set(wanted)
    assert {(plan.works_from, plan.version, plan.asked) for plan in plans} == {(NOW, 1, False)}
    assert {slot.purpose for slot in wanted} == set(Purpose)


def test_a_signing_key_gets_its_successor_a_day_before_its_thirty_days_end() -> None:
    keys = [_life(ES256, 1, NOW)]
    assert due(keys, NOW + 29 * DAY - timedelta(seconds=1), SCHEDULE, [ES256]) == ()
    (plan,) = due(keys, NOW + 29 * DAY, SCHEDULE, [ES256])
    assert plan.works_from == NOW + 30 * DAY
    assert due([*keys, _made(plan, NOW + 29 * DAY)], NOW + 29 * DAY, SCHEDULE, [ES256]) == ()


def test_after_a_long_pause_the_new_key_is_still_published_for_a_day_first() -> None:
    (plan,) = due([_life(ES256, 1, NOW - 90 * DAY)], NOW, SCHEDULE, [ES256])
    assert plan.works_from == NOW + DAY


def test_symmetric_keys_rotate_only_when_asked() -> None:
    assert due([_life(DERIVATION, 1, NOW - 900 * DAY)], NOW, SCHEDULE, [DERIVATION]) == ()


@pytest.mark.parametrize(
    ("slot", "soon", "emergency", "ahead"),
    [
        (ES256, False, False, DAY),
        (ES256, True, False, timedelta(minutes=15)),
        (ES256, False, True, timedelta(0)),
        (DERIVATION, False, False, timedelta(minutes=5)),
        (DERIVATION, True, False, timedelta(minutes=5)),
        (DERIVATION, False, True, timedelta(0)),
    ],
)
def test_an_operators_rotation_leaves_time_to_publish_unless_it_is_an_emergency(
    slot: Slot, *, soon: bool, emergency: bool, ahead: timedelta
) -> None:
    plan = plan_rotation([_life(slot, 3, NOW - DAY)], NOW, SCHEDULE, slot, soon=soon, emergency=emergency)
    assert (plan.version, plan.works_from, plan.asked, plan.withdraws) == (4, NOW + ahead, True, None)


def test_a_second_rotation_while_one_is_under_way_is_refused() -> None:
    keys = [_life(ES256, 1, NOW - DAY), _life(ES256, 2, NOW + DAY, asked=True)]
    with pytest.raises(RotationUnderWay, match="version 2 is next"):
        plan_rotation(keys, NOW, SCHEDULE, ES256, soon=True)
    assert plan_rotation(keys, NOW + DAY, SCHEDULE, ES256).version == 3


def test_an_emergency_is_never_refused_and_withdraws_the_waiting_key() -> None:
    keys = [_life(ES256, 1, NOW - DAY), _life(ES256, 2, NOW + DAY, asked=True)]
    plan = plan_rotation(keys, NOW, SCHEDULE, ES256, emergency=True)
    assert (plan.version, plan.works_from, plan.withdraws) == (3, NOW, keys[1])


def test_a_rotation_that_the_schedule_began_gives_way_to_the_operators() -> None:
    keys = [_life(ES256, 1, NOW - 29 * DAY), _life(ES256, 2, NOW + DAY)]
    assert plan_rotation(keys, NOW, SCHEDULE, ES256, soon=True).withdraws == keys[1]


def test_the_slots_of_one_purpose_rotate_apart() -> None:
    other = Slot(Purpose.SIGNING, "RS256")
    keys = [_life(ES256, 1, NOW - DAY), _life(ES256, 2, NOW + DAY, asked=True), _life(other, 1, NOW - DAY)]
    assert plan_rotation(keys, NOW, SCHEDULE, other).version == 2
    with pytest.raises(NotFound):
        plan_rotation(keys, NOW, SCHEDULE, Slot(Purpose.SIGNING, "PS256"))


def _removal(keys: list[KeyLife], slot: Slot, version: int, now: datetime = NOW) -> Removal:
    (removal,) = plan_removals(keys, now, SCHEDULE, [slot], version)
    return removal


def test_a_key_that_does_not_work_is_removed_and_nothing_takes_its_place() -> None:
    keys = [_life(ES256, 1, NOW - DAY), _life(ES256, 2, NOW), _life(ES256, 3, NOW + DAY)]
    for version in (1, 3):
        removal = _removal(keys, ES256, version)
        assert (removal.standing.life.version, removal.successor) == (version, None)


@pytest.mark.parametrize("slot", [ES256, DERIVATION, Slot(Purpose.MARKER)])
def test_a_current_key_that_is_removed_is_replaced_at_once_and_the_waiting_key_withdrawn(slot: Slot) -> None:
    keys = [_life(slot, 1, NOW - DAY), _life(slot, 2, NOW + DAY, asked=True)]
    successor = _removal(keys, slot, 1).successor
    assert successor is not None
    assert (successor.version, successor.works_from, successor.withdraws) == (3, NOW, keys[1])


def test_a_version_is_removed_of_every_algorithm_that_has_it() -> None:
    slots = [Slot(Purpose.SIGNING, name) for name in ("ES256", "ES384", "RS256")]
    keys = [_life(slots[0], 1, NOW - DAY), _life(slots[1], 2, NOW - DAY), _life(slots[2], 1, NOW - DAY)]
    removals = plan_removals(keys, NOW, SCHEDULE, slots, 1)
    assert [removal.standing.life.slot for removal in removals] == [slots[0], slots[2]]


def test_a_key_that_was_there_once_is_gone_and_one_that_never_was_is_not_found() -> None:
    keys = [_life(ES256, 2, NOW)]
    with pytest.raises(KeyGone):
        _removal(keys, ES256, 1)
    with pytest.raises(NotFound) as refused:
        _removal(keys, ES256, 3)
    assert not isinstance(refused.value, KeyGone)


def test_the_current_sealing_key_is_not_removed_nor_one_that_a_process_may_still_seal_with() -> None:
    slot = Slot(Purpose.SEALING)
    planned = [_life(slot, 1, NOW - DAY), _life(slot, 2, NOW)]
    with pytest.raises(InUse, match="rotate first"):
        _removal(planned, slot, 2)
    at_once = [planned[0], replace(planned[1], made_at=NOW)]
    for keys, last in ((planned, SCHEDULE.skew), (at_once, SCHEDULE.lead + SCHEDULE.skew)):
        with pytest.raises(InUse, match=f"until {NOW + last:%Y-%m-%d %H:%M:%S} UTC"):
            _removal(keys, slot, 1, NOW + last - timedelta(microseconds=1))
        assert _removal(keys, slot, 1, NOW + last).successor is None


def test_a_sealing_key_whose_successor_waits_is_told_from_when_it_may_be_removed() -> None:
    slot = Slot(Purpose.SEALING)
    takes_over = NOW + timedelta(minutes=5, microseconds=1)
    keys = [_life(slot, 1, NOW - DAY), _life(slot, 2, takes_over)]
    with pytest.raises(InUse) as refused:
        _removal(keys, slot, 1)
    next_second = NOW + timedelta(minutes=5, seconds=1)
    shown = [f"{at:%Y-%m-%d %H:%M:%S} UTC" for at in (next_second, next_second + SCHEDULE.skew)]
    assert refused.value.message == (
        f"Version 1 is the current sealing key: version 2 takes over at {shown[0]}; remove version 1 from {shown[1]} on"
    )
    assert _removal(keys, slot, 1, takes_over + SCHEDULE.skew).successor is None


def test_an_audit_key_is_never_removed() -> None:
    slot = Slot(Purpose.AUDIT)
    for version in (1, 2, 3):
        with pytest.raises(InUse, match="verified"):
            _removal([_life(slot, 1, NOW - DAY), _life(slot, 2, NOW), _life(slot, 3, NOW + DAY)], slot, version)


def test_where_no_key_has_begun_the_first_to_come_works_already() -> None:
    keys = [_life(ES256, 3, NOW + timedelta(seconds=50)), _life(ES256, 4, NOW + DAY)]
    assert _states(keys, NOW) == {3: KeyState.CURRENT, 4: KeyState.NEXT}
    assert due(keys, NOW, SCHEDULE, [ES256]) == ()
    assert next_change(judge(keys, NOW, SCHEDULE), NOW) == NOW + DAY


@settings(deadline=None)
@given(hours=st.lists(st.integers(0, 2000), min_size=1, max_size=120))
def test_the_writer_keeps_one_current_key_and_every_key_is_published_before_it_signs(hours: list[int]) -> None:
    keys: list[KeyLife] = []
    for hour in sorted(hours):
        now = NOW + timedelta(hours=hour)
        first = not keys
        made = [_made(plan, now) for plan in due(keys, now, SCHEDULE, [ES256])]
        assert all(first or key.works_from - key.made_at >= SCHEDULE.publish_ahead for key in made)
        keys += made
        assert list(_states(keys, now).values()).count(KeyState.CURRENT) == 1
        assert list(_states(keys, now).values()).count(KeyState.NEXT) <= 1


@settings(deadline=None)
@given(starts=st.lists(st.integers(-4000, 4000), min_size=1, max_size=6, unique=True), at=st.integers(-5000, 5000))
def test_nothing_changes_before_the_next_change(starts: list[int], at: int) -> None:
    keys = [_life(ES256, place + 1, NOW + timedelta(minutes=start)) for place, start in enumerate(starts)]
    now = NOW + timedelta(minutes=at)
    standings = judge(keys, now, SCHEDULE)
    change = next_change(standings, now)
    before = NOW + 9999 * DAY if change is None else change - timedelta(microseconds=1)
    assert _states(keys, before) == _states(keys, now)
    if change is not None:
        assert change > now
        assert _states(keys, change) != _states(keys, now)
