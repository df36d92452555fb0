import json
from typing import Any

import pytest

from sts.directory.trust import show_trust, show_trusts
from sts.directory.users import Users
from sts.errors import PolicyMalformed
from sts.model import Role
from sts.store.roles import find_role
from tests.directory.people import ROLES, group, role, trust, user
from tests.directory.store import ACCOUNT_ID, ENTROPY, OTHER_ACCOUNT_ID, Store

ROOT = f"arn:aws:iam::{ACCOUNT_ID}:root"


def keep(store: Store, *principals: Any) -> Role:
    target = role(store, "target")
    document = trust(*principals)
    return store.change(lambda tx: ROLES.update_trust(tx, role=target, trust_policy=document))


def principal_of(document: str, index: int = 0) -> Any:
    return json.loads(document)["Statement"][index]["Principal"]


def shown(store: Store) -> Any:
    kept = store.read(lambda connection: find_role(connection, ACCOUNT_ID, "target"))
    assert kept is not None
    return principal_of(store.read(lambda connection: show_trust(connection, kept.trust_policy)))


def test_a_user_is_kept_by_unique_id_and_shown_by_arn(store: Store) -> None:
    alice = user(store, "alice", "/staff/")
    assert principal_of(keep(store, {"AWS": alice.arn}).trust_policy) == {"AWS": alice.unique_id}
    assert shown(store) == {"AWS": alice.arn}


def test_a_user_of_another_account_can_be_trusted(store: Store) -> None:
    bob = user(store, "bob", account_id=OTHER_ACCOUNT_ID)
    assert principal_of(keep(store, {"AWS": [bob.arn]}).trust_policy) == {"AWS": [bob.unique_id]}
    assert shown(store) == {"AWS": [bob.arn]}


def test_a_role_is_kept_by_unique_id(store: Store) -> None:
    reader = role(store, "reader", "/team/")
    assert principal_of(keep(store, {"AWS": reader.arn}).trust_policy) == {"AWS": reader.unique_id}
    assert shown(store) == {"AWS": reader.arn}


def test_a_session_is_kept_by_the_unique_id_of_its_role(store: Store) -> None:
    reader = role(store, "reader", "/team/")
    arn = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/reader/alice@example.org"
    assert principal_of(keep(store, {"AWS": arn}).trust_policy) == {"AWS": f"{reader.unique_id}:alice@example.org"}
    assert shown(store) == {"AWS": arn}


def test_an_account_is_kept_as_its_root(store: Store) -> None:
    assert principal_of(keep(store, {"AWS": [ACCOUNT_ID, ROOT]}).trust_policy) == {"AWS": [ROOT, ROOT]}
    assert shown(store) == {"AWS": [ROOT, ROOT]}


@pytest.mark.parametrize(
    "principal",
    [
        "*",
        {"AWS": "*"},
        {"Service": ["ec2.amazonaws.com", "lambda.amazonaws.com"]},
        {"Federated": "accounts.google.com"},
    ],
)
def test_what_names_no_bearer_stays_as_it_was_written(store: Store, principal: Any) -> None:
    assert principal_of(keep(store, principal).trust_policy) == principal
    assert shown(store) == principal


@pytest.mark.parametrize(
    "name",
    [
        f"arn:aws:iam::{ACCOUNT_ID}:user/nobody",
        f"arn:aws:iam::{ACCOUNT_ID}:role/nobody",
        f"arn:aws:iam::{ACCOUNT_ID}:user/alice",  # her path is missing
        f"arn:aws:iam::{ACCOUNT_ID}:user/staff/Alice",
        f"arn:aws:iam::{OTHER_ACCOUNT_ID}:user/staff/alice",
        f"arn:aws:iam::{ACCOUNT_ID}:role/staff/alice",
        f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/nobody/session",
        f"arn:aws:sts::{ACCOUNT_ID}:federated-user/alice",
        "111122223333",
        "arn:aws:iam::111122223333:root",
        "arn:aws:iam::111122223333:user/alice",
        "AIDAAAAAAAAAAAAAAAAAA",
        "AROAAAAAAAAAAAAAAAAAA:session",
    ],
)
def test_a_principal_that_does_not_exist_is_refused(store: Store, name: str) -> None:
    user(store, "alice", "/staff/")
    with pytest.raises(PolicyMalformed) as refused:
        keep(store, {"AWS": [ROOT, name]})
    assert refused.value.message == f'Invalid principal in policy: "AWS":"{name}"'


