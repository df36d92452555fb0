"""Access keys, users and roles, and what users and roles bear: policies, attached and inline, boundaries and tags.

One statement tells all of it, however many they are: it sees one state of the store without a transaction around it,
and costs one exchange. It is a text, of its own for each store since each takes lists in its own words: a statement
that is put together and filled in for each reading would cost more than the reading.
"""

import json
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from sqlalchemy import Connection, Row

from sts.arn import iam_arn, parse_arn
from sts.model import AccessKey, Role, User
from sts.store.access_keys import read_access_key
from sts.store.columns import share
from sts.store.roles import read_role
from sts.store.users import read_user
from sts.store.versions import Change, share_change
from sts.tags import Tags

# What a row may tell beside its kind, who holds and who bears: PostgreSQL has to know of which type nothing is.
_COLUMNS = {
    "holder_id": "TEXT",
    "bearer_id": "TEXT",
    "unique_id": "TEXT",
    "access_key_id": "TEXT",
    "user_id": "TEXT",
    "policy_id": "TEXT",
    "account_id": "TEXT",
    "path": "TEXT",
    "name": "TEXT",
    "description": "TEXT",
    "trust_policy": "TEXT",
    "document": "TEXT",
    "max_session_seconds": "INTEGER",
    "created_at": "BIGINT",
    "sealed_secret": "BYTEA",
    "active": "BOOLEAN",
    "enabled": "BOOLEAN",
    "account_enabled": "BOOLEAN",
}

# How the lists are taken: unique ids, access key ids, and as many accounts as names, in lower case, of roles.
_LISTS = {
    "postgresql": {
        "ids": "SELECT unnest($1::text[])",
        "keys": "SELECT unnest($2::text[])",
        "names": "SELECT * FROM unnest($3::text[], $4::text[])",
    },
    "sqlite": {
        "ids": "SELECT value FROM json_each(?1)",
        "keys": "SELECT value FROM json_each(?2)",
        "names": "SELECT a.value, n.value FROM json_each(?3) AS a JOIN json_each(?4) AS n ON n.key = a.key",
    },
}

_WHO = (
    "WITH asked (unique_id) AS ("
    "{ids} UNION SELECT user_id FROM access_key WHERE access_key_id IN ({keys}) "
    "UNION SELECT unique_id FROM iam_role WHERE (account_id, name_key) IN ({names})"
    "), bearing (holder_id, bearer_id) AS ("
    "SELECT unique_id, unique_id FROM asked "
    "UNION ALL SELECT user_id, group_id FROM membership JOIN asked ON user_id = unique_id) "
)
_PRINCIPAL = "{} AS t JOIN asked ON asked.unique_id = t.unique_id JOIN account AS a ON a.account_id = t.account_id"
_BORNE = "{} AS t JOIN bearing AS b ON b.bearer_id = t.bearer_id"
_INLINE = f"{_BORNE} LEFT JOIN iam_group AS g ON g.unique_id = t.bearer_id"
_POLICY = (
    f"{_BORNE} JOIN policy AS p ON p.policy_id = t.policy_id "
    "JOIN policy_version AS v ON v.policy_id = p.policy_id AND v.number = p.default_version"
)


@dataclass(frozen=True, slots=True)
class Held:
    """Names and texts of policies and of the boundary, tags by key, and what all depends on beside who holds it."""

    policies: tuple[tuple[str, str], ...]
    boundary: tuple[str, str] | None
    tags: Tags
    depends: tuple[Change, ...]


