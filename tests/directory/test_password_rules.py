"""What a new password must be; on both stores."""

import string

import pytest
from zxcvbn.frequency_lists import FREQUENCY_LISTS

from sts.crypto.totp import step_at
from sts.directory.aliases import create_alias
from sts.directory.guessed import find_unit, is_put_together
from sts.directory.login_profiles import choose_password
from sts.directory.mfa_devices import MfaDevices
from sts.directory.password_rules import BESIDE_FACTOR, PasswordRules, find_rules
from sts.errors import PasswordMalformed, PasswordRefused
from sts.model import Account, User
from sts.passwords import KeptPassword, PasswordPolicy
from sts.store.password_policies import put_password_policy
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, Store

BESIDE = PasswordRules(minimum_length=BESIDE_FACTOR, context_words=frozenset())
PHRASE = "seven green bottles"[::-1] + ", hung up"
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
    with pytest.raises(PasswordRefused, match="at least 15 characters where there is no second factor"):
        rules(store, alice).require("fourteen chars")
    rules(store, alice).require("fifteen charact")


def test_a_02_beside_a_second_factor_it_has_eight(store: Store) -> None:
    alice = user(store)
    protect(store, alice)
    with pytest.raises(PasswordRefused, match=r"at least 8 characters$"):
        rules(store, alice).require("7 chars")
    rules(store, alice).require("8 chars!")


def test_a_03_long_passwords_are_taken_and_a_stated_limit_is_refused() -> None:
    for length in (64, 128, 1_024):
        ALONE.require("".join(chr(0x4E00 + each) for each in range(length)))
    for length in (1_025, 4_096):
        with pytest.raises(PasswordMalformed, match="at most 1024"):
            ALONE.require("a" * length)


def ask(store: Store, policy: PasswordPolicy) -> None:
    """Have the account ask for *policy*."""
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, policy))


@pytest.mark.parametrize(
    "taken", [string.printable, "  a  b  c  d  e  ", "".join(map(chr, range(0x1F600, 0x1F60F))), "straße, größe, maß"]
)
def test_a_06_any_characters_are_taken(taken: str) -> None:
    ALONE.require(taken)


def test_a_07_length_is_counted_in_code_points_of_the_composed_form() -> None:
    with pytest.raises(PasswordRefused):
        ALONE.require("".join(each + "\u0301" for each in "aceioulnrszyAE"))
    ALONE.require("".join(each + "\u0301" for each in "aceioulnrszyAEI"))


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


@pytest.mark.parametrize(
    ("guessed", "reason"),
    [
        ("passwordpassword", "again and again"),
        ("PasswordpasswordPASSWORD", "again and again"),
        ("111111111111111", "again and again"),
        ("bobbobbobbobbob", "again and again"),
        ("zaq1zaq1zaq1zaq", "again and again"),  # cut short
        (ACCOUNT_ID * 2, "again and again"),
        ("123456789012345", "rows of keys"),
        ("qwertyuiopasdfgh", "rows of keys"),
        ("zyxwvutsrqponmlkji", "rows of keys"),
        ("aaaaaaaabbbbbbbb", "rows of keys"),
        ("bobpasswordwelcome", "rows of keys"),
        ("welcomepassword123", "rows of keys"),
        (f"bob{ACCOUNT_ID}qwerty", "rows of keys"),
    ],
)
def test_a_08_what_is_put_together_from_what_is_tried_first_is_refused(store: Store, guessed: str, reason: str) -> None:
    bob = user(store, "bob")
    for spelling in (guessed, guessed.upper()):
        with pytest.raises(PasswordRefused, match=reason):
            rules(store, bob).require(spelling)


@pytest.mark.parametrize(
    "phrase",
    [
        "correct horse battery staple",
        "correcthorsebatterystaple",
        "bob is no name of mine",
        "123456789012345 and a word",
    ],
)
def test_a_08_a_phrase_may_hold_what_is_tried_first(store: Store, phrase: str) -> None:
    rules(store, user(store, "bob")).require(phrase)


def test_a_08_beside_a_second_factor_what_is_long_enough_and_comes_twice_is_judged_once(store: Store) -> None:
    bob = user(store, "bob")
    protect(store, bob)
    with pytest.raises(PasswordRefused, match="rows of keys"):
        rules(store, bob).require(ACCOUNT_ID * 2)
    rules(store, bob).require("7 chars!7 chars!")


@pytest.mark.parametrize(
    "unit", ["a", "password", "qwerty1234", "4@8({[<369&#!1/|0$5+7%2", "abcdefghijklmnopqrstuvwxyzq"]
)
def test_a_08_the_longest_password_is_judged_as_the_shortest(unit: str) -> None:
    long = (unit * 1_024)[:1_024]
    assert find_unit(long) == unit
    assert is_put_together(long, ("sts",)) is (unit in {"a", "qwerty1234"})


def test_a_password_that_is_there_is_told_of_only_where_there_is_one(store: Store) -> None:
    alice = user(store)
    assert "the present one" not in rules(store, alice).describe()
    kept = KeptPassword(hashed="$argon2id$", pepper_version=1)
    store.change(lambda tx: choose_password(tx, owner=alice, password=kept))
    assert "Not the present one, no name" in rules(store, alice).describe()


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
            rules(store, alice).require(PHRASE[:refused])
        rules(store, alice).require(PHRASE[:taken])


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
