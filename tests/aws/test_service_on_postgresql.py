"""The whole service on PostgreSQL, through a real client."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from sts.clock import SystemClock
from tests.postgresql_server import PostgresqlServer
from tests.security.rotating import until
from tests.service import REGION, Service, allow, running, trust
from tests.signing import Key


@pytest.fixture
def url(postgresql: PostgresqlServer) -> str:
    return postgresql.url(postgresql.make_database())


@pytest.fixture
def pair(tmp_path: Path, url: str) -> Iterator[tuple[Service, Service]]:
    """Two processes, as it were, on one store and with the same keys."""
    with (
        running(tmp_path / "home", SystemClock(), STS_DATABASE_URL=url) as one,
        running(tmp_path / "home", SystemClock(), STS_DATABASE_URL=url) as other,
    ):
        yield one, other


def test_what_is_made_on_one_process_is_used_on_the_other(pair: tuple[Service, Service]) -> None:
    one, other = pair
    tenant = one.tenant()
    iam = one.boto("iam", tenant.key)
    user = iam.create_user(UserName="alice", Path="/staff/")["User"]
    iam.put_user_policy(UserName="alice", PolicyName="assume", PolicyDocument=allow("sts:AssumeRole"))
    role = iam.create_role(RoleName="worker", AssumeRolePolicyDocument=trust(user["Arn"]))["Role"]
    made = iam.create_access_key(UserName="alice")["AccessKey"]
    alice = Key(made["AccessKeyId"], made["SecretAccessKey"])
    session = other.boto("sts", alice).assume_role(RoleArn=role["Arn"], RoleSessionName="night")["Credentials"]
    worker = Key(session["AccessKeyId"], session["SecretAccessKey"], session["SessionToken"])
    told = one.boto("sts", worker).get_caller_identity()
    assert told["Arn"] == f"arn:aws:sts::{tenant.account_id}:assumed-role/worker/night"
    used = other.boto("iam", tenant.key).get_access_key_last_used(AccessKeyId=alice.access_key_id)
    assert (used["UserName"], used["AccessKeyLastUsed"]["Region"]) == ("alice", REGION)
    with pytest.raises(ClientError, match="EntityAlreadyExists"):
        other.boto("iam", tenant.key).create_user(UserName="ALICE")


def test_an_issuer_that_one_process_enables_or_disables_is_so_on_the_other(pair: tuple[Service, Service]) -> None:
    one, other = pair
    tenant = one.tenant()
    iam, elsewhere = one.boto("iam", tenant.key), other.boto("iam", tenant.key)
    wish = {"Audience.member.1": "stranger", "SigningAlgorithm": "RS256"}
    ask = partial(other.call, tenant.key, "GetWebIdentityToken", "sts", **wish)
    issuers = set()
    for _ in range(2):
        issuers.add(iam.enable_outbound_web_identity_federation()["IssuerIdentifier"])
        assert elsewhere.get_outbound_web_identity_federation_info()["IssuerIdentifier"] in issuers
        until(ask, lambda reply: reply.status == 200)
        iam.disable_outbound_web_identity_federation()
        until(ask, lambda reply: reply.status == 403)
    assert len(issuers) == 1
