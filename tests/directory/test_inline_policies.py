import pytest

from sts.directory.inline_policies import InlinePolicies, get_inline_policy
from sts.directory.users import Users
from sts.errors import NotFound, PolicyMalformed, QuotaExceeded
from sts.model import Group, Role, User
from sts.store.attachments import BearerKind
from sts.store.inline_policies import list_inline_policies
from tests.directory.people import ALLOW, bearer, padded, trust, user
from tests.directory.store import ENTROPY, Store

INLINE = InlinePolicies()
EVERY_KIND = tuple(BearerKind)
SIZES = {BearerKind.USER: 2_048, BearerKind.GROUP: 5_120, BearerKind.ROLE: 10_240}


def put(store: Store, to: User | Group | Role, name: str = "p", document: str = ALLOW) -> set[tuple[str, str]]:
    return store.touched(lambda tx: INLINE.put(tx, bearer=to, name=name, document=document))


def delete(store: Store, from_: User | Group | Role, name: str = "p") -> set[tuple[str, str]]:
    return store.touched(lambda tx: INLINE.delete(tx, bearer=from_, name=name))


def get(store: Store, of: User | Group | Role, name: str = "p") -> str:
    return store.read(lambda connection: get_inline_policy(connection, of, name))


def names(store: Store, of: User | Group | Role, after: str | None = None) -> tuple[str, ...]:
    return store.read(lambda connection: list_inline_policies(connection, of.unique_id, after, 100))


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_inline_policy_is_kept_as_it_was_written_and_touches_its_bearer(store: Store, kind: BearerKind) -> None:
    to = bearer(store, kind)
    written = ALLOW.replace(",", " ,\n")
    wanted = {(kind.value, to.unique_id)}
    assert put(store, to, document=written) == wanted
    assert get(store, to) == written
    assert put(store, to, document=ALLOW) == wanted
    assert get(store, to) == ALLOW
    assert delete(store, to) == wanted
    assert names(store, to) == ()


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_an_inline_policy_that_is_not_there_is_not_found(store: Store, kind: BearerKind) -> None:
    of = bearer(store, kind)
    put(store, of, "P")
    text = rf"^The {kind.value} policy with name p cannot be found\.$"
    with pytest.raises(NotFound, match=text):
        get(store, of)
    with pytest.raises(NotFound, match=text):
        delete(store, of)
    assert names(store, of) == ("P",)


@pytest.mark.parametrize("kind", EVERY_KIND)
def test_all_inline_policies_of_a_bearer_share_one_size(store: Store, kind: BearerKind) -> None:
    to, size = bearer(store, kind), SIZES[kind]
    put(store, to, "first", padded(1_000))
    put(store, to, "second", padded(size - 1_000))
    text = rf"^Maximum policy size of {size} bytes exceeded for {kind.value} {to.name}$"
    with pytest.raises(QuotaExceeded, match=text):
        put(store, to, "third")
    with pytest.raises(QuotaExceeded, match=text):
        put(store, to, "first", padded(1_001))
    put(store, to, "first", padded(999))
    assert names(store, to) == ("first", "second")


@pytest.mark.parametrize("document", ["{}", "", trust("*")])
def test_a_malformed_inline_policy_is_not_kept(store: Store, document: str) -> None:
    alice = user(store)
    put(store, alice)
    with pytest.raises(PolicyMalformed):
        put(store, alice, document=document)
    assert get(store, alice) == ALLOW


def test_inline_policies_are_listed_by_name(store: Store) -> None:
    alice, bob = user(store), user(store, "bob")
    for name in ("b", "a", "c"):
        put(store, alice, name)
    assert names(store, alice) == ("a", "b", "c")
    assert names(store, alice, after="a") == ("b", "c")
    assert names(store, bob) == ()


def test_a_user_made_anew_under_the_same_name_is_not_given_the_policy(store: Store) -> None:
    first = user(store)
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=first))
    second = user(store)
    with pytest.raises(NotFound, match=r"^The user with name alice cannot be found\.$"):
        put(store, first)
    assert names(store, second) == ()
