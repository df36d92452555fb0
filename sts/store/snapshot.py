"""What requests need of the store, remembered within bounds: access keys, users, roles, policies, identity providers.

Each entry says which things of the store it was made from; when one of them changes, the entry is dropped. An entry
whose reading was overtaken by a change is used once and not kept. That something does not exist is remembered too, but
apart and for a few names only: anyone can ask for what does not exist, and must not push out what does.
"""

from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sts.model import AccessKey
from sts.outbound import OutboundIssuer
from sts.policy.document import Document, Kind, NamedPolicy
from sts.providers import Provider
from sts.store import outbound_issuers, versions
from sts.store.database import Committed, Database
from sts.store.documents import Documents
from sts.store.loading import Loading
from sts.store.readings import HeldRole, HeldUser, Reader, Reading
from sts.store.revocations import EVERYTHING, Revoked
from sts.store.segments import Segments
from sts.store.versions import Change, Version

_CAPACITY = 256 * 1024 * 1024  # bytes: some fifty thousand users, each with a key and a role
_ABSENCES = 4096  # names of what does not exist
_LONGEST_ABSENT = 256  # characters of such a name; what is longer is looked up each time


@dataclass(slots=True)
class Snapshot:
    """Bounded memory of what was read, and the version of the store that it is known to be true of."""

    database: Database
    version: Version
    capacity: int = _CAPACITY
    absences: int = _ABSENCES
    hits: int = 0  # looks that found what they wanted in memory
    misses: int = 0
    _entries: Segments[Change, Reading] = field(default_factory=Segments)
    _role_ids: dict[str, str] = field(default_factory=dict)  # of the roles among the entries, by account and name
    _dependents: dict[Change, set[Change]] = field(default_factory=dict)
    _weight: int = 0
    _absent: OrderedDict[Change, Any] = field(default_factory=OrderedDict)
    _documents: Documents = field(default_factory=Documents)
    _loading: Loading = field(init=False)

    def __post_init__(self) -> None:
        self._loading = Loading(Reader(self.database, self._documents).read, self._keep)

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
        found: AccessKey | None = await self._get(Change("access-key", access_key_id))
        return found

    async def find_user(self, unique_id: str) -> HeldUser | None:
        """Return the user of this unique id."""
        found: HeldUser | None = await self._get(Change("user", unique_id))
        return found

    async def find_role(self, unique_id: str) -> HeldRole | None:
        """Return the role of this unique id."""
        found: HeldRole | None = await self._get(Change("role", unique_id))
        return found

    async def find_role_named(self, account_id: str, name: str) -> HeldRole | None:
        """Return the role called *name* in the account."""
        path = f"{account_id}/{name}"
        unique_id = self._role_ids.get(path) or await self._get(Change("role-name", path))
        return None if unique_id is None else await self.find_role(unique_id)

    async def find_managed_policy(self, arn: str) -> NamedPolicy | None:
        """Return the default version of the managed policy, compiled as a session policy.

        One that cannot be read as such is not readable, and denies everything.
        """
        found: NamedPolicy | None = await self._get(Change("policy-arn", arn))
        return found

    async def find_provider(self, account_id: str, issuer: str) -> Provider | None:
        """Return the account's provider of this issuer, enabled or not."""
        found: Provider | None = await self._get(Change("provider", f"{account_id}/{issuer}"))
        return found

    async def find_outbound_issuer(self, key: str) -> OutboundIssuer | None:
        """Return the issuer of this account or identifier; *enabled* says of issuer and account together."""
        found: OutboundIssuer | None = await self._get(Change(outbound_issuers.NOUN, key))
        return found

    async def is_account_enabled(self, account_id: str) -> bool:
        """Say whether the account exists and is enabled."""
        found: bool = await self._get(Change("account", account_id))
        return found

    async def find_revoked(self) -> Revoked:
        """Return everything that is revoked."""
        found: Revoked = await self._get(EVERYTHING)
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

    async def _get(self, key: Change) -> Any:
        read = self._entries.find(key)
        if read is not None:
            self.hits += 1
            return read.value
        if key in self._absent:
            self.hits += 1
            self._absent.move_to_end(key)
            return self._absent[key]
        self.misses += 1
        return (await self._loading.load(key)).value

    def _keep(self, found: Mapping[Change, Reading]) -> None:
        for key, read in found.items():
            self._put(key, read)

    def _put(self, key: Change, read: Reading) -> None:
        if read.value is None or read.value is False:
            self._put_absence(key, read.value)
            return
        if key in self._entries or key.noun == "role-name":  # a role that is held tells its name itself
            return
        self._entries.put(key, read)
        if isinstance(read.value, HeldRole):
            self._role_ids[read.value.path] = key.key
        self._weight += len(key.key) + read.weight
        self._documents.hold(read.documents)
        for change in read.depends:
            self._dependents.setdefault(change, set()).add(key)
        while self.weight > self.capacity:
            self._forget(self._entries.find_oldest())

    def _put_absence(self, key: Change, value: Any) -> None:
        if len(key.key) <= _LONGEST_ABSENT:
            self._absent[key] = value
        if len(self._absent) > self.absences:
            self._absent.popitem(last=False)

    def _forget(self, key: Change) -> None:
        read = self._entries.pop(key)
        if isinstance(read.value, HeldRole) and self._role_ids.get(read.value.path) == key.key:  # nobody bears it since
            del self._role_ids[read.value.path]
        self._weight -= len(key.key) + read.weight
        self._documents.release(read.documents)
        for change in read.depends:
            dependents = self._dependents[change]
            dependents.discard(key)
            if not dependents:
                del self._dependents[change]

    def _drop(self, changes: Iterable[Change]) -> None:
        self._loading.overtake()
        for change in changes:
            self._absent.pop(change, None)
            if change in self._entries:
                self._forget(change)
            for key in tuple(self._dependents.get(change, ())):
                self._forget(key)

    def _clear(self) -> None:
        self._loading.overtake()
        self._absent.clear()
        for key in tuple(self._entries):
            self._forget(key)
