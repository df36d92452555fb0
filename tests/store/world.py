"""A store with two who look at it: the snapshot of the process that changes it, and that of another."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from sqlalchemy import Engine

from sts.directory.access_keys import AccessKeys
from sts.directory.accounts import Accounts
from sts.directory.attachments import Attachments
from sts.directory.boundaries import bound
from sts.directory.groups import Groups
from sts.directory.inline_policies import InlinePolicies
from sts.directory.policies import Policies
from sts.directory.roles import Roles
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.entropy import Entropy
from sts.keyring.keyring import Keyring
from sts.model import AccessKey, Group, Policy, Role, User
from sts.store import versions
from sts.store.database import Database, Transaction
from sts.store.postgresql import PostgresqlDatabase
from sts.store.snapshot import Snapshot
from sts.store.sqlite import SqliteDatabase
from tests.conftest import BEGINNING
from tests.service import allow, trust

_T = TypeVar("_T")
ACCOUNT = "111122223333"
FIRST_TEXT, SECOND_TEXT = allow("s3:GetObject"), allow("s3:PutObject")
ENTROPY = Entropy()
USERS, GROUPS, ROLES, POLICIES = Users(ENTROPY), Groups(ENTROPY), Roles(ENTROPY), Policies(ENTROPY)
INLINE, ATTACHMENTS, TAGGING = InlinePolicies(), Attachments(), Tagging()
TRUST = trust(f"arn:aws:iam::{ACCOUNT}:root")


@dataclass
class World:
    """What is in the store before anything changes."""

    database: Database
    near: Snapshot
    far: Snapshot
    keys: AccessKeys
    alice: User
    bob: User
    carol: User
    staff: Group
    crew: Group
    readers: Policy
    spare: Policy
    app: Role
    key: AccessKey

    def change(self, work: Callable[[Transaction], _T]) -> _T:
        """Make a change as this process makes it: committed, then dropped from its own snapshot."""
        result, committed = self.database.transact_now(work, BEGINNING)
        self.near.apply(committed)
        return result

    def change_elsewhere(self, work: Callable[[Transaction], _T]) -> _T:
        """Make a change as another process makes it: no snapshot is told."""
        return self.database.transact_now(work, BEGINNING)[0]


def furnish(database: Database, other: Database, keyring: Keyring) -> World:
    """Furnish *database*, which *other* has open as another process would."""
    keys = AccessKeys(ENTROPY, keyring)

    def make(tx: Transaction) -> dict[str, Any]:
        begun = Accounts(ENTROPY, USERS, keys).create(tx, account_id=ACCOUNT)
        made: dict[str, Any] = {"key": begun.minted.key}
        for name in ("alice", "bob", "carol"):
            made[name] = USERS.create(tx, account_id=ACCOUNT, name=name)
        for name in ("staff", "crew"):
            made[name] = GROUPS.create(tx, account_id=ACCOUNT, name=name)
            INLINE.put(tx, bearer=made[name], name=name, document=FIRST_TEXT)
        for name in ("readers", "spare"):
            made[name] = POLICIES.create(tx, account_id=ACCOUNT, name=name, document=FIRST_TEXT)
        made["app"] = ROLES.create(tx, account_id=ACCOUNT, name="app", trust_policy=TRUST)
        GROUPS.add_member(tx, group=made["staff"], user_name="alice")
        ATTACHMENTS.attach(tx, bearer=made["alice"], policy_arn=made["readers"].arn)
        ATTACHMENTS.attach(tx, bearer=made["app"], policy_arn=made["readers"].arn)
        TAGGING.put(tx, bearer=made["carol"], tags=[("role", "guest")])
        bound(tx, bearer=made["carol"], policy_arn=made["readers"].arn)
        return made

    made, _ = database.transact_now(make, BEGINNING)
    near, far = (Snapshot(each, each.read_now(versions.read_version)) for each in (database, other))
    return World(database, near, far, keys, **made)


def reader_of(database: Database) -> Engine:
    """Return what *database* reads with when nothing is kept open."""
    if isinstance(database, SqliteDatabase):
        return database.reader
    assert isinstance(database, PostgresqlDatabase)
    return database._single.reading.sync_engine


def second_version(tx: Transaction, world: World) -> None:
    """Give the policy that alice and the role bear another text."""
    POLICIES.create_version(tx, policy=world.readers, document=SECOND_TEXT, set_as_default=True)
