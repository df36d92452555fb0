"""Two instances that trust each other, and one that does not trust itself."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3
import jwt
import pytest
from botocore import UNSIGNED
from botocore.config import Config

from sts.clock import SystemClock
from sts.keyring.rotation import Purpose
from sts.outbound import NAMESPACE
from tests.api.asking import ask, tell
from tests.aws.clients import document, key_of, make_role, refused
from tests.outbound.strangers import KEYS, Stranger, fetch
from tests.ports import find_port
from tests.security.rotating import rotate, until
from tests.service import LOCAL_ISSUERS, REGION, Service, Tenant, allow, running_at, trust

AUDIENCE = "https://sts.example.com/instances"
WEB_IDENTITY = "sts:AssumeRoleWithWebIdentity"


@dataclass(frozen=True)
class Instance:
    """A service with an account that is an issuer, and a job in it that is a role's session."""

    service: Service
    tenant: Tenant
    issuer: str
    job: str  # the ARN of its role

    def boto(self, name: str) -> Any:
        """Return the administrator's client."""
        return self.service.boto(name, self.tenant.key)

    def mint(self, algorithm: str = "ES384") -> str:
        """Return a token of the job."""
        assumed = self.boto("sts").assume_role(RoleArn=self.job, RoleSessionName="night")
        job = self.service.boto("sts", key_of(assumed))
        return str(job.get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm=algorithm)["WebIdentityToken"])

    def trust(self, other: "Instance", **settings: Any) -> str:
        """Let the job of *other* become a role here, and return the role's ARN."""
        told = {"name": "other", "issuer": other.issuer, "client_ids": [AUDIENCE], "private_addresses": True}
        provider = tell(ask(self.service, self.tenant.key, "/api/providers/add", {**told, **settings}))
        locator = other.issuer.partition("://")[2]
        statement = {
            "Effect": "Allow",
            "Principal": {"Federated": provider["arn"]},
            "Action": WEB_IDENTITY,
            "Condition": {"StringEquals": {f"{locator}:sub": other.job, f"{locator}:aud": AUDIENCE}},
        }
        return make_role(self.boto("iam"), "visitor", document(statement), allow("sts:*"))

    def become(self, role: str, token: str) -> Any:
        """Become the role with the token and nothing else."""
        unsigned = Config(signature_version=UNSIGNED, retries={"max_attempts": 1})
        client = boto3.client("sts", endpoint_url=self.service.url, region_name=REGION, config=unsigned)
        return client.assume_role_with_web_identity(RoleArn=role, RoleSessionName="visit", WebIdentityToken=token)


def _begin(service: Service) -> Instance:
    tenant = service.tenant()
    iam = service.boto("iam", tenant.key)
    trusted = trust(f"arn:aws:iam::{tenant.account_id}:user/admin")
    job = make_role(iam, "job", trusted, allow("sts:GetWebIdentityToken"), Path="/nightly/")
    issuer = iam.enable_outbound_web_identity_federation()["IssuerIdentifier"]
    return Instance(service, tenant, issuer, job)


@pytest.fixture(scope="module")
def instances(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Service, Service]]:
    with ExitStack() as stack:
        ports = find_port(), find_port()
        homes = [tmp_path_factory.mktemp("instance") for _ in ports]
        first, second = (
            stack.enter_context(
                running_at(port, home, SystemClock(), None, STS_ISSUER=f"http://127.0.0.1:{port}", **LOCAL_ISSUERS)
            )
            for port, home in zip(ports, homes, strict=True)
        )
        yield first, second


@pytest.fixture
def here(instances: tuple[Service, Service]) -> Instance:
    return _begin(instances[0])


@pytest.fixture
def there(instances: tuple[Service, Service]) -> Instance:
    return _begin(instances[1])


