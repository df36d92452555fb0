import pytest

from sts.aws.iam.paging import Pager
from sts.aws.iam.users import UserOperations
from sts.directory.accounts import get_account
from sts.directory.tags import Tagging
from sts.directory.users import Users
from sts.errors import AlreadyExists, NotFound, ParameterInvalid
from sts.model import User
from sts.store.login_profiles import note_sign_in
from tests.authn import signing_in
from tests.aws.iam.desk import Desk, calling, open_desk, root, session
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

ARN = f"arn:aws:iam::{ACCOUNT_ID}:user"


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, UserOperations(Users(ENTROPY), Tagging(), Pager(store.keyring)).rows())


@pytest.fixture
def alice(store: Store) -> User:
    return store.change(lambda tx: Users(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="alice", path="/staff/"))


def test_a_user_is_created_described_and_authorized_under_the_path_asked_for(desk: Desk) -> None:
    command = {"UserName": "bob", "Path": "/ops/"}
    assert desk.demanded(root(), "CreateUser", **command) == [("iam:CreateUser", f"{ARN}/ops/bob")]
    described = desk.call(root(), "CreateUser", **command)["User"]
    assert described["UserId"].startswith("AIDA")
    assert described == {
        "Path": "/ops/",
        "UserName": "bob",
        "UserId": described["UserId"],
        "Arn": f"{ARN}/ops/bob",
        "CreateDate": NOW,
    }


def test_a_user_without_a_path_stands_at_the_root_path(desk: Desk) -> None:
    assert desk.demanded(root(), "CreateUser", UserName="bob") == [("iam:CreateUser", f"{ARN}/bob")]
    assert desk.call(root(), "CreateUser", UserName="bob")["User"]["Path"] == "/"


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["GetUser", "UpdateUser", "DeleteUser"])
def test_a_user_is_authorized_under_its_own_path(desk: Desk, name: str) -> None:
    assert desk.demanded(root(), name, UserName="alice") == [(f"iam:{name}", f"{ARN}/staff/alice")]


@pytest.mark.parametrize("name", ["GetUser", "UpdateUser", "DeleteUser"])
def test_a_user_that_does_not_exist_is_authorized_at_the_root_path_and_not_found(desk: Desk, name: str) -> None:
    assert desk.demanded(root(), name, UserName="bob") == [(f"iam:{name}", f"{ARN}/bob")]
    with pytest.raises(NotFound, match=r"^The user with name bob cannot be found\.$"):
        desk.call(root(), name, UserName="bob")


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize("name", ["GetUser", "UpdateUser", "DeleteUser"])
def test_nothing_of_another_account_is_found(desk: Desk, name: str) -> None:
    with pytest.raises(NotFound):
        desk.call(root(OTHER_ACCOUNT_ID), name, UserName="alice")


@pytest.mark.parametrize("name", ["GetUser", "UpdateUser", "DeleteUser"])
def test_a_user_created_after_the_authorization_is_not_found(desk: Desk, store: Store, name: str) -> None:
    target = desk.target(root(), name, UserName="bob")
    store.change(lambda tx: Users(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="bob", path="/kept/"))
    with pytest.raises(NotFound):
        desk.act(root(), name, target, UserName="bob")


def test_a_user_reads_itself_without_a_name(desk: Desk, alice: User) -> None:
    assert desk.demanded(calling(alice), "GetUser") == [("iam:GetUser", alice.arn)]
    assert desk.call(calling(alice), "GetUser")["User"]["UserId"] == alice.unique_id


def test_a_caller_is_found_by_its_unique_id_after_a_rename(desk: Desk, alice: User, store: Store) -> None:
    desk.call(root(), "UpdateUser", UserName="alice", NewUserName="bob")
    store.change(lambda tx: Users(ENTROPY).create(tx, account_id=ACCOUNT_ID, name="alice"))
    assert desk.call(calling(alice), "GetUser")["User"]["UserName"] == "bob"


def test_a_caller_that_is_gone_is_not_found(desk: Desk, alice: User) -> None:
    desk.call(root(), "DeleteUser", UserName="alice")
    with pytest.raises(NotFound, match="alice"):
        desk.call(calling(alice), "GetUser")


def test_root_has_neither_name_nor_path(desk: Desk) -> None:
    arn = f"arn:aws:iam::{ACCOUNT_ID}:root"
    assert desk.demanded(root(), "GetUser") == [("iam:GetUser", arn)]
    assert desk.call(root(), "GetUser") == {"User": {"UserId": ACCOUNT_ID, "Arn": arn, "CreateDate": NOW}}


def test_a_role_session_must_say_which_user(desk: Desk, alice: User) -> None:
    with pytest.raises(ParameterInvalid, match=r"^Must specify userName when calling with non-User credentials$"):
        desk.target(session(), "GetUser")
    assert desk.call(session(), "GetUser", UserName="alice")["User"]["Arn"] == alice.arn


