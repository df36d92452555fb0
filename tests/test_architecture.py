"""What the tables promise one another: models, rows, refusals, events and the page that lists the operations."""

import ast
import asyncio
import re
from collections.abc import Iterator
from pathlib import Path
from types import MappingProxyType
from typing import Any, cast

import pytest

from sts import errors
from sts.access import AccessDenied, Demand
from sts.api.operations import OPERATIONS
from sts.arn import iam_arn
from sts.assume import Candidate
from sts.audit.events import Event
from sts.aws.catalogue import NOT_OFFERED
from sts.aws.errors import ERRORS, INTERNAL_FAILURE, find_wire_error
from sts.aws.identity_tokens import find_self
from sts.aws.operations import SERVICES, Offered, Operations
from sts.aws.row import Acts, Find, Target
from sts.aws.sts import find_federated_user
from sts.aws.wire import load_model
from sts.aws.wire.models import read_error
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.errors import Refusal
from sts.foundation import Foundation, lay_foundation
from sts.model import Caller, CallerKind
from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.settings import read_settings
from tests.service import trust
from tests.table import read_table

ROOT = Path(__file__).parent.parent
PAGE = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
ACCOUNT_ID = "111122223333"
UUID = "00000000-0000-4000-8000-000000000000"

# Recorded by something other than a row of the operations table: where.
BESIDE_ROWS = MappingProxyType(
    {
        Event.ACCOUNT_CREATE: "sts/cli/accounts.py",
        Event.ACCOUNT_DISABLE: "sts/cli/accounts.py",
        Event.ACCOUNT_ENABLE: "sts/cli/accounts.py",
        Event.ROOT_KEY_CREATE: "sts/cli/accounts.py",
        Event.ROOT_LINK_CREATE: "sts/cli/accounts.py",
        Event.KEY_ROTATE: "sts/cli/keys.py",
        Event.KEY_REMOVE: "sts/cli/key_removal.py",
        Event.STORE_MIGRATE: "sts/cli/migrate.py",
        Event.STORE_BACKUP: "sts/cli/backup.py",
        Event.STORE_RESTORE: "sts/cli/backup.py",
        Event.AUDIT_VERIFY: "sts/cli/audit.py",
        Event.AUDIT_READ: "sts/api/operations.py",
        Event.LOGIN_END: "sts/api/operations.py",
        Event.SESSION_REVOKE: "sts/api/operations.py",
        Event.PRINCIPAL_REVOKE: "sts/api/operations.py",
        Event.USER_DISABLE: "sts/api/operations.py",
        Event.USER_ENABLE: "sts/api/operations.py",
        Event.ROLE_DISABLE: "sts/api/operations.py",
        Event.ROLE_ENABLE: "sts/api/operations.py",
        Event.PROVIDER_CHECK: "sts/api/operations.py",
        Event.PROVIDER_DISABLE: "sts/api/operations.py",
        Event.PROVIDER_ENABLE: "sts/api/operations.py",
        Event.LOGIN_AUTHORIZE: "sts/signin/authorizing.py",
        Event.LOGIN_DECLINE: "sts/signin/authorizing.py",
        Event.LOGIN_REDEEM: "sts/aws/login/token.py",
        Event.LOGIN_REFRESH: "sts/aws/login/token.py",
        Event.USER_STATES_LIST: "sts/api/operations.py",
        Event.SIGN_IN_LINK_CREATE: "sts/api/operations.py",
        Event.USER_UNLOCK: "sts/api/operations.py",
        Event.PASSWORD_CHANGE_REQUIRE: "sts/api/operations.py",
        Event.USER_SESSIONS_END: "sts/api/operations.py",
        Event.RECOVERY_CODES_CREATE: "sts/signin/factors.py",
        Event.FACTOR_REQUIRE: "sts/api/operations.py",
        Event.FACTOR_RELEASE: "sts/api/operations.py",
        Event.PASSWORD_PROVE: "sts/signin/entering.py",
        Event.FACTOR_PROVE: "sts/signin/entering.py",
        Event.BROWSER_SESSION_BEGIN: "sts/signin/progress.py",
        Event.BROWSER_SESSION_RENEW: "sts/signin/progress.py",
        Event.BROWSER_SESSION_READ: "sts/signin/home.py",
        Event.BROWSER_SESSION_END: "sts/signin/home.py",
        Event.REQUEST_REFUSE: "sts/audit/sums.py",
    }
)

