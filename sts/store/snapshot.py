"""What requests need of the store, remembered within bounds: access keys, users, roles, managed policies.

Each entry says which things of the store it was made from; when one of them changes, the entry is dropped. An entry
whose reading was overtaken by a change is used once and not kept. That something does not exist is remembered too, but
apart and for a few names only: anyone can ask for what does not exist, and must not push out what does.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection

from sts.errors import PolicyMalformed
from sts.model import AccessKey, Role, User
from sts.policy.document import Document, Kind, NamedPolicy, write_denial
from sts.store import access_keys, accounts, groups, policies, roles, users, versions
from sts.store.bearers import Held, find_held
from sts.store.database import Committed, Database
from sts.store.documents import Documents
from sts.store.revocations import EVERYTHING, Revoked, find_revoked
from sts.store.versions import Change, Version

_CAPACITY = 128 * 1024 * 1024  # bytes: some thirteen thousand users, each with a key and a role
_ENTRY_COST = 1024  # bytes that an entry takes beside its key, texts and policies, as measured
_POLICY_COST = 128  # bytes that one more policy takes in an entry, beside the document, which others may hold as well
_ABSENCES = 4096  # names of what does not exist
_LONGEST_ABSENT = 256  # characters of such a name; what is longer is looked up each time


@dataclass(frozen=True, slots=True)
class HeldUser:
    """A user with the policies that speak for it; *enabled* says of user and account together."""

    user: User
    identity: tuple[NamedPolicy, ...]
    enabled: bool


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role with the policies that speak for it and its trust policy; *enabled* says of role and account together."""

    role: Role
    identity: tuple[NamedPolicy, ...]
    trust: NamedPolicy
    enabled: bool


@dataclass(frozen=True, slots=True)
class _Read:
    """What a loader read: the value (None or False: no such thing), what it was made from, and what is in it.

    *text* counts the characters of what is kept as it was written.
    """

    value: Any
    depends: frozenset[Change] = frozenset()
    documents: tuple[Document, ...] = ()
    text: int = 0

    @property
    def weight(self) -> int:
        return _ENTRY_COST + self.text + _POLICY_COST * len(self.documents)


