"""The whole of a deployment in local processes: store, cache, migration, two services and the shipped balancer."""

import http.client
import json
import ssl
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from tests.aws.cli import Cli, as_environment
from tests.aws.clients import key_of, make_role, refused
from tests.balancer.conftest import Topology, running
from tests.balancer.nodes import run_sts
from tests.faults.processes import Answer, finish
from tests.installed import get_installed
from tests.service import REGION, VERSIONS, allow, trust
from tests.signing import encode, sign


@pytest.fixture(scope="module", params=["parts", "secure_parts"], ids=["plain", "tls"])
def topology(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Topology]:
    with running(request.getfixturevalue(request.param), tmp_path_factory.mktemp("topology")) as begun:
        yield begun


@pytest.fixture
def pointed(topology: Topology) -> dict[str, str]:
    """What points AWS clients, and ours, to the balancer."""
    told = {"AWS_ENDPOINT_URL": topology.parts.url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    authority = topology.parts.authority
    return told if authority is None else told | {"AWS_CA_BUNDLE": str(authority.file)}


@pytest.fixture
def cli(pointed: dict[str, str], tmp_path: Path) -> Cli:
    return Cli(get_installed("TEST_AWS_V2"), tmp_path, {**pointed, "AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json"})


def _role(topology: Topology, name: str, **condition: dict[str, str]) -> str:
    """Make a role that the account trusts on *condition*."""
    policy = trust(f"arn:aws:iam::{topology.parts.account_id}:root", condition=condition or None)
    return make_role(topology.boto("iam", topology.parts.key), name, policy, allow("iam:ListUsers"))


def test_a_role_is_made_assumed_on_one_service_used_on_the_other_and_revoked_on_both(
    topology: Topology, cli: Cli, pointed: dict[str, str]
) -> None:
    parts, role_arn = topology.parts, _role(topology, "deploy")
    one, two = (f"http://127.0.0.1:{node.port}" for node in (topology.one, topology.two))
    # Signed for another name than the balancer's: who signs for what it connects to is right on either.
    session = key_of(topology.boto("sts", parts.key, one).assume_role(RoleArn=role_arn, RoleSessionName="ci"))
    arn = f"arn:aws:sts::{parts.account_id}:assumed-role/deploy/ci"
    assert topology.boto("sts", session, two).get_caller_identity()["Arn"] == arn
    assert cli.get("sts", "get-caller-identity", **as_environment(session))["Arn"] == arn
    assert cli.get("iam", "list-users", **as_environment(session))["Users"][0]["UserName"] == "admin"

    operator = parts.environment | pointed | as_environment(parts.key)
    assert run_sts(operator, "revoke", "principal", role_arn)["arn"] == role_arn
    for url in (one, two, None):
        with refused("ExpiredToken", 403):
            topology.boto("sts", session, url).get_caller_identity()
    assert "ExpiredToken" in cli.fail("sts", "get-caller-identity", **as_environment(session))


def test_each_service_is_asked(topology: Topology) -> None:
    before = [topology.balancer.requests(name) for name in ("one", "two")]
    for _ in range(8):
        topology.boto("sts", topology.parts.key).get_caller_identity()
    after = [topology.balancer.requests(name) for name in ("one", "two")]
    assert [late - early for early, late in zip(before, after, strict=True)] == [4, 4]


def _assume_from(topology: Topology, address: str, role_arn: str, **headers: str) -> Answer:
    """Call AssumeRole through the balancer from *address*, another one of loopback, with *headers* beside."""
    form = {"Action": "AssumeRole", "Version": VERSIONS["sts"], "RoleArn": role_arn, "RoleSessionName": "here"}
    body, port = encode(form).encode(), topology.parts.port
    signed = sign(
        topology.parts.key, method="POST", host=f"127.0.0.1:{port}", path="/", query="", body=body,
        at=datetime.now(UTC), service="sts", region=REGION,
    )  # fmt: skip
    with closing(_connect(topology, address)) as connection:
        connection.request("POST", "/", body, signed | {"content-type": "application/x-www-form-urlencoded"} | headers)
        return finish(connection)


def _connect(topology: Topology, address: str) -> http.client.HTTPConnection:
    authority, source = topology.parts.authority, (address, 0)
    if authority is None:
        return http.client.HTTPConnection("127.0.0.1", topology.parts.port, timeout=30, source_address=source)
    trusting = ssl.create_default_context(cafile=authority.file)
    return http.client.HTTPSConnection(
        "127.0.0.1", topology.parts.port, timeout=30, source_address=source, context=trusting
    )


def test_o_33_the_client_is_who_connects_to_the_balancer_and_not_who_it_says_it_is(topology: Topology) -> None:
    role_arn = _role(topology, "office", IpAddress={"aws:SourceIp": "127.0.0.2"})
    for name in ("x-forwarded-for", "X-FORWARDED-FOR"):
        assert _assume_from(topology, "127.0.0.2", role_arn, **{name: "203.0.113.9"}).status == 200
        answer = _assume_from(topology, "127.0.0.3", role_arn, **{name: "127.0.0.2"})
        assert (answer.status, answer.find("Code")) == (403, "AccessDenied")


def test_o_33_whether_the_way_was_https_is_what_the_balancer_saw(topology: Topology) -> None:
    role_arn = _role(topology, "careful", Bool={"aws:SecureTransport": "true"})
    is_secure = topology.parts.authority is not None
    for claimed in ("https", "http"):
        answer = _assume_from(topology, "127.0.0.1", role_arn, **{"x-forwarded-proto": claimed})
        assert answer.status == (200 if is_secure else 403)


def test_the_record_holds_the_clients_address(topology: Topology) -> None:
    role_arn = _role(topology, "recorded")
    request_id = _assume_from(topology, "127.0.0.4", role_arn).find("RequestId")
    told = topology.parts.store.ask(
        f"SELECT body FROM audit_record WHERE body LIKE '%{request_id}%'",  # noqa: S608  our own words
        topology.parts.database,
    )
    record: dict[str, Any] = json.loads(told)
    assert record["address"] == "127.0.0.4"
