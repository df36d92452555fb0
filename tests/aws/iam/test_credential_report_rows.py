import csv
import io
from datetime import timedelta
from functools import partial

import pytest

from sts.aws.iam.credential_report import COLUMNS, CredentialReport
from sts.clock import ManualClock
from sts.directory.access_keys import AccessKeys
from sts.directory.accounts import get_account
from sts.model import Account, MfaDevice
from sts.passwords import PasswordPolicy
from sts.store.audit import Use, put_uses
from sts.store.database import Transaction, to_microseconds
from sts.store.login_profiles import note_sign_in
from sts.store.mfa_devices import assign_device, insert_device
from sts.store.password_policies import put_password_policy
from tests.authn import signing_in
from tests.aws.iam.desk import Desk, open_desk, root
from tests.directory.people import user
from tests.directory.store import ACCOUNT_ID, ENTROPY, NOW, OTHER_ACCOUNT_ID, Store

AT = "2026-11-24T08:00:00+00:00"
LATER = NOW + timedelta(hours=1)


@pytest.fixture
def desk(store: Store) -> Desk:
    return open_desk(store, CredentialReport(ManualClock(LATER)).rows())


@pytest.fixture
def keys(store: Store) -> AccessKeys:
    return AccessKeys(ENTROPY, store.keyring)


def report(desk: Desk, account_id: str = ACCOUNT_ID) -> list[dict[str, str]]:
    desk.render(root(account_id), "GetCredentialReport")
    result = desk.call(root(account_id), "GetCredentialReport")
    assert (result["ReportFormat"], result["GeneratedTime"]) == ("text/csv", LATER)
    return list(csv.DictReader(io.StringIO(result["Content"].decode())))


def test_the_report_is_complete_as_soon_as_it_is_asked_for(desk: Desk) -> None:
    assert desk.call(root(), "GenerateCredentialReport") == {"State": "COMPLETE"}
    assert desk.demanded(root(), "GetCredentialReport") == [("iam:GetCredentialReport", "*")]


def test_the_columns_are_aws_s_in_their_order(desk: Desk) -> None:
    content = desk.call(root(), "GetCredentialReport")["Content"].decode()
    assert content.splitlines()[0] == (
        "user,arn,user_creation_time,password_enabled,password_last_used,password_last_changed,"
        "password_next_rotation,mfa_active,access_key_1_active,access_key_1_last_rotated,"
        "access_key_1_last_used_date,access_key_1_last_used_region,access_key_1_last_used_service,"
        "access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date,access_key_2_last_used_region,"
        "access_key_2_last_used_service,cert_1_active,cert_1_last_rotated,cert_2_active,cert_2_last_rotated"
    )
    assert len(COLUMNS) == 22


def test_root_comes_first_and_users_follow_by_name(desk: Desk, store: Store) -> None:
    user(store, "bob")
    user(store, "Ann", "/staff/")
    rows = report(desk)
    assert [(row["user"], row["arn"]) for row in rows] == [
        ("<root_account>", f"arn:aws:iam::{ACCOUNT_ID}:root"),
        ("Ann", f"arn:aws:iam::{ACCOUNT_ID}:user/staff/Ann"),
        ("bob", f"arn:aws:iam::{ACCOUNT_ID}:user/bob"),
    ]
    assert {row["user_creation_time"] for row in rows} == {AT}
    assert [row["password_enabled"] for row in rows] == ["not_supported", "FALSE", "FALSE"]
    assert {row["mfa_active"] for row in rows} == {"FALSE"}
    assert [row["user"] for row in report(desk, OTHER_ACCOUNT_ID)] == ["<root_account>"]


def test_keys_are_told_with_their_last_use_and_without_their_secrets(
    desk: Desk, store: Store, keys: AccessKeys
) -> None:
    ann = user(store, "ann")
    first = store.change(lambda tx: keys.create(tx, owner=ann))
    use = Use(first.key.access_key_id, to_microseconds(NOW), "sts", "eu-central-1")
    store.change(lambda tx: put_uses(tx.connection, [use], []))
    _, row = report(desk)
    assert [row[f"access_key_1_{name}"] for name in ("active", "last_rotated", "last_used_date")] == ["TRUE", AT, AT]
    assert (row["access_key_1_last_used_region"], row["access_key_1_last_used_service"]) == ("eu-central-1", "sts")
    assert (row["access_key_2_active"], row["access_key_2_last_rotated"]) == ("FALSE", "N/A")
    store.change(lambda tx: keys.update(tx, owner=ann, access_key_id=first.key.access_key_id, active=False))
    content = desk.call(root(), "GetCredentialReport")["Content"]
    assert report(desk)[1]["access_key_1_active"] == "FALSE"
    assert first.secret.encode() not in content


def test_a_key_that_was_never_used_says_so_and_root_s_are_root_s(desk: Desk, store: Store, keys: AccessKeys) -> None:
    user(store, "ann")
    owner = Account(account_id=ACCOUNT_ID, name="", created_at=NOW)
    store.change(lambda tx: keys.create(tx, owner=owner))
    told, ann = report(desk)
    assert (told["access_key_1_active"], told["access_key_1_last_used_date"]) == ("TRUE", "N/A")
    assert ann["access_key_1_active"] == "FALSE"


def enable(name: str, owner_id: str | None, tx: Transaction) -> None:
    device = MfaDevice(
        account_id=ACCOUNT_ID,
        name=name,
        path="/",
        owner_id=None,
        sealed_seed=b"sealed",
        last_step=0,
        drift=0,
        created_at=NOW,
        enabled_at=None,
    )
    insert_device(tx.connection, device)
    if owner_id is not None:
        assign_device(tx.connection, device.serial_number, owner_id, NOW)


def test_whoever_has_a_device_enabled_is_told_so(desk: Desk, store: Store) -> None:
    ann = user(store, "ann")
    user(store, "bob")
    for name, owner_id in (("phone", ann.unique_id), ("token", ACCOUNT_ID), ("spare", None)):
        store.change(partial(enable, name, owner_id))
    assert [row["mfa_active"] for row in report(desk)] == ["TRUE", "TRUE", "FALSE"]


def test_passwords_are_told_with_their_last_use_and_the_day_on_which_they_end(desk: Desk, store: Store) -> None:
    people = signing_in.open_desk(store, NOW)
    ann = people.somebody("ann")
    people.choose(user(store, "bob"))
    account = store.read(lambda connection: get_account(connection, ACCOUNT_ID))
    people.choose(account)
    people.root_signs_in = True
    people.clock.tick(timedelta(minutes=5))
    store.change(lambda tx: note_sign_in(tx.connection, ann.unique_id, people.clock.now()))
    used, day = "2026-11-24T08:05:00+00:00", "2027-02-22T08:00:00+00:00"
    columns = ("password_enabled", "password_last_used", "password_last_changed", "password_next_rotation")
    assert [[row[column] for column in columns] for row in report(desk)] == [
        ["not_supported", "no_information", "not_supported", "not_supported"],
        ["TRUE", used, AT, "N/A"],
        ["TRUE", "no_information", AT, "N/A"],
    ]
    store.change(lambda tx: note_sign_in(tx.connection, ACCOUNT_ID, people.clock.now()))
    policy = PasswordPolicy(maximum_age_days=90)
    store.change(lambda tx: put_password_policy(tx.connection, ACCOUNT_ID, policy))
    assert [row["password_last_used"] for row in report(desk)] == [used, used, "no_information"]
    assert [row["password_next_rotation"] for row in report(desk)] == ["not_supported", day, day]
    assert report(desk, OTHER_ACCOUNT_ID)[0]["password_last_used"] == "N/A"