@dataclass(slots=True)
class Snapshot:
    """Bounded memory of what was read, and the version of the store that it is known to be true of."""

    database: Database
    version: Version
    capacity: int = _CAPACITY
    absences: int = _ABSENCES
    hits: int = 0  # looks that found what they wanted in memory
    misses: int = 0
    _entries: OrderedDict[Change, _Read] = field(default_factory=OrderedDict)
    _dependents: dict[Change, set[Change]] = field(default_factory=dict)
    _weight: int = 0
    _generation: int = 0
    _absent: OrderedDict[Change, Any] = field(default_factory=OrderedDict)
    _documents: Documents = field(default_factory=Documents)

    @property
    def entries(self) -> int:
        """How many things are held."""
        return len(self._entries)

    @property
    def weight(self) -> int:
        """The bytes that they take, as they are reckoned against the capacity."""
        return self._weight + self._documents.weight

    async def find_access_key(self, access_key_id: str) -> AccessKey | None:
        """Return the access key, active or not."""
        found: AccessKey | None = await self._get(Change("access-key", access_key_id), self._load_access_key)
        return found

    async def find_user(self, unique_id: str) -> HeldUser | None:
        """Return the user of this unique id."""
        found: HeldUser | None = await self._get(Change("user", unique_id), self._load_user)
        return found

    async def find_role(self, unique_id: str) -> HeldRole | None:
        """Return the role of this unique id."""
        found: HeldRole | None = await self._get(Change("role", unique_id), self._load_role)
        return found

    async def find_role_named(self, account_id: str, name: str) -> HeldRole | None:
        """Return the role called *name* in the account."""
        unique_id = await self._get(Change("role-name", f"{account_id}/{name}"), self._load_role_name)
        return None if unique_id is None else await self.find_role(unique_id)

    async def find_managed_policy(self, arn: str) -> NamedPolicy | None:
        """Return the default version of the managed policy, compiled as a session policy.

        One that cannot be read as such is not readable, and denies everything.
        """
        found: NamedPolicy | None = await self._get(Change("policy-arn", arn), self._load_policy)
        return found

    async def is_account_enabled(self, account_id: str) -> bool:
        """Say whether the account exists and is enabled."""
        found: bool = await self._get(Change("account", account_id), self._load_account)
        return found

    async def find_revoked(self) -> Revoked:
        """Return everything that is revoked."""
        found: Revoked = await self._get(EVERYTHING, self._load_revoked)
        return found

    def compile(self, text: str, kind: Kind) -> Document:
        """Compile *text*, which a caller brings, or return what it was compiled to lately; raises PolicyMalformed."""
        return self._documents.compile_brought(text, kind)

    def apply(self, committed: Committed) -> None:
        """Drop what a transaction of this process changed."""
        if committed.version is not None:
            self._drop(committed.changes)
            # Another process's change in between is still to be learned: only an unbroken step moves the version.
            if committed.version == Version(self.version.epoch, self.version.counter + 1):
                self.version = committed.version

    async def follow(self) -> None:
        """Learn what other processes have changed, and drop it; raises Unavailable."""
        since = self.version
        version, changes = await self.database.read(lambda connection: versions.find_changes(connection, since))
        if changes is None:
            self._clear()
        elif changes:
            self._drop(changes)
        if self.version == since:
            self.version = version

    async def _get(self, key: Change, load: Callable[[Connection, str], _Read]) -> Any:
        read = self._entries.get(key)
        if read is not None:
            self.hits += 1
            self._entries.move_to_end(key)
            return read.value
        if key in self._absent:
            self.hits += 1
            self._absent.move_to_end(key)
            return self._absent[key]
        self.misses += 1
        generation = self._generation
        read = await self.database.read(lambda connection: load(connection, key.key))
        if generation == self._generation:
            self._put(key, read)
        return read.value

    def _put(self, key: Change, read: _Read) -> None:
        if read.value is None or read.value is False:
            self._put_absence(key, read.value)
            return
        if key in self._entries:
            return
        self._entries[key] = read
        self._weight += len(key.key) + read.weight
        self._documents.hold(read.documents)
        for change in read.depends | {key}:
            self._dependents.setdefault(change, set()).add(key)
        while self.weight > self.capacity:
            self._forget(next(iter(self._entries)))

    def _put_absence(self, key: Change, value: Any) -> None:
        if len(key.key) <= _LONGEST_ABSENT:
            self._absent[key] = value
        if len(self._absent) > self.absences:
            self._absent.popitem(last=False)

    def _forget(self, key: Change) -> None:
        read = self._entries.pop(key)
        self._weight -= len(key.key) + read.weight
        self._documents.release(read.documents)
        for change in read.depends | {key}:
            dependents = self._dependents[change]
            dependents.discard(key)
            if not dependents:
                del self._dependents[change]

    def _drop(self, changes: Iterable[Change]) -> None:
        self._generation += 1
        for change in changes:
            self._absent.pop(change, None)
            for key in tuple(self._dependents.get(change, ())):
                self._forget(key)

    def _clear(self) -> None:
        self._generation += 1
        self._absent.clear()
        for key in tuple(self._entries):
            self._forget(key)

    def _load_access_key(self, connection: Connection, access_key_id: str) -> _Read:
        return _Read(access_keys.find_access_key(connection, access_key_id))

    def _load_user(self, connection: Connection, unique_id: str) -> _Read:
        user = users.find_user_by_id(connection, unique_id)
        if user is None:
            return _Read(None)
        held = find_held(connection, (unique_id, *groups.find_group_ids(connection, unique_id)))
        enabled = user.enabled and accounts.is_enabled(connection, user.account_id)
        value = HeldUser(user, self._compile_all(held), enabled)
        depends = held.depends | {Change("account", user.account_id)}
        return _Read(value, depends, _documents_of(value.identity))

    def _load_role(self, connection: Connection, unique_id: str) -> _Read:
        role = roles.find_role_by_id(connection, unique_id)
        if role is None:
            return _Read(None)
        held = find_held(connection, (unique_id,))
        enabled = role.enabled and accounts.is_enabled(connection, role.account_id)
        trust = self._compile_stored(role.arn, role.trust_policy, Kind.TRUST)
        value = HeldRole(role, self._compile_all(held), trust, enabled)
        depends = held.depends | {Change("account", role.account_id)}
        return _Read(value, depends, _documents_of((*value.identity, trust)), len(role.trust_policy))

    def _load_role_name(self, connection: Connection, path: str) -> _Read:
        role = roles.find_role(connection, *path.split("/", 1))
        if role is None:
            return _Read(None)
        return _Read(role.unique_id, frozenset({Change("role", role.unique_id)}))

    def _load_policy(self, connection: Connection, arn: str) -> _Read:
        policy = policies.find_policy(connection, arn)
        if policy is None:
            return _Read(None)
        document = policies.get_default_document(connection, policy.policy_id)
        depends = frozenset({Change("policy", policy.policy_id)})
        compiled = self._compile_stored(arn, document, Kind.SESSION)
        return _Read(compiled, depends, _documents_of((compiled,)))

    def _load_revoked(self, connection: Connection, _key: str) -> _Read:
        return _Read(find_revoked(connection))

    def _load_account(self, connection: Connection, account_id: str) -> _Read:
        return _Read(accounts.is_enabled(connection, account_id))

    def _compile_all(self, held: Held) -> tuple[NamedPolicy, ...]:
        return tuple(self._compile_stored(name, text, Kind.IDENTITY) for name, text in held.policies)

    def _compile_stored(self, name: str, text: str, kind: Kind) -> NamedPolicy:
        try:
            return NamedPolicy(name, self._documents.compile_stored(text, kind))
        except PolicyMalformed:
            # What was stored by other rules, or altered in the store, must not drop a Deny: it denies everything.
            denial = self._documents.compile_stored(write_denial(kind), kind)
            return NamedPolicy(f"unreadable {name}", denial, readable=False)


def _documents_of(policies: Iterable[NamedPolicy]) -> tuple[Document, ...]:
    return tuple(policy.document for policy in policies)
