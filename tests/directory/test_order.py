"""Lists are in one order on every store: that of the bytes, which is also what a page goes on behind."""

import random
from functools import partial
from typing import TYPE_CHECKING, Protocol

import pytest
from sqlalchemy import Connection

from sts.directory.inline_policies import InlinePolicies
from sts.directory.policies import Policies
from sts.store.groups import list_groups
from sts.store.inline_policies import list_inline_policies
from sts.store.policies import list_policies
from sts.store.roles import list_roles
from sts.store.users import list_users
from tests.directory.people import ALLOW, group, role, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, Store

if TYPE_CHECKING:
    from collections.abc import Callable

# A language would pass over the punctuation, and put capitals beside small letters.
NAMES = ("A.b", "a_a", "AB", "a=c", "a@", "a-Z", "a", "Z", "z.", "1a", "_x", "=", "B+b", "b-a", "b,a")


class Names(Protocol):
    """Returns the names of a page, from behind *after* on."""

    def __call__(self, connection: Connection, /, after: str | None) -> list[str]: ...


def walk(store: Store, names: Names) -> list[str]:
    """Return what pages of two give, one after the other."""
    told: list[str] = []
    while page := store.read(partial(names, after=told[-1] if told else None)):
        told += page
    return told


def users(connection: Connection, after: str | None) -> list[str]:
    return [each.name for each in list_users(connection, ACCOUNT_ID, "/", after, 2)]


def groups(connection: Connection, after: str | None) -> list[str]:
    return [each.name for each in list_groups(connection, ACCOUNT_ID, "/", after, 2)]


def roles(connection: Connection, after: str | None) -> list[str]:
    return [each.name for each in list_roles(connection, ACCOUNT_ID, "/", after, 2)]


@pytest.mark.parametrize(
    ("make", "names"), [(user, users), (group, groups), (role, roles)], ids=["user", "group", "role"]
)
def test_pages_of_names_leave_out_none_and_repeat_none(
    store: Store, make: "Callable[[Store, str], object]", names: Names
) -> None:
    for name in random.Random(1).sample(NAMES, len(NAMES)):  # noqa: S311  some order that is not theirs
        make(store, name)
    assert walk(store, names) == sorted(NAMES, key=str.lower)


def test_pages_of_policies_leave_out_none_and_repeat_none(store: Store) -> None:
    for name in NAMES:
        store.change(partial(Policies(ENTROPY).create, account_id=ACCOUNT_ID, name=name, document=ALLOW))

    def names(connection: Connection, after: str | None) -> list[str]:
        place = None if after is None else f"{after.lower()} {ACCOUNT_ID}"
        owners = (ACCOUNT_ID, "aws")
        page = list_policies(
            connection, ACCOUNT_ID, owners, "/", only_attached=False, only_boundaries=False, after=place, limit=2
        )
        return [each.name for each in page]

    told = [name for name in walk(store, names) if name in NAMES]
    assert told == sorted(NAMES, key=str.lower)


def test_pages_of_inline_policies_leave_out_none_and_repeat_none(store: Store) -> None:
    bearer = user(store)
    for name in NAMES:
        store.change(partial(InlinePolicies().put, bearer=bearer, name=name, document=ALLOW))

    def names(connection: Connection, after: str | None) -> list[str]:
        return list(list_inline_policies(connection, bearer.unique_id, after, 2))

    assert walk(store, names) == sorted(NAMES)
