"""What requests need of the store, remembered within bounds: access keys, users, roles, managed policies.

Each entry says which things of the store it was made from; when one of them changes, the entry is dropped. An entry
whose reading was overtaken by a change is used once and not kept. That something does not exist is remembered too.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection

from sts.errors import PolicyMalformed
from sts.model import AccessKey, Role, User
from sts.policy.document import Document, Kind, NamedPolicy, parse_document
from sts.store import access_keys, accounts, groups, policies, roles, users, versions
from sts.store.bearers import Held, find_held
from sts.store.database import Committed, Database
from sts.store.revocations import EVERYTHING, Revoked, find_revoked
from sts.store.versions import Change, Version

_CAPACITY = 128 * 1024 * 1024  # bytes, estimated: some fifteen thousand users, each with a key and a role
_ENTRY_COST = 2048  # bytes that an entry takes beside its policy texts, roughly
_DOCUMENTS = 16_384  # compiled policies, shared by all who hold the same text
_DENY_ALL = '{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}'


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
    """What a loader read: the value, what it was made from, and the bytes of text in it."""

    value: Any
    depends: frozenset[Change]
    text: int = 0


@dataclass(slots=True)
class Snapshot:
    """Bounded memory of what was read, and the version of the store that it is known to be true of."""

    database: Database
    version: Version
    capacity: int = _CAPACITY
    _entries: OrderedDict[Change, _Read] = field(default_factory=OrderedDict)
    _dependents: dict[Change, set[Change]] = field(default_factory=dict)
    _weight: int = 0
    _generation: int = 0
    _parse: Callable[[str, Kind], Document] = field(default_factory=lambda: lru_cache(_DOCUMENTS)(parse_document))

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
        """Return the default version of the managed policy, compiled as a session policy."""
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
        """Compile *text*, or return what the same text was compiled to before; raises PolicyMalformed."""
        return self._parse(text, kind)

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
            self._entries.move_to_end(key)
            return read.value
        generation = self._generation
        read = await self.database.read(lambda connection: load(connection, key.key))
        if generation == self._generation:
            self._put(key, read)
        return read.value

    def _put(self, key: Change, read: _Read) -> None:
        if key in self._entries:
            return
        self._entries[key] = read
        self._weight += read.text + _ENTRY_COST
        for change in read.depends | {key}:
            self._dependents.setdefault(change, set()).add(key)
        while self._weight > self.capacity:
            self._forget(next(iter(self._entries)))

    def _forget(self, key: Change) -> None:
        read = self._entries.pop(key)
        self._weight -= read.text + _ENTRY_COST
        for change in read.depends | {key}:
            dependents = self._dependents[change]
            dependents.discard(key)
            if not dependents:
                del self._dependents[change]

    def _drop(self, changes: Iterable[Change]) -> None:
        self._generation += 1
        for change in changes:
            for key in tuple(self._dependents.get(change, ())):
                self._forget(key)

    def _clear(self) -> None:
        self._generation += 1
        self._entries.clear()
        self._dependents.clear()
        self._weight = 0

    def _load_access_key(self, connection: Connection, access_key_id: str) -> _Read:
        return _Read(access_keys.find_access_key(connection, access_key_id), frozenset())

    def _load_user(self, connection: Connection, unique_id: str) -> _Read:
        user = users.find_user_by_id(connection, unique_id)
        if user is None:
            return _Read(None, frozenset())
        held = find_held(connection, (unique_id, *groups.find_group_ids(connection, unique_id)))
        enabled = user.enabled and accounts.is_enabled(connection, user.account_id)
        value = HeldUser(user, self._compile_all(held), enabled)
        return _Read(value, held.depends | {Change("account", user.account_id)}, held.size)

    def _load_role(self, connection: Connection, unique_id: str) -> _Read:
        role = roles.find_role_by_id(connection, unique_id)
        if role is None:
            return _Read(None, frozenset())
        held = find_held(connection, (unique_id,))
        enabled = role.enabled and accounts.is_enabled(connection, role.account_id)
        trust = self._compile_stored(role.arn, role.trust_policy, Kind.TRUST)
        value = HeldRole(role, self._compile_all(held), trust, enabled)
        return _Read(value, held.depends | {Change("account", role.account_id)}, held.size + len(role.trust_policy))

    def _load_role_name(self, connection: Connection, path: str) -> _Read:
        role = roles.find_role(connection, *path.split("/", 1))
        if role is None:
            return _Read(None, frozenset())
        return _Read(role.unique_id, frozenset({Change("role", role.unique_id)}))

    def _load_policy(self, connection: Connection, arn: str) -> _Read:
        policy = policies.find_policy(connection, arn)
        if policy is None:
            return _Read(None, frozenset())
        document = policies.get_default_document(connection, policy.policy_id)
        depends = frozenset({Change("policy", policy.policy_id)})
        return _Read(self._compile_stored(arn, document, Kind.SESSION), depends, len(document))

    def _load_revoked(self, connection: Connection, _key: str) -> _Read:
        return _Read(find_revoked(connection), frozenset())

    def _load_account(self, connection: Connection, account_id: str) -> _Read:
        return _Read(accounts.is_enabled(connection, account_id), frozenset())

    def _compile_all(self, held: Held) -> tuple[NamedPolicy, ...]:
        return tuple(self._compile_stored(name, text, Kind.IDENTITY) for name, text in held.policies)

    def _compile_stored(self, name: str, text: str, kind: Kind) -> NamedPolicy:
        try:
            return NamedPolicy(name, self._parse(text, kind))
        except PolicyMalformed:
            # What was stored by other rules, or altered in the store, must not drop a Deny: it denies everything.
            return NamedPolicy(f"unreadable {name}", self._parse(_DENY_ALL, Kind.IDENTITY))