# A value for every member by which a command says what it is about.
SAMPLES = MappingProxyType(
    {
        "Name": "name",
        "UserName": "name",
        "GroupName": "name",
        "RoleName": "name",
        "PolicyName": "name",
        "InstanceProfileName": "name",
        "PolicyArn": iam_arn(ACCOUNT_ID, "policy/name"),
        "PermissionsBoundary": iam_arn(ACCOUNT_ID, "policy/name"),
        "VirtualMFADeviceName": "name",
        "SerialNumber": iam_arn(ACCOUNT_ID, "mfa/name"),
        "Url": "https://idp.example",
        "OpenIDConnectProviderArn": iam_arn(ACCOUNT_ID, "oidc-provider/idp.example"),
        "AccessKeyId": "AKIA0000000000000000",
        "RoleArn": iam_arn(ACCOUNT_ID, "role/name"),
        "RoleSessionName": "session",
        "Audience": ["audience"],
        "SigningAlgorithm": "ES384",
        "AWSServiceName": "spot.amazonaws.com",
        "DeletionTaskId": f"task/aws-service-role/spot.amazonaws.com/AWSServiceRoleForEC2Spot/{UUID}.1.mac",
    }
)


@pytest.fixture
def table(home: Path) -> Operations:
    return read_table(home)


@pytest.fixture
def foundation(home: Path, clock: ManualClock) -> Iterator[Foundation]:
    at = lay_foundation(read_settings({"STS_HOME": str(home)}), clock, Entropy())
    yield at
    at.database.close()


def _names(service: str) -> set[str]:
    return set(load_model(service).operations)


def _subclasses(kind: type[Refusal]) -> set[type[Refusal]]:
    return {each for child in kind.__subclasses__() for each in (child, *_subclasses(child))}


def _caller() -> Caller:
    arn = iam_arn(ACCOUNT_ID, "user/caller")
    return Caller(
        kind=CallerKind.USER,
        account_id=ACCOUNT_ID,
        arn=arn,
        principal_arn=arn,
        unique_id="AIDA0000000000000000A",
        userid="AIDA0000000000000000A",
        user_name="caller",
    )


def _demanded(offered: Offered, at: Foundation) -> tuple[Demand, ...]:
    """Return what the operation demands of a caller whose account is empty."""
    command: dict[str, Any] = {name: SAMPLES[name] for name in offered.model.members if name in SAMPLES}
    if isinstance(offered.row.handler, Acts):
        trusting = NamedPolicy("trust", parse_document(trust(iam_arn(ACCOUNT_ID, "root")), Kind.TRUST))
        arn = command.get("RoleArn", "*")
        target = Target(arn, ACCOUNT_ID, Candidate(arn=arn, account_id=ACCOUNT_ID, role=None, trust=trusting))
        if offered.row.name == "GetFederationToken":
            target = asyncio.run(find_federated_user(_caller(), command, "192.0.2.1"))
        if offered.row.name == "GetWebIdentityToken":
            target = asyncio.run(find_self(_caller(), command, "192.0.2.1"))
    else:
        find = cast("Find", offered.row.target)
        target = at.database.read_now(lambda connection: find(connection, _caller(), command))
    return offered.row.demands(_caller(), command, target)


def test_every_operation_of_the_models_is_a_row_or_listed_as_not_offered(table: Operations) -> None:
    rows = {each.qualified_name for each in table.offered.values()}
    known = {service: _names(service) for service in SERVICES}
    for service, names in known.items():
        offered = {name for name in names if f"{service}:{name}" in rows}
        assert names == offered | (names & NOT_OFFERED.keys()), service
        assert not offered & NOT_OFFERED.keys(), service
    assert NOT_OFFERED.keys() <= set().union(*known.values())


def test_no_two_rows_answer_to_one_version_and_name(table: Operations) -> None:
    rows = [each.row for each in table.offered.values()]
    assert Operations.compile(rows).offered.keys() == table.offered.keys()
    with pytest.raises(ValueError, match=rows[0].name):
        Operations.compile([*rows, rows[0]])


def test_every_refusal_has_an_error_on_the_wire() -> None:
    own = {each for each in _subclasses(Refusal) if each.__module__ == errors.__name__}
    assert own | {AccessDenied} == ERRORS.keys()


