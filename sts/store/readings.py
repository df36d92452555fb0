"""What a snapshot remembers, and how much of it is read of the store at once.

Access keys, users and roles are read in one statement, however many they are. With an access key its user comes too,
and with a role's name the role: whoever asks for the one asks for the other next.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection

from sts.errors import PolicyMalformed
from sts.model import Role, User
from sts.policy.document import Document, Kind, NamedPolicy, write_denial
from sts.providers import Provider, render_provider_arn
from sts.store import accounts, outbound_issuers, policies, providers
from sts.store.bearers import Held, find_bearers
from sts.store.database import Database
from sts.store.documents import Documents
from sts.store.revocations import EVERYTHING, find_revoked
from sts.store.versions import Change, share_change
from sts.tags import Tags

_BORNE = frozenset({"access-key", "user", "role", "role-name"})  # what one statement tells
_ENTRY_COST = 768  # bytes that an entry takes beside its key, texts and policies, as measured
_POLICY_COST = 128  # bytes that one more policy takes in an entry, beside the document, which others may hold as well
_TAG_COST = 256  # bytes that a tag takes beside the characters of its key and value


@dataclass(frozen=True, slots=True)
class HeldUser:
    """A user with the policies that speak for it; *enabled* says of user and account together."""

    user: User
    identity: tuple[NamedPolicy, ...]
    boundary: NamedPolicy | None
    enabled: bool
    tags: Tags


@dataclass(frozen=True, slots=True)
class HeldRole:
    """A role with the policies that speak for it and its trust policy; *enabled* says of role and account together."""

    role: Role
    identity: tuple[NamedPolicy, ...]
    boundary: NamedPolicy | None
    trust: NamedPolicy
    enabled: bool
    tags: Tags

    @property
    def path(self) -> str:
        """The account and the name, by which it is looked for."""
        return f"{self.role.account_id}/{self.role.name}"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was read: the value (None or False: no such thing), what else it was made from, and what is in it.

    *text* counts the characters of what is kept as it was written.
    """

    value: Any
    depends: tuple[Change, ...] = ()
    documents: tuple[Document, ...] = ()
    text: int = 0

    @property
    def weight(self) -> int:
        """What it takes of memory, in bytes, beside the documents."""
        return _ENTRY_COST + self.text + _POLICY_COST * len(self.documents)


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads of *database* what a snapshot asks for; policies are compiled once in *documents*."""

    database: Database
    documents: Documents

    async def read(self, wanted: Collection[Change]) -> dict[Change, Reading]:
        """Return what there is of *wanted*, and what is wanted next; raises Unavailable."""
        asked: defaultdict[str, set[str]] = defaultdict(set)
        for noun, key in wanted:
            asked[noun].add(key)
        if asked.keys() <= _BORNE:
            return await self.database.look(lambda connection: self._read_bearers(connection, asked))
        return await self.database.read(lambda connection: self._read_all(connection, asked))

    def _read_all(self, connection: Connection, asked: Mapping[str, Collection[str]]) -> dict[Change, Reading]:
        found = self._read_bearers(connection, asked) if asked.keys() & _BORNE else {}
        for arn in asked.get("policy-arn", ()):
            found |= self._read_policy(connection, arn)
        for account_id in asked.get("account", ()):
            found[Change("account", account_id)] = Reading(accounts.is_enabled(connection, account_id))
        if "provider" in asked:
            found |= _read_providers(connection, asked["provider"])
        if outbound_issuers.NOUN in asked:
            found |= _read_issuers(connection, asked[outbound_issuers.NOUN])
        if EVERYTHING.noun in asked:
            found[EVERYTHING] = Reading(find_revoked(connection))
        return found

    def _read_bearers(self, connection: Connection, asked: Mapping[str, Collection[str]]) -> dict[Change, Reading]:
        unique_ids = [*asked.get("user", ()), *asked.get("role", ())]
        names = set(map(_parse_path, asked.get("role-name", ())))
        bearers = find_bearers(connection, unique_ids, asked.get("access-key", ()), names)
        found = {Change("access-key", key.access_key_id): Reading(key) for key in bearers.access_keys}
        for user, enabled in bearers.users:
            held = bearers.find_held(user)
            found[Change("user", user.unique_id)] = self._make_user(user, held, enabled=enabled)
        for role, enabled in bearers.roles:
            held = bearers.find_held(role)
            reading = found[Change("role", role.unique_id)] = self._make_role(role, held, enabled=enabled)
            if (role.account_id, role.name) in names:
                found[Change("role-name", reading.value.path)] = Reading(role.unique_id)
        return found

    def _make_user(self, user: User, held: Held, *, enabled: bool) -> Reading:
        value = HeldUser(user, self._compile_all(held), self._compile_boundary(held), enabled, held.tags)
        depends = (*held.depends, share_change("account", user.account_id))
        return Reading(value, depends, _documents_of(_own(value)), _measure(held.tags))

    def _make_role(self, role: Role, held: Held, *, enabled: bool) -> Reading:
        trust = self._compile(role.arn, role.trust_policy, Kind.TRUST)
        value = HeldRole(role, self._compile_all(held), self._compile_boundary(held), trust, enabled, held.tags)
        depends = (*held.depends, share_change("account", role.account_id))
        text = len(value.path) + _measure(held.tags)
        return Reading(value, depends, _documents_of((*_own(value), trust)), text)

    def _read_policy(self, connection: Connection, arn: str) -> dict[Change, Reading]:
        policy = policies.find_policy(connection, arn)
        if policy is None:
            return {}
        document = policies.get_default_document(connection, policy.policy_id)
        compiled = self._compile(arn, document, Kind.SESSION)
        depends = (Change("policy", policy.policy_id),)
        return {Change("policy-arn", arn): Reading(compiled, depends, _documents_of((compiled,)))}

    def _compile_all(self, held: Held) -> tuple[NamedPolicy, ...]:
        return tuple(self._compile(name, text, Kind.IDENTITY) for name, text in held.policies)

    def _compile_boundary(self, held: Held) -> NamedPolicy | None:
        return None if held.boundary is None else self._compile(*held.boundary, Kind.BOUNDARY)

    def _compile(self, name: str, text: str, kind: Kind) -> NamedPolicy:
        try:
            return NamedPolicy(name, self.documents.compile_stored(text, kind))
        except PolicyMalformed:
            # What was stored by other rules, or altered in the store, must not drop a Deny: it denies everything.
            denial = self.documents.compile_stored(write_denial(kind), kind)
            return NamedPolicy(f"unreadable {name}", denial, readable=False)


def _parse_path(path: str) -> tuple[str, str]:
    account_id, _, name = path.partition("/")
    return account_id, name


def _read_providers(connection: Connection, paths: Collection[str]) -> dict[Change, Reading]:
    arns = [render_provider_arn(*_parse_path(path)) for path in paths]
    found = providers.find_providers(connection, arns)
    return {Change("provider", f"{each.account_id}/{each.issuer}"): Reading(each, text=_weigh(each)) for each in found}


def _weigh(provider: Provider) -> int:
    settings = provider.settings
    texts = (provider.issuer, *provider.client_ids, settings.key_set or "", settings.authorities or "")
    return sum(map(len, texts))


def _read_issuers(connection: Connection, keys: Collection[str]) -> dict[Change, Reading]:
    """Read each issuer for both its names: where its tokens are minted, it is known to who publishes it too."""
    found: dict[Change, Reading] = {}
    for issuer in outbound_issuers.find_issuers(connection, keys):
        reading = Reading(issuer, (share_change("account", issuer.account_id),))
        for key in (issuer.account_id, issuer.issuer_id):
            found[Change(outbound_issuers.NOUN, key)] = reading
    return found


def _own(value: HeldUser | HeldRole) -> tuple[NamedPolicy, ...]:
    return value.identity if value.boundary is None else (*value.identity, value.boundary)


def _measure(tags: Tags) -> int:
    return sum(_TAG_COST + len(key) + len(value) for key, value in tags.items())


def _documents_of(policies: Iterable[NamedPolicy]) -> tuple[Document, ...]:
    return tuple(policy.document for policy in policies)
