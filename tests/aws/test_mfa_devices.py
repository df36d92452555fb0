"""Virtual MFA devices through boto3 and the AWS CLI, as people set them up."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from botocore.session import Session

from tests.authenticator import Authenticator, read_qr_code
from tests.aws.cli import Cli, as_environment
from tests.aws.clients import make_role, make_user, refused
from tests.installed import get_installed
from tests.service import REGION, Service, Tenant, trust

PRESENT = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}


def now() -> datetime:
    return datetime.now(UTC)


def create(iam: Any, name: str = "phone", **more: str) -> tuple[str, Authenticator]:
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName=name, **more)["VirtualMFADevice"]
    return made["SerialNumber"], Authenticator(made["Base32StringSeed"].decode())


def enable(iam: Any, user_name: str, name: str = "phone") -> tuple[str, Authenticator]:
    """Make a device and enable it; the code of the next step is left, whenever this one ends."""
    serial_number, device = create(iam, name)
    iam.enable_mfa_device(UserName=user_name, SerialNumber=serial_number, **device.pair(now()))
    return serial_number, device


def test_a_phone_reads_the_qr_code(iam: Any, resident: Tenant) -> None:
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="ann+phone@x", Path="/staff/")["VirtualMFADevice"]
    assert made["SerialNumber"] == f"arn:aws:iam::{resident.account_id}:mfa/staff/ann+phone@x"
    uri = urlsplit(read_qr_code(made["QRCodePNG"]))
    assert (uri.scheme, uri.netloc) == ("otpauth", "totp")
    assert uri.path == f"/127.0.0.1:ann%2Bphone%40x%40{resident.account_id}"
    assert parse_qs(uri.query) == {"secret": [made["Base32StringSeed"].decode()], "issuer": ["127.0.0.1"]}
    assert made.keys() == {"SerialNumber", "Base32StringSeed", "QRCodePNG"}


def test_a_31_seeds_have_160_bits_and_no_two_are_alike(iam: Any) -> None:
    seeds = {create(iam, f"phone{number}")[1].seed for number in range(200)}
    assert len(seeds) == 200
    assert {len(seed) for seed in seeds} == {32}  # characters of five bits
    assert len(set("".join(seeds))) == 32


def test_a_device_is_enabled_shown_deactivated_and_deleted(iam: Any, resident: Tenant) -> None:
    make_user(iam, "ann")
    before = now().replace(microsecond=0)
    serial_number, _ = enable(iam, "ann")
    shown = iam.get_mfa_device(SerialNumber=serial_number, UserName="ann")
    assert (shown["UserName"], shown["SerialNumber"]) == ("ann", serial_number)
    assert before <= shown["EnableDate"] <= now()
    (listed,) = iam.list_mfa_devices(UserName="ann")["MFADevices"]
    assert listed == {"UserName": "ann", "SerialNumber": serial_number, "EnableDate": shown["EnableDate"]}
    (device,) = iam.list_virtual_mfa_devices()["VirtualMFADevices"]
    assert (device["SerialNumber"], device["EnableDate"]) == (serial_number, shown["EnableDate"])
    assert device["User"]["Arn"] == f"arn:aws:iam::{resident.account_id}:user/ann"
    assert not {"Base32StringSeed", "QRCodePNG"} & device.keys()
    with refused("DeleteConflict", 409, "Must deactivate first"):
        iam.delete_virtual_mfa_device(SerialNumber=serial_number)
    iam.deactivate_mfa_device(UserName="ann", SerialNumber=serial_number)
    with refused("NoSuchEntity", 404):
        iam.get_mfa_device(SerialNumber=serial_number, UserName="ann")
    assert iam.list_mfa_devices(UserName="ann")["MFADevices"] == []
    iam.delete_virtual_mfa_device(SerialNumber=serial_number)
    with refused("NoSuchEntity", 404):
        iam.delete_virtual_mfa_device(SerialNumber=serial_number)


def test_lists_come_in_pages_and_by_assignment(iam: Any) -> None:
    make_user(iam, "ann")
    owned = sorted(enable(iam, "ann", name)[0] for name in ("b", "d"))
    free = sorted(create(iam, name)[0] for name in ("a", "c", "e"))

    def pages(operation: str, member: str, **asked: Any) -> list[str]:
        told = iam.get_paginator(operation).paginate(PaginationConfig={"PageSize": 1}, **asked)
        return [device["SerialNumber"] for page in told for device in page[member]]

    assert pages("list_mfa_devices", "MFADevices", UserName="ann") == owned
    for status, wanted in (("Assigned", owned), ("Unassigned", free), ("Any", sorted([*owned, *free]))):
        assert pages("list_virtual_mfa_devices", "VirtualMFADevices", AssignmentStatus=status) == wanted


def test_a_user_without_a_name_given_is_the_caller(server: Service, iam: Any) -> None:
    key = make_user(iam, "ann", '{"Statement":{"Effect":"Allow","Action":"iam:*","Resource":"*"}}')
    serial_number, _ = enable(iam, "ann")
    own = server.boto("iam", key)
    assert [each["SerialNumber"] for each in own.list_mfa_devices()["MFADevices"]] == [serial_number]
    assert own.get_mfa_device(SerialNumber=serial_number)["UserName"] == "ann"
    own.deactivate_mfa_device(SerialNumber=serial_number)
    assert own.list_mfa_devices()["MFADevices"] == []


def test_two_codes_that_follow_each_other_enable_a_device_and_nothing_else(iam: Any) -> None:
    make_user(iam, "ann")
    serial_number, device = create(iam)
    named = {"UserName": "ann", "SerialNumber": serial_number}
    at = now()
    first, second = device.code(at, -1), device.code(at)
    for codes in ((second, first), (second, second), (first, device.code(at, 1)), ("000000", second)):
        with refused("InvalidAuthenticationCode", 403, "Authentication code for device is not valid."):
            iam.enable_mfa_device(**named, AuthenticationCode1=codes[0], AuthenticationCode2=codes[1])
    with refused("InvalidAuthenticationCode", 403):
        iam.enable_mfa_device(**named, **device.pair(at, -10))
    with refused("NoSuchEntity", 404):
        iam.enable_mfa_device(UserName="bob", SerialNumber=serial_number, **device.pair(now()))
    with refused("NoSuchEntity", 404):
        iam.enable_mfa_device(UserName="ann", SerialNumber=f"{serial_number}x", **device.pair(now()))
    iam.enable_mfa_device(**named, **device.pair(now()))
    with refused("EntityAlreadyExists", 409):
        iam.enable_mfa_device(**named, **device.pair(now(), 1))


def test_names_are_taken_ignoring_case_and_a_ninth_device_is_one_too_many(iam: Any) -> None:
    make_user(iam, "ann")
    for number in range(8):
        enable(iam, "ann", f"phone{number}")
    with refused("EntityAlreadyExists", 409):
        create(iam, "PHONE1", Path="/other/")
    serial_number, device = create(iam, "ninth")
    with refused("LimitExceeded", 409, "MFADevicesPerUser: 8"):
        iam.enable_mfa_device(UserName="ann", SerialNumber=serial_number, **device.pair(now()))


def test_a_user_with_a_device_is_not_deleted(iam: Any) -> None:
    iam.create_user(UserName="ann")
    serial_number, _ = enable(iam, "ann")
    with refused("DeleteConflict", 409, "must delete MFA device first"):
        iam.delete_user(UserName="ann")
    iam.deactivate_mfa_device(UserName="ann", SerialNumber=serial_number)
    iam.delete_user(UserName="ann")


def test_a_resynchronized_device_is_taken_at_its_own_time(iam: Any, sts: Any, resident: Tenant) -> None:
    serial_number, device = enable(iam, "admin")
    role_arn = make_role(iam, "worker", trust(f"arn:aws:iam::{resident.account_id}:root", condition=PRESENT))
    asked = {"RoleArn": role_arn, "RoleSessionName": "me", "SerialNumber": serial_number}
    with refused("AccessDenied", 403, "with invalid MFA one time pass code"):
        sts.assume_role(**asked, TokenCode=device.code(now(), 10))
    iam.resync_mfa_device(UserName="admin", SerialNumber=serial_number, **device.pair(now(), 9))
    assert sts.assume_role(**asked, TokenCode=device.code(now(), 10))["AssumedRoleUser"]


def test_root_has_devices_and_names_itself_by_its_account(server: Service, resident: Tenant) -> None:
    root = server.boto("iam", server.root_key(resident))
    serial_number, _ = enable(root, resident.account_id)
    (listed,) = root.list_mfa_devices()["MFADevices"]
    assert (listed["SerialNumber"], listed["UserName"]) == (serial_number, resident.account_id)
    (device,) = root.list_virtual_mfa_devices(AssignmentStatus="Assigned")["VirtualMFADevices"]
    assert device["User"]["Arn"] == f"arn:aws:iam::{resident.account_id}:root"
    with refused("NoSuchEntity", 404):  # whoever is not root means a user of that name
        server.boto("iam", resident.key).list_mfa_devices(UserName=resident.account_id)
    root.deactivate_mfa_device(SerialNumber=serial_number)
    root.delete_virtual_mfa_device(SerialNumber=serial_number)


def test_the_operations_stand_in_policies_on_device_and_user(server: Service, iam: Any, resident: Tenant) -> None:
    own = f"arn:aws:iam::{resident.account_id}"
    statements = [
        {"Effect": "Allow", "Action": "iam:*VirtualMFADevice", "Resource": f"{own}:mfa/${{aws:username}}"},
        {"Effect": "Allow", "Action": "iam:EnableMFADevice", "Resource": f"{own}:user/${{aws:username}}"},
    ]
    key = make_user(iam, "ann", json.dumps({"Version": "2012-10-17", "Statement": statements}))
    iam.create_user(UserName="bob")
    ann = server.boto("iam", key)
    with refused("AccessDenied", 403, f"iam:CreateVirtualMFADevice on resource: {own}:mfa/bob"):
        create(ann, "bob")
    serial_number, device = create(ann, "ann")
    with refused("AccessDenied", 403, f"iam:EnableMFADevice on resource: {own}:user/bob"):
        ann.enable_mfa_device(UserName="bob", SerialNumber=serial_number, **device.pair(now()))
    ann.enable_mfa_device(UserName="ann", SerialNumber=serial_number, **device.pair(now()))
    for stranger in ("arn:aws:iam::123456789012:mfa/ann", "GAHT12345678", f"{own}:mfa/other"):
        with refused("AccessDenied", 403):
            ann.delete_virtual_mfa_device(SerialNumber=stranger)


def test_devices_bear_tags_that_policies_speak_of(server: Service, iam: Any) -> None:
    blue, red = [{"Key": "team", "Value": "blue"}], [{"Key": "team", "Value": "red"}]
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="phone", Tags=blue)["VirtualMFADevice"]
    assert made["Tags"] == blue
    serial_number = made["SerialNumber"]
    condition = {"StringEquals": {"aws:ResourceTag/team": "red"}}
    statement = {"Effect": "Allow", "Action": "iam:DeleteVirtualMFADevice", "Resource": "*", "Condition": condition}
    ann = server.boto("iam", make_user(iam, "ann", json.dumps({"Version": "2012-10-17", "Statement": statement})))
    with refused("AccessDenied", 403):
        ann.delete_virtual_mfa_device(SerialNumber=serial_number)
    iam.tag_mfa_device(SerialNumber=serial_number, Tags=[*red, {"Key": "cost", "Value": ""}])
    assert iam.list_mfa_device_tags(SerialNumber=serial_number)["Tags"] == [{"Key": "cost", "Value": ""}, *red]
    iam.untag_mfa_device(SerialNumber=serial_number, TagKeys=["cost"])
    assert iam.list_mfa_device_tags(SerialNumber=serial_number)["Tags"] == red
    ann.delete_virtual_mfa_device(SerialNumber=serial_number)
    with refused("NoSuchEntity", 404):
        iam.list_mfa_device_tags(SerialNumber=serial_number)
    create(iam)
    assert iam.list_mfa_device_tags(SerialNumber=serial_number)["Tags"] == []


def test_a_profile_with_a_device_asks_for_a_code_and_assumes_its_role(
    server: Service, resident: Tenant, iam: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    serial_number, device = enable(iam, "admin")
    role_arn = make_role(iam, "worker", trust(f"arn:aws:iam::{resident.account_id}:user/admin", condition=PRESENT))
    config = tmp_path / "config"
    key = resident.key
    config.write_text(
        f"[profile me]\naws_access_key_id = {key.access_key_id}\naws_secret_access_key = {key.secret}\n"
        f"[profile worker]\nregion = {REGION}\nsource_profile = me\nrole_arn = {role_arn}\n"
        f"role_session_name = from-profile\nmfa_serial = {serial_number}\n"
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_ENDPOINT_URL", server.url)
    session = Session(profile="worker")
    asked: list[str] = []

    def answer(prompt: str) -> str:
        asked.append(prompt)
        return device.code(now(), 1)

    session.get_component("credential_provider").get_provider("assume-role")._prompter = answer  # no terminal is here
    identity = session.create_client("sts").get_caller_identity()
    assert identity["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/worker/from-profile"
    (prompt,) = asked
    assert serial_number in prompt


@pytest.fixture(params=["TEST_AWS_V1", "TEST_AWS_V2"])
def cli(request: pytest.FixtureRequest, tmp_path: Path, server: Service, resident: Tenant) -> Cli:
    """The CLI of the administrator."""
    pointed = {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    own = as_environment(resident.key) | {"AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"}
    return Cli(get_installed(request.param), tmp_path, {**pointed, **own})


def test_the_cli_enables_a_device_and_assumes_a_role_with_it(cli: Cli, resident: Tenant, tmp_path: Path) -> None:
    png, seed = tmp_path / "ann.png", tmp_path / "seed"
    named = ("--virtual-mfa-device-name", "ann", "--outfile")
    cli.get("iam", "create-virtual-mfa-device", *named, str(png), "--bootstrap-method", "QRCodePNG")
    serial_number = f"arn:aws:iam::{resident.account_id}:mfa/ann"
    device = Authenticator(parse_qs(urlsplit(read_qr_code(png.read_bytes())).query)["secret"][0])
    codes = device.pair(now())
    cli.get(
        "iam", "enable-mfa-device", "--user-name", "admin", "--serial-number", serial_number,
        "--authentication-code1", codes["AuthenticationCode1"], "--authentication-code2", codes["AuthenticationCode2"],
    )  # fmt: skip
    (listed,) = cli.get("iam", "list-mfa-devices")["MFADevices"]
    assert listed["SerialNumber"] == serial_number
    trusting = trust(f"arn:aws:iam::{resident.account_id}:user/admin", condition=PRESENT)
    role = cli.get("iam", "create-role", "--role-name", "r", "--assume-role-policy-document", trusting)["Role"]
    asked = ("sts", "assume-role", "--role-arn", role["Arn"], "--role-session-name", "cli")
    assert "(AccessDenied)" in cli.fail(*asked)
    shown = ("--serial-number", serial_number, "--token-code", device.code(now(), 1))
    assert cli.get(*asked, *shown)["AssumedRoleUser"]["Arn"].endswith(":assumed-role/r/cli")
    assert "with invalid MFA one time pass code" in cli.fail(*asked, *shown)
    cli.get("iam", "create-virtual-mfa-device", "--virtual-mfa-device-name", "bob", "--outfile", str(seed),
            "--bootstrap-method", "Base32StringSeed")  # fmt: skip
    assert len(seed.read_text()) == 32
