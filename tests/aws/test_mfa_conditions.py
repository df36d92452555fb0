"""What a trust policy may ask about a second factor, and what becomes of a code that AssumeRole is given."""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.entropy import Entropy
from tests.authenticator import STEP, Authenticator
from tests.security.stored import read_records
from tests.security.wire import told
from tests.service import Reply, Service, Tenant, running, trust
from tests.signin.browsing import Browser
from tests.signing import Key

Condition = Mapping[str, Mapping[str, str]]
PRESENT: Condition = {"Bool": {"aws:MultiFactorAuthPresent": "true"}}
ONE = timedelta(seconds=STEP)
_WRONG_OF_ONE_ADDRESS = 100


@dataclass
class Bearer:
    """The administrator of an account, with a device that shows codes."""

    service: Service
    tenant: Tenant
    serial_number: str
    device: Authenticator

    def role(self, name: str = "worker", condition: Condition | None = PRESENT, effect: str = "Allow") -> str:
        """Make a role that trusts the administrator, under a condition."""
        me = f"arn:aws:iam::{self.tenant.account_id}:user/admin"
        statement: dict[str, Any] = {"Effect": effect, "Principal": {"AWS": me}, "Action": "sts:AssumeRole"}
        allowed = json.loads(trust(me))["Statement"] if effect == "Deny" else []
        document = json.dumps({"Version": "2012-10-17", "Statement": [*allowed, {**statement, "Condition": condition}]})
        made = self.service.call(self.tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=document)
        return made.text("Arn")

    def code(self, steps: int = 0) -> str:
        return self.device.code(self.service.clock.now(), steps)

    def assume(self, role_arn: str, code: str | None = None, key: Key | None = None) -> Reply:
        shown = {} if code is None else {"SerialNumber": self.serial_number, "TokenCode": code}
        return self.service.assume(key or self.tenant.key, role_arn, **shown)


def enable(service: Service, tenant: Tenant, user_name: str = "admin") -> Bearer:
    made = service.call(tenant.key, "CreateVirtualMFADevice", VirtualMFADeviceName=user_name)
    serial_number = made.text("SerialNumber")
    device = Authenticator(decode(made.text("Base32StringSeed")))
    codes = device.pair(service.clock.now(), -1)
    done = service.call(tenant.key, "EnableMFADevice", UserName=user_name, SerialNumber=serial_number, **codes)
    assert done.status == 200, done.body
    return Bearer(service, tenant, serial_number, device)


def decode(blob: str) -> str:
    return base64.b64decode(blob).decode()


@pytest.fixture
def bearer(service: Service, tenant: Tenant) -> Bearer:
    return enable(service, tenant)


@pytest.mark.parametrize(
    ("condition", "with_code", "without"),
    [
        (PRESENT, 200, 403),
        ({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}, 200, 200),
        ({"Bool": {"aws:MultiFactorAuthPresent": "false"}}, 403, 403),
        ({"Null": {"aws:MultiFactorAuthPresent": "false"}}, 200, 403),
        ({"Null": {"aws:MultiFactorAuthAge": "true"}}, 403, 200),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "60"}}, 200, 403),
        ({"NumericGreaterThan": {"aws:MultiFactorAuthAge": "60"}}, 403, 403),
        ({"NumericLessThan": {"aws:MultiFactorAuthAge": "0"}}, 403, 403),
        ({**PRESENT, "NumericLessThan": {"aws:MultiFactorAuthAge": "3600"}}, 200, 403),
    ],
    ids=json.dumps,
)
def test_a_trust_policy_asks_for_a_second_factor(
    bearer: Bearer, condition: Condition, with_code: int, without: int
) -> None:
    role_arn = bearer.role(condition=condition)
    assert bearer.assume(role_arn).status == without
    assert bearer.assume(role_arn, bearer.code()).status == with_code


