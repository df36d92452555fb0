import asyncio
from typing import Any

import pytest
from sqlalchemy import event, text

from sts.directory.providers import Providers
from sts.errors import Unavailable
from sts.policy.document import Kind, NamedPolicy
from sts.policy.evaluate import Outcome, Policies, Principal, PrincipalKind, Question, evaluate
from sts.store import versions
from sts.store.database import Transaction
from sts.store.snapshot import Snapshot
from tests.service import allow
from tests.store.looks import (
    STAFFS,
    Look,
    account_is_enabled,
    alice_policies,
    alice_puts,
    app_is_the_first,
    app_policies,
    bob_exists,
    its_user_is_there,
    key_is_active,
    session_policy_puts,
    spare_exists,
)
from tests.store.world import ACCOUNT, ENTROPY, USERS, World, reader_of, second_version

_TURNS = 4  # of the event loop, until a read is under way


def reads_of(snapshot: Snapshot, world: World, look: Look) -> tuple[Any, int]:
    """Return what *look* sees, and how many queries that took."""
    counted: list[str] = []

    def count(_connection: object, _cursor: object, statement: str, *_rest: object) -> None:
        if statement != "BEGIN":
            counted.append(statement)

    reader = reader_of(snapshot.database)
    event.listen(reader, "before_cursor_execute", count)
    seen = asyncio.run(look(snapshot, world))
    event.remove(reader, "before_cursor_execute", count)
    return seen, len(counted)


def test_what_was_read_is_not_read_again(world: World) -> None:
    for look in (alice_policies, app_is_the_first, key_is_active, account_is_enabled, session_policy_puts):
        first, statements = reads_of(world.near, world, look)
        assert statements > 0
        assert reads_of(world.near, world, look) == (first, 0)


def test_that_something_does_not_exist_is_remembered_too(world: World) -> None:
    async def nothing(snapshot: Snapshot, _world: World) -> list[Any]:
        return [
            await snapshot.find_access_key("AKIANOBODY"),
            await snapshot.find_user("AIDANOBODY"),
            await snapshot.find_role("AROANOBODY"),
            await snapshot.find_role_named(ACCOUNT, "nobody"),
            await snapshot.find_managed_policy(f"arn:aws:iam::{ACCOUNT}:policy/nothing"),
            await snapshot.is_account_enabled("999988887777"),
        ]

    seen, statements = reads_of(world.near, world, nothing)
    assert seen == [None, None, None, None, None, False]
    assert statements > 0
    assert reads_of(world.near, world, nothing) == (seen, 0)


def test_a_change_leaves_what_it_does_not_touch(world: World) -> None:
    for snapshot in (world.near, world.far):
        for look in (alice_policies, app_is_the_first, key_is_active, bob_exists):
            asyncio.run(look(snapshot, world))
    world.change(lambda tx: USERS.delete(tx, user=world.bob))
    asyncio.run(world.far.follow())
    for snapshot in (world.near, world.far):
        for look in (alice_policies, app_is_the_first, key_is_active):
            assert reads_of(snapshot, world, look)[1] == 0
        assert reads_of(snapshot, world, bob_exists)[0] is False


def test_what_was_forgotten_weighs_nothing(world: World) -> None:
    for look in (alice_policies, app_policies, spare_exists):
        asyncio.run(look(world.near, world))
    world.change(lambda tx: tx.touch("user", world.alice.unique_id))
    world.change(lambda tx: tx.touch("role", world.app.unique_id))
    world.change(lambda tx: tx.touch("policy", world.spare.policy_id))
    assert (world.near._weight, len(world.near._entries), world.near._dependents) == (0, 0, {})


async def begin(look: Look, snapshot: Snapshot, world: World) -> asyncio.Future[Any]:
    """Begin *look* and return once what it needs is being read."""
    looking: asyncio.Future[Any] = asyncio.ensure_future(look(snapshot, world))
    for _ in range(_TURNS):
        await asyncio.sleep(0)
    assert snapshot._loading._under_way
    return looking


def test_a_read_that_a_change_overtook_is_used_once_and_not_kept(world: World) -> None:
    async def race() -> Any:
        reading = await begin(alice_puts, world.near, world)
        world.change(lambda tx: second_version(tx, world))
        return await reading

    asyncio.run(race())
    assert not world.near._entries
    assert asyncio.run(alice_puts(world.near, world)) is True


