"""Condition keys: those of each operation against AWS's reference, and all of them against the page."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from sts.access import Demand
from sts.app import build_accounts
from sts.arn import iam_arn
from sts.assume import Candidate
from sts.aws.operations import Offered, Operations
from sts.aws.row import Acts, Find, Proof, Target
from sts.clock import ManualClock
from sts.directory.boundaries import bound
from sts.directory.instance_profiles import InstanceProfiles
from sts.directory.mfa_devices import MfaDevices
from sts.directory.policies import Policies
from sts.directory.providers import Providers
from sts.directory.roles import Roles
from sts.directory.tags import Tagging
from sts.entropy import Entropy
from sts.evaluator import Circumstances, _context
from sts.federation import FederatedPrincipal
from sts.foundation import Foundation, lay_foundation
from sts.logins.grants import describe
from sts.logins.requests import Client
from sts.model import CallerKind, Hop, Session, User, role_session_caller, user_caller, web_identity_caller
from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.settings import read_settings
from sts.store.database import Transaction
from sts.wishes import begin_chain
from tests.conftest import BEGINNING
from tests.service import allow, trust
from tests.table import read_table

ACCOUNT = "111122223333"
ISSUER = "https://idp.example/name"
BOUNDARY = "arn:aws:iam::aws:policy/PowerUserAccess"
PAGE = (Path(__file__).parents[2] / "docs" / "condition-keys.md").read_text(encoding="utf-8")
REFERENCE = json.loads((Path(__file__).parent / "reference" / "condition_keys.json").read_text(encoding="utf-8"))
TAGS = [{"Key": "team", "Value": "blue"}]
TAGGED = frozenset(
    iam_arn(ACCOUNT, f"{kind}/name")
    for kind in ("user", "role", "policy", "mfa", "instance-profile", "oidc-provider/idp.example")
)
MAKING = frozenset(
    {
        "CreateUser",
        "CreateRole",
        "CreatePolicy",
        "CreateInstanceProfile",
        "CreateVirtualMFADevice",
        "CreateOpenIDConnectProvider",
    }
)

# A value for every member that a condition key or a target comes of; each operation is asked with all that it has.
SAMPLES = MappingProxyType(
    {
        **dict.fromkeys(("UserName", "GroupName", "RoleName", "PolicyName", "InstanceProfileName"), "name"),
        "VirtualMFADeviceName": "name",
        "Name": "name",
        "PolicyArn": iam_arn(ACCOUNT, "policy/name"),
        "PermissionsBoundary": iam_arn(ACCOUNT, "policy/name"),
        "SerialNumber": iam_arn(ACCOUNT, "mfa/name"),
        "Url": ISSUER,
        "OpenIDConnectProviderArn": iam_arn(ACCOUNT, "oidc-provider/idp.example/name"),
        "AccessKeyId": "AKIA0000000000000000",
        "Tags": TAGS,
        "TagKeys": ["team"],
        "AWSServiceName": "spot.amazonaws.com",
        "DeletionTaskId": f"task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/{'0' * 36}.1.mac",
        "RoleArn": iam_arn(ACCOUNT, "role/name"),
        "RoleSessionName": "session",
        "Audience": ["audience"],
        "SigningAlgorithm": "ES384",
        "ExternalId": "partner",
        "SourceIdentity": "ann",
        "TransitiveTagKeys": ["team"],
    }
)


FROM_CLAIMS = ("Tags", "TransitiveTagKeys", "SourceIdentity")  # what a token brings to a command


@dataclass(frozen=True)
class World:
    """An account in which everything that can be is tagged, and bounded, and called `name`."""

    foundation: Foundation
    user: User

    def demanded(self, offered: Offered) -> tuple[Demand, ...]:
        """Return what the operation demands when it is asked with all that it takes."""
        members = (*offered.model.members, *(FROM_CLAIMS if offered.row.proof is Proof.WEB_IDENTITY else ()))
        command = {name: SAMPLES[name] for name in members if name in SAMPLES}
        return offered.row.demands(user_caller(self.user, ""), command, self._find(offered, command))

    def _find(self, offered: Offered, command: Mapping[str, Any]) -> Target:
        if not isinstance(offered.row.handler, Acts):
            find, caller = cast("Find", offered.row.target), user_caller(self.user, "")
            return self.foundation.database.read_now(lambda connection: find(connection, caller, command))
        trusting = NamedPolicy("trust", parse_document(trust(iam_arn(ACCOUNT, "root")), Kind.TRUST))
        arn = command.get("RoleArn", "*")
        candidate = Candidate(arn=arn, account_id=ACCOUNT, role=None, trust=trusting, tags={"team": "blue"})
        return Target(arn, ACCOUNT, candidate)


@pytest.fixture
def table(home: Path) -> Operations:
    return read_table(home)


@pytest.fixture
def world(home: Path, clock: ManualClock) -> Iterator[World]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    user, _ = at.database.transact_now(lambda tx: _populate(at, tx), clock.now())
    yield World(at, user)
    at.database.close()


def _populate(at: Foundation, tx: Transaction) -> User:
    named: dict[str, Any] = {"account_id": ACCOUNT, "name": "name"}
    user = build_accounts(at).create(tx, account_id=ACCOUNT, administrator="name").administrator
    role = Roles(at.entropy).create(tx, **named, trust_policy=trust(user.arn))
    for bearer in (
        user,
        role,
        Policies(at.entropy).create(tx, **named, document=allow("s3:*")),
        InstanceProfiles(at.entropy).create(tx, **named),
        MfaDevices(at.entropy, at.keyring).create(tx, **named).device,
        Providers(at.entropy, at.keyring).create(tx, account_id=ACCOUNT, issuer=ISSUER),
    ):
        Tagging().put(tx, bearer=bearer, tags=[("team", "blue")])
    for bounded in (user, role):
        bound(tx, bearer=bounded, policy_arn=BOUNDARY)
    return user


def _generic(keys: Iterable[str]) -> set[str]:
    """Return *keys* folded, with one name for all tags and one for all claims."""
    folded = (re.sub(r"tag/.+$", "tag/key", key.lower()) for key in keys)
    return {"issuer:claim" if _is_claim(key) else key for key in folded}


def _is_claim(key: str) -> bool:
    return "." in key.partition(":")[0]


def _listed(*, there: bool) -> list[str]:
    """Return the keys of the page, those that are there or those that are not."""
    known, _, missing = PAGE.partition("## Not there")
    rows = re.findall(r"^\| (`.+?) \| ", known if there else missing, re.MULTILINE)
    return [key for row in rows for key in re.findall(r"`([^`]+)`", row)]


def _missing(key: str) -> bool:
    generic = re.sub(r"/\$\{.*", "/KEY", key).lower()
    return any(fnmatchcase(generic, pattern.lower()) for pattern in _listed(there=False))


def _referred(operation: str, action: str, resource: str) -> set[str]:
    """Return the keys that the reference gives to *action* on *resource*, but for those that are not there."""
    keys = [key for key in REFERENCE["actions"].get(action, ()) if not (_missing(key) or _is_claim(key))]
    kind = resource.removeprefix(iam_arn(ACCOUNT, "")).partition("/")[0]
    borne = REFERENCE["resources"].get(kind, ()) if resource in TAGGED and operation not in MAKING else ()
    return _generic((*keys, *borne))


BESIDE = ("aws:PrincipalTag/KEY", "aws:ResourceAccount")  # what Evaluator.decide adds to the caller's own
HERE = Circumstances(
    at=BEGINNING, source_ip="192.0.2.7", user_agent="aws-cli/2", secure_transport=True, region="eu-central-1"
)


def _of_callers() -> set[str]:
    """Return the keys that a user has who signed in with a second factor, in somebody's name."""
    arn = iam_arn(ACCOUNT, "user/name")
    session = Session(
        kind=CallerKind.USER,
        jti="jti",
        access_key_id="ASIAEXAMPLE",
        account_id=ACCOUNT,
        principal_id="AIDAEXAMPLE",
        principal_arn=arn,
        session_name="",
        issued_at=BEGINNING,
        expires_at=BEGINNING + timedelta(hours=1),
        chain=(Hop(arn=arn, session_name="", at=BEGINNING, principal_id="AIDAEXAMPLE", jti="sign-in"),),
        source_identity="ann",
        authenticated_at=BEGINNING,
    )
    user = User(unique_id="AIDAEXAMPLE", account_id=ACCOUNT, name="name", path="/", created_at=BEGINNING)
    return set(_context(user_caller(user, "", session), HERE))


