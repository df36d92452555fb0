"""Questions and policies for the tests of the policy language, in few words."""

import json
from collections.abc import Mapping
from typing import Any

from sts.folding import fold_letters
from sts.policy.document import Document, Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Decision, Outcome, Policies, Principal, PrincipalKind, Question, evaluate

ACCOUNT = "111122223333"
ALICE = Principal(
    kind=PrincipalKind.USER,
    account_id=ACCOUNT,
    arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    principal_arn=f"arn:aws:iam::{ACCOUNT}:user/alice",
    unique_id="AIDAALICE",
)


def write(*statements: Mapping[str, Any], version: str | None = "2012-10-17") -> str:
    """Return a document with these statements."""
    document: dict[str, Any] = {"Statement": list(statements)}
    return json.dumps({"Version": version, **document} if version else document)


def statement(effect: str = "Allow", **members: Any) -> dict[str, Any]:
    """Return a statement on everything, but for *members*."""
    chosen: dict[str, Any] = {"Effect": effect, **members}
    if "NotAction" not in chosen:
        chosen.setdefault("Action", "*")
    if "NotResource" not in chosen:
        chosen.setdefault("Resource", "*")
    return chosen


def parse(*statements: Mapping[str, Any], kind: Kind = Kind.IDENTITY, version: str | None = "2012-10-17") -> Document:
    """Parse a document with these statements."""
    return parse_document(write(*statements, version=version), kind)


def name(document: Document, called: str = "p") -> NamedPolicy:
    """Return the document under a name."""
    return NamedPolicy(called, document)


def ask(
    policies: Policies,
    *,
    principal: Principal = ALICE,
    action: str = "s3:GetObject",
    resource: str = "arn:aws:s3:::bucket/key",
    owner: str = ACCOUNT,
    context: Mapping[str, tuple[str, ...]] | None = None,
) -> Decision:
    """Evaluate one question; the keys of *context* are folded."""
    folded = {fold_letters(key): values for key, values in (context or {}).items()}
    question = Question(
        principal=principal, action=action, resource=resource, resource_account_id=owner, context=folded
    )
    return evaluate(question, policies)


def decide(*statements: Mapping[str, Any], version: str | None = "2012-10-17", **asked: Any) -> Outcome:
    """Return the outcome under one identity policy with these statements."""
    return ask(Policies(identity=(name(parse(*statements, version=version)),)), **asked).outcome


def condition_holds(
    operator: str, key: str, wanted: Any, context: Mapping[str, tuple[str, ...]], *, version: str = "2012-10-17"
) -> bool:
    """Say whether a condition lets an Allow through."""
    only = statement(Condition={operator: {key: wanted}})
    return decide(only, context=context, version=version) is Outcome.ALLOWED
