import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import text

from sts.directory.boundaries import bound, unbound
from sts.directory.users import get_user
from sts.model import User
from sts.store.database import Transaction
from tests.service import trust
from tests.store.looks import (
    STAFFS,
    Look,
    account_is_enabled,
    alice_arn,
    alice_boundary,
    alice_policies,
    alice_puts,
    alice_tags,
    app_boundary,
    app_hours,
    app_is_enabled,
    app_is_the_first,
    app_policies,
    app_puts,
    app_tags,
    app_trusts_bob,
    bob_exists,
    carol_is_bounded_anew,
    carol_tags,
    key_is_active,
    new_policy_exists,
    new_role_exists,
    session_policy_puts,
    spare_exists,
)
from tests.store.world import (
    ACCOUNT,
    ATTACHMENTS,
    FIRST_TEXT,
    GROUPS,
    INLINE,
    POLICIES,
    ROLES,
    SECOND_TEXT,
    TAGGING,
    TRUST,
    USERS,
    World,
    second_version,
)

Work = Callable[[Transaction, World], Any]
BOB_TRUST = trust(f"arn:aws:iam::{ACCOUNT}:user/bob")


def strip_app(tx: Transaction, world: World) -> None:
    ATTACHMENTS.detach(tx, bearer=world.app, policy_arn=world.readers.arn)
    ROLES.delete(tx, role=world.app)


def replace_app(tx: Transaction, world: World) -> str:
    """Return the unique id of the second."""
    strip_app(tx, world)
    return ROLES.create(tx, account_id=ACCOUNT, name="app", trust_policy=TRUST).unique_id


def choose_version(tx: Transaction, world: World) -> None:
    POLICIES.create_version(tx, policy=world.readers, document=SECOND_TEXT)
    POLICIES.set_default_version(tx, policy=world.readers, version_id="v2")


def disable(table: str, column: str, noun: str, key: Callable[[World], str]) -> Work:
    def work(tx: Transaction, world: World) -> None:
        statement = f"UPDATE {table} SET enabled = false WHERE {column} = :key"  # noqa: S608  names of our own
        tx.connection.execute(text(statement), {"key": key(world)})
        tx.touch(noun, key(world))

    return work


def admin(world: World) -> User:
    return world.database.read_now(lambda connection: get_user(connection, ACCOUNT, "admin"))


