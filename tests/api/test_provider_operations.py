"""Identity providers through the administration: what IAM does not keep of them."""

import json
from pathlib import Path
from typing import Any

import pytest

from sts.clock import ManualClock
from sts.crypto.jwk import generate_signing_key, render_jwk, render_private_jwk
from tests.api.asking import ask, refusal, tell
from tests.issuers.dated import publishing
from tests.service import Service, Tenant, running

ISSUER = "https://idp.example/realm"
SECRET = "correct horse battery staple"
KEY = generate_signing_key("ES256")
PUBLIC = render_jwk(KEY.verification_key())


def add(service: Service, tenant: Tenant, **members: Any) -> Any:
    return tell(ask(service, tenant.key, "/api/providers/add", {"name": "idp", "issuer": ISSUER, **members}))


def update(service: Service, tenant: Tenant, **members: Any) -> Any:
    return tell(ask(service, tenant.key, "/api/providers/update", {"name": "idp", **members}))


def listed(service: Service, tenant: Tenant) -> Any:
    return tell(service.send(tenant.key, method="GET", path="/api/providers"))["providers"]


def records(service: Service, tenant: Tenant) -> list[Any]:
    reply = service.send(tenant.key, method="GET", path="/api/audit/records", query="limit=1000")
    return [each for each in tell(reply)["records"] if each["event"].startswith("provider.")]


def test_a_provider_is_told_as_it_was_made_and_iam_knows_it(service: Service, tenant: Tenant) -> None:
    made = add(service, tenant, client_ids=["one"], key_set=json.dumps({"keys": [PUBLIC]}))
    assert made["id"].startswith("AOIP")
    assert made == {
        "id": made["id"],
        "name": "idp",
        "arn": f"arn:aws:iam::{tenant.account_id}:oidc-provider/idp.example/realm",
        "issuer": ISSUER,
        "enabled": True,
        "created_at": "2026-03-02T12:00:00Z",
        "client_ids": ["one"],
        "thumbprints": [],
        "client_secret": False,
        "algorithms": ["RS256", "ES256", "ES384", "PS256", "EdDSA"],
        "key_set": {"keys": [PUBLIC]},
        "authorities": None,
        "private_addresses": False,
        "preset": None,
    }
    assert listed(service, tenant) == [made]
    read = service.call(tenant.key, "GetOpenIDConnectProvider", OpenIDConnectProviderArn=made["arn"])
    assert read.text("Url") == "idp.example/realm"


def test_what_is_changed_is_changed_and_the_rest_stays(service: Service, tenant: Tenant) -> None:
    made = add(service, tenant, client_ids=["one"], key_set=json.dumps({"keys": [PUBLIC]}), client_secret=SECRET)
    renamed = update(service, tenant, new_name="main", client_ids=["two", "three"], algorithms=["ES256"])
    changed = {"name": "main", "client_ids": ["two", "three"], "algorithms": ["ES256"]}
    assert renamed == made | changed
    bare = update(service, tenant, name=ISSUER, key_set=None, client_secret=None)
    assert bare == renamed | {"key_set": None, "client_secret": False}
    assert update(service, tenant, name="MAIN", private_addresses=True) == bare | {"private_addresses": True}


def test_a_provider_of_iam_gets_a_name_by_its_issuer(service: Service, tenant: Tenant) -> None:
    service.call(tenant.key, "CreateOpenIDConnectProvider", Url=ISSUER)
    assert [each["name"] for each in listed(service, tenant)] == [None]
    assert update(service, tenant, name=ISSUER, new_name="idp")["name"] == "idp"
    assert tell(ask(service, tenant.key, "/api/providers/remove", {"name": "idp"}))["arn"].endswith("idp.example/realm")
    assert listed(service, tenant) == []


def test_a_preset_fills_in_what_it_knows(service: Service, tenant: Tenant) -> None:
    made = tell(ask(service, tenant.key, "/api/providers/add", {"name": "ci", "preset": "github"}))
    assert (made["issuer"], made["algorithms"]) == ("https://token.actions.githubusercontent.com", ["RS256"])
    reply = ask(service, tenant.key, "/api/providers/add", {"name": "okta", "preset": "okta"})
    assert refusal(reply) == (400, "ValidationError")
    assert b"https://ORGANIZATION.okta.com" in reply.body


