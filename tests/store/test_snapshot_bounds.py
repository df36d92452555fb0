"""What strangers and tenants can make a process remember."""

import asyncio
import json

import pytest

from sts.errors import PolicyMalformed
from sts.policy.document import Kind
from sts.store.documents import Documents
from sts.store.snapshot import Snapshot
from tests.service import allow
from tests.store.looks import alice_arn, alice_policies, app_policies, bob_exists, key_is_active, new_role_exists
from tests.store.world import ACCOUNT, ATTACHMENTS, INLINE, ROLES, TRUST, USERS, World


def hostile(length: int = 1_880) -> str:
    """Return a policy whose pattern has as many distinct characters."""
    pattern = "arn:a:b:::?" + "".join(chr(0x4E00 + number) for number in range(length))
    statement = {"Effect": "Allow", "Action": "s3:*", "Resource": pattern}
    return json.dumps({"Version": "2012-10-17", "Statement": statement}, ensure_ascii=False)


def weight_of(snapshot: Snapshot) -> int:
    return snapshot._weight + snapshot._documents.weight


def test_what_does_not_exist_pushes_out_nothing_that_does(world: World) -> None:
    snapshot = Snapshot(world.database, world.near.version)
    for look in (alice_policies, app_policies, key_is_active):
        asyncio.run(look(snapshot, world))
    snapshot.capacity = weight_of(snapshot)
    held = list(snapshot._entries)

    async def ask_for_strangers() -> None:
        for number in range(50):
            assert await snapshot.find_access_key(f"AKIA{number}") is None
            assert await snapshot.find_user(f"AIDA{number}") is None
            assert await snapshot.is_account_enabled(f"{number:012}") is False

    asyncio.run(ask_for_strangers())
    assert list(snapshot._entries) == held
    assert len(snapshot._absent) == 150


def test_absences_are_few_and_those_asked_for_last_stay(world: World) -> None:
    world.near.absences = 3

    async def fill() -> None:
        for number in (0, 1, 2, 0, 3):
            await world.near.find_access_key(f"AKIA{number}")

    asyncio.run(fill())
    assert [key.key for key in world.near._absent] == ["AKIA2", "AKIA0", "AKIA3"]


def test_a_long_name_of_nothing_is_not_remembered(world: World) -> None:
    for length in (256, 257, 30_000):
        assert asyncio.run(world.near.find_role_named(ACCOUNT, "x" * (length - len(ACCOUNT) - 1))) is None
    assert [len(key.key) for key in world.near._absent] == [256]
    assert weight_of(world.near) == 0


def test_what_comes_to_exist_is_absent_no_longer(world: World) -> None:
    for snapshot in (world.near, world.far):
        assert asyncio.run(new_role_exists(snapshot, world)) is False
    world.change(lambda tx: ROLES.create(tx, account_id=ACCOUNT, name="new", trust_policy=TRUST))
    assert asyncio.run(new_role_exists(world.near, world)) is True
    assert asyncio.run(new_role_exists(world.far, world)) is False
    asyncio.run(world.far.follow())
    assert asyncio.run(new_role_exists(world.far, world)) is True


def test_the_memory_is_bounded_and_what_was_used_last_stays(world: World) -> None:
    snapshot = Snapshot(world.database, world.near.version)
    for look in (alice_arn, bob_exists, key_is_active):
        asyncio.run(look(snapshot, world))
    snapshot.capacity = weight_of(snapshot)
    asyncio.run(alice_arn(snapshot, world))
    asyncio.run(snapshot.is_account_enabled(ACCOUNT))
    kept = [world.key.access_key_id, world.key.user_id, world.alice.unique_id, ACCOUNT]
    assert [key.key for key in snapshot._entries] == kept
    assert weight_of(snapshot) <= snapshot.capacity
    dependent = {key for keys in snapshot._dependents.values() for key in keys}
    assert {key.key for key in dependent} == {world.key.user_id, world.alice.unique_id}


