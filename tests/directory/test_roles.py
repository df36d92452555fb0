from collections.abc import Callable
from datetime import timedelta

import pytest

from sts.directory.attachments import Attachments
from sts.directory.inline_policies import InlinePolicies
from sts.directory.roles import Roles
from sts.errors import AlreadyExists, InputInvalid, InUse, NotFound, PolicyMalformed, QuotaExceeded, Refusal
from sts.model import Role
from sts.store.database import Transaction
from sts.store.roles import count_roles, find_role, list_roles
from tests.directory.people import ALLOW, ROLES, SERVICE_TRUST, padded, role, trust
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ADMINISTRATOR = "arn:aws:iam::aws:policy/AdministratorAccess"


def names(store: Store, path_prefix: str = "/", after: str | None = None, limit: int = 100) -> list[str]:
    listed = store.read(lambda connection: list_roles(connection, ACCOUNT_ID, path_prefix, after, limit))
    return [each.name for each in listed]


def read(store: Store, name: str = "reader") -> Role:
    found = find(store, name)
    assert found is not None
    return found


def find(store: Store, name: str = "reader") -> Role | None:
    return store.read(lambda connection: find_role(connection, ACCOUNT_ID, name))


def test_a_created_role_is_found_by_its_exact_name_only(store: Store) -> None:
    created = role(store, "Reader", "/team/")
    assert created.arn == f"arn:aws:iam::{ACCOUNT_ID}:role/team/Reader"
    assert created.unique_id.startswith("AROA")
    assert (created.created_at, created.max_session_duration) == (NOW, timedelta(hours=1))
    assert read(store, "Reader") == created
    assert find(store, "reader") is None


def test_a_role_is_not_found_from_another_account(store: Store) -> None:
    role(store, "reader", account_id=OTHER_ACCOUNT_ID)
    assert find(store) is None


@pytest.mark.parametrize("name", ["reader", "READER", "Reader"])
def test_a_role_name_that_differs_in_case_only_is_taken(store: Store, name: str) -> None:
    role(store, "Reader")
    with pytest.raises(AlreadyExists, match=rf"^Role with name {name} already exists\.$"):
        role(store, name, "/elsewhere/")


def test_two_accounts_may_have_roles_of_one_name(store: Store) -> None:
    assert role(store).unique_id != role(store, account_id=OTHER_ACCOUNT_ID).unique_id


@pytest.mark.parametrize(("name", "path"), [("a b", "/"), ("", "/"), ("r" * 65, "/"), ("r", "team/"), ("r", "/team")])
def test_a_role_of_impossible_name_or_path_is_refused(store: Store, name: str, path: str) -> None:
    with pytest.raises(InputInvalid):
        role(store, name, path)


def test_an_account_has_no_more_roles_than_its_quota(store: Store) -> None:
    def create(tx: Transaction) -> Role:
        name = f"role{count_roles(tx.connection, ACCOUNT_ID)}"
        return Roles(ENTROPY, per_account=2).create(tx, account_id=ACCOUNT_ID, name=name, trust_policy=SERVICE_TRUST)

    for _ in range(2):
        store.change(create)
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for RolesPerAccount: 2$"):
        store.change(create)
    assert names(store) == ["role0", "role1"]
    role(store, "reader", account_id=OTHER_ACCOUNT_ID)


@pytest.mark.parametrize("seconds", [3599, 43201, 0, -3600])
def test_the_longest_session_of_a_role_lasts_between_one_hour_and_twelve(store: Store, seconds: int) -> None:
    reader = role(store)
    with pytest.raises(InputInvalid):
        store.change(lambda tx: ROLES.update(tx, role=reader, max_session_duration=timedelta(seconds=seconds)))
    assert read(store) == reader


def test_an_update_leaves_what_it_does_not_name(store: Store) -> None:
    reader = role(store)
    store.change(lambda tx: ROLES.update(tx, role=reader, description="Reads"))
    store.change(lambda tx: ROLES.update(tx, role=reader, max_session_duration=timedelta(hours=12)))
    changed = read(store)
    assert (changed.description, changed.max_session_duration) == ("Reads", timedelta(hours=12))
    store.change(lambda tx: ROLES.update(tx, role=reader, description=""))
    assert (read(store).description, read(store).max_session_duration) == ("", timedelta(hours=12))


def test_a_trust_policy_may_have_2048_characters_beside_white_space(store: Store) -> None:
    reader = role(store)
    largest = padded(2_048, SERVICE_TRUST)
    assert len(largest) > 2_048
    store.change(lambda tx: ROLES.update_trust(tx, role=reader, trust_policy=largest))
    with pytest.raises(QuotaExceeded, match=r"^Cannot exceed quota for ACLSizePerRole: 2048$"):
        store.change(lambda tx: ROLES.update_trust(tx, role=reader, trust_policy=padded(2_049, SERVICE_TRUST)))


