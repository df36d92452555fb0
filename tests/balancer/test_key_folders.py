"""Two services on hosts of their own: one makes keys, the other has a copy of its folder, mounted read-only."""

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from sts.crypto.jws import parse_jws
from tests.balancer.conftest import Parts
from tests.balancer.nodes import Node, run_sts, started
from tests.deploy.namespaces import apart
from tests.faults.processes import Answer, wait_until
from tests.service import trust
from tests.signing import Key

_READ_ONLY = 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0" && exec "$@"'


def mounting_read_only(folder: Path) -> tuple[str, ...]:
    """Return the words before a command that sees *folder* mounted read-only, as nobody else does."""
    return (*apart(), "sh", "-c", _READ_ONLY, str(folder))


@dataclass(frozen=True)
class Hosts:
    """A service that makes keys in *made*, and one that reads those in *copied*."""

    one: Node
    two: Node
    made: Path
    copied: Path

    def copy(self, name: str) -> None:
        shutil.copy2(self.made / name, self.copied / name)


@pytest.fixture(scope="module")
def hosts(parts: Parts, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hosts]:
    made = parts.home / "keys"
    copied = Path(shutil.copytree(made, tmp_path_factory.mktemp("other") / "keys"))
    one, two = parts.node("one"), parts.node("two", STS_KEYS_DIR=str(copied))
    two.before = mounting_read_only(copied)
    with started(one, two):
        yield Hosts(one, two, made, copied)


def rotate(parts: Parts, purpose: str, *words: str) -> dict[str, Any]:
    """Make a key that works at once, without a time in which it could be copied."""
    (key,) = run_sts(parts.environment, "keys", "rotate", "--purpose", purpose, "--emergency", *words)["made"]
    return dict(key)


def assume(node: Node, key: Key, role_arn: str) -> Key:
    answer = node.server.call(key, "AssumeRole", "sts", RoleArn=role_arn, RoleSessionName="host")
    assert answer.status == 200, answer.body
    return Key(*(answer.find(each) or "" for each in ("AccessKeyId", "SecretAccessKey", "SessionToken")))


def identify(node: Node, key: Key) -> Answer:
    return node.server.call(key, "GetCallerIdentity", "sts")


def kid(session: Key) -> str:
    return str(parse_jws(session.token or "").unverified_header["kid"])


def test_a_session_is_refused_until_the_key_that_signed_it_is_copied_and_then_taken_without_a_restart(
    parts: Parts, hosts: Hosts
) -> None:
    policy = trust(f"arn:aws:iam::{parts.account_id}:root")
    made = hosts.one.server.call(parts.key, "CreateRole", RoleName="apart", AssumeRolePolicyDocument=policy)
    role_arn = made.find("Arn") or ""
    before = assume(hosts.one, parts.key, role_arn)
    key = rotate(parts, "signing", "--algorithm", "ES256")
    wait_until(lambda: kid(assume(hosts.one, parts.key, role_arn)) == key["kid"])
    after = assume(hosts.one, parts.key, role_arn)

    refused = identify(hosts.two, after)
    assert (refused.status, refused.find("Code")) == (403, "InvalidClientTokenId")
    assert identify(hosts.two, before).status == 200
    hosts.copy(f"signing-ES256-{key['version']}.json")
    wait_until(lambda: identify(hosts.two, after).status == 200)
    assert identify(hosts.one, assume(hosts.two, parts.key, role_arn)).status == 200


def test_an_access_key_fails_until_the_key_that_sealed_it_is_copied_and_the_rest_goes_on(
    parts: Parts, hosts: Hosts
) -> None:
    key = rotate(parts, "sealing")
    number = count()

    def make() -> Key:
        user = f"late-{next(number)}"
        assert hosts.one.server.call(parts.key, "CreateUser", UserName=user).status == 200
        made = hosts.one.server.call(parts.key, "CreateAccessKey", UserName=user)
        return Key(made.find("AccessKeyId") or "", made.find("SecretAccessKey") or "")

    def is_late() -> bool:
        return identify(hosts.two, make()).status == 500

    wait_until(is_late)  # until the first service has read its folder, it seals as before
    late = make()
    assert identify(hosts.two, late).find("Code") == "InternalFailure"
    assert identify(hosts.two, parts.key).status == 200
    hosts.copy(f"sealing-{key['version']}.json")
    wait_until(lambda: identify(hosts.two, late).status == 200)
