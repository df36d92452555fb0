from typing import Any

import pytest

from sts.audit.summary import is_refused, summarize

pytestmark = pytest.mark.pure


def decision(outcome: str, blocked_by: str | None, action: str = "sts:AssumeRole") -> dict[str, Any]:
    return {"outcome": outcome, "action": action, "resource": "*", "blocked_by": blocked_by}


@pytest.mark.parametrize(
    ("decisions", "error", "reason"),
    [
        ([decision("implicitDeny", "identity")], "AccessDenied", "identity: no allow"),
        ([decision("explicitDeny", "trust")], "AccessDenied", "trust: explicit deny"),
        ([decision("implicitDeny", None)], "AccessDenied", "AccessDenied"),
        ([decision("allowed", None)], "EntityAlreadyExists", "EntityAlreadyExists"),
        ([], "SignatureDoesNotMatch", "SignatureDoesNotMatch"),
        ([], None, None),
    ],
)
def test_a_reason_is_what_stood_in_the_way_else_the_code(
    decisions: list[dict[str, Any]], error: str | None, reason: str | None
) -> None:
    assert summarize({"decisions": decisions, "error": error})[5] == reason


def test_a_refusal_without_a_decision_tells_what_the_caller_was_not_told() -> None:
    record = {"decisions": [decision("allowed", None)], "error": "AccessDenied", "detail": "the code was used"}
    assert summarize(record)[5] == "AccessDenied: the code was used"
    assert summarize({**record, "decisions": [decision("implicitDeny", "identity")]})[5] == "identity: no allow"


def test_of_several_actions_the_one_that_was_not_allowed_is_told() -> None:
    pairs = [["iam:CreateUser", "*"], ["iam:TagUser", "*"]]
    allowed, denied = decision("allowed", None, "iam:CreateUser"), decision("implicitDeny", "identity", "iam:TagUser")
    assert summarize({"pairs": pairs, "decisions": [allowed, denied]})[3:5] == ("iam:TagUser", "*")
    assert summarize({"pairs": pairs, "decisions": [allowed]})[3:5] == ("iam:CreateUser", "*")


def test_what_a_record_does_not_say_is_none() -> None:
    assert summarize({"address": "", "principal": None, "pairs": [], "decisions": []}) == (None,) * 7


@pytest.mark.parametrize(("event", "refused"), [("user.create.refused", True), ("user.create.done", False)])
def test_refusals_are_known_by_their_event(event: str, *, refused: bool) -> None:
    assert is_refused({"event": event}) is refused