def test_an_identity_policy_is_no_trust_policy(store: Store) -> None:
    reader = role(store)
    with pytest.raises(PolicyMalformed):
        store.change(lambda tx: ROLES.update_trust(tx, role=reader, trust_policy=ALLOW))
    assert read(store).trust_policy == reader.trust_policy


def test_a_role_with_an_attached_policy_is_not_deleted(store: Store) -> None:
    reader, attachments = role(store), Attachments()
    store.change(lambda tx: attachments.attach(tx, bearer=reader, policy_arn=ADMINISTRATOR))
    with pytest.raises(InUse, match=r"^Cannot delete entity, must detach all policies first\.$"):
        store.change(lambda tx: ROLES.delete(tx, role=reader))
    store.change(lambda tx: attachments.detach(tx, bearer=reader, policy_arn=ADMINISTRATOR))
    store.change(lambda tx: ROLES.delete(tx, role=reader))
    assert names(store) == []


def test_a_role_with_an_inline_policy_is_not_deleted(store: Store) -> None:
    reader, inline = role(store), InlinePolicies()
    store.change(lambda tx: inline.put(tx, bearer=reader, name="p", document=ALLOW))
    with pytest.raises(InUse, match=r"^Cannot delete entity, must delete policies first\.$"):
        store.change(lambda tx: ROLES.delete(tx, role=reader))
    store.change(lambda tx: inline.delete(tx, bearer=reader, name="p"))
    store.change(lambda tx: ROLES.delete(tx, role=reader))
    assert names(store) == []


@pytest.mark.parametrize(
    "verb",
    [
        lambda tx, reader: ROLES.update(tx, role=reader, description="x"),
        lambda tx, reader: ROLES.update_trust(tx, role=reader, trust_policy=SERVICE_TRUST),
        lambda tx, reader: ROLES.delete(tx, role=reader),
    ],
)
def test_a_role_made_anew_under_the_same_name_is_not_the_one_that_was_authorized(
    store: Store, verb: Callable[[Transaction, Role], object]
) -> None:
    first = role(store)
    store.change(lambda tx: ROLES.delete(tx, role=first))
    second = role(store)
    with pytest.raises(NotFound):
        store.change(lambda tx: verb(tx, first))
    assert read(store) == second


def test_every_change_of_a_role_says_what_it_touched(store: Store) -> None:
    reader = role(store)
    wanted = {("role", reader.unique_id), ("role-name", f"{ACCOUNT_ID}/reader")}
    updated = store.touched(lambda tx: ROLES.update(tx, role=reader, description="x"))
    trusted = store.touched(lambda tx: ROLES.update_trust(tx, role=reader, trust_policy=SERVICE_TRUST))
    deleted = store.touched(lambda tx: ROLES.delete(tx, role=reader))
    assert updated == trusted == deleted == wanted


def test_a_new_role_touches_its_name_because_its_absence_was_remembered(store: Store) -> None:
    touched = store.touched(
        lambda tx: ROLES.create(tx, account_id=ACCOUNT_ID, name="reader", trust_policy=SERVICE_TRUST)
    )
    assert touched == {("role", read(store).unique_id), ("role-name", f"{ACCOUNT_ID}/reader")}


def test_roles_are_listed_by_name_under_a_path_whose_case_counts(store: Store) -> None:
    for name, path in (("b", "/team/"), ("C", "/team/x/"), ("a", "/Team/"), ("d", "/")):
        role(store, name, path)
    assert names(store) == ["a", "b", "C", "d"]
    assert names(store, "/team/") == ["b", "C"]
    assert names(store, "/Team/") == ["a"]
    assert names(store, after="b", limit=1) == ["C"]


def test_a_wildcard_in_a_path_prefix_is_a_character(store: Store) -> None:
    role(store, "a", "/team/")
    role(store, "b", "/%/")
    assert names(store, "/%") == ["b"]
    assert names(store, "/_") == []


def test_a_refused_role_leaves_nothing_behind(store: Store) -> None:
    def create(tx: Transaction) -> Role:
        return ROLES.create(
            tx, account_id=ACCOUNT_ID, name="reader", trust_policy=trust({"AWS": f"arn:aws:iam::{ACCOUNT_ID}:user/x"})
        )

    with pytest.raises(Refusal):
        store.change(create)
    assert names(store) == []
