import json
from typing import Any

import pytest

from sts.errors import PolicyMalformed
from sts.policy.document import Kind, parse_document
from sts.policy.evaluate import Outcome
from tests.policy.asking import decide, parse, statement, write

pytestmark = pytest.mark.pure

TRUST = {"Effect": "Allow", "Action": "sts:AssumeRole", "Principal": {"AWS": "111122223333"}}


def _refuse(text: str, kind: Kind) -> PolicyMalformed:
    with pytest.raises(PolicyMalformed) as refused:
        parse_document(text, kind)
    return refused.value


@pytest.mark.parametrize(
    ("document", "place"),
    [
        ({}, "Statement"),
        ({"Statement": []}, "Statement"),
        ({"Statement": "x"}, "Statement"),
        ({"Statement": [statement(), 7]}, "Statement[1]"),
        ({"Statement": None}, "Statement"),
        ({"statement": [statement()]}, "statement"),
        ({"Statement": [statement()], "Extra": 1}, "Extra"),
        ({"Statement": [statement()], "Version": "2012-10-18"}, "Version"),
        ({"Statement": [statement()], "Version": ["2012-10-17"]}, "Version"),
        ({"Statement": [statement()], "Version": 20121017}, "Version"),
        ({"Statement": [statement()], "Id": []}, "Id"),
    ],
)
def test_a_document_of_another_form_is_refused(document: dict[str, Any], place: str) -> None:
    assert _refuse(json.dumps(document), Kind.IDENTITY).place == place


@pytest.mark.parametrize(
    ("members", "place"),
    [
        ({"Effect": "allow"}, "Statement[0].Effect"),
        ({"Effect": ["Allow"]}, "Statement[0].Effect"),
        ({"Effects": "Allow"}, "Statement[0].Effects"),
        ({"NotAction": "s3:*", "Action": "s3:*"}, "Statement[0]"),
        ({"NotResource": "*", "Resource": "*"}, "Statement[0]"),
        ({"Action": []}, "Statement[0].Action"),
        ({"Action": None}, "Statement[0].Action"),
        ({"Action": {"a": "b"}}, "Statement[0].Action"),
        ({"Action": ["s3:*", None]}, "Statement[0].Action[1]"),
        ({"Action": ["s3:*", ["s3:*"]]}, "Statement[0].Action[1]"),
        ({"Action": ""}, "Statement[0].Action"),
        ({"Action": "GetObject"}, "Statement[0].Action"),
        ({"Action": "s3:"}, "Statement[0].Action"),
        ({"Action": "s3*:Get"}, "Statement[0].Action"),
        ({"Action": "s3:Get:Object"}, "Statement[0].Action"),
        ({"Action": "s3:GetObject\n"}, "Statement[0].Action"),
        ({"Action": "\u212ams:Decrypt"}, "Statement[0].Action"),
        ({"Resource": []}, "Statement[0].Resource"),
        ({"Resource": "bucket"}, "Statement[0].Resource"),
        ({"Resource": "**"}, "Statement[0].Resource"),
        ({"Resource": "arn"}, "Statement[0].Resource"),
        ({"Resource": "arn::s3:::x"}, "Statement[0].Resource"),
        ({"Resource": "arn:aws::::x"}, "Statement[0].Resource"),
        ({"Resource": "arn:aws:s3:::${aws:username"}, "Statement[0].Resource"),
        ({"Sid": "a b"}, "Statement[0].Sid"),
        ({"Sid": "a\n"}, "Statement[0].Sid"),
        ({"Sid": None}, "Statement[0].Sid"),
        ({"Principal": "*"}, "Statement[0].Principal"),
        ({"NotPrincipal": "*"}, "Statement[0].NotPrincipal"),
        ({"Condition": None}, "Statement[0].Condition"),
        ({"Condition": {"StringEqual": {"a:b": "c"}}}, "Statement[0].Condition.StringEqual"),
        ({"Condition": {"StringEquals": "c"}}, "Statement[0].Condition.StringEquals"),
        ({"Condition": {"StringEquals": {"": "c"}}}, "Statement[0].Condition.StringEquals."),
        ({"Condition": {"StringEquals": {"a:b": []}}}, "Statement[0].Condition.StringEquals.a:b"),
        ({"Condition": {"StringEquals": {"a:b": {"c": "d"}}}}, "Statement[0].Condition.StringEquals.a:b"),
        ({"Condition": {"NumericEquals": {"a:b": ["1", "x"]}}}, "Statement[0].Condition.NumericEquals.a:b[1]"),
        ({"Condition": {"Null": {"a:b": "maybe"}}}, "Statement[0].Condition.Null.a:b"),
    ],
)
def test_a_statement_that_breaks_the_grammar_is_refused_where_it_does(members: dict[str, Any], place: str) -> None:
    assert _refuse(write({**statement(), **members}), Kind.IDENTITY).place == place