def test_a_denial_of_who_has_no_second_factor_meets_a_long_term_key(bearer: Bearer) -> None:
    role_arn = bearer.role(condition={"BoolIfExists": {"aws:MultiFactorAuthPresent": "false"}}, effect="Deny")
    assert told(bearer.assume(role_arn)) == (403, "AccessDenied")
    assert bearer.assume(role_arn, bearer.code()).status == 200


def test_a_sessions_own_requests_tell_nothing_of_a_second_factor(bearer: Bearer) -> None:
    first, account_id = bearer.role(), bearer.tenant.account_id
    session = bearer.assume(first, bearer.code()).key()
    for name, condition, status in (
        ("present", PRESENT, 403),
        ("absent", {"Null": {"aws:MultiFactorAuthPresent": "true", "aws:MultiFactorAuthAge": "true"}}, 200),
    ):
        trusted = trust(f"arn:aws:iam::{account_id}:role/worker", condition=dict(condition))
        made = bearer.service.call(bearer.tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=trusted)
        assert bearer.service.assume(session, made.text("Arn")).status == status


@pytest.mark.parametrize("half", ["SerialNumber", "TokenCode"])
def test_half_of_a_second_factor_is_refused(bearer: Bearer, half: str) -> None:
    shown = {"SerialNumber": bearer.serial_number, "TokenCode": bearer.code()}
    reply = bearer.service.assume(bearer.tenant.key, bearer.role(), **{half: shown[half]})
    assert told(reply) == (403, "AccessDenied")
    assert reply.message == (
        "MultiFactorAuthentication failed, must provide both MFA serial number and one time pass code."
    )


def test_a_wrong_code_is_refused_though_the_role_asks_for_none(bearer: Bearer) -> None:
    role_arn = bearer.role(condition={"Null": {"aws:MultiFactorAuthAge": "true"}})
    reply = bearer.assume(role_arn, bearer.code(5))
    assert told(reply) == (403, "AccessDenied")
    assert reply.message == "MultiFactorAuthentication failed with invalid MFA one time pass code."


@pytest.mark.parametrize(
    "code", ["12345", "1234567", "12345a", "\uff11\uff12\uff13\uff14\uff15\uff16", "\u0661" * 6, ""]
)
def test_what_is_no_code_is_refused_before_it_is_looked_at(bearer: Bearer, code: str) -> None:
    assert told(bearer.assume(bearer.role(), code)) == (400, "ValidationError")


def test_a_28_a_code_is_used_up_though_the_request_is_refused(bearer: Bearer) -> None:
    code = bearer.code()
    refused = bearer.assume(f"arn:aws:iam::{bearer.tenant.account_id}:role/none", code)
    assert told(refused) == (403, "AccessDenied")
    assert "no role trust policy allows" in refused.message
    assert "invalid MFA" in bearer.assume(bearer.role(), code).message


def test_a_28_codes_of_enabling_are_used_up(bearer: Bearer) -> None:
    role_arn = bearer.role()
    assert bearer.assume(role_arn, bearer.code(-1)).status == 403
    assert bearer.assume(role_arn, bearer.code()).status == 200


def test_a_28_a_code_that_was_used_is_refused_after_a_restart(home: Path, clock: ManualClock) -> None:
    entropy = Entropy()
    with running(home, clock, entropy) as service:
        bearer = enable(service, service.tenant())
        role_arn = bearer.role()
        assert bearer.assume(role_arn, bearer.code()).status == 200
    with running(home, clock, entropy) as again:
        bearer.service = again
        assert bearer.assume(role_arn, bearer.code()).status == 403
        clock.tick(-10 * ONE)
        assert bearer.assume(role_arn, bearer.code(10)).status == 403
        clock.tick(11 * ONE)
        assert bearer.assume(role_arn, bearer.code()).status == 200


