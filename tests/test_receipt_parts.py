"""The parts of a receipt between two accounts: what one side reads does not hang on what the other's policies want."""

import random
import string

import pytest

from sts.access import AccessDenied
from sts.audit.record import Entry
from sts.clock import ManualClock
from sts.entropy import Entropy
from sts.keyring.keyring import open_keyring
from sts.model import Caller, CallerKind
from sts.policy.decision import ConditionReport, Decision, StatementReference
from sts.policy.document import Kind
from sts.policy.question import Outcome
from sts.receipts import LONGEST, Receipts
from tests.conftest import BEGINNING

CALLER, OWNER = "111122223333", "444455556666"
SECRET = "orchid-7731-velvet-lantern"
NOISE = "".join(random.Random(7).choices(string.ascii_lowercase + string.digits, k=3_000))  # noqa: S311  no secret


@pytest.fixture(scope="module")
def receipts(tmp_path_factory: pytest.TempPathFactory) -> Receipts:
    folder = tmp_path_factory.mktemp("receipts") / "keys"
    return Receipts(open_keyring(folder, ManualClock(BEGINNING), Entropy(), create=True, algorithms=["ES256"]))


def report(kind: Kind, *wanted: str) -> ConditionReport:
    return ConditionReport(
        StatementReference(kind, "policy", None, 0), "StringNotEquals", "sts:externalid", wanted, None, held=True
    )


def issue(
    receipts: Receipts, *reports: ConditionReport, exists: bool = True, name: str = "eve", role: str = "partner"
) -> str:
    """Return the receipt of a denial across accounts that the policies of both have a part in."""
    arn = f"arn:aws:iam::{CALLER}:user/{name}"
    caller = Caller(
        kind=CallerKind.USER, account_id=CALLER, arn=arn, principal_arn=arn, unique_id="AIDAEVE", userid="AIDAEVE"
    )
    decision = Decision(
        outcome=Outcome.EXPLICIT_DENY,
        action="sts:AssumeRole",
        resource=f"arn:aws:iam::{OWNER}:role/{role}",
        said=((Kind.TRUST, Outcome.EXPLICIT_DENY), (Kind.IDENTITY, Outcome.EXPLICIT_DENY)),
        deciding=tuple(report.statement for report in reports),
        blocked_by=Kind.TRUST,
        conditions=reports,
    )
    entry = Entry(request_id="a", at=BEGINNING, address="192.0.2.7", user_agent="test", caller=caller)
    entry.crosses_accounts, entry.owner_account_id = True, OWNER if exists else None
    return receipts.issue(entry, AccessDenied(caller, decision))


def test_what_fits_of_a_caller_s_reasons_does_not_hang_on_a_guess_of_what_the_trust_policy_wants(
    receipts: Receipts,
) -> None:
    """Packed together, a right guess beside the secret takes less room than a wrong one, and more reasons are told."""
    counts = set()
    for padding in range(0, len(NOISE), 20):
        own = report(Kind.IDENTITY, SECRET, NOISE[:padding])
        told = [
            receipts.open(issue(receipts, report(Kind.TRUST, wanted), own, exists=exists), CALLER)
            for wanted, exists in ((SECRET, True), ("garden-1254-copper-teapots", True), ("", False))
        ]
        assert told == [told[0]] * len(told)
        counts.add(len(told[0]["decision"]["conditions"]))
    assert counts == {0, 1}  # the paddings reach from what fits to what does not


def test_what_fits_of_an_owner_s_reasons_does_not_hang_on_how_much_the_caller_s_policies_want(
    receipts: Receipts,
) -> None:
    counts = set()
    for padding in range(0, len(NOISE), 200):
        owners = report(Kind.TRUST, NOISE[:padding])
        told = [receipts.open(issue(receipts, owners, report(Kind.IDENTITY, wanted)), OWNER) for wanted in ("x", NOISE)]
        assert told[0] == told[1]
        counts.add(len(told[0]["decision"]["conditions"]))
    assert counts == {0, 1}


def test_the_longest_names_of_caller_and_role_leave_one_length(receipts: Receipts) -> None:
    longest = issue(receipts, report(Kind.TRUST, NOISE), exists=False, name=NOISE[:580], role=NOISE[:2_020])
    assert len(longest) == len(issue(receipts)) <= LONGEST
    assert receipts.open(longest, CALLER)["decision"]["resource"] == ""
