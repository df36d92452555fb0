from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import insert

from sts.clock import SystemClock
from sts.directory.accounts import get_account
from sts.directory.revocations import Principal, disable, enable, revoke_principal, revoke_session
from sts.errors import InputInvalid, NotFound, QuotaExceeded
from sts.model import Account
from sts.store.accounts import is_enabled
from sts.store.database import Transaction
from sts.store.revocations import (
    Revocation,
    delete_ended,
    find_revocation,
    find_revoked,
    insert_revocation,
    name_session,
)
from sts.store.roles import delete_role, find_role_by_id
from sts.store.tables import revocation
from sts.store.users import find_user_by_id
from tests.directory.people import role, user
from tests.directory.store import ACCOUNT_ID, NOW, OTHER_ACCOUNT_ID, Store

JTI = "3q2-7wEjRWeJq83vASNFZw"
KINDS = ("user", "role", "account")
EVERYTHING = ("revocation", "all")


def principal_of(store: Store, kind: str) -> Principal:
    if kind == "account":
        return store.read(lambda connection: get_account(connection, ACCOUNT_ID))
    return user(store) if kind == "user" else role(store)


def identify(principal: Principal) -> str:
    return principal.account_id if isinstance(principal, Account) else principal.unique_id


def concerned(store: Store, principal: Principal, began_at: datetime) -> bool:
    """Say whether what the principal began at this instant is revoked."""
    return store.read(find_revoked).concerns(identify(principal), began_at)


def later(tx: Transaction, span: timedelta) -> Transaction:
    """Return the transaction as if it was *span* later."""
    return Transaction(tx.connection, NOW + span, tx.changes)


def next_instant(store: Store, principal: Principal, now: datetime) -> datetime:
    """Return when a session begins that is minted at *now* by who knows what is revoked."""
    return store.read(find_revoked).next_instant(("AROASOMEBODY", identify(principal)), now)


def stands(store: Store, principal: Principal) -> bool:
    if isinstance(principal, Account):
        return store.read(lambda connection: is_enabled(connection, principal.account_id))
    find = find_user_by_id if identify(principal).startswith("AIDA") else find_role_by_id
    found = store.read(lambda connection: find(connection, identify(principal)))
    assert found is not None
    return found.enabled


@pytest.mark.parametrize("kind", KINDS)
def test_disabling_sets_the_flag_and_touches_what_depends_on_it(store: Store, kind: str) -> None:
    principal = principal_of(store, kind)
    own = {(kind, identify(principal)), EVERYTHING}
    assert store.touched(lambda tx: disable(tx, principal=principal)) == own
    assert not stands(store, principal)
    assert store.touched(lambda tx: enable(tx, principal=principal)) == own
    assert stands(store, principal)


@pytest.mark.parametrize("kind", KINDS)
def test_disabling_and_enabling_say_whether_anything_changed(store: Store, kind: str) -> None:
    principal = principal_of(store, kind)
    assert store.touched(lambda tx: enable(tx, principal=principal)) == set()
    assert [store.change(lambda tx: disable(tx, principal=principal)) for _ in range(2)] == [True, False]
    assert [store.change(lambda tx: enable(tx, principal=principal)) for _ in range(2)] == [True, False]


@pytest.mark.parametrize("kind", KINDS)
def test_no_session_outlives_the_disabling_by_a_clock_that_was_ahead(store: Store, kind: str) -> None:
    principal = principal_of(store, kind)
    store.change(lambda tx: disable(tx, principal=principal))
    assert concerned(store, principal, NOW - timedelta(hours=12))
    assert concerned(store, principal, NOW + timedelta(seconds=50))


@pytest.mark.parametrize("kind", KINDS)
def test_enabling_brings_back_nothing_and_lets_begin_anew(store: Store, kind: str) -> None:
    principal = principal_of(store, kind)
    store.change(lambda tx: disable(tx, principal=principal))
    store.change(lambda tx: enable(later(tx, timedelta(minutes=5)), principal=principal))
    assert concerned(store, principal, NOW)
    assert concerned(store, principal, NOW + timedelta(minutes=5) - timedelta(seconds=1))
    assert not concerned(store, principal, next_instant(store, principal, NOW + timedelta(minutes=5)))


def test_enabling_at_once_brings_back_nothing(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: disable(tx, principal=alice))
    store.change(lambda tx: revoke_principal(tx, principal=alice))
    begun_at = next_instant(store, alice, NOW + timedelta(seconds=50))  # by a clock that is ahead
    store.change(lambda tx: disable(tx, principal=alice))
    store.change(lambda tx: enable(later(tx, timedelta(milliseconds=1)), principal=alice))
    assert concerned(store, alice, begun_at)
    assert not concerned(store, alice, next_instant(store, alice, NOW - timedelta(seconds=50)))


def test_enabling_after_the_revocation_was_forgotten_lets_begin_anew(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: disable(tx, principal=alice))

    def forget(tx: Transaction) -> None:
        tx.connection.exec_driver_sql("DELETE FROM revocation")

    store.change(forget)
    assert store.change(lambda tx: enable(tx, principal=alice))
    assert store.read(find_revoked).before == {}


def test_revoking_ends_what_was_begun_by_now_and_leaves_the_flag(store: Store) -> None:
    reader = role(store)
    assert store.touched(lambda tx: revoke_principal(tx, principal=reader)) == {EVERYTHING}
    assert concerned(store, reader, NOW)
    assert stands(store, reader)