def test_the_names_of_what_exists_count_against_the_bound(world: World) -> None:
    world.change(lambda tx: ROLES.create(tx, account_id=ACCOUNT, name="n", trust_policy=TRUST))
    world.change(lambda tx: ROLES.create(tx, account_id=ACCOUNT, name="n" * 64, trust_policy=TRUST))

    def weight_of_name(name: str) -> int:
        snapshot = Snapshot(world.database, world.near.version)
        assert asyncio.run(snapshot.find_role_named(ACCOUNT, name)) is not None
        return weight_of(snapshot)

    assert weight_of_name("n" * 64) == weight_of_name("n") + 63


def test_the_compiled_policies_count_against_the_bound_and_not_only_their_texts(world: World) -> None:
    text = allow([f"a:{number:x}" for number in range(200)])
    world.change(lambda tx: INLINE.put(tx, bearer=world.bob, name="many", document=text))
    held = asyncio.run(world.near.find_user(world.bob.unique_id))
    assert held is not None
    weight = held.identity[0].document.weight
    assert weight > 10 * len(text)
    assert weight_of(world.near) > weight


def test_a_policy_that_many_hold_is_compiled_and_counted_once(world: World) -> None:
    world.change(lambda tx: ATTACHMENTS.attach(tx, bearer=world.bob, policy_arn=world.readers.arn))
    alice, bob = (asyncio.run(world.near.find_user(user.unique_id)) for user in (world.alice, world.bob))
    assert alice is not None
    assert bob is not None
    shared = bob.identity[0].document
    assert shared in [policy.document for policy in alice.identity]
    assert any(shared is policy.document for policy in alice.identity)
    before = world.near._documents.weight
    world.change(lambda tx: tx.touch("user", world.bob.unique_id))
    assert world.near._documents.weight == before > 0
    world.change(lambda tx: tx.touch("user", world.alice.unique_id))
    assert world.near._documents.weight == 0


def test_a_policy_is_forgotten_with_the_last_who_holds_it(world: World) -> None:
    asyncio.run(alice_policies(world.near, world))
    assert len(world.near._documents._shared) > 0
    world.change(lambda tx: USERS.update(tx, user=world.alice, new_name="alicia"))
    assert len(world.near._documents._shared) == 0
    assert not world.near._documents._holders


def test_what_callers_bring_is_bounded_and_kept_apart(world: World) -> None:
    asyncio.run(alice_policies(world.near, world))
    before, held = weight_of(world.near), list(world.near._entries)
    world.near._documents.capacity = 64 * 1024
    for length in range(1_800, 1_880):
        world.near.compile(hostile(length), Kind.SESSION)
        assert world.near._documents._brought_weight <= 64 * 1024
    assert 1 < len(world.near._documents._brought) < 20
    assert (weight_of(world.near), list(world.near._entries)) == (before, held)


def test_what_a_caller_brought_lately_is_not_compiled_again() -> None:
    documents = Documents()
    first = documents.compile_brought(hostile(), Kind.SESSION)
    assert documents.compile_brought(hostile(), Kind.SESSION) is first
    assert documents.compile_brought(hostile(), Kind.IDENTITY) is not first
    documents.capacity = 0
    assert documents.compile_brought(allow("*"), Kind.SESSION).statements
    assert (len(documents._brought), documents._brought_weight) == (0, 0)
    with pytest.raises(PolicyMalformed):
        documents.compile_brought("{", Kind.SESSION)
    assert not documents._brought


def test_two_thousand_hostile_session_policies_leave_little_behind() -> None:
    documents = Documents()
    for number in range(2_000):
        documents.compile_brought(hostile().replace("s3:*", f"s3:{number}"), Kind.SESSION)
    assert documents._brought_weight <= documents.capacity
    assert max(document.weight for document in documents._brought.values()) < 16 * 1024
