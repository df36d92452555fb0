"""Whatever policies say, a session has no right that who began it did not have to give, at any hop of a chain.

Policies are drawn and kept in a real store; sessions are minted, opened and judged as requests are.
"""

import asyncio
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import Phase, event, given, settings
from hypothesis import strategies as st

from sts.app import build_accounts
from sts.assume import RoleSessions, Wish
from sts.cache import MemoryCache
from sts.clock import ManualClock
from sts.credentials import Credentials, TemporaryCredentials
from sts.directory.boundaries import bound
from sts.directory.inline_policies import InlinePolicies
from sts.directory.managed import ADMINISTRATOR, IAM_READ_ONLY, POWER_USER, ManagedPolicy
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.evaluator import Circumstances, Evaluator, Matter
from sts.foundation import Foundation, lay_foundation
from sts.lending import FederationWish, UserSessions
from sts.model import Caller, Role, Session, User, federated_user_caller, role_session_caller, user_caller
from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.settings import read_settings
from sts.store.database import Transaction
from sts.telemetry.meters import open_meters
from tests.conftest import BEGINNING
from tests.service import allow, trust
from tests.test_session_rights import ACCOUNT, ACTIONS, RESOURCES, Rights, rights, texts

ADDRESSES = ("", "192.0.2.1")  # of CONTEXTS in test_session_rights
BOUNDARIES = (*[ADMINISTRATOR] * 4, POWER_USER, IAM_READ_ONLY)
PHASES = (Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink)  # to explain takes as long as all others
NAMES = ("one", "two", "three")


@dataclass(frozen=True)
class Limits:
    """What speaks for a principal: its inline policies, two at most, and its boundary."""

    identity: list[str]
    boundary: ManagedPolicy

    def rights(self) -> Rights:
        """Return what both allow, as each kind of policy alone would be judged."""
        return rights(self.identity, None) & rights([self.boundary.document], None)


@dataclass(frozen=True, repr=False)
class World:
    """A user and three roles that trust their account, with what begins sessions and judges them."""

    at: Foundation
    lent: UserSessions
    sessions: RoleSessions
    evaluator: Evaluator
    user: User
    roles: tuple[Role, ...]

    @property
    def alice(self) -> Caller:
        return user_caller(self.user, "AKIAALICE")

    def furnish(self, limits: list[Limits]) -> None:
        """Give *limits* to the user and the roles, in place of what they had."""

        def work(tx: Transaction) -> None:
            bearers: tuple[User | Role, ...] = (self.user, *self.roles)
            for bearer, each in zip(bearers, limits, strict=True):
                for number in range(2):
                    document = each.identity[number] if number < len(each.identity) else allow("none:None")
                    InlinePolicies().put(tx, bearer=bearer, name=f"p{number}", document=document)
                bound(tx, bearer=bearer, policy_arn=f"arn:aws:iam::aws:policy/{each.boundary.name}")

        _, committed = self.at.database.transact_now(work, self.at.clock.now())
        self.at.snapshot.apply(committed)

    async def may(self, caller: Caller, action: str, resource: str, address: str = "") -> bool:
        return await self._decide(caller, Matter(action, resource, ACCOUNT, {}, None), address)

    async def may_assume(self, caller: Caller, role: Role) -> bool:
        trusting = NamedPolicy("trust", parse_document(role.trust_policy, Kind.TRUST))
        return await self._decide(caller, Matter("sts:AssumeRole", role.arn, ACCOUNT, {}, trusting), "")

    async def _decide(self, caller: Caller, matter: Matter, address: str) -> bool:
        here = Circumstances(at=BEGINNING, source_ip=address, user_agent="", secure_transport=True, region="")
        return (await self.evaluator.decide(caller, here, matter)).allowed

    async def find_rights(self, caller: Caller) -> Rights:
        """Return what *caller* may do, in the world of a few actions and resources of test_session_rights."""
        return frozenset([
            (action, resource, number)
            for action in ACTIONS
            for resource in RESOURCES
            for number, address in enumerate(ADDRESSES)
            if await self.may(caller, action, resource, address)
        ])  # fmt: skip

    async def become(self, caller: Caller, role: Role, policy: str | None = None) -> Caller:
        begun = await self.sessions.begin(caller, role, Wish(session_name="session", policy=policy))
        return role_session_caller(await self._open(begun.credentials))

    async def lend(self) -> Caller:
        session = await self._open(await self.lent.begin(self.alice, None, None))
        return user_caller(self.user, session.access_key_id, session)

    async def federate(self, policy: str | None) -> Caller:
        federated = await self.lent.federate(self.alice, FederationWish(name="guest", policy=policy))
        return federated_user_caller(await self._open(federated.credentials))

    async def _open(self, minted: TemporaryCredentials) -> Session:
        return (await self.sessions.credentials.open(minted.session_token, minted.access_key_id))[0]

    async def walk(self, policies: list[str | None]) -> list[Caller]:
        """Begin at the user and go on from role to role for as long as each may assume the next."""
        walked = [self.alice]
        for role, policy in zip(self.roles, policies, strict=True):
            if not await self.may_assume(walked[-1], role):
                break
            walked.append(await self.become(walked[-1], role, policy))
        return walked


