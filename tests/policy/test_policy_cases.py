"""Every case in `cases/`: a request, the policies that apply, the decision, why, and where that is said."""

import json
from pathlib import Path
from typing import Any

import pytest

from sts.policy.document import Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Policies, Principal, PrincipalKind
from tests.policy.asking import ask

pytestmark = pytest.mark.pure

CASES = [
    pytest.param(case, id=f"{path.stem}: {case['because']}")
    for path in sorted(Path(__file__).with_name("cases").glob("*.json"))
    for case in json.loads(path.read_text("utf-8"))
]


def _name(kind: Kind, document: Any) -> NamedPolicy:
    return NamedPolicy(kind.value, parse_document(json.dumps(document), kind))


def _read_policies(written: dict[str, Any]) -> Policies:
    assert set(written) <= set(Kind)
    single = {kind: _name(kind, written[kind]) for kind in Kind if isinstance(written.get(kind), dict)}
    listed = {
        kind: tuple(_name(kind, each) for each in written[kind]) for kind in Kind if kind in written.keys() - single
    }
    return Policies(
        identity=listed.get(Kind.IDENTITY, ()),
        boundary=single.get(Kind.BOUNDARY),
        session=listed.get(Kind.SESSION),
        resource=single.get(Kind.TRUST, single.get(Kind.RESOURCE)),
    )


@pytest.mark.parametrize("case", CASES)
def test_a_case_is_decided_as_its_source_says(case: dict[str, Any]) -> None:
    request = case["request"]
    principal = Principal(**{**request["principal"], "kind": PrincipalKind(request["principal"]["kind"])})
    decision = ask(
        _read_policies(case["policies"]),
        principal=principal,
        action=request["action"],
        resource=request["resource"],
        owner=request["resource_account_id"],
        context={key: tuple(values) for key, values in request["context"].items()},
    )
    assert (decision.outcome, decision.blocked_by) == (case["decision"]["outcome"], case["decision"].get("blocked_by"))
    assert case["source"]