@pytest.mark.parametrize("missing", ["Effect", "Action", "Resource"])
def test_an_identity_statement_needs_effect_action_and_resource(missing: str) -> None:
    members = {name: value for name, value in statement().items() if name != missing}
    assert _refuse(write(members), Kind.IDENTITY).place.startswith("Statement[0]")


@pytest.mark.parametrize("kind", [Kind.IDENTITY, Kind.BOUNDARY, Kind.SESSION])
def test_a_policy_of_an_identity_names_no_principal(kind: Kind) -> None:
    assert parse(statement(), kind=kind).kind is kind
    assert _refuse(write(statement(Principal="*")), kind).place == "Statement[0].Principal"
    assert _refuse(write(statement("Deny", NotPrincipal="*")), kind).place == "Statement[0].NotPrincipal"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"Resource": "*"}, "Statement[0].Resource"),
        ({"NotResource": "*"}, "Statement[0].NotResource"),
        ({"Effect": "Deny", "NotPrincipal": "*"}, "Statement[0].NotPrincipal"),
        ({"NotAction": "sts:TagSession"}, "Statement[0].NotAction"),
        ({"Action": "s3:GetObject"}, "Statement[0].Action"),
        ({"Action": "*"}, "Statement[0].Action"),
    ],
)
def test_a_trust_policy_has_no_place_for_other_members(change: dict[str, Any], place: str) -> None:
    assert _refuse(write({**TRUST, **change}), Kind.TRUST).place == place


@pytest.mark.parametrize("missing", ["Principal", "Action"])
def test_a_trust_policy_needs_principal_and_action(missing: str) -> None:
    assert _refuse(write({k: v for k, v in TRUST.items() if k != missing}), Kind.TRUST).place == "Statement[0]"


def test_a_resource_policy_needs_a_principal_and_a_resource() -> None:
    assert parse(statement(Principal="*", Sid="any text"), kind=Kind.RESOURCE).statements[0].sid == "any text"
    assert _refuse(write(statement()), Kind.RESOURCE).place == "Statement[0]"
    assert (
        _refuse(write({"Effect": "Allow", "Principal": "*", "Action": "s3:*"}), Kind.RESOURCE).place == "Statement[0]"
    )


def test_not_principal_goes_with_deny_only() -> None:
    assert parse(statement("Deny", NotPrincipal={"AWS": "111122223333"}), kind=Kind.RESOURCE).statements[0].denies
    refused = _refuse(write(statement(NotPrincipal={"AWS": "111122223333"})), Kind.RESOURCE)
    assert refused.place == "Statement[0].NotPrincipal"


def test_two_statements_never_share_a_sid() -> None:
    assert (
        _refuse(write(statement(Sid="a"), statement(), statement(Sid="a")), Kind.IDENTITY).place == "Statement[2].Sid"
    )


def test_an_empty_sid_is_none_and_may_repeat() -> None:
    assert [each.sid for each in parse(statement(Sid=""), statement(Sid="")).statements] == [None, None]


def test_one_statement_needs_no_list() -> None:
    text = json.dumps({"Statement": statement()})
    assert len(parse_document(text, Kind.IDENTITY).statements) == 1
    assert _refuse(json.dumps({"Statement": {}}), Kind.IDENTITY).place == "Statement.Effect"


def test_an_empty_condition_demands_nothing() -> None:
    assert decide(statement(Condition={})) is Outcome.ALLOWED
    assert decide(statement(Condition={"StringEquals": {}})) is Outcome.ALLOWED


def test_numbers_and_booleans_may_stand_unquoted() -> None:
    text = (
        '{"Id": 12, "Statement": {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": '
        '{"Bool": {"a:b": true}, "NumericEquals": {"a:n": 1.50}, "StringEquals": {"a:s": [1.50, false]}}}}'
    )
    document = parse_document(text, Kind.IDENTITY)
    assert [each.wanted for each in document.statements[0].conditions] == [("true",), ("1.50",), ("1.50", "false")]


@pytest.mark.parametrize("kind", [Kind.SESSION, Kind.RESOURCE])
@pytest.mark.parametrize("arn", ["arn:aws:s3", "arn:aws:s3:::", "arn:aws:s3:*", "arn:aws"])
def test_an_incomplete_arn_is_refused_in_session_and_resource_policies(kind: Kind, arn: str) -> None:
    members = statement(Resource=arn, **({"Principal": "*"} if kind is Kind.RESOURCE else {}))
    if arn == "arn:aws:s3:::":
        assert parse(members, kind=kind).statements
    else:
        assert _refuse(write(members), kind).place == "Statement[0].Resource"