disable_account = disable("account", "account_id", "account", lambda _world: ACCOUNT)
TEAM = {"team": "blue"}
CHANGES: dict[str, tuple[Work, Look, Any, Any]] = {
    "a user's tags": (
        lambda tx, w: TAGGING.put(tx, bearer=w.alice, tags=[("team", "blue")]),
        alice_tags, {}, TEAM,
    ),
    "a role's tags": (
        lambda tx, w: TAGGING.put(tx, bearer=w.app, tags=[("team", "blue")]),
        app_tags, {}, TEAM,
    ),
    "a tag that is taken from a user": (
        lambda tx, w: TAGGING.remove(tx, bearer=w.carol, keys=["role"]),
        carol_tags, {"role": "guest"}, {},
    ),
    "a user's boundary": (
        lambda tx, w: bound(tx, bearer=w.alice, policy_arn=w.spare.arn),
        alice_boundary, None, "spare",
    ),
    "a role's boundary": (
        lambda tx, w: bound(tx, bearer=w.app, policy_arn=w.spare.arn),
        app_boundary, None, "spare",
    ),
    "a boundary that is taken from a user": (
        lambda tx, w: unbound(tx, bearer=w.carol),
        carol_is_bounded_anew, False, None,
    ),
    "a boundary's new default": (second_version, carol_is_bounded_anew, False, True),
    "a user's inline policy": (
        lambda tx, w: INLINE.put(tx, bearer=w.alice, name="own", document=SECOND_TEXT),
        alice_policies, ["readers", STAFFS], ["readers", 'policy "own" of user/alice', STAFFS],
    ),
    "a policy attached to a user": (
        lambda tx, w: ATTACHMENTS.attach(tx, bearer=w.alice, policy_arn=w.spare.arn),
        alice_policies, ["readers", STAFFS], ["readers", "spare", STAFFS],
    ),
    "a policy detached from a user": (
        lambda tx, w: ATTACHMENTS.detach(tx, bearer=w.alice, policy_arn=w.readers.arn),
        alice_policies, ["readers", STAFFS], [STAFFS],
    ),
    "a user joins a group": (
        lambda tx, w: GROUPS.add_member(tx, group=w.crew, user_name="alice"),
        alice_policies, ["readers", STAFFS], ["readers", 'policy "crew" of group/crew', STAFFS],
    ),
    "a user leaves a group": (
        lambda tx, w: GROUPS.remove_member(tx, group=w.staff, user_name="alice"),
        alice_policies, ["readers", STAFFS], ["readers"],
    ),
    "a group's new name and path": (
        lambda tx, w: GROUPS.update(tx, group=w.staff, new_name="team", new_path="/work/"),
        alice_policies, ["readers", STAFFS], ["readers", 'policy "staff" of group/work/team'],
    ),
    "a group's inline policy": (
        lambda tx, w: INLINE.delete(tx, bearer=w.staff, name="staff"),
        alice_policies, ["readers", STAFFS], ["readers"],
    ),
    "a policy attached to a group": (
        lambda tx, w: ATTACHMENTS.attach(tx, bearer=w.staff, policy_arn=w.spare.arn),
        alice_policies, ["readers", STAFFS], ["readers", "spare", STAFFS],
    ),
    "a managed policy's new default, for a user": (second_version, alice_puts, False, True),
    "a managed policy's chosen default, for a user": (choose_version, alice_puts, False, True),
    "a managed policy's new default, for a role": (second_version, app_puts, False, True),
    "a managed policy's new default, for a session": (second_version, session_policy_puts, False, True),
    "a managed policy goes": (lambda tx, w: POLICIES.delete(tx, policy=w.spare), spare_exists, True, False),
    "a managed policy comes": (
        lambda tx, _w: POLICIES.create(tx, account_id=ACCOUNT, name="new", document=FIRST_TEXT),
        new_policy_exists, False, True,
    ),
    "a user's name": (
        lambda tx, w: USERS.update(tx, user=w.alice, new_name="alicia"),
        alice_arn, ("user/alice", True), ("user/alicia", True),
    ),
    "a user goes": (lambda tx, w: USERS.delete(tx, user=w.bob), bob_exists, True, False),
    "a user is disabled": (
        disable("iam_user", "unique_id", "user", lambda w: w.alice.unique_id),
        alice_arn, ("user/alice", True), ("user/alice", False),
    ),
    "a role comes": (
        lambda tx, _w: ROLES.create(tx, account_id=ACCOUNT, name="new", trust_policy=TRUST),
        new_role_exists, False, True,
    ),
    "a role goes": (strip_app, app_is_the_first, True, None),
    "a role goes and another comes under its name": (replace_app, app_is_the_first, True, False),
    "a role's trust": (
        lambda tx, w: ROLES.update_trust(tx, role=w.app, trust_policy=BOB_TRUST), app_trusts_bob, False, True,
    ),
    "a role's longest session": (
        lambda tx, w: ROLES.update(tx, role=w.app, max_session_duration=2 * w.app.max_session_duration),
        app_hours, 1, 2,
    ),
    "a role's inline policy": (
        lambda tx, w: INLINE.put(tx, bearer=w.app, name="own", document=SECOND_TEXT),
        app_policies, ["readers"], ["readers", 'policy "own" of role/app'],
    ),
    "a role is disabled": (
        disable("iam_role", "unique_id", "role", lambda w: w.app.unique_id), app_is_enabled, True, False,
    ),
    "a key is made inactive": (
        lambda tx, w: w.keys.update(tx, owner=admin(w), access_key_id=w.key.access_key_id, active=False),
        key_is_active, True, False,
    ),
    "a key goes": (
        lambda tx, w: w.keys.delete(tx, owner=admin(w), access_key_id=w.key.access_key_id),
        key_is_active, True, None,
    ),
    "an account is disabled": (disable_account, account_is_enabled, True, False),
    "an account is disabled, for its users": (
        disable_account, alice_arn, ("user/alice", True), ("user/alice", False),
    ),
    "an account is disabled, for its roles": (disable_account, app_is_enabled, True, False),
}  # fmt: skip


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_seen_at_once_here_and_after_a_look_everywhere_else(world: World, name: str) -> None:
    work, look, before, after = CHANGES[name]
    for snapshot in (world.near, world.far):
        assert asyncio.run(look(snapshot, world)) == before
    world.change(lambda tx: work(tx, world))
    assert asyncio.run(look(world.near, world)) == after
    assert asyncio.run(look(world.far, world)) == before  # remembered, until it looks
    asyncio.run(world.far.follow())
    assert asyncio.run(look(world.far, world)) == after
    assert world.near.version == world.far.version


def test_a_name_stays_with_who_bears_it_now_when_who_bore_it_is_forgotten(world: World) -> None:
    """Both are held for a moment, when the second is read before the change that made it is learned of."""
    assert asyncio.run(app_is_the_first(world.far, world)) is True
    second_id = world.change_elsewhere(lambda tx: replace_app(tx, world))
    assert asyncio.run(world.far.find_role(second_id)) is not None
    assert asyncio.run(app_is_the_first(world.far, world)) is False
    asyncio.run(world.far.follow())
    assert not world.far._entries
    assert asyncio.run(app_is_the_first(world.far, world)) is False