def test_a_35_the_time_that_a_client_says_does_not_count(bearer: Bearer, clock: ManualClock) -> None:
    """The client signs as of ten minutes ago, which a signature may, and shows the code of then."""
    then = clock.now() - timedelta(minutes=10)
    role_arn = bearer.role()

    def assume(code: str) -> Reply:
        body = (
            f"Action=AssumeRole&Version=2011-06-15&RoleSessionName=session&TokenCode={code}"
            f"&RoleArn={role_arn}&SerialNumber={bearer.serial_number}"
        )
        dated = {"date": then.strftime("%a, %d %b %Y %H:%M:%S GMT")}
        return bearer.service.send(bearer.tenant.key, body=body.encode(), at=then, headers=dated)

    assert "invalid MFA" in assume(bearer.device.code(then)).message
    assert assume(bearer.code()).status == 200


def test_a_30_wrong_codes_lock_the_codes_over_the_wire_and_time_unlocks_them(
    bearer: Bearer, clock: ManualClock
) -> None:
    role_arn = bearer.role()
    replies = [bearer.assume(role_arn, bearer.code(50 + number)).message for number in range(12)]
    assert sum("with invalid MFA" in said for said in replies) == 10
    assert "too many invalid" in bearer.assume(role_arn, bearer.code()).message
    assert bearer.assume(role_arn).status == 403  # the access key works on, and proves nothing of the device
    clock.tick(timedelta(minutes=15))
    assert bearer.assume(role_arn, bearer.code()).status == 200


