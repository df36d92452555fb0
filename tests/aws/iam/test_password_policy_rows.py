"""What an account asks of its passwords is kept and told as AWS does; on both stores."""

import pytest

from sts.aws.iam.password_policies import password_policy_rows
from sts.errors import NotFound
from tests.aws.iam.desk import Desk, calling, open_desk, root, session
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, OTHER_ACCOUNT_ID, Store

GET, UPDATE, DELETE = "GetAccountPasswordPolicy", "UpdateAccountPasswordPolicy", "DeleteAccountPasswordPolicy"
EVERYTHING = {
    "MinimumPasswordLength": 20,
    "RequireSymbols": True,
    "RequireNumbers": True,
    "RequireUppercaseCharacters": True,
    "RequireLowercaseCharacters": True,
    "AllowUsersToChangePassword": True,
    "MaxPasswordAge": 90,
    "PasswordReusePrevention": 24,
    "HardExpiry": True,
}


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, password_policy_rows())


@pytest.mark.parametrize("name", [GET, UPDATE, DELETE])
def test_each_is_authorized_on_everything(desk: Desk, name: str) -> None:
    assert desk.demanded(root(), name) == [(f"iam:{name}", "*")]


def test_without_a_policy_none_is_found(desk: Desk) -> None:
    for name in (GET, DELETE):
        with pytest.raises(NotFound, match=f"The Password Policy with domain name {ACCOUNT_ID} cannot be found"):
            desk.call(root(), name)


def test_what_is_said_is_told_and_what_is_not_said_is_as_usual(desk: Desk) -> None:
    desk.call(root(), UPDATE, **EVERYTHING)
    desk.render(root(), GET)
    assert desk.call(root(), GET) == {"PasswordPolicy": {**EVERYTHING, "ExpirePasswords": True}}
    desk.call(root(), UPDATE, RequireSymbols=True)
    assert desk.call(root(), GET)["PasswordPolicy"] == {
        "MinimumPasswordLength": 6,
        "RequireSymbols": True,
        "RequireNumbers": False,
        "RequireUppercaseCharacters": False,
        "RequireLowercaseCharacters": False,
        "AllowUsersToChangePassword": False,
        "ExpirePasswords": False,
        "HardExpiry": False,
    }
    with pytest.raises(NotFound):
        desk.call(root(OTHER_ACCOUNT_ID), GET)
    desk.call(root(), DELETE)
    with pytest.raises(NotFound):
        desk.call(root(), GET)


def test_whom_the_account_lets_change_the_password_may_read_what_it_has_to_be(desk: Desk, store: Store) -> None:
    alice = user(store)
    desk.call(root(), UPDATE, **EVERYTHING)
    assert desk.demanded(calling(alice), GET) == []
    for caller in (root(), session()):
        assert desk.demanded(caller, GET) == [(f"iam:{GET}", "*")]
    assert desk.demanded(calling(alice), UPDATE) == [(f"iam:{UPDATE}", "*")]
