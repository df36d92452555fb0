from typing import Any

import pytest
from sqlalchemy import insert

from sts.aws.iam.access_keys import AccessKeyOperations
from sts.aws.iam.paging import Pager
from sts.directory.access_keys import AccessKeys
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.errors import NotFound, ParameterInvalid
from sts.model import User
from sts.store.database import to_microseconds
from sts.store.tables import access_key_use
from tests.aws.iam.desk import Desk, calling, open_desk, root, session
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ROOT_ARN = f"arn:aws:iam::{ACCOUNT_ID}:root"
ANY_KEY = "AKIAAAAAAAAAAAAAAAAA"
OF_AN_OWNER = ["CreateAccessKey", "ListAccessKeys", "UpdateAccessKey", "DeleteAccessKey"]


@pytest.fixture
def desk(store: Store) -> Desk:
    rows = AccessKeyOperations(AccessKeys(ENTROPY, store.keyring), Pager(store.keyring)).rows()
    return open_desk(store, rows)


@pytest.fixture
def alice(store: Store) -> User:
    return store.change(lambda tx: Users(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="alice", path="/staff/"))


def create(desk: Desk, **command: Any) -> str:
    access_key_id: str = desk.call(root(), "CreateAccessKey", **command)["AccessKey"]["AccessKeyId"]
    return access_key_id


def listed(desk: Desk, **command: Any) -> dict[str, str]:
    keys = desk.call(root(), "ListAccessKeys", **command)["AccessKeyMetadata"]
    return {key["AccessKeyId"]: key["Status"] for key in keys}


@pytest.mark.parametrize("name", OF_AN_OWNER)
def test_a_users_keys_are_authorized_on_the_user(desk: Desk, alice: User, name: str) -> None:
    named = {"UserName": "alice", "AccessKeyId": ANY_KEY, "Status": "Active"}
    assert desk.demanded(root(), name, **named) == [(f"iam:{name}", alice.arn)]


@pytest.mark.parametrize("name", OF_AN_OWNER)
def test_without_a_name_the_callers_own_keys_are_meant(desk: Desk, alice: User, name: str) -> None:
    assert desk.demanded(calling(alice), name) == [(f"iam:{name}", alice.arn)]
    assert desk.demanded(root(), name) == [(f"iam:{name}", ROOT_ARN)]
    with pytest.raises(ParameterInvalid, match=r"^Must specify userName when calling with non-User credentials$"):
        desk.target(session(), name)


@pytest.mark.parametrize("name", OF_AN_OWNER)
def test_the_keys_of_a_user_that_does_not_exist_are_not_found(desk: Desk, name: str) -> None:
    command = {"UserName": "bob", "AccessKeyId": ANY_KEY, "Status": "Active"}
    with pytest.raises(NotFound, match=r"^The user with name bob cannot be found\.$"):
        desk.call(root(), name, **command)


def test_a_new_key_shows_its_secret_once(desk: Desk, alice: User) -> None:
    created = desk.call(calling(alice), "CreateAccessKey")["AccessKey"]
    assert len(created.pop("SecretAccessKey")) == 40
    assert created == {
        "UserName": "alice",
        "AccessKeyId": created["AccessKeyId"],
        "Status": "Active",
        "CreateDate": NOW,
    }
    shown = desk.call(calling(alice), "ListAccessKeys")
    assert shown == {"AccessKeyMetadata": [created], "IsTruncated": False}


def test_root_acts_on_its_own_keys_without_a_name(desk: Desk, alice: User) -> None:
    of_alice = create(desk, UserName=alice.name)
    of_root = desk.call(root(), "CreateAccessKey")["AccessKey"]
    assert "UserName" not in of_root
    assert listed(desk) == {of_root["AccessKeyId"]: "Active"}
    with pytest.raises(NotFound):
        desk.call(root(), "DeleteAccessKey", AccessKeyId=of_alice)
    assert desk.call(root(), "DeleteAccessKey", AccessKeyId=of_root["AccessKeyId"]) == {}
    assert listed(desk) == {}


def test_a_key_is_switched_off_on_and_deleted(desk: Desk, alice: User) -> None:
    key = {"UserName": alice.name, "AccessKeyId": create(desk, UserName=alice.name)}
    assert desk.call(root(), "UpdateAccessKey", Status="Inactive", **key) == {}
    assert listed(desk, UserName=alice.name) == {key["AccessKeyId"]: "Inactive"}
    desk.call(root(), "UpdateAccessKey", Status="Active", **key)
    assert listed(desk, UserName=alice.name) == {key["AccessKeyId"]: "Active"}
    assert desk.call(root(), "DeleteAccessKey", **key) == {}
    assert listed(desk, UserName=alice.name) == {}