def test_what_many_ask_for_at_once_is_read_once(world: World) -> None:
    async def crowd(snapshot: Snapshot, world: World) -> list[Any]:
        looks = [alice_policies, app_policies, key_is_active] * 20
        return list(await asyncio.gather(*(look(snapshot, world) for look in looks)))

    seen, statements = reads_of(world.near, world, crowd)
    assert seen == [["readers", STAFFS], ["readers"], True] * 20
    assert statements == 1


def test_a_user_comes_with_its_key_and_a_role_with_its_name(world: World) -> None:
    assert reads_of(world.near, world, key_is_active) == (True, 1)
    assert reads_of(world.near, world, its_user_is_there) == (True, 0)
    assert reads_of(world.near, world, app_is_the_first) == (True, 1)


def test_more_than_one_transaction_takes_is_read_in_several(world: World) -> None:
    async def strangers(snapshot: Snapshot, _world: World) -> list[Any]:
        return await asyncio.gather(*(snapshot.find_access_key(f"AKIA{number}") for number in range(300)))

    seen, statements = reads_of(world.near, world, strangers)
    assert seen == [None] * 300
    assert statements == 5


def test_whoever_is_cancelled_takes_nothing_from_the_others(world: World) -> None:
    async def leave() -> Any:
        leaving = await begin(alice_policies, world.near, world)
        staying = asyncio.ensure_future(alice_policies(world.near, world))
        await asyncio.sleep(0)
        leaving.cancel()
        return await staying

    assert asyncio.run(leave()) == ["readers", STAFFS]


def test_what_a_change_overtook_is_not_for_who_asks_after_it(world: World) -> None:
    async def race() -> list[Any]:
        reading = await begin(alice_puts, world.near, world)
        world.change(lambda tx: second_version(tx, world))
        return [await alice_puts(world.near, world), await reading]

    assert asyncio.run(race())[0] is True


def test_a_look_at_other_processes_overtakes_a_read_as_well(world: World) -> None:
    async def race() -> None:
        reading = await begin(alice_puts, world.far, world)
        world.change(lambda tx: second_version(tx, world))
        await asyncio.gather(world.far.follow(), reading)

    asyncio.run(race())
    asyncio.run(world.far.follow())
    assert asyncio.run(alice_puts(world.far, world)) is True


def test_a_change_of_ones_own_does_not_hide_another_processs(world: World) -> None:
    assert asyncio.run(alice_puts(world.near, world)) is False
    world.change_elsewhere(lambda tx: second_version(tx, world))
    world.change(lambda tx: tx.touch("user", world.bob.unique_id))
    asyncio.run(world.near.follow())
    assert asyncio.run(alice_puts(world.near, world)) is True
    assert world.near.version == world.database.read_now(versions.read_version)


@pytest.mark.parametrize(
    "restore",
    [
        "UPDATE version SET epoch = 'another'",
        "UPDATE version SET epoch = 'another', counter = counter + 1",
        "UPDATE version SET counter = counter - 1",
        "UPDATE version SET counter = counter + 10001",
    ],
)
def test_another_epoch_or_too_far_behind_forgets_everything(world: World, restore: str) -> None:
    for look in (alice_policies, app_policies, key_is_active):
        asyncio.run(look(world.far, world))
    world.change_elsewhere(lambda tx: tx.connection.execute(text(restore)))
    asyncio.run(world.far.follow())
    assert not world.far._entries
    assert world.far._weight == 0
    assert world.far.version == world.database.read_now(versions.read_version)


def test_a_change_of_ones_own_in_another_epoch_does_not_hide_the_restored_store(world: World) -> None:
    asyncio.run(alice_policies(world.near, world))
    world.change_elsewhere(lambda tx: tx.connection.execute(text("UPDATE version SET epoch = 'another'")))
    world.change(lambda tx: tx.touch("user", world.bob.unique_id))
    assert world.near.version.epoch != "another"
    asyncio.run(world.near.follow())
    assert not world.near._entries


MALFORMED = [
    "",
    "{",
    '{"Statement":[]}',
    '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*","Extra":1}}',
    "[" * 100_000,
]


