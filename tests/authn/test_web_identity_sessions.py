"""What a token began ends with its provider, and what is recorded of it."""

import json
import logging
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from tests.api.asking import ask, tell
from tests.federation import ISSUER, Realm, denied, refused, register
from tests.service import Service, Tenant, running
from tests.signing import Key


@pytest.fixture
def realm(service: Service, tenant: Tenant) -> Realm:
    return register(service, tenant, ISSUER)


def _change(realm: Realm, what: str) -> None:
    tell(ask(realm.service, realm.tenant.key, f"/api/providers/{what}", {"name": realm.name}))


def _identify(realm: Realm, key: Key) -> int:
    return realm.service.call(key, "GetCallerIdentity", "sts").status


def _chain(realm: Realm) -> list[Key]:
    """Return the keys of a session of a token, of one that it began, and of one that this began."""
    root = {"AWS": f"arn:aws:iam::{realm.tenant.account_id}:root"}
    key = realm.assume(realm.make_role("first")).key()
    keys = [key]
    for name in ("second", "third"):
        arn = realm.make_role(name, realm.trusts(whom=root) | {"Action": "sts:AssumeRole"})
        keys.append(realm.service.assume(keys[-1], arn).key())
    assert [_identify(realm, each) for each in keys] == [200, 200, 200]
    return keys


@pytest.mark.parametrize("what", ["disable", "remove"])
def test_a_provider_that_goes_takes_along_all_that_its_tokens_began(realm: Realm, what: str) -> None:
    keys = _chain(realm)
    _change(realm, what)
    for key in keys:
        refused(realm.service.call(key, "GetCallerIdentity", "sts"), "ExpiredToken", 403)
    refused(
        realm.assume(f"arn:aws:iam::{realm.tenant.account_id}:role/first"),
        "InvalidIdentityToken",
        saying="No OpenIDConnect",
    )


def test_a_provider_that_is_enabled_again_or_made_anew_brings_nothing_back(realm: Realm, clock: ManualClock) -> None:
    keys = _chain(realm)
    first = f"arn:aws:iam::{realm.tenant.account_id}:role/first"
    _change(realm, "disable")
    _change(realm, "enable")
    assert [_identify(realm, each) for each in keys] == [403, 403, 403]
    again = realm.assume(first).key()
    assert _identify(realm, again) == 200
    _change(realm, "remove")
    clock.tick(timedelta(seconds=1))
    anew = register(realm.service, realm.tenant, ISSUER)
    assert [_identify(realm, each) for each in (*keys, again)] == [403, 403, 403, 403]
    refused(realm.assume(first), "InvalidIdentityToken")
    assert _identify(realm, anew.assume(first).key()) == 200


def test_a_provider_that_goes_leaves_the_sessions_of_others(realm: Realm, service: Service, tenant: Tenant) -> None:
    other = register(service, tenant, "https://other.example.com")
    both = realm.trusts(whom={"Federated": [realm.arn, other.arn]})
    arn = realm.make_role("shared", both)
    mine, theirs = realm.assume(arn).key(), other.assume(arn).key()
    _change(realm, "disable")
    assert [_identify(realm, each) for each in (mine, theirs)] == [403, 200]


def test_a_disabled_role_ends_its_sessions_and_is_refused_as_a_missing_one(realm: Realm, service: Service) -> None:
    arn = realm.make_role("worker")
    key = realm.assume(arn).key()
    tell(ask(service, realm.tenant.key, "/api/roles/disable", {"name": "worker"}))
    assert _identify(realm, key) == 403
    denied(realm.assume(arn))


def test_a_role_made_anew_under_the_name_is_another(realm: Realm, service: Service) -> None:
    key = realm.assume(realm.make_role("worker")).key()
    service.call(realm.tenant.key, "DeleteRolePolicy", RoleName="worker", PolicyName="may")
    assert service.call(realm.tenant.key, "DeleteRole", RoleName="worker").status == 200
    realm.make_role("worker")
    refused(service.call(key, "GetCallerIdentity", "sts"), "InvalidClientTokenId", 403)


def test_a_session_of_a_token_can_be_revoked_and_so_can_all_of_its_role(realm: Realm, service: Service) -> None:
    arn = realm.make_role("worker")
    one, other = (realm.assume(arn) for _ in range(2))
    made = [record["made"] for record in _records(realm) if record["made"].get("jti")]
    revoked = next(each["jti"] for each in made if each["AccessKeyId"] == one.key().access_key_id)
    tell(ask(service, realm.tenant.key, "/api/sessions/revoke", {"jti": revoked}))
    assert [_identify(realm, each.key()) for each in (one, other)] == [403, 200]
    tell(ask(service, realm.tenant.key, "/api/principals/revoke", {"arn": arn}))
    assert _identify(realm, other.key()) == 403