def test_a_32_a_client_secret_is_told_to_nobody_again(service: Service, tenant: Tenant) -> None:
    assert add(service, tenant, client_secret=SECRET)["client_secret"] is True
    assert update(service, tenant, client_secret=SECRET + "!")["client_secret"] is True
    ask(service, tenant.key, "/api/providers/update", {"name": "nobody", "client_secret": SECRET})
    ask(service, tenant.key, "/api/providers/add", {"name": "x", "issuer": "not one", "client_secret": SECRET})
    told = json.dumps([listed(service, tenant), records(service, tenant)])
    assert len(records(service, tenant)) == 5
    assert SECRET not in told
    files = [path for path in service.settings.home.rglob("*") if path.is_file()]
    assert files
    assert not [path for path in files if SECRET.encode() in path.read_bytes()]


def test_what_a_record_says_of_a_key_set_is_bounded(service: Service, tenant: Tenant) -> None:
    ask(service, tenant.key, "/api/providers/add", {"name": "idp", "issuer": ISSUER, "key_set": "x" * 100_000})
    (record,) = records(service, tenant)
    assert record["event"] == "provider.create.refused"
    assert len(record["parameters"]["key_set"]) < 13_000


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"issuer": "http://idp.example"}, "begins with https"),
        ({"key_set": json.dumps({"keys": [render_private_jwk(KEY)]})}, "holds a secret"),
        ({"key_set": "{}"}, "1 to 100 keys"),
        ({"authorities": "none"}, "not in PEM"),
        ({"algorithms": []}, "Algorithms are one or more"),
        ({"algorithms": ["HS256"]}, "Algorithms are one or more"),
        ({"preset": "google", "algorithms": ["RS256"]}, "The issuer of Google is"),
        ({"client_ids": [""]}, "client ID"),
        ({"thumbprints": ["x"]}, "thumbprint"),
        ({"client_secret": "ü"}, "client secret"),
    ],
)
def test_what_breaks_a_rule_is_told(service: Service, tenant: Tenant, members: Any, words: str) -> None:
    reply = ask(service, tenant.key, "/api/providers/add", {"name": "idp", "issuer": ISSUER, **members})
    assert refusal(reply) == (400, "InvalidInput")
    assert words in json.loads(reply.body)["message"]
    assert listed(service, tenant) == []
    (record,) = (each for each in records(service, tenant) if each["event"].startswith("provider.create"))
    assert (record["event"], record["error"]) == ("provider.create.refused", "InvalidInput")


@pytest.mark.parametrize(
    ("path", "members"),
    [
        ("add", {"name": "idp", "issuer": ISSUER, "enabled": True}),
        ("add", {"name": "idp", "issuer": ISSUER, "claims": {}}),
        ("add", {"name": "idp", "issuer": ISSUER, "client_ids": "one"}),
        ("add", {"name": "idp", "issuer": ISSUER, "private_addresses": 1}),
        ("add", {"issuer": ISSUER}),
        ("add", {"name": "idp"}),
        ("add", {"name": "two words", "issuer": ISSUER}),
        ("add", {"name": "idp", "preset": "nobody"}),
        ("update", {"name": "idp", "issuer": "https://other.example"}),
        ("update", {"name": "idp", "new_name": None}),
        ("update", {"name": "idp", "client_ids": None}),
        ("remove", {"name": "https://" + "a" * 250}),
        ("remove", {"name": "https://idp.example/\u202e"}),
    ],
)
def test_what_is_not_offered_is_refused(service: Service, tenant: Tenant, path: str, members: Any) -> None:
    reply = ask(service, tenant.key, f"/api/providers/{path}", members)
    assert refusal(reply) == (400, "ValidationError")


def test_a_name_or_an_issuer_that_is_taken_is_told(service: Service, tenant: Tenant) -> None:
    add(service, tenant)
    for members in ({"name": "IDP", "issuer": "https://other.example"}, {"name": "other", "issuer": ISSUER}):
        reply = ask(service, tenant.key, "/api/providers/add", members)
        assert refusal(reply) == (409, "EntityAlreadyExists")


def test_z_07_a_provider_of_another_account_is_not_there(service: Service, tenant: Tenant) -> None:
    add(service, tenant)
    stranger = service.tenant()
    assert listed(service, stranger) == []
    for name in ("idp", ISSUER):
        for verb in ("update", "remove", "disable", "enable"):
            reply = ask(service, stranger.key, f"/api/providers/{verb}", {"name": name})
            assert refusal(reply) == (404, "NoSuchEntity")
    assert len(listed(service, tenant)) == 1


