"""What a new password must be; on both stores."""

import string

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from sts.crypto.totp import step_at
from sts.directory.aliases import create_alias
from sts.directory.mfa_devices import MfaDevices
from sts.directory.password_rules import BESIDE_FACTOR, PasswordRules, find_rules
from sts.errors import PasswordMalformed, PasswordRefused
from sts.model import Account, User
from sts.passwords import PasswordPolicy
from sts.store.password_policies import put_password_policy
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

BESIDE = PasswordRules(minimum_length=BESIDE_FACTOR, context_words=frozenset())
ALONE = PasswordRules(minimum_length=15, context_words=frozenset())


def rules(store: Store, owner: User | Account) -> PasswordRules:
    return store.read(lambda connection: find_rules(connection, owner))


def protect(store: Store, owner: User) -> None:
    """Enable an MFA device for *owner*."""
    devices = MfaDevices(ENTROPY, store.keyring)
    minted = store.change(lambda tx: devices.create(tx, account_id=ACCOUNT_ID, name="phone"))
    store.change(lambda tx: devices.enable(tx, owner=owner, device=minted.device, step=step_at(NOW)))


def test_a_01_alone_a_password_has_fifteen_code_points(store: Store) -> None:
    alice = user(store)
    with pytest.raises(PasswordRefused, match="minimum length of 15: without a second factor"):
        rules(store, alice).require("fourteen chars")
    rules(store, alice).require("fifteen charact")


def test_a_02_beside_a_second_factor_it_has_eight(store: Store) -> None:
    alice = user(store)
    protect(store, alice)
    with pytest.raises(PasswordRefused, match="minimum length of 8: beside a second factor"):
        rules(store, alice).require("7 chars")
    rules(store, alice).require("8 chars!")


def test_a_03_long_passwords_are_taken_and_a_stated_limit_is_refused() -> None:
    for length in (64, 128, 1_024):
        ALONE.require("ab" * (length // 2))
    for length in (1_025, 4_096):
        with pytest.raises(PasswordMalformed, match="at most 1024"):
            ALONE.require("a" * length)


def ask(store: Store, policy: PasswordPolicy) -> None:
    """Have the account ask for *policy*."""
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, policy))


@pytest.mark.parametrize("taken", ["a" * 15, "               ", string.printable, "\N{GRINNING FACE}" * 15, "ß" * 15])
def test_a_06_any_characters_are_taken(taken: str) -> None:
    ALONE.require(taken)


def test_a_07_length_is_counted_in_code_points_of_the_composed_form() -> None:
    with pytest.raises(PasswordRefused):
        ALONE.require("e\u0301" * 14)
    ALONE.require("e\u0301" * 15)


def test_a_08_every_common_password_that_is_long_enough_is_refused_in_any_case() -> None:
    listed = FREQUENCY_LISTS["passwords"]
    long_enough = [each for each in listed if len(each) >= BESIDE_FACTOR]
    assert len(listed) == 30_000
    assert len(long_enough) > 3_000
    for password in long_enough:
        for spelling in (password, password.upper()):
            with pytest.raises(PasswordRefused, match="too common"):
                BESIDE.require(spelling)
    BESIDE.require("password, and more of it")


def test_a_09_a_word_of_the_context_is_refused_as_the_whole_and_taken_as_a_part(store: Store) -> None:
    alice = user(store, "alice.liddell@example.com")
    protect(store, alice)
    store.change(lambda tx: create_alias(tx, account_id=ACCOUNT_ID, alias="wonderland"))
    words = ["alice.liddell@example.com", "Alice.Liddell", "wonderland", ACCOUNT_ID, "security token service"]
    for word in words:
        with pytest.raises(PasswordRefused, match="name of the user, the account or the service"):
            rules(store, alice).require(word)
        rules(store, alice).require(f"{word} and a long phrase")


def test_the_stricter_of_the_accounts_rules_and_ours_counts(store: Store) -> None:
    alice = user(store)
    for minimum, refused, taken in ((6, 14, 15), (20, 19, 20)):
        ask(store, PasswordPolicy(minimum_length=minimum))
        with pytest.raises(PasswordRefused):
            rules(store, alice).require("ab" * (refused // 2) + "c" * (refused % 2))
        rules(store, alice).require("ab" * (taken // 2) + "c" * (taken % 2))


@pytest.mark.parametrize(
    ("policy", "refused", "taken"),
    [
        (PasswordPolicy(require_symbols=True), "nothing but letters", "something! and letters"),
        (PasswordPolicy(require_numbers=True), "nothing but letters ٣", "something 3 letters"),
        (PasswordPolicy(require_uppercase=True), "nothing but letters", "Something and letters"),
        (PasswordPolicy(require_lowercase=True), "NOTHING BUT LETTERS", "SOMETHING aND LETTERS"),
    ],
)
def test_an_account_may_ask_for_classes(policy: PasswordPolicy, refused: str, taken: str) -> None:
    asking = PasswordRules(minimum_length=15, context_words=frozenset(), policy=policy)
    with pytest.raises(PasswordRefused, match="at least one"):
        asking.require(refused)
    asking.require(taken)