@pytest.mark.parametrize("operation", ["AssumeRole", "GetSessionToken"])
def test_a_22_codes_of_requests_and_wrong_passwords_of_an_address_count_together(
    bearer: Bearer, clock: ManualClock, operation: str
) -> None:
    role_arn, guesser = bearer.role(condition={"BoolIfExists": PRESENT["Bool"]}), Browser(bearer.service)
    page = guesser.get("/ui/sign-in")
    for number in range(_WRONG_OF_ONE_ADDRESS // 2):
        form = {"account": bearer.tenant.account_id, "user": f"nobody-{number}", "password": "no words of meaning"}
        assert guesser.send(page, "/ui/sign-in", **form).status == 403
    named = {"RoleArn": role_arn, "RoleSessionName": "session"} if operation == "AssumeRole" else {}
    shown = {**named, "SerialNumber": bearer.serial_number}
    for number in range(_WRONG_OF_ONE_ADDRESS // 2):
        reply = bearer.service.call(
            bearer.tenant.key, operation, "sts", **shown, TokenCode=bearer.device.code(clock.now(), 50 + number)
        )
        assert told(reply) == (403, "AccessDenied")
    # By whichever path, and whosever: the count is of the address.
    reply = bearer.service.call(bearer.tenant.key, operation, "sts", **shown, TokenCode=bearer.code())
    assert told(reply) == (400, "Throttling")
    assert 0 < int(reply.headers["retry-after"]) <= 15 * 60
    assert guesser.send(page, "/ui/sign-in", account="a", user="b", password="no words of meaning").status == 429
    assert bearer.service.call(bearer.tenant.key, operation, "sts", **named).status == 200  # what shows no code goes on
    clock.tick(timedelta(minutes=15))
    assert bearer.service.call(bearer.tenant.key, operation, "sts", **shown, TokenCode=bearer.code()).status == 200


def test_a_22_right_codes_of_requests_do_not_count_by_address(bearer: Bearer, clock: ManualClock) -> None:
    role_arn = bearer.role()
    for _ in range(_WRONG_OF_ONE_ADDRESS + 1):
        assert bearer.assume(role_arn, bearer.code()).status == 200
        clock.tick(ONE)


def test_a_30_wrong_pairs_are_counted_though_the_request_is_refused(bearer: Bearer) -> None:
    shown = {"UserName": "admin", "SerialNumber": bearer.serial_number}
    wrong = bearer.device.pair(bearer.service.clock.now(), 500)
    for _ in range(10):
        assert told(bearer.service.call(bearer.tenant.key, "ResyncMFADevice", **shown, **wrong)) == (
            403, "InvalidAuthenticationCode",
        )  # fmt: skip
    assert "too many invalid" in bearer.assume(bearer.role(), bearer.code()).message
    more = bearer.service.call(bearer.tenant.key, "CreateVirtualMFADevice", VirtualMFADeviceName="more")
    other = Authenticator(decode(more.text("Base32StringSeed"))).pair(bearer.service.clock.now())
    enabling = {**shown, "SerialNumber": more.text("SerialNumber"), **other}
    reply = bearer.service.call(bearer.tenant.key, "EnableMFADevice", **enabling)
    assert told(reply) == (409, "EntityTemporarilyUnmodifiable")


def test_wrong_codes_are_recorded_each_and_no_code_is(bearer: Bearer) -> None:
    wrong, right, role_arn = bearer.code(7), bearer.code(), bearer.role()
    bearer.assume(role_arn, wrong)
    bearer.assume(role_arn, right)
    bearer.assume(role_arn, right)
    tried = [record for record in read_records(bearer.service) if record["operation"] == "sts:AssumeRole"]
    assert [(record["event"], record["detail"]) for record in tried] == [
        ("role.assume.refused", "the code is wrong"),
        ("role.assume.done", None),
        ("role.assume.refused", "the code was used"),
    ]
    for record in read_records(bearer.service):
        assert not {"TokenCode", "AuthenticationCode1", "AuthenticationCode2"} & record["parameters"].keys()
        assert bearer.device.seed not in json.dumps(record)
        assert not {wrong, right} & {str(value) for value in record["parameters"].values()}


def test_a_session_begun_with_a_code_calls_iam_and_tells_its_age(bearer: Bearer, clock: ManualClock) -> None:
    shown = {"SerialNumber": bearer.serial_number, "TokenCode": bearer.code()}
    session = bearer.service.call(bearer.tenant.key, "GetSessionToken", "sts", **shown).key()
    assert bearer.service.call(session, "ListUsers").status == 200
    fresh = bearer.role("fresh", {**PRESENT, "NumericLessThan": {"aws:MultiFactorAuthAge": "60"}})
    assert bearer.assume(fresh, key=session).status == 200
    clock.tick(timedelta(seconds=60))
    assert told(bearer.assume(fresh, key=session)) == (403, "AccessDenied")


def test_a_28_a_code_begins_one_session(bearer: Bearer) -> None:
    shown = {"SerialNumber": bearer.serial_number, "TokenCode": bearer.code()}
    first, second = (bearer.service.call(bearer.tenant.key, "GetSessionToken", "sts", **shown) for _ in range(2))
    assert first.status == 200
    assert told(second) == (403, "AccessDenied")
    assert told(bearer.assume(bearer.role(), shown["TokenCode"])) == (403, "AccessDenied")


def test_the_token_says_that_a_second_factor_was_shown(bearer: Bearer) -> None:
    shown = {"SerialNumber": bearer.serial_number, "TokenCode": bearer.code()}
    token = bearer.service.call(bearer.tenant.key, "GetSessionToken", "sts", **shown).key().token or ""
    payload = token.split(".")[1]
    claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    assert (claims["amr"], claims["auth_time"]) == (["mfa", "otp"], int(bearer.service.clock.now().timestamp()))


@pytest.mark.parametrize("drift", [0, 10])
def test_a_device_that_is_enabled_again_is_taken_at_the_time_it_shows_then(
    service: Service, tenant: Tenant, clock: ManualClock, drift: int
) -> None:
    bearer = enable(service, tenant)
    named = {"UserName": "admin", "SerialNumber": bearer.serial_number}
    resync = service.call(tenant.key, "ResyncMFADevice", **named, **bearer.device.pair(clock.now(), 10))
    assert resync.status == 200
    clock.tick(timedelta(hours=1))
    assert service.call(tenant.key, "DeactivateMFADevice", **named).status == 200
    shown = bearer.device.pair(clock.now(), drift)
    assert service.call(tenant.key, "EnableMFADevice", **named, **shown).status == 200
    clock.tick(timedelta(minutes=5))
    proof = {"SerialNumber": bearer.serial_number, "TokenCode": bearer.code(drift)}
    assert service.call(tenant.key, "GetSessionToken", "sts", **proof).status == 200