def test_a_refusal_without_a_row_takes_that_of_its_kin_and_else_is_our_fault() -> None:
    class Stranger(Refusal):
        pass

    class Relative(errors.NotFound):
        pass

    assert find_wire_error(Stranger("words")) is INTERNAL_FAILURE
    assert find_wire_error(Relative("words")) == ERRORS[errors.NotFound]


@pytest.mark.parametrize("service", SERVICES)
def test_codes_that_a_model_declares_have_its_status(service: str) -> None:
    model = load_model(service)
    shapes = (name for name, shape in model.shapes.items() if shape.get("exception"))
    declared = {error.code: error.status for error in (read_error(model, name) for name in shapes)}
    shared = {error.code: error.status for error in ERRORS.values() if error.code in declared}
    assert shared
    assert shared == {code: declared[code] for code in shared}


def test_every_event_is_recorded_somewhere(table: Operations) -> None:
    by_rows = {each.row.event for each in table.offered.values()}
    assert by_rows | BESIDE_ROWS.keys() == set(Event)
    assert not by_rows & BESIDE_ROWS.keys()
    for event, place in BESIDE_ROWS.items():
        assert f"Event.{event.name}" in (ROOT / place).read_text(encoding="utf-8")
    assert {operation.event for operation in OPERATIONS.values()} <= by_rows | BESIDE_ROWS.keys()


def test_an_operation_demands_the_action_of_its_own_name(table: Operations, foundation: Foundation) -> None:
    silent = set()
    for offered in table.offered.values():
        # Whoever hands a role on must be allowed to pass it, whatever the operation.
        actions = {demand.action for demand in _demanded(offered, foundation)} - {"iam:PassRole"}
        assert actions <= {offered.qualified_name}
        silent |= set() if actions else {offered.qualified_name}
    assert silent == {"sts:GetCallerIdentity", "sts:GetSessionToken"}


def _page_rows(columns: int) -> list[list[str]]:
    """Return the cells of the page's tables that have so many columns and name an operation first."""
    lines = (line.strip("|").split(" | ") for line in PAGE.splitlines() if re.match(r"\| [A-Z]\w+ \|", line))
    return [[cell.strip() for cell in cells] for cells in lines if len(cells) == columns]


def test_the_page_lists_every_operation_with_its_action_and_resource(table: Operations, foundation: Foundation) -> None:
    listed = {name: (action.strip("`"), resource.split("`")[1]) for name, action, resource in _page_rows(3)}
    assert len(listed) == len(_page_rows(3))
    expected = {}
    for offered in table.offered.values():
        demanded = [each for each in _demanded(offered, foundation) if each.action != "iam:PassRole"]
        kinds = {
            re.sub(r"/.*|^arn:.*:", "", demand.resource.removeprefix(iam_arn(ACCOUNT_ID, ""))) for demand in demanded
        }
        expected[offered.row.name] = (demanded[0].action, kinds.pop()) if demanded else ("none", "*")
        assert not kinds
    assert listed == expected


def test_the_page_lists_every_operation_that_is_not_offered_with_its_reason() -> None:
    assert dict(_page_rows(2)) == dict(NOT_OFFERED)


def test_the_page_names_every_parameter_that_is_not_offered_yet(table: Operations) -> None:
    paragraph = PAGE.partition("- A parameter that is not offered yet")[2].partition("\n\n")[0]
    named = set(re.findall(r"`(\w+)` of\s+(\w+)", paragraph))
    assert named == {(member, each.row.name) for each in table.offered.values() for member in each.row.not_yet}
    assert named


# By which the standard library tells the date; what only measures spans is free to be asked anywhere.
_DATES = frozenset({"datetime", "date", "time"})
_TELLERS = frozenset({"now", "utcnow", "today", "time", "time_ns", "localtime", "gmtime"})


def list_clock_reads(source: str) -> list[str]:
    """Return the calls in *source* that ask the machine for the date."""
    called = [node.func for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Call)]
    asked = [each for each in called if isinstance(each, ast.Attribute) and each.attr in _TELLERS]
    return [ast.unparse(each) for each in asked if ast.unparse(each.value).rpartition(".")[2] in _DATES]


def test_the_system_clock_is_read_in_one_place() -> None:
    """Whoever needs the time is handed a clock, so that a test moves it."""
    package = ROOT / "sts"
    reads = {path: list_clock_reads(path.read_text(encoding="utf-8")) for path in package.rglob("*.py")}
    found = {path.relative_to(package).as_posix(): calls for path, calls in reads.items() if calls}
    assert found == {"clock.py": ["datetime.now"]}