def test_a_group_cannot_be_trusted(store: Store) -> None:
    staff = group(store)
    with pytest.raises(PolicyMalformed):
        keep(store, {"AWS": staff.arn})


@pytest.mark.parametrize("name", ["arn:aws:iam::123456789012:user/al*", "arn:aws:sts::123456789012:assumed-role/r/*"])
def test_a_pattern_cannot_be_trusted(store: Store, name: str) -> None:
    with pytest.raises(PolicyMalformed):
        keep(store, {"AWS": name})


def test_a_name_given_anew_inherits_no_trust(store: Store) -> None:
    first = user(store, "alice")
    keep(store, {"AWS": first.arn})
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=first))
    assert shown(store) == {"AWS": first.unique_id}
    second = user(store, "alice")
    assert second.arn == first.arn
    assert shown(store) == {"AWS": first.unique_id}


def test_what_is_shown_of_a_bearer_that_is_gone_cannot_be_saved_again(store: Store) -> None:
    alice = user(store, "alice")
    target = keep(store, {"AWS": alice.arn})
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    document = store.read(lambda connection: show_trust(connection, target.trust_policy))
    with pytest.raises(PolicyMalformed, match="Invalid principal in policy"):
        store.change(lambda tx: ROLES.update_trust(tx, role=target, trust_policy=document))


def test_a_renamed_user_keeps_the_trust_and_is_shown_by_its_new_name(store: Store) -> None:
    alice = user(store, "alice")
    keep(store, {"AWS": alice.arn})
    renamed = store.change(lambda tx: Users(ENTROPY).update(tx, user=alice, new_name="alicia", new_path="/x/"))
    assert shown(store) == {"AWS": renamed.arn}


def test_a_unique_id_that_someone_bears_is_shown_by_arn(store: Store) -> None:
    alice = user(store, "alice")
    assert principal_of(keep(store, {"AWS": alice.unique_id}).trust_policy) == {"AWS": alice.unique_id}
    assert shown(store) == {"AWS": alice.arn}


def test_what_is_shown_can_be_saved_again_and_means_the_same(store: Store) -> None:
    alice, reader = user(store, "alice"), role(store, "reader")
    session = f"arn:aws:sts::{ACCOUNT_ID}:assumed-role/reader/s1"
    target = keep(store, {"AWS": [alice.arn, reader.arn, session, ACCOUNT_ID], "Service": "ec2.amazonaws.com"}, "*")
    document = store.read(lambda connection: show_trust(connection, target.trust_policy))
    again = store.change(lambda tx: ROLES.update_trust(tx, role=target, trust_policy=document))
    assert again.trust_policy == target.trust_policy


def test_many_trust_policies_are_shown_at_once_each_as_by_itself(store: Store) -> None:
    people = [user(store, f"user{number}") for number in range(3)]
    kept = [trust({"AWS": person.unique_id}) for person in people] + [trust({"AWS": "AIDAAAAAAAAAAAAAAAAAA"})] * 600
    together = store.read(lambda connection: show_trusts(connection, kept))
    assert [principal_of(each) for each in together[:4]] == [
        *({"AWS": person.arn} for person in people),
        {"AWS": "AIDAAAAAAAAAAAAAAAAAA"},
    ]
    assert len(together) == len(kept)


def test_more_principals_than_one_statement_binds_are_shown(store: Store) -> None:
    alice = user(store, "alice")
    strangers = [f"AIDA{number:017d}" for number in range(1_200)]
    document = trust({"AWS": [*strangers, alice.unique_id]})
    names = principal_of(store.read(lambda connection: show_trust(connection, document)))["AWS"]
    assert names == [*strangers, alice.arn]