def decide(policies: Policies, action: str = "s3:GetObject", resource: str = "*") -> Outcome:
    caller = Principal(
        kind=PrincipalKind.USER,
        account_id=ACCOUNT,
        arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
        principal_arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
        unique_id="AIDAALICE",
    )
    asked = Question(principal=caller, action=action, resource=resource, resource_account_id=ACCOUNT, context={})
    return evaluate(asked, policies).outcome


@pytest.mark.parametrize("malformed", MALFORMED, ids=range(len(MALFORMED)))
def test_a_stored_policy_that_cannot_be_read_denies_everything(world: World, malformed: str) -> None:
    def alter(tx: Transaction) -> None:
        for column, table in (("document", "policy_version"), ("trust_policy", "iam_role")):
            tx.connection.execute(text(f"UPDATE {table} SET {column} = :text"), {"text": malformed})  # noqa: S608  names of our own
        for noun, key in (
            ("policy", world.readers.policy_id),
            ("role", world.app.unique_id),
        ):
            tx.touch(noun, key)

    world.change(alter)
    user = asyncio.run(world.near.find_user(world.alice.unique_id))
    role = asyncio.run(world.near.find_role(world.app.unique_id))
    session = asyncio.run(world.near.find_managed_policy(world.readers.arn))
    assert user is not None
    assert role is not None
    assert session is not None
    everything = NamedPolicy("everything", world.near.compile(allow("*"), Kind.IDENTITY))
    assume = {"action": "sts:AssumeRole", "resource": role.role.arn}
    assert decide(Policies(identity=(everything,))) is Outcome.ALLOWED
    assert decide(Policies(identity=(everything, *user.identity))) is Outcome.EXPLICIT_DENY
    assert decide(Policies(identity=(everything, *role.identity)), **assume) is Outcome.EXPLICIT_DENY
    assert decide(Policies(identity=(everything,), session=(session,))) is Outcome.EXPLICIT_DENY
    assert role.trust.document.kind is Kind.TRUST
    assert decide(Policies(identity=(everything,), resource=role.trust), **assume) is Outcome.EXPLICIT_DENY
    assert not any(policy.readable for policy in (*user.identity[:1], *role.identity, role.trust, session))


def test_what_cannot_be_read_is_unavailable_and_not_remembered_as_missing(world: World) -> None:
    asyncio.run(alice_policies(world.near, world))
    world.change_elsewhere(lambda tx: tx.connection.execute(text("ALTER TABLE iam_user RENAME TO gone")))
    assert asyncio.run(alice_policies(world.near, world)) == ["readers", STAFFS]
    with pytest.raises(Unavailable):
        asyncio.run(bob_exists(world.near, world))
    assert all(key.key != world.bob.unique_id for key in world.near._entries)


def test_a_provider_is_found_by_its_issuer_until_it_changes(world: World) -> None:
    providers, issuer = Providers(ENTROPY, world.keys.keyring), "https://idp.example/realm"

    async def client_ids(snapshot: Snapshot, _world: World) -> tuple[str, ...] | None:
        found = await snapshot.find_provider(ACCOUNT, issuer)
        return None if found is None else found.client_ids

    async def alike(snapshot: Snapshot, _world: World) -> list[object]:
        asked = ((ACCOUNT, "http://idp.example/realm"), (ACCOUNT, f"{issuer}/"), ("210987654321", issuer))
        return [await snapshot.find_provider(*each) for each in asked]

    assert reads_of(world.far, world, client_ids)[0] is None
    made = world.change_elsewhere(lambda tx: providers.create(tx, account_id=ACCOUNT, issuer=issuer))
    asyncio.run(world.far.follow())
    for expected in ((), ("one",)):
        assert reads_of(world.far, world, client_ids)[0] == expected
        assert reads_of(world.far, world, client_ids) == (expected, 0)
        world.change_elsewhere(lambda tx: providers.add_client_id(tx, provider=made, client_id="one"))
        asyncio.run(world.far.follow())
    assert reads_of(world.far, world, alike)[0] == [None, None, None]
    world.change_elsewhere(lambda tx: providers.delete(tx, provider=made))
    asyncio.run(world.far.follow())
    assert reads_of(world.far, world, client_ids)[0] is None
