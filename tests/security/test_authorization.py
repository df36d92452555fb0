"""Z-01: every route and every operation, for everyone who should not."""

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest
from starlette.routing import Route

from sts.app import create_app
from sts.clock import ManualClock
from sts.settings import read_settings
from tests.conftest import BEGINNING
from tests.security.forging import begin_session
from tests.security.lifecycle import BEGUN, BY_TOKEN, EVERY, Call, populate
from tests.security.stored import read_tables
from tests.security.wire import as_json, invoke, told
from tests.service import Service, Tenant, allow
from tests.signing import Key
from tests.table import read_table

# Who may come: anyone, or whoever the operation's row says.
PUBLIC = {"/.well-known/jwks.json", "/livez", "/readyz", "/metrics", "/v1/authorize"} | {
    f"/outbound/{{issuer_id}}/.well-known/{document}" for document in ("openid-configuration", "jwks.json")
}
POSSESSION = {"/v1/token"}
PAGES = {"/ui", "/ui/{path:path}", "/v1/sessions/confirmation"}  # each row of their table states its proof
SIGNED = {"/", "/api/{path:path}"}
# Of which AWS says in other words that it is there.
TAKEN = {
    "CreateServiceLinkedRole": (400, "InvalidInput"),
    "EnableOutboundWebIdentityFederation": (409, "FeatureEnabled"),
}

AsWhom = Callable[[Service, Tenant], Key | None]


def _nobody(_service: Service, _tenant: Tenant) -> None:
    return None


def _plain_user(service: Service, tenant: Tenant) -> Key:
    invoke(service, tenant.key, "CreateUser", UserName="plain")
    reply = invoke(service, tenant.key, "CreateAccessKey", UserName="plain")
    return Key(reply.text("AccessKeyId"), reply.text("SecretAccessKey"))


def _bare_session(service: Service, tenant: Tenant) -> Key:
    """A session of a role that may do everything, limited to nothing."""
    return begin_session(service, tenant, Policy=allow("none:Nothing"))


def _stranger(service: Service, _tenant: Tenant) -> Key:
    return Key("AKIA" + "A" * 16, service.entropy.secret_access_key())


def test_z_01_every_operation_of_the_table_is_tried(tmp_path: Path) -> None:
    offered = {(row.row.service, row.row.name) for row in read_table(tmp_path).offered.values()}
    assert {(call.service, call.name) for call in EVERY} == offered
    assert len(EVERY) == len(offered)


def test_z_01_every_route_says_who_may_come(home: Path) -> None:
    app = create_app(read_settings({"STS_HOME": str(home)}), clock=ManualClock(BEGINNING))
    paths = {route.path for route in app.routes if isinstance(route, Route)}
    assert len(paths) == len(app.routes)
    assert SIGNED <= paths <= SIGNED | PUBLIC | POSSESSION | PAGES


def _begins_own_session(call: Call, key: Key | None) -> bool:
    """Say whether this lends a user what is the user's own, for which no permission is needed."""
    return call.name == "GetSessionToken" and key is not None and key.token is None


@pytest.mark.parametrize(
    ("whom", "wanted"),
    [
        (_nobody, (403, "MissingAuthenticationToken")),
        (_stranger, (403, "InvalidClientTokenId")),
        (_plain_user, (403, "AccessDenied")),
        (_bare_session, (403, "AccessDenied")),
    ],
)
def test_z_01_who_may_nothing_does_nothing(
    service: Service, tenant: Tenant, whom: AsWhom, wanted: tuple[int, str]
) -> None:
    populate(service, tenant)
    key = whom(service, tenant)
    before = read_tables(service)
    for call in EVERY:
        reply = call.send(service, key, tenant.account_id, tenant.key.access_key_id)
        if wanted[1] == "AccessDenied" and (call.name == "GetCallerIdentity" or _begins_own_session(call, key)):
            assert reply.status == 200
        elif call.name in BY_TOKEN:
            assert told(reply) == BY_TOKEN[call.name]
        else:
            assert told(reply) == wanted, call
    assert read_tables(service) == before
    audit = service.send(key, method="GET", path="/api/audit/records")
    assert (audit.status, as_json(audit)["__type"]) == wanted


def test_z_01_who_has_ended_does_nothing(service: Service, tenant: Tenant, clock: ManualClock) -> None:
    populate(service, tenant)
    ended = begin_session(service, tenant)
    clock.tick(timedelta(hours=1))
    before = read_tables(service)
    for call in EVERY:
        reply = call.send(service, ended, tenant.account_id, tenant.key.access_key_id)
        assert told(reply) == BY_TOKEN.get(call.name, (403, "ExpiredToken"))
    assert read_tables(service) == before
    assert service.send(ended, method="GET", path="/api/audit/records").status == 403


def test_z_01_root_does_everything_in_its_account_but_what_is_not_for_root(service: Service, tenant: Tenant) -> None:
    refused = {"AssumeRole": 403, "GetWebIdentityToken": 403, "ChangePassword": 400}
    root, made = service.root_key(tenant), ""
    for call in EVERY:
        reply = call.send(service, root, tenant.account_id, made)
        assert reply.status == refused.get(call.name, call.status), (call, reply.body)
        if call.name == "CreateAccessKey":
            made = reply.text("AccessKeyId")
    assert service.send(root, method="GET", path="/api/audit/records").status == 200


def test_z_01_each_operation_needs_its_own_action_and_no_other(service: Service, tenant: Tenant) -> None:
    populate(service, tenant)
    user = _plain_user(service, tenant)
    for call in BEGUN:
        statement = {"Effect": "Allow", "NotAction": f"{call.service}:{call.name}", "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": statement})
        invoke(service, tenant.key, "PutUserPolicy", UserName="plain", PolicyName="most", PolicyDocument=document)
        assert told(call.send(service, user, tenant.account_id, "")) == (403, "AccessDenied")
        document = allow(f"{call.service}:{call.name}")
        invoke(service, tenant.key, "PutUserPolicy", UserName="plain", PolicyName="most", PolicyDocument=document)
        if call.name != "CreateAccessKey":
            taken = TAKEN.get(call.name, (409, "EntityAlreadyExists"))
            assert told(call.send(service, user, tenant.account_id, "")) == taken


@pytest.mark.parametrize("path", ["/.well-known/jwks.json", "/livez", "/readyz", "/metrics"])
def test_z_01_what_is_public_tells_nothing_of_anyone(still: Service, guest: Tenant, path: str) -> None:
    reply = still.send(None, method="GET", path=path)
    assert reply.status == 200
    assert guest.account_id.encode() not in reply.body
    assert guest.key.access_key_id.encode() not in reply.body
