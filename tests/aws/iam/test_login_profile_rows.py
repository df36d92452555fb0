"""Who sets a password, and what is told of it; on both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from sts.authn.passwords import FREE_FAILURES
from sts.aws.iam.login_profiles import LoginProfileOperations
from sts.directory.login_profiles import NewPasswords, require_change
from sts.directory.users import Users
from sts.errors import (
    AlreadyExists,
    InUse,
    NotFound,
    ParameterInvalid,
    PasswordRefused,
    PasswordWrong,
    SignInRefused,
    UserUnsuitable,
)
from sts.model import User
from sts.passwords import PasswordPolicy, SignInLink
from sts.store import links
from sts.store.password_policies import put_password_policy
from tests.authn.signing_in import PASSWORD, open_desk
from tests.authn.signing_in import Desk as SignIn
from tests.aws.iam import desk as rows
from tests.aws.iam.desk import Desk, calling, root, session
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

OTHER = "another horse battery staple"


@pytest.fixture
def sign_in(store: Store) -> SignIn:
    return open_desk(store, NOW)


@pytest.fixture
def desk(store: Store, sign_in: SignIn) -> Desk:
    passwords = NewPasswords(store.database, sign_in.hasher)
    return rows.open_desk(store, LoginProfileOperations(passwords, sign_in.proof).rows())


@pytest.fixture
def alice(store: Store) -> User:
    return user(store)


def create(desk: Desk, name: str = "alice", password: str = PASSWORD, **more: object) -> None:
    desk.render(root(), "CreateLoginProfile", UserName=name, Password=password, **more)


def change(desk: Desk, owner: User, old: str = PASSWORD, new: str = OTHER) -> None:
    desk.call(calling(owner), "ChangePassword", OldPassword=old, NewPassword=new)


def test_what_is_asked_of_a_user_is_authorized_on_the_user(desk: Desk, alice: User) -> None:
    for name in ("CreateLoginProfile", "GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"):
        assert desk.demanded(root(), name, UserName="alice") == [(f"iam:{name}", alice.arn)]
    assert desk.demanded(calling(alice), "GetLoginProfile") == [("iam:GetLoginProfile", alice.arn)]
    assert desk.demanded(calling(alice), "ChangePassword") == [("iam:ChangePassword", alice.arn)]


@pytest.mark.parametrize("asked", [True, False])
def test_a_17_whatever_is_asked_an_administrator_sets_a_first_password_and_no_other(
    desk: Desk, sign_in: SignIn, alice: User, *, asked: bool
) -> None:
    create(desk, PasswordResetRequired=asked)
    profile = desk.call(root(), "GetLoginProfile", UserName="alice")["LoginProfile"]
    assert profile == {"UserName": "alice", "CreateDate": NOW, "PasswordResetRequired": asked}
    assert sign_in.must_change()
    change(desk, alice)
    assert not sign_in.must_change(OTHER)
    desk.call(root(), "UpdateLoginProfile", UserName="alice", Password=PASSWORD, PasswordResetRequired=asked)
    assert sign_in.must_change()


def test_a_17_the_first_password_is_not_chosen_for_the_lasting_one(desk: Desk, sign_in: SignIn, alice: User) -> None:
    create(desk)
    with pytest.raises(PasswordRefused, match="not be the present one"):
        change(desk, alice, new=PASSWORD)
    assert sign_in.must_change()


def test_a_17_an_administrator_does_not_learn_whether_a_guess_is_the_password(
    desk: Desk, sign_in: SignIn, alice: User
) -> None:
    sign_in.choose(alice)
    before = sign_in.hasher.computed
    desk.call(root(), "UpdateLoginProfile", UserName="alice", Password=PASSWORD)
    assert sign_in.hasher.computed - before == 1
    assert sign_in.must_change()


def test_a_19_who_chooses_a_password_is_locked_out_no_more(sign_in: SignIn, alice: User) -> None:
    sign_in.choose(alice)
    for _ in range(FREE_FAILURES):
        with pytest.raises(SignInRefused):
            sign_in.prove("not the one")
    sign_in.choose(alice, OTHER)  # by a link
    assert sign_in.prove(OTHER).failures == 0


def test_a_profile_is_there_once_and_is_not_found_when_it_is_gone(desk: Desk, sign_in: SignIn, alice: User) -> None:
    create(desk)
    with pytest.raises(AlreadyExists, match="Login Profile for User alice already exists"):
        create(desk)
    desk.call(root(), "DeleteLoginProfile", UserName="alice")
    for name in ("GetLoginProfile", "UpdateLoginProfile", "DeleteLoginProfile"):
        with pytest.raises(NotFound, match=r"Login Profile for User alice cannot be found\."):
            desk.call(root(), name, UserName="alice")
    with pytest.raises(NotFound, match="The user with name bob cannot be found"):
        create(desk, "bob")
    with pytest.raises(SignInRefused):
        sign_in.prove()
    with pytest.raises(ParameterInvalid, match="Password is missing"):
        desk.call(root(), "CreateLoginProfile", UserName=alice.name)


def test_a_user_with_a_profile_is_not_deleted(desk: Desk, store: Store, alice: User) -> None:
    create(desk)
    with pytest.raises(InUse, match=r"^Cannot delete entity, must delete login profile first\.$"):
        store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))
    desk.call(root(), "DeleteLoginProfile", UserName="alice")
    store.change(lambda tx: Users(ENTROPY).delete(tx, user=alice))


def test_an_update_that_asks_for_a_change_is_taken_back_by_a_change_alone(
    desk: Desk, sign_in: SignIn, alice: User
) -> None:
    sign_in.choose(alice)
    desk.call(root(), "UpdateLoginProfile", UserName="alice", PasswordResetRequired=True)
    desk.call(root(), "UpdateLoginProfile", UserName="alice", PasswordResetRequired=False)
    assert sign_in.must_change()
    change(desk, alice)
    assert not sign_in.must_change(OTHER)


def test_a_10_a_change_needs_the_current_password(desk: Desk, sign_in: SignIn, alice: User) -> None:
    sign_in.choose(alice)
    with pytest.raises(PasswordWrong):
        change(desk, alice, old="not the password of anybody")
    assert sign_in.prove().principal == alice
    change(desk, alice)
    with pytest.raises(SignInRefused):
        sign_in.prove()
    assert sign_in.prove(OTHER).principal == alice


def test_a_19_wrong_old_passwords_and_wrong_sign_ins_are_counted_together(
    desk: Desk, sign_in: SignIn, alice: User
) -> None:
    sign_in.choose(alice)
    for turn in range(FREE_FAILURES):
        with pytest.raises((PasswordWrong, SignInRefused)):
            change(desk, alice, old="not the one") if turn % 2 else sign_in.prove("not the one")
    with pytest.raises(PasswordWrong) as caught:
        change(desk, alice)
    assert caught.value.detail == "the password is locked"


def test_only_a_user_changes_its_own_password(desk: Desk) -> None:
    for caller in (root(), session()):
        with pytest.raises(UserUnsuitable):
            desk.call(caller, "ChangePassword", OldPassword=PASSWORD, NewPassword=OTHER)


def test_an_account_may_let_each_user_change_its_own_password(desk: Desk, store: Store, alice: User) -> None:
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, PasswordPolicy(allow_change=True)))
    assert desk.demanded(calling(alice), "ChangePassword") == []


@pytest.mark.parametrize("name", ["ChangePassword", "UpdateLoginProfile", "DeleteLoginProfile"])
def test_a_16_a_change_ends_the_link_by_which_a_password_could_be_set(
    desk: Desk, sign_in: SignIn, store: Store, alice: User, name: str
) -> None:
    sign_in.choose(alice)
    link = SignInLink(
        link_id="link",
        account_id=ACCOUNT_ID,
        owner_id=alice.unique_id,
        stamp=b"stamp",
        made_at=NOW,
        expires_at=NOW + timedelta(hours=1),
    )
    store.change(lambda tx: links.put_link(tx.connection, link))
    commands = {
        "ChangePassword": {"OldPassword": PASSWORD, "NewPassword": OTHER},
        "UpdateLoginProfile": {"UserName": "alice", "Password": OTHER},
        "DeleteLoginProfile": {"UserName": "alice"},
    }
    desk.call(calling(alice), name, **commands[name])
    assert store.read(lambda connection: links.find_link(connection, "link")) is None


@pytest.mark.parametrize("name", ["CreateLoginProfile", "UpdateLoginProfile", "ChangePassword"])
def test_a_08_no_way_leads_around_the_rules(desk: Desk, sign_in: SignIn, alice: User, name: str) -> None:
    if name != "CreateLoginProfile":
        sign_in.choose(alice)
    commands = {
        "CreateLoginProfile": {"UserName": "alice", "Password": "1qaz2wsx3edc4rfv"},
        "UpdateLoginProfile": {"UserName": "alice", "Password": "1qaz2wsx3edc4rfv"},
        "ChangePassword": {"OldPassword": PASSWORD, "NewPassword": "1qaz2wsx3edc4rfv"},
    }
    with pytest.raises(PasswordRefused, match="too common"):
        desk.call(calling(alice), name, **commands[name])


def test_a_password_that_was_used_before_is_refused_where_the_account_says_so(
    sign_in: SignIn, store: Store, alice: User
) -> None:
    policy = PasswordPolicy(former_passwords=2)
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, policy))
    sign_in.choose(alice)
    for new in (PASSWORD, f"{PASSWORD}, one", PASSWORD, f"{PASSWORD}, two"):
        sign_in.clock.tick(timedelta(seconds=1))
        if new == PASSWORD:
            with pytest.raises(PasswordRefused, match="used before"):
                sign_in.make(alice, new)
        else:
            sign_in.choose(alice, new)
    assert sign_in.make(alice, PASSWORD).hashed  # two have come since


def test_a_12_a_password_grows_old_only_where_the_account_says_so(sign_in: SignIn, store: Store, alice: User) -> None:
    sign_in.choose(alice)
    policy = PasswordPolicy(maximum_age_days=90)
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, policy))
    sign_in.clock.tick(timedelta(days=90) - timedelta(seconds=1))
    assert not sign_in.must_change()
    sign_in.clock.tick(timedelta(seconds=1))
    assert sign_in.must_change()
    hard = replace(policy, hard_expiry=True)
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, hard))
    with pytest.raises(SignInRefused) as caught:
        sign_in.prove()
    assert caught.value.detail == "the password has expired"
    sign_in.run(sign_in.proof.prove_again(alice.unique_id, PASSWORD, "192.0.2.1"))


def test_a_13_a_mark_is_for_whoever_has_a_password(sign_in: SignIn, store: Store, alice: User) -> None:
    with pytest.raises(NotFound):
        store.change(lambda tx: require_change(tx, owner=alice))
    sign_in.choose(alice)
    store.change(lambda tx: require_change(tx, owner=alice))
    assert sign_in.must_change()