@dataclass(slots=True)
class Bearers:
    """What was found; beside a user or role stands whether it is enabled together with its account."""

    access_keys: list[AccessKey] = field(default_factory=list)
    users: list[tuple[User, bool]] = field(default_factory=list)
    roles: list[tuple[Role, bool]] = field(default_factory=list)
    _borne: defaultdict[str, list[Row[Any]]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row[Any]) -> None:
        """Add what *row* tells."""
        if row.kind == "key":
            self.access_keys.append(read_access_key(row))
        elif row.kind == "user":
            self.users.append((read_user(row), bool(row.enabled and row.account_enabled)))
        elif row.kind == "role":
            self.roles.append((read_role(row), bool(row.enabled and row.account_enabled)))
        else:
            self._borne[row.holder_id].append(row)

    def find_held(self, holder: User | Role) -> Held:
        """Return what *holder* bears, itself and through its groups."""
        rows = self._borne.get(holder.unique_id, ())
        depends = {share_change("group", row.bearer_id) for row in rows if row.bearer_id != holder.unique_id}
        depends |= {share_change("policy", row.policy_id) for row in rows if row.policy_id is not None}
        policies = {_name_text(row, holder) for row in rows if row.kind in {"attached", "inline"}}
        boundary = next((_name_text(row, holder) for row in rows if row.kind == "boundary"), None)
        tags = {row.name: row.document for row in rows if row.kind == "tag"}
        return Held(tuple(sorted(policies)), boundary, tags, tuple(depends))


def find_bearers(
    connection: Connection,
    unique_ids: Collection[str],
    access_key_ids: Collection[str],
    role_names: Collection[tuple[str, str]],
) -> Bearers:
    """Return these users and roles, these access keys with their users, and the roles of these accounts and names.

    What is not there is left out. Case does not count in the names: who asks sees to it.
    """
    accounts, names = [account_id for account_id, _ in role_names], [name.lower() for _, name in role_names]
    lists: tuple[Any, ...] = (list(unique_ids), list(access_key_ids), accounts, names)
    dialect = connection.dialect.name
    if dialect == "sqlite":
        lists = tuple(map(json.dumps, lists))
    found = Bearers()
    for row in connection.exec_driver_sql(_write_query(dialect), lists):
        found.add(row)
    return found


@cache
def _write_query(dialect: str) -> str:
    keys = _LISTS[dialect]["keys"]
    noun = _take("t", "unique_id", "account_id", "path", "name", "created_at", "enabled")
    noun["account_enabled"] = "a.enabled"
    role = noun | _take("t", "description", "trust_policy", "max_session_seconds")
    key = _take("t", "access_key_id", "user_id", "account_id", "active", "created_at", "sealed_secret")
    by = _take("b", "holder_id", "bearer_id")
    policy = by | _take("p", "policy_id", "account_id", "path", "name") | _take("v", "document")
    group = {"path": "'group' || g.path || g.name"}  # nothing where the bearer is no group
    branches = (
        _select("key", key, f"access_key AS t WHERE access_key_id IN ({keys})"),
        _select("user", noun, _PRINCIPAL.format("iam_user")),
        _select("role", role, _PRINCIPAL.format("iam_role")),
        _select("attached", policy, _POLICY.format("attachment")),
        _select("boundary", policy, _POLICY.format("boundary")),
        _select("inline", by | group | _take("t", "name", "document"), _INLINE.format("inline_policy")),
        _select("tag", by | {"name": "t.key", "document": "t.value"}, _BORNE.format("tag")),
    )
    return _WHO.format_map(_LISTS[dialect]) + " UNION ALL ".join(branches)


def _take(table: str, *columns: str) -> dict[str, str]:
    return {column: f"{table}.{column}" for column in columns}


def _select(kind: str, told: Mapping[str, str], source: str) -> str:
    columns = (f"{told.get(name, f'CAST(NULL AS {type_})')} AS {name}" for name, type_ in _COLUMNS.items())
    return f"SELECT '{kind}' AS kind, {', '.join(columns)} FROM {source}"  # noqa: S608  only names


def _name_text(row: Row[Any], holder: User | Role) -> tuple[str, str]:
    """Return the name by which decisions cite the policy of *row*, which *holder* bears, and its text."""
    if row.policy_id is None:
        return f'policy "{row.name}" of {row.path or parse_arn(holder.arn).resource}', row.document
    return share(iam_arn(row.account_id, f"policy{row.path}{row.name}")), row.document