@pytest.mark.parametrize("apart", [timedelta(seconds=-60), timedelta(0), timedelta(seconds=60)])
def test_revoking_ends_what_was_begun_by_any_clock_and_nothing_that_is_begun_after_it(
    store: Store, apart: timedelta
) -> None:
    reader = role(store)
    for _ in range(3):  # also when it is revoked again in the same instant
        begun_at = next_instant(store, reader, NOW + apart)
        assert not concerned(store, reader, begun_at)
        store.change(lambda tx: revoke_principal(tx, principal=reader))
        assert concerned(store, reader, begun_at)
        assert concerned(store, reader, NOW + apart)
    assert next_instant(store, reader, NOW + timedelta(minutes=5)) == NOW + timedelta(minutes=5)


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_begun_while_its_principal_is_disabled_is_spared_by_no_instant(store: Store, kind: str) -> None:
    principal = principal_of(store, kind)
    store.change(lambda tx: disable(tx, principal=principal))
    assert concerned(store, principal, next_instant(store, principal, NOW))


def test_revoking_who_is_disabled_spares_nothing(store: Store) -> None:
    alice = user(store)
    store.change(lambda tx: disable(tx, principal=alice))
    store.change(lambda tx: revoke_principal(later(tx, timedelta(hours=1)), principal=alice))
    assert concerned(store, alice, NOW + timedelta(hours=2))


def test_a_clock_that_goes_back_takes_nothing_back(store: Store) -> None:
    reader = role(store)
    store.change(lambda tx: revoke_principal(tx, principal=reader))
    store.change(lambda tx: revoke_principal(later(tx, -timedelta(hours=1)), principal=reader))
    kept = store.read(lambda connection: find_revocation(connection, reader.unique_id))
    reached = NOW + timedelta(seconds=60, microseconds=1)  # also what was begun right behind the first
    assert kept == Revocation(reader.unique_id, reached, NOW + timedelta(hours=36, minutes=1))


@pytest.mark.parametrize("verb", [disable, enable, revoke_principal])
def test_who_is_gone_by_now_is_not_found(store: Store, verb: Callable[..., object]) -> None:
    reader = role(store)
    store.change(lambda tx: delete_role(tx.connection, reader.unique_id))
    with pytest.raises(NotFound):
        store.change(lambda tx: verb(tx, principal=reader))
    nowhere = Account(account_id="000000000042", name="", created_at=datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(NotFound):
        store.change(lambda tx: verb(tx, principal=nowhere))
    assert store.read(find_revoked).before == {}


def test_a_session_is_revoked_within_its_account_and_whatever_its_time(store: Store) -> None:
    assert store.touched(lambda tx: revoke_session(tx, account_id=ACCOUNT_ID, jti=JTI)) == {EVERYTHING}
    revoked = store.read(find_revoked)
    assert revoked.concerns(name_session(ACCOUNT_ID, JTI), NOW + timedelta(seconds=50))
    assert not revoked.concerns(name_session(OTHER_ACCOUNT_ID, JTI), NOW)
    assert not revoked.concerns(JTI, NOW)
    assert not revoked.concerns(ACCOUNT_ID, NOW)


@pytest.mark.parametrize("jti", ["", JTI[:-1], JTI + "A", f"{JTI}\n", "3q2+7wEjRWeJq83vASNFZw", "٣" * 22])
def test_a_jti_has_the_form_that_sessions_give_theirs(store: Store, jti: str) -> None:
    with pytest.raises(InputInvalid):
        store.change(lambda tx: revoke_session(tx, account_id=ACCOUNT_ID, jti=jti))


def test_one_account_cannot_fill_the_memory_of_all(store: Store) -> None:
    rows = [{"subject": name_session(ACCOUNT_ID, f"{n:022}"), "before": 0, "ends_at": 0} for n in range(1_000)]
    store.change(lambda tx: tx.connection.execute(insert(revocation), rows))
    store.change(lambda tx: revoke_session(tx, account_id=ACCOUNT_ID, jti=f"{7:022}"))
    with pytest.raises(QuotaExceeded, match="1000"):
        store.change(lambda tx: revoke_session(tx, account_id=ACCOUNT_ID, jti=JTI))
    store.change(lambda tx: revoke_session(tx, account_id=OTHER_ACCOUNT_ID, jti=JTI))
    assert len(store.read(find_revoked).before) == 1_001


@pytest.mark.parametrize("store", ["postgresql"], indirect=True)
def test_of_a_clock_that_is_ahead_postgresql_s_own_does_not_believe_that_a_revocation_has_ended(store: Store) -> None:
    now, hour = SystemClock().now(), timedelta(hours=1)
    for subject, ends_at in (("AROAENDED", now - hour), ("AROALASTS", now + hour)):
        new = Revocation(subject, now - 2 * hour, ends_at)
        store.change(lambda tx, new=new: insert_revocation(tx.connection, new))  # type: ignore[misc]  # bound now
    assert store.change(lambda tx: delete_ended(tx.connection, now + timedelta(days=2))) == 1
    assert set(store.read(find_revoked).before) == {"AROALASTS"}
    assert store.change(lambda tx: delete_ended(tx.connection, now - 2 * hour)) == 0
