"""What the tests ask a snapshot."""

from collections.abc import Callable
from typing import Any

from sts.policy.document import Kind
from sts.store.snapshot import Snapshot
from tests.store.world import ACCOUNT, SECOND_TEXT, World

Look = Callable[[Snapshot, World], Any]

STAFFS = 'policy "staff" of group/staff'  # whose policies are alice's


def _shorten(name: str) -> str:
    """Return the last name of a managed policy's ARN, and the whole name of an inline one."""
    return name if " of " in name else name.rsplit("/", maxsplit=1)[-1]


async def alice_policies(snapshot: Snapshot, world: World) -> list[str] | None:
    held = await snapshot.find_user(world.alice.unique_id)
    return None if held is None else [_shorten(each.name) for each in held.identity]


async def app_policies(snapshot: Snapshot, world: World) -> list[str] | None:
    held = await snapshot.find_role(world.app.unique_id)
    return None if held is None else [_shorten(each.name) for each in held.identity]


async def alice_puts(snapshot: Snapshot, world: World) -> bool:
    held = await snapshot.find_user(world.alice.unique_id)
    return held is not None and snapshot.compile(SECOND_TEXT, Kind.IDENTITY) in [p.document for p in held.identity]


async def app_puts(snapshot: Snapshot, _world: World) -> bool:
    held = await snapshot.find_role_named(ACCOUNT, "app")
    return held is not None and snapshot.compile(SECOND_TEXT, Kind.IDENTITY) in [p.document for p in held.identity]


async def session_policy_puts(snapshot: Snapshot, world: World) -> bool:
    found = await snapshot.find_managed_policy(world.readers.arn)
    return found is not None and found.document == snapshot.compile(SECOND_TEXT, Kind.SESSION)


async def spare_exists(snapshot: Snapshot, world: World) -> bool:
    return await snapshot.find_managed_policy(world.spare.arn) is not None


async def new_policy_exists(snapshot: Snapshot, _world: World) -> bool:
    return await snapshot.find_managed_policy(f"arn:aws:iam::{ACCOUNT}:policy/new") is not None


async def alice_arn(snapshot: Snapshot, world: World) -> tuple[str, bool] | None:
    held = await snapshot.find_user(world.alice.unique_id)
    return None if held is None else (held.user.arn.split(":")[-1], held.enabled)


async def bob_exists(snapshot: Snapshot, world: World) -> bool:
    return await snapshot.find_user(world.bob.unique_id) is not None


async def new_role_exists(snapshot: Snapshot, _world: World) -> bool:
    return await snapshot.find_role_named(ACCOUNT, "new") is not None


async def app_is_the_first(snapshot: Snapshot, world: World) -> bool | None:
    held = await snapshot.find_role_named(ACCOUNT, "app")
    return None if held is None else held.role.unique_id == world.app.unique_id


async def app_trusts_bob(snapshot: Snapshot, world: World) -> bool:
    held = await snapshot.find_role(world.app.unique_id)
    return held is not None and world.bob.unique_id in held.role.trust_policy and held.trust.name == world.app.arn


async def app_hours(snapshot: Snapshot, world: World) -> float | None:
    held = await snapshot.find_role(world.app.unique_id)
    return None if held is None else held.role.max_session_duration.total_seconds() / 3600


async def app_is_enabled(snapshot: Snapshot, world: World) -> bool:
    held = await snapshot.find_role(world.app.unique_id)
    return held is not None and held.enabled


async def alice_tags(snapshot: Snapshot, world: World) -> dict[str, str] | None:
    held = await snapshot.find_user(world.alice.unique_id)
    return None if held is None else dict(held.tags)


async def carol_tags(snapshot: Snapshot, world: World) -> dict[str, str] | None:
    held = await snapshot.find_user(world.carol.unique_id)
    return None if held is None else dict(held.tags)


async def app_tags(snapshot: Snapshot, world: World) -> dict[str, str] | None:
    held = await snapshot.find_role(world.app.unique_id)
    return None if held is None else dict(held.tags)


async def alice_boundary(snapshot: Snapshot, world: World) -> str | None:
    held = await snapshot.find_user(world.alice.unique_id)
    return None if held is None or held.boundary is None else held.boundary.name.split("/")[-1]


async def app_boundary(snapshot: Snapshot, world: World) -> str | None:
    held = await snapshot.find_role(world.app.unique_id)
    return None if held is None or held.boundary is None else held.boundary.name.split("/")[-1]


async def carol_is_bounded_anew(snapshot: Snapshot, world: World) -> bool | None:
    held = await snapshot.find_user(world.carol.unique_id)
    if held is None or held.boundary is None:
        return None
    return held.boundary.document == snapshot.compile(SECOND_TEXT, Kind.BOUNDARY)


async def key_is_active(snapshot: Snapshot, world: World) -> bool | None:
    found = await snapshot.find_access_key(world.key.access_key_id)
    return None if found is None else found.active


async def its_user_is_there(snapshot: Snapshot, world: World) -> bool:
    assert world.key.user_id is not None
    return await snapshot.find_user(world.key.user_id) is not None


async def account_is_enabled(snapshot: Snapshot, _world: World) -> bool:
    return await snapshot.is_account_enabled(ACCOUNT)