@pytest.mark.parametrize("algorithm", ["RS256", "ES384"])
def test_a_job_of_either_instance_becomes_a_role_of_the_other(here: Instance, there: Instance, algorithm: str) -> None:
    for home, away in ((here, there), (there, here)):
        role = away.trust(home)
        visit = away.become(role, home.mint(algorithm))
        assert visit["SubjectFromWebIdentityToken"] == home.job
        assert visit["Audience"] == AUDIENCE
        told = away.service.boto("sts", key_of(visit)).get_caller_identity()
        assert told["Arn"] == f"arn:aws:sts::{away.tenant.account_id}:assumed-role/visitor/visit"


def test_keys_of_an_instance_that_cannot_be_reached_are_uploaded(here: Instance, there: Instance) -> None:
    role = there.trust(here, key_set=fetch(here.issuer + KEYS).text)
    assert there.become(role, here.mint())["SubjectFromWebIdentityToken"] == here.job


def test_r_13_keys_of_the_other_instance_are_followed_when_they_rotate(here: Instance, there: Instance) -> None:
    role = there.trust(here)
    before = here.mint()
    assert there.become(role, before)
    old = jwt.get_unverified_header(before)["kid"]
    rotate(here.service, Purpose.SIGNING, emergency=True)
    after = until(here.mint, lambda token: jwt.get_unverified_header(token)["kid"] != old)
    for token in (after, before):  # the old key is published for as long as its tokens live
        assert there.become(role, token)["SubjectFromWebIdentityToken"] == here.job


def test_an_sdk_becomes_the_role_by_the_file_that_holds_the_token(
    here: Instance, there: Instance, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "token"
    file.write_text(here.mint())
    told = {"AWS_ROLE_ARN": there.trust(here), "AWS_WEB_IDENTITY_TOKEN_FILE": str(file), "AWS_ROLE_SESSION_NAME": "job"}
    for name, value in {**told, "AWS_ENDPOINT_URL": there.service.url, "AWS_DEFAULT_REGION": REGION}.items():
        monkeypatch.setenv(name, value)
    arn = boto3.Session().client("sts").get_caller_identity()["Arn"]
    assert arn == f"arn:aws:sts::{there.tenant.account_id}:assumed-role/visitor/job"


def test_an_issuer_that_was_disabled_lets_nobody_in_who_holds_no_copy_of_its_keys(
    here: Instance, there: Instance
) -> None:
    role, token = there.trust(here), here.mint()
    here.boto("iam").disable_outbound_web_identity_federation()
    with refused("IDPCommunicationError"):
        there.become(role, token)


def test_who_came_from_another_instance_says_so_where_they_go_next(here: Instance, there: Instance) -> None:
    role = there.trust(here)
    visit = there.become(role, here.mint())
    token = there.service.boto("sts", key_of(visit)).get_web_identity_token(
        Audience=[AUDIENCE], SigningAlgorithm="ES384"
    )["WebIdentityToken"]
    claims = Stranger(there.issuer, AUDIENCE).identify(token, "ES384")
    assert claims["sub"] == role
    provider = f"arn:aws:iam::{there.tenant.account_id}:oidc-provider/{here.issuer.partition('://')[2]}"
    assert claims[NAMESPACE]["federated_provider"] == provider


def test_a_role_that_trusts_one_job_is_not_for_another_of_its_instance(here: Instance, there: Instance) -> None:
    role = there.trust(here)
    own = here.boto("sts").get_web_identity_token(Audience=[AUDIENCE], SigningAlgorithm="ES384")["WebIdentityToken"]
    with refused("AccessDenied", 403):
        there.become(role, own)
    neighbour = _begin(here.service)  # another account, whose tokens the same keys sign
    with refused("InvalidIdentityToken"):
        there.become(role, neighbour.mint())


def test_r_15_an_instance_takes_no_token_of_its_own_accounts(here: Instance) -> None:
    """Neither the account's own nor a neighbour's, though both are registered and trusted."""
    neighbour = _begin(here.service)
    for issuing in (here, neighbour):
        token = issuing.mint()
        receiving = _begin(here.service)
        role = receiving.trust(issuing)
        with refused("InvalidIdentityToken", saying="of this service"):
            receiving.become(role, token)