def _records(realm: Realm) -> list[dict[str, Any]]:
    reply = realm.service.send(realm.tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    found: list[dict[str, Any]] = json.loads(reply.body)["records"]
    return [each for each in found if each["operation"] == "sts:AssumeRoleWithWebIdentity"]


def test_the_record_says_issuer_subject_and_audience(realm: Realm) -> None:
    arn = realm.make_role("worker")
    realm.assume(arn, "build-7", token=realm.token(sub="ann"))
    realm.assume(f"{arn}s", token=realm.token(sub="bob"))
    done, refusal = sorted(_records(realm), key=lambda record: record["sequence"])
    for record, subject in ((done, "ann"), (refusal, "bob")):
        principal = record["principal"]
        told = {
            name: principal[name] for name in ("arn", "type", "account_id", "issuer", "subject", "audience", "proven")
        }
        assert told == {
            "arn": realm.arn,
            "type": "web-identity",
            "account_id": realm.tenant.account_id,
            "issuer": ISSUER,
            "subject": subject,
            "audience": "sts.amazonaws.com",
            "proven": True,
        }
    assert (done["event"], refusal["event"]) == ("role.assume.done", "role.assume.refused")
    assert done["parameters"] == {"RoleArn": arn, "RoleSessionName": "build-7"}
    assert done["pairs"] == [["sts:AssumeRoleWithWebIdentity", arn]]


def test_a_session_s_own_records_name_the_subject_that_began_it(realm: Realm, service: Service) -> None:
    key = realm.assume(realm.make_role("worker"), token=realm.token(sub="ann")).key()
    service.call(key, "GetCallerIdentity", "sts")
    reply = service.send(realm.tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    records = json.loads(reply.body)["records"]
    (record,) = (each for each in records if each["event"] == "caller.identify.done")
    assert next((hop["arn"], hop["session_name"]) for hop in record["chain"]) == (realm.arn, "ann")


def test_the_use_of_a_role_is_noted_when_its_session_is_used(realm: Realm, service: Service) -> None:
    key = realm.assume(realm.make_role("worker")).key()
    service.call(key, "GetCallerIdentity", "sts")
    used = service.call(realm.tenant.key, "GetRole", RoleName="worker")
    assert used.text("LastUsedDate")


def test_o_45_a_token_is_in_no_log_no_record_no_answer_and_no_file(
    home: Path, clock: ManualClock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    with running(home, clock) as service:
        realm = register(service, service.tenant(), ISSUER)
        arn = realm.make_role("worker")
        taken, foreign = realm.token(note="canary"), realm.token(aud="canary")
        answers = [realm.assume(arn, token=token) for token in (taken, foreign, f"{taken}x")]
        answers.append(realm.assume(f"{arn}s", token=taken))
    secrets = [part for token in (taken, foreign) for part in token.split(".")[1:]]
    kept = b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())
    assert [answer.status for answer in answers] == [200, 400, 400, 403]
    for secret in secrets:
        assert secret not in caplog.text
        assert secret.encode() not in kept
        assert all(secret.encode() not in answer.body for answer in answers)


def test_a_flood_of_bad_tokens_keeps_nobody_out_who_came_to_their_account_from_there(
    home: Path, clock: ManualClock
) -> None:
    with running(home, clock, STS_RATE_FAILED_PROOFS="1/5") as service:
        realm, other = (register(service, service.tenant(), ISSUER) for _ in range(2))
        arn, closed = realm.make_role("worker"), other.make_role("worker")
        assert realm.assume(arn).status == 200
        codes = [other.assume(closed, token="a.b.c").code for _ in range(6)]
        assert codes == ["InvalidIdentityToken"] * 5 + ["Throttling"]
        assert other.assume(closed).code == "Throttling"
        assert realm.assume(arn).status == 200
        clock.tick(timedelta(seconds=5))
        assert other.assume(closed).status == 200


def test_who_comes_with_tokens_is_counted_by_subject_and_their_sessions_with_them(
    home: Path, clock: ManualClock
) -> None:
    with running(home, clock, STS_RATE_CALLER="1/3") as service:
        realm = register(service, service.tenant(), ISSUER)
        clock.tick(timedelta(seconds=60))
        arn = realm.make_role("worker")
        begun = realm.assume(arn, token=realm.token(sub="ann"))
        statuses = [_identify(realm, begun.key()) for _ in range(3)]
        assert statuses == [200, 200, 400]
        assert realm.assume(arn, token=realm.token(sub="ann")).code == "Throttling"
        assert realm.assume(arn, token=realm.token(sub="bob")).status == 200
