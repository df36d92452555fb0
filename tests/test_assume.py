import asyncio
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path

import pytest

from sts.app import build_accounts
from sts.assume import AssumedRole, RoleSessions, Wish
from sts.cache import MemoryCache
from sts.clock import ManualClock
from sts.credentials import Credentials
from sts.directory.policies import Policies
from sts.directory.roles import Roles
from sts.entropy import Entropy
from sts.errors import PackedTooLarge, ParameterInvalid, PolicyMalformed
from sts.foundation import Foundation, lay_foundation
from sts.model import Caller, CallerKind, Hop, Policy, Role, Session, role_session_caller
from sts.settings import read_settings
from sts.store.database import Transaction
from sts.telemetry.meters import open_meters
from tests.conftest import BEGINNING
from tests.service import allow, trust

ACCOUNT, OTHER = "111122223333", "444455556666"
ALICE = Caller(
    kind=CallerKind.USER,
    account_id=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    unique_id="AIDAALICE",
    userid="AIDAALICE",
    access_key_id="AKIAALICE",
    user_name="alice",
)
HOUR = timedelta(hours=1)
POWER_USER = "arn:aws:iam::aws:policy/PowerUserAccess"


@dataclass(frozen=True)
class Stage:
    """Two roles and a policy of an account, a policy of another, and what begins sessions."""

    at: Foundation
    sessions: RoleSessions
    app: Role
    deep: Role
    own: Policy
    foreign: Policy

    def begin(
        self,
        caller: Caller = ALICE,
        role: Role | None = None,
        *,
        name: str = "one",
        duration: timedelta | None = None,
        policy: str | None = None,
        policy_arns: tuple[str, ...] = (),
    ) -> AssumedRole:
        wish = Wish(session_name=name, duration=duration, policy=policy, policy_arns=policy_arns)
        return asyncio.run(self.sessions.begin(caller, role or self.app, wish))

    def open(self, begun: AssumedRole) -> Session:
        minted = begun.credentials
        return asyncio.run(self.sessions.credentials.open(minted.session_token, minted.access_key_id))[0]

    def become(self, caller: Caller = ALICE, role: Role | None = None, name: str = "one") -> Caller:
        return role_session_caller(self.open(self.begin(caller, role, name=name)))


@pytest.fixture
def stage(home: Path, clock: ManualClock, entropy: Entropy) -> Iterator[Stage]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, entropy)

    def furnish(tx: Transaction) -> tuple[Role, Role, Policy, Policy]:
        for account_id in (ACCOUNT, OTHER):
            build_accounts(at).create(tx, account_id=account_id)
        trusting = trust(f"arn:aws:iam::{ACCOUNT}:root")
        roles, policies = Roles(entropy), Policies(entropy)
        return (
            roles.create(tx, account_id=ACCOUNT, name="app", trust_policy=trusting, max_session_duration=4 * HOUR),
            roles.create(tx, account_id=ACCOUNT, name="deep", trust_policy=trusting, path="/far/"),
            policies.create(tx, account_id=ACCOUNT, name="own", document=allow("s3:Get*"), path="/p/"),
            policies.create(tx, account_id=OTHER, name="foreign", document=allow("s3:Get*")),
        )

    made, committed = at.database.transact_now(furnish, clock.now())
    at.snapshot.apply(committed)
    credentials = Credentials("https://sts.example", at.keyring, MemoryCache(clock), clock, entropy, open_meters())
    yield Stage(at, RoleSessions(credentials, at.snapshot, clock), *made)
    at.database.close()


@pytest.mark.parametrize(
    ("asked", "given"),
    [(None, HOUR), (timedelta(minutes=15), timedelta(minutes=15)), (HOUR, HOUR), (4 * HOUR, 4 * HOUR)],
)
def test_a_session_lasts_as_long_as_is_asked_and_an_hour_by_itself(
    stage: Stage, asked: timedelta | None, given: timedelta
) -> None:
    begun = stage.begin(duration=asked)
    assert begun.credentials.expires_at == BEGINNING + given
    assert stage.open(begun).expires_at == BEGINNING + given


def test_a_session_longer_than_the_roles_longest_is_refused(stage: Stage) -> None:
    with pytest.raises(ParameterInvalid, match="MaxSessionDuration"):
        stage.begin(duration=4 * HOUR + timedelta(seconds=1))
    with pytest.raises(ParameterInvalid, match="MaxSessionDuration"):
        stage.begin(role=stage.deep, duration=HOUR + timedelta(seconds=1))


def test_a_chained_session_lasts_an_hour_at_most_whatever_the_role_allows(stage: Stage) -> None:
    chained = stage.become(role=stage.deep)
    assert stage.begin(chained, duration=HOUR).credentials.expires_at == BEGINNING + HOUR
    assert stage.begin(chained).credentials.expires_at == BEGINNING + HOUR
    with pytest.raises(ParameterInvalid, match="1 hour session limit"):
        stage.begin(chained, duration=HOUR + timedelta(seconds=1))