def _of_tokens() -> set[str]:
    """Return the keys of who comes with a provider's token, and of the session that is begun with it."""
    arn = iam_arn(ACCOUNT, "oidc-provider/id.example.com")
    federated = FederatedPrincipal(
        issuer="https://id.example.com", subject="ann", audience="a", claims={"sub": ("ann",)}
    )
    caller = web_identity_caller(ACCOUNT, arn, "AOIPEXAMPLE", federated)
    role = iam_arn(ACCOUNT, "role/name")
    session = Session(
        jti="jti",
        access_key_id="ASIAEXAMPLE",
        account_id=ACCOUNT,
        principal_id="AROAEXAMPLE",
        principal_arn=role,
        session_name="session",
        issued_at=BEGINNING,
        expires_at=BEGINNING + timedelta(hours=1),
        chain=(
            *begin_chain(caller, BEGINNING),
            Hop(arn=role, session_name="session", at=BEGINNING, principal_id="AROAEXAMPLE", jti="jti"),
        ),
    )
    return {*_context(caller, HERE), *_context(role_session_caller(session), HERE)}


def _of_logins() -> set[str]:
    """Return the keys of letting a command line in."""
    return set(describe(Client.SAME_DEVICE, redirect_uri="http://127.0.0.1:1/", grant_type="authorization_code"))


