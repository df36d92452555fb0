"""`sts assume-role` and `sts whoami`: what shells, SDKs and people make of them."""

import json
import stat
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import boto3
import pytest
from click.testing import Result

from sts.client.roles import RoleCredentials, name_session
from sts.exports import name_variables, render_powershell
from tests.authenticator import Authenticator
from tests.cli.conftest import Command
from tests.conftest import BEGINNING
from tests.service import Service, Tenant, trust

ROOT = Path(__file__).parents[2]
Ask = Callable[..., Result]


def key_of(resident: Tenant) -> dict[str, str]:
    return {"AWS_ACCESS_KEY_ID": resident.key.access_key_id, "AWS_SECRET_ACCESS_KEY": resident.key.secret}


@pytest.fixture
def role(server: Service, resident: Tenant) -> str:
    made = server.call(
        resident.key,
        "CreateRole",
        RoleName="deploy",
        AssumeRolePolicyDocument=trust(f"arn:aws:iam::{resident.account_id}:root"),
    )
    return made.text("Arn")


@pytest.fixture
def ask(elsewhere: Command, server: Service, resident: Tenant) -> Ask:
    def run(*words: str) -> Result:
        return elsewhere(*words, "--endpoint-url", server.url, **key_of(resident))

    return run


def test_whoami_says_whom_the_service_takes_one_for(ask: Ask, server: Service, resident: Tenant) -> None:
    told = json.loads(ask("whoami", "--json").stdout)
    arn = f"arn:aws:iam::{resident.account_id}:user/admin"
    assert (told["arn"], told["account_id"], told["credentials"]) == (arn, resident.account_id, "env")
    assert told["endpoint"] == server.url
    assert arn in ask("whoami").stdout


@pytest.mark.usefixtures("role")
def test_a_shell_evaluates_what_is_printed(ask: Ask, server: Service, resident: Tenant) -> None:
    exports = ask("assume-role", "deploy").stdout
    assert [line.partition("=")[0] for line in exports.splitlines()] == [
        "export AWS_ACCESS_KEY_ID",
        "export AWS_SECRET_ACCESS_KEY",
        "export AWS_SESSION_TOKEN",
        "export AWS_CREDENTIAL_EXPIRATION",
    ]
    script = f"{exports}\nexec {sys.executable} -m sts whoami --json --endpoint-url {server.url}"
    ran = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True, cwd=ROOT)
    session = f"arn:aws:sts::{resident.account_id}:assumed-role/deploy/admin"  # who called gives it its name
    assert json.loads(ran.stdout)["arn"] == session