def test_a_session_is_called_by_role_and_session_name_without_the_roles_path(stage: Stage) -> None:
    begun = stage.begin(role=stage.deep, name="n@me")
    assert begun.arn == f"arn:aws:sts::{ACCOUNT}:assumed-role/deep/n@me"
    assert begun.userid == f"{stage.deep.unique_id}:n@me"
    session = stage.open(begun)
    assert session.principal_arn == f"arn:aws:iam::{ACCOUNT}:role/far/deep"
    caller = role_session_caller(session)
    assert (caller.arn, caller.userid, caller.principal_arn) == (begun.arn, begun.userid, session.principal_arn)


def test_the_chain_says_who_began_and_each_hop_after_it(stage: Stage, clock: ManualClock) -> None:
    first = stage.become(name="first")
    clock.tick(timedelta(minutes=10))
    second = stage.become(first, stage.deep, name="second")
    clock.tick(timedelta(minutes=10))
    third = stage.become(second, stage.app, name="third")
    sessions = [caller.session for caller in (first, second, third)]
    own = [session for session in sessions if session is not None]
    assert len({session.jti for session in own}) == 3
    began = Hop(
        arn=ALICE.arn,
        session_name="",
        at=BEGINNING,
        principal_id="AIDAALICE",
        jti="",
        access_key_id="AKIAALICE",
    )
    hops = [
        Hop(
            arn=role.arn,
            session_name=name,
            at=BEGINNING + timedelta(minutes=minutes),
            principal_id=role.unique_id,
            jti=session.jti,
        )
        for role, name, minutes, session in zip(
            (stage.app, stage.deep, stage.app), ("first", "second", "third"), (0, 10, 20), own, strict=True
        )
    ]
    for number, session in enumerate(own, start=1):
        assert session.chain == (began, *hops[:number])


def test_a_chain_ends_where_its_token_would_be_too_long(stage: Stage) -> None:
    caller = stage.become(name="s" * 64)
    with pytest.raises(PackedTooLarge, match="do not fit"):  # noqa: PT012  somewhere on the way
        for _ in range(40):
            caller = stage.become(caller, stage.deep, name="s" * 64)
    assert caller.session is not None
    assert len(caller.session.chain) > 5


def test_session_policies_are_kept_as_they_were_given(stage: Stage) -> None:
    text = allow("s3:GetObject")
    begun = stage.begin(policy=text, policy_arns=(stage.own.arn, POWER_USER))
    session = stage.open(begun)
    assert (session.policies, session.policy_arns) == ((text,), (stage.own.arn, POWER_USER))
    assert begun.credentials.packed_percent is not None
    plain = stage.open(stage.begin())
    assert (plain.policies, plain.policy_arns) == ((), ())


def test_session_policies_do_not_pass_to_the_next_session_of_a_chain(stage: Stage) -> None:
    narrowed = role_session_caller(stage.open(stage.begin(policy=allow("sts:AssumeRole"))))
    session = stage.open(stage.begin(narrowed, stage.deep))
    assert session.policies == ()


@pytest.mark.parametrize(
    "which", ["foreign", "missing", "without its path", "of nobody", "no ARN", "an administrator's"]
)
def test_a_session_policy_by_arn_is_one_of_the_roles_account_or_the_services(stage: Stage, which: str) -> None:
    arn = {
        "foreign": stage.foreign.arn,
        "missing": f"arn:aws:iam::{ACCOUNT}:policy/missing",
        "without its path": f"arn:aws:iam::{ACCOUNT}:policy/own",
        "of nobody": "arn:aws:iam::aws:policy/Missing",
        "no ARN": "own",
        "an administrator's": f"arn:aws:iam::{ACCOUNT}:user/admin",
    }[which]
    with pytest.raises(PolicyMalformed):
        stage.begin(policy_arns=(POWER_USER, arn))


def test_the_roles_account_decides_which_managed_policies_there_are_and_not_the_callers(stage: Stage) -> None:
    stranger = replace(ALICE, account_id=OTHER, arn=f"arn:aws:iam::{OTHER}:user/alice")
    with pytest.raises(PolicyMalformed):
        stage.begin(stranger, policy_arns=(stage.foreign.arn,))
    assert stage.open(stage.begin(stranger, policy_arns=(stage.own.arn,))).policy_arns == (stage.own.arn,)


@pytest.mark.parametrize(
    "policy", ["", "{", "[]", '{"Statement":[]}', trust("*"), allow("s3:Get*", "arn:aws:s3")], ids=range(6)
)
def test_a_malformed_session_policy_is_refused(stage: Stage, policy: str) -> None:
    with pytest.raises(PolicyMalformed):
        stage.begin(policy=policy)


def test_an_inline_session_policy_has_at_most_2048_characters(stage: Stage) -> None:
    text = allow("s3:GetObject")
    fits = text + " " * (2_048 - len(text))
    assert stage.open(stage.begin(policy=fits)).policies == (fits,)
    with pytest.raises(ParameterInvalid, match="less than or equal to 2048"):
        stage.begin(policy=fits + " ")


def test_at_most_ten_managed_policies_are_session_policies(stage: Stage) -> None:
    assert len(stage.open(stage.begin(policy_arns=(stage.own.arn,) * 10)).policy_arns) == 10
    with pytest.raises(ParameterInvalid, match="10"):
        stage.begin(policy_arns=(stage.own.arn,) * 11)