def test_each_operation_brings_the_keys_that_the_reference_gives_to_it(table: Operations, world: World) -> None:
    seen = set()
    for offered in table.offered.values():
        for demand in world.demanded(offered):
            # What STS demands beside an operation's own action is weighed with the same request.
            action = demand.action if offered.row.service == "iam" else offered.qualified_name
            expected = _referred(offered.row.name, action, demand.resource)
            assert _generic([*demand.context, *demand.borne]) == expected, (offered.row.name, demand.action)
            seen |= expected
    beside = _generic([*_of_callers(), *_of_tokens(), *_of_logins(), *BESIDE])
    assert len(seen) == len(_generic(_listed(there=True)) - beside)


@pytest.mark.parametrize("name", ["AssumeRole", "AssumeRoleWithWebIdentity"])
def test_assume_role_and_its_kin_are_weighed_with_their_keys_in_all_that_they_demand(
    table: Operations, world: World, name: str
) -> None:
    (offered,) = (each for each in table.offered.values() if each.row.name == name)
    demands = world.demanded(offered)
    assert [each.action for each in demands] == [f"sts:{name}", "sts:TagSession", "sts:SetSourceIdentity"]
    assert demands[0].context == demands[1].context == demands[2].context


def test_the_page_lists_every_key_that_is_there(table: Operations, world: World) -> None:
    demands = [demand for offered in table.offered.values() for demand in world.demanded(offered)]
    of_operations = [key for demand in demands for key in (*demand.context, *demand.borne)]
    assert sorted(_listed(there=True)) == sorted(set(_listed(there=True)))
    assert _generic(_listed(there=True)) == _generic(
        [*of_operations, *_of_callers(), *_of_tokens(), *_of_logins(), *BESIDE]
    )


def test_the_page_says_why_each_other_key_of_the_reference_is_not_there() -> None:
    keys = {key for named in REFERENCE.values() if isinstance(named, dict) for each in named.values() for key in each}
    there = _generic(_listed(there=True))
    assert not {key for key in keys if not _missing(key)} - {key for key in keys if _generic([key]) <= there}
    assert not there & _generic(_listed(there=False))