def test_an_sdk_takes_it_as_a_credential_process(
    role: str, server: Service, resident: Tenant, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = f"{sys.executable} -m sts assume-role {role} --session-name me --format credential-process"
    (tmp_path / "config").write_text(
        f"[profile deploy]\ncredential_process = env PYTHONPATH={ROOT} {words} --profile admin"
        f" --endpoint-url {server.url}\n[profile admin]\n"
        + "".join(f"{name.lower()} = {value}\n" for name, value in key_of(resident).items())
    )
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    client = boto3.Session(profile_name="deploy", region_name="us-east-1").client("sts", endpoint_url=server.url)
    assert client.get_caller_identity()["Arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/deploy/me"


def test_what_is_asked_for_is_what_the_session_has(role: str, ask: Ask, server: Service, resident: Tenant) -> None:
    server.call(
        resident.key,
        "UpdateAssumeRolePolicy",
        RoleName="deploy",
        PolicyDocument=json.dumps(
            {
                "Version": "2012-10-17",
                "Statement": {
                    "Effect": "Allow",
                    "Principal": {"AWS": resident.account_id},
                    "Action": ["sts:AssumeRole", "sts:TagSession", "sts:SetSourceIdentity"],
                    "Condition": {"StringEquals": {"sts:ExternalId": "agreed", "aws:RequestTag/team": "blue"}},
                },
            }
        ),
    )
    words = ("--session-name", "me", "--external-id", "agreed", "--source-identity", "alice", "--duration", "900")
    told = json.loads(ask("assume-role", role, *words, "--tag", "team=blue", "--tag", "note=a=b", "--json").stdout)
    assert told["arn"] == f"arn:aws:sts::{resident.account_id}:assumed-role/deploy/me"
    (record,) = json.loads(ask("audit", "list", "--action", "sts:AssumeRole", "--json").stdout)["records"]
    asked = record["parameters"]
    assert (asked["DurationSeconds"], asked["SourceIdentity"], len(asked["Tags"])) == (900, "alice", 2)
    assert told["access_key_id"] == record["made"]["AccessKeyId"]
    refused = ask("assume-role", role, "--external-id", "guessed", "--tag", "team=blue")
    assert (refused.exit_code, refused.stderr.startswith("Error: AccessDenied")) == (1, True)


@pytest.mark.usefixtures("cache")
def test_a_code_of_the_mfa_device_goes_with_the_request(role: str, ask: Ask, server: Service, resident: Tenant) -> None:
    iam, now = server.boto("iam", resident.key), server.clock.now()
    made = iam.create_virtual_mfa_device(VirtualMFADeviceName="admin")["VirtualMFADevice"]
    device, serial = Authenticator(made["Base32StringSeed"].decode()), made["SerialNumber"]
    iam.enable_mfa_device(UserName="admin", SerialNumber=serial, **device.pair(now, -1))
    condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
    policy = trust(f"arn:aws:iam::{resident.account_id}:root", condition=condition)
    server.call(resident.key, "UpdateAssumeRolePolicy", RoleName="deploy", PolicyDocument=policy)
    assert ask("assume-role", role).exit_code == 1
    code = device.code(now)
    words = ("assume-role", role, "--serial-number", serial, "--format", "credential-process")
    result = ask(*words, "--token-code", code)
    assert result.exit_code == 0, result.output
    assert ask(*words).stdout == result.stdout  # the code is spent: whoever asks on gets what is kept


@pytest.mark.parametrize(
    ("words", "code", "reason"),
    [
        (("nobody",), 1, "AccessDenied"),
        (("arn:aws:iam::111122223333:role/x",), 1, "AccessDenied"),
        (("deploy", "--duration", "899"), 2, "899 is not in the range"),
        (("deploy", "--tag", "team"), 2, "team is no tag: give KEY=VALUE"),
        (("deploy", "--format", "csh"), 2, "csh"),
        (("deploy", "--session-name", "a b"), 2, "2 to 64 letters, digits"),
        (("deploy", "--session-name", "x"), 2, "“x” is no name of a session"),
        (("deploy", "--session-name", ""), 2, "2 to 64 letters, digits"),
        (("deploy", "--external-id", ""), 1, "ExternalId"),
        (("deploy", "--source-identity", ""), 1, "SourceIdentity"),
    ],
)
@pytest.mark.usefixtures("role")
def test_what_is_refused_is_told(words: tuple[str, ...], code: int, reason: str, ask: Ask) -> None:
    result = ask("assume-role", *words)
    assert (result.exit_code, reason in result.stderr, result.stdout) == (code, True, ""), result.output


def test_powershell_takes_a_quote_in_a_value_as_it_is(ask: Ask, role: str) -> None:
    lines = ask("assume-role", role, "--format", "powershell").stdout.splitlines()
    assert [line.partition(" = '")[0] for line in lines[:3]] == [
        "$Env:AWS_ACCESS_KEY_ID",
        "$Env:AWS_SECRET_ACCESS_KEY",
        "$Env:AWS_SESSION_TOKEN",
    ]
    quoted = RoleCredentials(
        arn="a", access_key_id="b'c", secret_access_key="$d", session_token="e", expires_at=BEGINNING
    )
    assert render_powershell(name_variables(quoted)).splitlines()[:2] == [
        "$Env:AWS_ACCESS_KEY_ID = 'b''c'",
        "$Env:AWS_SECRET_ACCESS_KEY = '$d'",
    ]


@pytest.mark.parametrize(
    ("arn", "name"),
    [
        ("arn:aws:iam::111122223333:user/a/alice", "alice"),
        ("arn:aws:sts::111122223333:assumed-role/ops/me", "me"),
        ("arn:aws:iam::111122223333:root", "root"),
        ("arn:aws:iam::111122223333:user/x", "x-"),
        ("arn:aws:iam::111122223333:user/" + "a" * 65, "a" * 64),
    ],
)
def test_a_session_is_named_after_who_began_it(arn: str, name: str) -> None:
    assert name_session(arn) == name


def read_process(ask: Ask, *words: str) -> str:
    result = ask("assume-role", "deploy", "--format", "credential-process", *words)
    assert result.exit_code == 0, result.output
    return str(json.loads(result.stdout)["AccessKeyId"])


def count_assumed(ask: Ask) -> int:
    told = json.loads(ask("audit", "list", "--action", "sts:AssumeRole", "--outcome", "done", "--json").stdout)
    return len(told["records"])


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "sts" / "roles"


@pytest.mark.usefixtures("role")
def test_a_credential_process_asks_once_while_credentials_last(ask: Ask, cache: Path) -> None:
    first = read_process(ask)
    assert read_process(ask) == first
    assert count_assumed(ask) == 1
    assert stat.S_IMODE(cache.stat().st_mode) == 0o700
    (kept,) = cache.glob("*.json")
    assert stat.S_IMODE(kept.stat().st_mode) == 0o600
    old = datetime.now(UTC) + timedelta(minutes=4)
    kept.write_text(json.dumps(json.loads(kept.read_text()) | {"expires_at": old.isoformat()}))
    assert read_process(ask) != first


@pytest.mark.usefixtures("role", "cache")
def test_kept_credentials_are_for_who_asked_and_what_was_asked_for(
    ask: Ask, elsewhere: Command, server: Service, resident: Tenant
) -> None:
    seen = [read_process(ask), read_process(ask, "--session-name", "other"), read_process(ask, "--duration", "900")]
    server.call(resident.key, "CreateUser", UserName="eve")
    key = server.call(resident.key, "CreateAccessKey", UserName="eve")
    eve = {"AWS_ACCESS_KEY_ID": key.text("AccessKeyId"), "AWS_SECRET_ACCESS_KEY": key.text("SecretAccessKey")}
    words = ("assume-role", "deploy", "--format", "credential-process", "--endpoint-url", server.url)
    assert "AccessDenied" in elsewhere(*words, **eve).stderr
    assert len(set(seen)) == 3


@pytest.mark.usefixtures("role", "cache")
def test_exports_are_new_each_time(ask: Ask) -> None:
    first, second = (json.loads(ask("assume-role", "deploy", "--json").stdout)["access_key_id"] for _ in range(2))
    assert first != second


@pytest.mark.usefixtures("role")
def test_a_damaged_file_of_a_role_is_told_of_until_a_logout_forgets_it(ask: Ask, cache: Path) -> None:
    read_process(ask)
    (kept,) = cache.glob("*.json")
    kept.write_text("{}")
    result = ask("assume-role", "deploy", "--format", "credential-process")
    assert (result.exit_code, "is damaged: `sts logout` forgets it" in result.stderr) == (1, True)
    assert ask("logout").exit_code == 3
    assert list(cache.glob("*.json")) == []
    read_process(ask)