@pytest.mark.usefixtures("alice")
@pytest.mark.parametrize(
    ("changes", "becomes"),
    [
        ({"NewUserName": "bob"}, "/staff/bob"),
        ({"NewPath": "/ops/"}, "/ops/alice"),
        ({"NewUserName": "bob", "NewPath": "/"}, "/bob"),
    ],
)
def test_a_rename_demands_what_is_there_and_what_it_becomes(desk: Desk, changes: dict[str, str], becomes: str) -> None:
    action = "iam:UpdateUser"
    demanded = desk.demanded(root(), "UpdateUser", UserName="alice", **changes)
    assert demanded == [(action, f"{ARN}/staff/alice"), (action, ARN + becomes)]
    assert desk.call(root(), "UpdateUser", UserName="alice", **changes) == {}
    name = becomes.rsplit("/", 1)[-1]
    assert desk.call(root(), "GetUser", UserName=name)["User"]["Arn"] == ARN + becomes


@pytest.mark.usefixtures("alice")
def test_an_update_to_the_present_name_demands_one_thing(desk: Desk) -> None:
    demanded = desk.demanded(root(), "UpdateUser", UserName="alice", NewUserName="alice", NewPath="/staff/")
    assert demanded == [("iam:UpdateUser", f"{ARN}/staff/alice")]


@pytest.mark.usefixtures("alice")
def test_a_taken_name_is_refused(desk: Desk) -> None:
    with pytest.raises(AlreadyExists):
        desk.call(root(), "CreateUser", UserName="ALICE")


def test_a_deleted_user_is_gone(desk: Desk, alice: User) -> None:
    assert desk.call(root(), "DeleteUser", UserName=alice.name) == {}
    assert desk.call(root(), "ListUsers") == {"Users": [], "IsTruncated": False}


@pytest.mark.usefixtures("alice")
def test_users_are_listed_under_a_prefix_and_authorized_on_it(desk: Desk) -> None:
    desk.call(root(), "CreateUser", UserName="bob")
    assert desk.demanded(root(), "ListUsers") == [("iam:ListUsers", f"{ARN}/")]
    assert desk.demanded(root(), "ListUsers", PathPrefix="/st") == [("iam:ListUsers", f"{ARN}/st")]
    listed = desk.call(root(), "ListUsers", PathPrefix="/st")
    assert [user["UserName"] for user in listed["Users"]] == ["alice"]
    assert listed["IsTruncated"] is False


def test_users_come_in_pages(desk: Desk) -> None:
    for name in ("c", "B", "a"):
        desk.call(root(), "CreateUser", UserName=name)
    first = desk.call(root(), "ListUsers", MaxItems=2)
    assert ([user["UserName"] for user in first["Users"]], first["IsTruncated"]) == (["a", "B"], True)
    last = desk.call(root(), "ListUsers", MaxItems=2, Marker=first["Marker"])
    assert ([user["UserName"] for user in last["Users"]], last["IsTruncated"]) == (["c"], False)
    assert "Marker" not in last


@pytest.mark.usefixtures("alice")
def test_answers_about_users_are_those_of_the_model(desk: Desk) -> None:
    assert b"<UserName>bob</UserName>" in desk.render(root(), "CreateUser", UserName="bob")
    assert b"<Path>/staff/</Path>" in desk.render(root(), "GetUser", UserName="alice")
    assert b"<IsTruncated>true</IsTruncated>" in desk.render(root(), "ListUsers", MaxItems=1)
    assert b"UpdateUserResponse" in desk.render(root(), "UpdateUser", UserName="bob", NewPath="/x/")
    assert b"DeleteUserResponse" in desk.render(root(), "DeleteUser", UserName="bob")


def test_a_user_and_root_are_told_of_when_their_password_was_last_used(desk: Desk, store: Store, alice: User) -> None:
    people = signing_in.open_desk(store, NOW)
    people.root_signs_in = True
    account = store.read(lambda connection: get_account(connection, ACCOUNT_ID))
    for owner in (alice, account):
        people.choose(owner)
    assert "PasswordLastUsed" not in desk.call(root(), "GetUser", UserName="alice")["User"]
    people.prove()  # which is half of a sign-in
    assert "PasswordLastUsed" not in desk.call(root(), "GetUser", UserName="alice")["User"]
    store.change(lambda tx: note_sign_in(tx.connection, alice.unique_id, NOW))
    store.change(lambda tx: note_sign_in(tx.connection, ACCOUNT_ID, NOW))
    assert desk.call(root(), "GetUser", UserName="alice")["User"]["PasswordLastUsed"] == NOW
    assert desk.call(root(), "GetUser")["User"]["PasswordLastUsed"] == NOW
    desk.call(root(), "CreateUser", UserName="bob")
    listed = desk.call(root(), "ListUsers")["Users"]
    assert [user.get("PasswordLastUsed") for user in listed] == [NOW, None]
    desk.render(root(), "ListUsers")