def test_a_provider_is_disabled_and_enabled_and_told_when_it_was_so(service: Service, tenant: Tenant) -> None:
    made = add(service, tenant)
    for enabled, verb in ((False, "disable"), (True, "enable")):
        for changed in (True, False):
            told = tell(ask(service, tenant.key, f"/api/providers/{verb}", {"name": "idp"}))
            assert told == {"arn": made["arn"], "enabled": enabled, "changed": changed}
        assert [each["enabled"] for each in listed(service, tenant)] == [enabled]


def test_the_list_takes_no_parameters(service: Service, tenant: Tenant) -> None:
    reply = service.send(tenant.key, method="GET", path="/api/providers", query="limit=1")
    assert refusal(reply) == (400, "ValidationError")


def test_r_10_an_administrators_mark_does_not_open_the_operators_network(
    home: Path, clock: ManualClock, service: Service, tenant: Tenant
) -> None:
    with publishing(clock.now()) as inside:
        inside.publish(PUBLIC)
        add(service, tenant, issuer=inside.issuer, client_ids=["one"], private_addresses=True)
        assert tell(ask(service, tenant.key, "/api/providers/check", {"name": "idp"}))["ok"] is True
        asked = inside.listener.connections
        with running(home, clock) as strict:  # as it comes: no setting says anything
            told = tell(ask(strict, tenant.key, "/api/providers/check", {"name": "idp"}))
            assert [each["what"] for each in told["findings"]] == ["private_addresses", "address"]
            other = {"name": "other", "issuer": ISSUER}
            refused = ask(strict, tenant.key, "/api/providers/add", {**other, "private_addresses": True})
            assert refusal(refused) == (400, "InvalidInput")
            assert b"STS_ALLOW_PRIVATE_PROVIDERS" in refused.body
            tell(ask(strict, tenant.key, "/api/providers/add", other))
            changed = ask(strict, tenant.key, "/api/providers/update", {"name": "other", "private_addresses": True})
            assert refusal(changed) == (400, "InvalidInput")
        assert inside.listener.connections == asked


def test_r_10_plain_http_is_for_loopback_where_the_service_allows_it_of_all_or_of_this_one(
    home: Path, clock: ManualClock, service: Service, tenant: Tenant
) -> None:
    local, remote = "http://127.0.0.1:8080/realm", "http://idp.example"
    assert service.call(tenant.key, "CreateOpenIDConnectProvider", Url=local).code == "InvalidInput"
    assert add(service, tenant, issuer="http://localhost:1", private_addresses=True)["private_addresses"] is True
    with running(home, clock, STS_ALLOW_PRIVATE_PROVIDERS="on") as allowing:
        assert allowing.call(tenant.key, "CreateOpenIDConnectProvider", Url=local).status == 200
        assert add(allowing, tenant, name="other", issuer="http://[::1]:1")["private_addresses"] is False
        assert allowing.call(tenant.key, "CreateOpenIDConnectProvider", Url=remote).code == "InvalidInput"


def test_a_check_tells_what_is_wrong_and_is_recorded(service: Service, tenant: Tenant) -> None:
    made = add(service, tenant, key_set=json.dumps({"keys": [PUBLIC]}))
    told = tell(ask(service, tenant.key, "/api/providers/check", {"name": "idp"}))
    assert (told["arn"], told["ok"]) == (made["arn"], False)
    (finding,) = told["findings"]
    assert (finding["what"], finding["grave"]) == ("client_ids", True)
    update(service, tenant, client_ids=["one"])
    told = tell(ask(service, tenant.key, "/api/providers/check", {"name": "idp"}))
    assert told == {"arn": made["arn"], "ok": True, "findings": []}
    assert [each["event"] for each in records(service, tenant)].count("provider.check.done") == 2
    assert refusal(ask(service, tenant.key, "/api/providers/check", {"name": "nobody"})) == (404, "NoSuchEntity")


def test_a_check_asks_the_issuer_past_what_is_remembered(service: Service, tenant: Tenant) -> None:
    with publishing(service.clock.now()) as issuer:
        issuer.publish(PUBLIC)
        add(service, tenant, issuer=issuer.issuer, client_ids=["one"], private_addresses=True)
        assert tell(ask(service, tenant.key, "/api/providers/check", {"name": "idp"}))["ok"] is True
        issuer.publish(PUBLIC, issuer="https://other.example")
        told = tell(ask(service, tenant.key, "/api/providers/check", {"name": "idp"}))
    assert [(each["what"], each["grave"]) for each in told["findings"]] == [("document", True)]