def test_a_key_cannot_be_set_to_expired(desk: Desk, alice: User) -> None:
    key = {"UserName": alice.name, "AccessKeyId": create(desk, UserName=alice.name)}
    with pytest.raises(ParameterInvalid, match="Expired"):
        desk.call(root(), "UpdateAccessKey", Status="Expired", **key)
    assert listed(desk, UserName=alice.name) == {key["AccessKeyId"]: "Active"}


def test_keys_come_in_pages(desk: Desk, alice: User) -> None:
    expected = sorted(create(desk, UserName=alice.name) for _ in range(2))
    first = desk.call(root(), "ListAccessKeys", UserName=alice.name, MaxItems=1)
    last = desk.call(root(), "ListAccessKeys", UserName=alice.name, MaxItems=1, Marker=first["Marker"])
    assert (first["IsTruncated"], last["IsTruncated"]) == (True, False)
    both = [*first["AccessKeyMetadata"], *last["AccessKeyMetadata"]]
    assert [key["AccessKeyId"] for key in both] == expected


def test_a_key_that_was_never_used_says_so(desk: Desk, alice: User) -> None:
    key = create(desk, UserName=alice.name)
    name = "GetAccessKeyLastUsed"
    assert desk.demanded(root(), name, AccessKeyId=key) == [(f"iam:{name}", alice.arn)]
    assert desk.call(root(), name, AccessKeyId=key) == {
        "UserName": "alice",
        "AccessKeyLastUsed": {"ServiceName": "N/A", "Region": "N/A"},
    }


def test_the_last_use_of_a_key_is_demanded_with_the_tags_of_its_user(desk: Desk, store: Store, alice: User) -> None:
    key = {"AccessKeyId": create(desk, UserName=alice.name)}
    store.change(lambda tx: Tagging().put(tx, bearer=alice, tags=[("team", "red")]))
    name = "GetAccessKeyLastUsed"
    (demand,) = desk.rows[name].demands(root(), key, desk.target(root(), name, **key))
    assert demand.context == {"aws:resourcetag/team": ("red",), "iam:resourcetag/team": ("red",)}


def test_the_last_use_of_a_key_is_shown(desk: Desk, store: Store) -> None:
    key = create(desk)
    used_at = to_microseconds(NOW)
    use = insert(access_key_use).values(access_key_id=key, used_at=used_at, service="sts", region="eu-central-1")
    store.change(lambda tx: tx.connection.execute(use).close())
    assert desk.demanded(root(), "GetAccessKeyLastUsed", AccessKeyId=key) == [("iam:GetAccessKeyLastUsed", ROOT_ARN)]
    assert desk.call(root(), "GetAccessKeyLastUsed", AccessKeyId=key) == {
        "AccessKeyLastUsed": {"LastUsedDate": NOW, "ServiceName": "sts", "Region": "eu-central-1"}
    }


def test_a_key_of_another_account_is_as_unknown_as_one_that_does_not_exist(desk: Desk, alice: User) -> None:
    stranger = root(OTHER_ACCOUNT_ID)
    for key in (create(desk, UserName=alice.name), ANY_KEY):
        assert desk.demanded(stranger, "GetAccessKeyLastUsed", AccessKeyId=key) == [
            ("iam:GetAccessKeyLastUsed", f"arn:aws:iam::{OTHER_ACCOUNT_ID}:user/")
        ]
        with pytest.raises(NotFound, match=rf"^The Access Key with id {key} cannot be found\.$"):
            desk.call(stranger, "GetAccessKeyLastUsed", AccessKeyId=key)


def test_answers_about_access_keys_are_those_of_the_model(desk: Desk, alice: User) -> None:
    assert b"<SecretAccessKey>" in desk.render(root(), "CreateAccessKey", UserName=alice.name)
    key = create(desk, UserName=alice.name)
    assert b"<SecretAccessKey>" not in desk.render(root(), "ListAccessKeys", UserName=alice.name)
    assert b"<Region>N/A</Region>" in desk.render(root(), "GetAccessKeyLastUsed", AccessKeyId=key)
    named = {"UserName": alice.name, "AccessKeyId": key}
    assert b"UpdateAccessKeyResponse" in desk.render(root(), "UpdateAccessKey", Status="Inactive", **named)
    assert b"DeleteAccessKeyResponse" in desk.render(root(), "DeleteAccessKey", **named)