@pytest.fixture(scope="module")
def world(prepared_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    home = shutil.copytree(prepared_home, tmp_path_factory.mktemp("chains") / "home")
    clock, entropy = ManualClock(BEGINNING), Entropy()
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)

    def settle(tx: Transaction) -> tuple[User, tuple[Role, ...]]:
        build_accounts(at).create(tx, account_id=ACCOUNT)
        trusting, roles = trust(f"arn:aws:iam::{ACCOUNT}:root"), Roles(entropy)
        made = (roles.create(tx, account_id=ACCOUNT, name=name, trust_policy=trusting) for name in NAMES)
        return Users(entropy).create(tx, account_id=ACCOUNT, name="alice"), tuple(made)

    (user, roles), committed = at.database.transact_now(settle, clock.now())
    at.snapshot.apply(committed)
    credentials = Credentials("https://sts.example", at.keyring, MemoryCache(clock), clock, entropy, open_meters())
    lent, sessions = UserSessions(credentials, at.snapshot, clock), RoleSessions(credentials, at.snapshot, clock)
    yield World(at, lent, sessions, Evaluator(at.snapshot), user, roles)
    at.database.close()


# Most go on along the chain, so that there is something to look at.
GOING_ON = st.sampled_from([allow("*"), allow("sts:AssumeRole", f"arn:aws:iam::{ACCOUNT}:role/*")])
POLICIES = GOING_ON | texts()
IDENTITY = st.builds(lambda first, more: [first, *more], GOING_ON | GOING_ON | texts(), st.lists(texts(), max_size=1))
LIMITS = st.builds(Limits, IDENTITY, st.sampled_from(BOUNDARIES))
EACH_LIMITS = st.lists(LIMITS, min_size=4, max_size=4)
WISHES = st.lists(st.none() | POLICIES, min_size=3, max_size=3)


def wished(policy: str | None) -> Rights:
    """Return what a session policy leaves to somebody who may do everything."""
    return rights([allow("*")], None if policy is None else [policy])


@settings(max_examples=100, deadline=None, phases=PHASES)
@given(EACH_LIMITS, WISHES)
def test_z_06_along_a_chain_each_session_is_within_its_role_its_policies_and_what_its_parent_may(
    world: World, limits: list[Limits], wishes: list[str | None]
) -> None:
    world.furnish(limits)

    async def check() -> None:
        walked = await world.walk(wishes)
        event(f"hops: {len(walked) - 1}")
        assert await world.find_rights(world.alice) == limits[0].rights()
        for number, session in enumerate(walked[1:]):
            assert await world.may(walked[number], "sts:AssumeRole", world.roles[number].arn)
            assert await world.find_rights(session) == limits[number + 1].rights() & wished(wishes[number])

    asyncio.run(check())


@settings(max_examples=100, deadline=None, phases=PHASES)
@given(EACH_LIMITS, WISHES, st.integers(0, 2), POLICIES)
def test_z_06_who_narrows_one_hop_widens_none(
    world: World, limits: list[Limits], wishes: list[str | None], hop: int, narrower: str
) -> None:
    world.furnish(limits)

    async def check() -> None:
        wide = await world.walk([*wishes[:hop], None, *wishes[hop + 1 :]])
        narrow = await world.walk([*wishes[:hop], narrower, *wishes[hop + 1 :]])
        event(f"hops: {len(narrow) - 1} of {len(wide) - 1}")
        assert len(narrow) <= len(wide)
        for less, more in zip(narrow, wide, strict=False):
            assert await world.find_rights(less) <= await world.find_rights(more)

    asyncio.run(check())


@settings(max_examples=100, deadline=None, phases=PHASES)
@given(EACH_LIMITS, st.none() | POLICIES)
def test_what_a_user_lends_is_within_what_the_user_may(world: World, limits: list[Limits], wish: str | None) -> None:
    world.furnish(limits)

    async def check() -> None:
        own = limits[0].rights()
        event(f"rights: {len(own) > 0}")
        assert await world.find_rights(await world.lend()) == own
        guest = await world.find_rights(await world.federate(wish))
        assert guest == (frozenset() if wish is None else own & wished(wish))

    asyncio.run(check())
