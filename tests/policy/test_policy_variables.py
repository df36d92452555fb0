from typing import Any

import pytest

from sts.errors import PolicyMalformed
from sts.policy.evaluate import Outcome
from tests.policy.asking import condition_holds, decide, parse, statement

pytestmark = pytest.mark.pure

HOME = statement(Resource="arn:aws:s3:::home/${aws:username}/*")


def _covers(resource: str, asked: str, **context: str) -> bool:
    keys = {"aws:username" if key == "username" else key: (value,) for key, value in context.items()}
    return decide(statement(Resource=resource), resource=asked, context=keys) is Outcome.ALLOWED


def test_a_variable_is_filled_by_the_request() -> None:
    assert decide(HOME, resource="arn:aws:s3:::home/alice/x", context={"aws:username": ("alice",)}) is Outcome.ALLOWED
    assert decide(HOME, resource="arn:aws:s3:::home/bob/x", context={"aws:username": ("alice",)}) is not Outcome.ALLOWED


def test_variables_ignore_the_case_of_the_key() -> None:
    assert _covers("arn:aws:s3:::${AWS:UserName}", "arn:aws:s3:::alice", username="alice")


@pytest.mark.parametrize("injected", ["*", "al*", "?????", "a*e"])
def test_what_a_request_puts_in_is_never_a_wildcard(injected: str) -> None:
    asked = "arn:aws:s3:::home/alice/x"
    assert decide(HOME, resource=asked, context={"aws:username": (injected,)}) is Outcome.IMPLICIT_DENY
    assert _covers("arn:aws:s3:::home/${aws:username}/x", f"arn:aws:s3:::home/{injected}/x", username=injected)
    assert not condition_holds("StringLike", "a:k", "${aws:username}", {"a:k": ("alice",), "aws:username": (injected,)})


@pytest.mark.parametrize("code", range(0xD800, 0xD804))
def test_half_a_character_in_a_request_is_no_value_of_a_variable(code: int) -> None:
    mark = chr(code)
    assert (
        decide(HOME, resource="arn:aws:s3:::home/alice/x", context={"aws:username": (mark,)}) is Outcome.IMPLICIT_DENY
    )


@pytest.mark.parametrize("values", [("alice", "alice"), ()])
def test_a_key_without_one_single_value_is_no_variable(values: tuple[str, ...]) -> None:
    assert decide(HOME, resource="arn:aws:s3:::home/alice/x", context={"aws:username": values}) is Outcome.IMPLICIT_DENY


def test_a_key_of_many_values_is_no_variable_even_with_one() -> None:
    only = statement(Resource="arn:aws:s3:::${aws:TagKeys}")
    assert decide(only, resource="arn:aws:s3:::a", context={"aws:TagKeys": ("a",)}) is Outcome.IMPLICIT_DENY


def test_special_characters_are_themselves() -> None:
    assert _covers("arn:aws:s3:::a${*}b", "arn:aws:s3:::a*b")
    assert not _covers("arn:aws:s3:::a${*}b", "arn:aws:s3:::axb")
    assert _covers("arn:aws:s3:::a${?}b", "arn:aws:s3:::a?b")
    assert not _covers("arn:aws:s3:::a${?}b", "arn:aws:s3:::axb")
    assert _covers("arn:aws:s3:::a${$}{x}", "arn:aws:s3:::a${x}")
    assert condition_holds("StringEquals", "a:k", "${*}", {"a:k": ("*",)})


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("${aws:PrincipalTag/team, 'all'}", "all"),
        ("${aws:PrincipalTag/team,'all'}", "all"),
        ("${ aws:PrincipalTag/team ,   'all' }", "all"),
        ("${aws:PrincipalTag/team, ''}", ""),
        ("${aws:PrincipalTag/team, 'a}b,c'}-x", "a}b,c-x"),
        ("${aws:PrincipalTag/team, 'a*'}", "a*"),
    ],
)
def test_a_default_stands_in_for_a_missing_value(written: str, text: str) -> None:
    only = statement(Resource=f"arn:aws:s3:::{written}/x")
    assert decide(only, resource=f"arn:aws:s3:::{text}/x") is Outcome.ALLOWED
    assert decide(only, resource=f"arn:aws:s3:::{text}!/x") is Outcome.IMPLICIT_DENY


def test_the_value_of_a_request_goes_before_the_default() -> None:
    only = statement(Resource="arn:aws:s3:::${aws:PrincipalTag/team, 'all'}/x")
    context = {"aws:PrincipalTag/team": ("red",)}
    assert decide(only, resource="arn:aws:s3:::red/x", context=context) is Outcome.ALLOWED
    assert decide(only, resource="arn:aws:s3:::all/x", context=context) is Outcome.IMPLICIT_DENY


@pytest.mark.parametrize(
    "written",
    [
        *("${", "${}", "${ }", "${aws:username", "${aws:user${x}}", "${a*b}", "${, 'x'}"),
        *("${a:b, x}", "${a:b, 'x}", "${a:b, 'x' y}", "${a:b, }", "${a:b, 'x'", "${*, 'x'}", "${a'b}"),
    ],
)
def test_a_variable_of_another_form_is_refused(written: str) -> None:
    for members in ({"Resource": f"arn:aws:s3:::{written}"}, {"Condition": {"StringLike": {"a:k": written}}}):
        with pytest.raises(PolicyMalformed):
            parse(statement(**members))


@pytest.mark.parametrize("version", ["2008-10-17", None])
def test_a_document_of_2008_has_no_variables(version: str | None) -> None:
    asked: dict[str, Any] = {"version": version, "context": {"aws:username": ("alice",)}}
    only = statement(Resource="arn:aws:s3:::${aws:username}")
    assert decide(only, resource="arn:aws:s3:::alice", **asked) is Outcome.IMPLICIT_DENY
    assert decide(only, resource="arn:aws:s3:::${aws:username}", **asked) is Outcome.ALLOWED
    special = statement(Resource="arn:aws:s3:::a${*}")
    assert decide(special, resource="arn:aws:s3:::a*", **asked) is Outcome.IMPLICIT_DENY
    assert decide(special, resource="arn:aws:s3:::a${*}", **asked) is Outcome.ALLOWED
    assert decide(statement(Resource="arn:aws:s3:::${"), resource="arn:aws:s3:::${", **asked) is Outcome.ALLOWED


def test_a_condition_of_2008_has_no_variables() -> None:
    context = {"a:k": ("alice",), "aws:username": ("alice",)}
    assert not condition_holds("StringEquals", "a:k", "${aws:username}", context, version="2008-10-17")
    assert condition_holds("StringEquals", "a:k", "${aws:username}", context)


def test_before_the_fifth_colon_a_variable_is_plain_text() -> None:
    only = statement(Resource="arn:aws:${aws}:::x")
    assert decide(only, resource="arn:aws:s3:::x", context={"aws": ("s3",)}) is Outcome.IMPLICIT_DENY
    assert decide(only, resource="arn:aws:${aws}:::x") is Outcome.ALLOWED


@pytest.mark.parametrize(
    ("operator", "holds"),
    [
        ("StringEquals", False),
        ("StringNotEquals", True),
        ("StringEqualsIgnoreCase", False),
        ("StringNotEqualsIgnoreCase", True),
        ("StringLike", False),
        ("StringNotLike", True),
        ("ArnLike", False),
        ("ArnNotLike", True),
    ],
)
def test_without_value_a_positive_match_is_false_and_a_negated_one_true(operator: str, holds: bool) -> None:  # noqa: FBT001  a column
    assert condition_holds(operator, "a:k", "${aws:PrincipalTag/x}", {"a:k": ("arn:aws:s3:::b",)}) is holds


def test_a_deny_with_a_missing_tag_denies() -> None:
    deny = statement("Deny", Condition={"StringNotEquals": {"aws:ResourceTag/t": "${aws:PrincipalTag/t}"}})
    assert decide(statement(), deny, context={"aws:ResourceTag/t": ("x",)}) is Outcome.EXPLICIT_DENY


def test_without_value_a_resource_matches_nothing_and_not_resource_never_widens() -> None:
    named = "arn:aws:s3:::bucket/${aws:PrincipalTag/x}"
    assert decide(statement(Resource=named), resource="arn:aws:s3:::bucket/") is Outcome.IMPLICIT_DENY
    assert decide(statement(NotResource=named)) is Outcome.IMPLICIT_DENY
    assert decide(statement(), statement("Deny", NotResource=named)) is Outcome.EXPLICIT_DENY
    both = statement(NotResource=["arn:aws:s3:::bucket/key", named])
    assert decide(both, resource="arn:aws:s3:::bucket/key") is Outcome.IMPLICIT_DENY
    filled = {"aws:PrincipalTag/x": ("key",)}
    assert decide(statement(NotResource=named), context=filled) is Outcome.IMPLICIT_DENY
    assert decide(statement(NotResource=named), resource="arn:aws:s3:::other", context=filled) is Outcome.ALLOWED


@pytest.mark.parametrize("operator", ["NumericEquals", "DateEquals", "Bool", "BinaryEquals", "IpAddress", "Null"])
def test_operators_other_than_string_and_arn_know_no_variables(operator: str) -> None:
    with pytest.raises(PolicyMalformed):
        parse(statement(Condition={operator: {"a:k": "${aws:username}"}}))
    with pytest.raises(PolicyMalformed):
        parse(statement(Condition={operator: {"a:k": "${aws:username, '1'}"}}))


def test_a_policy_full_of_variables_is_matched_in_one_piece() -> None:
    resource = "arn:aws:s3:::" + "${aws:username}" * 400
    context = {"aws:username": ("a" * 1000,)}
    assert (
        decide(statement(Resource=resource), resource="arn:aws:s3:::" + "a" * 400_000, context=context)
        is Outcome.ALLOWED
    )
    assert (
        decide(statement(Resource=resource), resource="arn:aws:s3:::" + "a" * 399_999, context=context)
        is not Outcome.ALLOWED
    )


def test_an_arn_operator_compares_the_segments_of_what_a_variable_brings() -> None:
    context = {"a:k": ("arn:aws:iam::1:user/bob",), "aws:PrincipalArn": ("arn:aws:iam::1:user/bob",)}
    assert condition_holds("ArnEquals", "a:k", "${aws:PrincipalArn}", context)
    assert not condition_holds("ArnEquals", "a:k", "${aws:PrincipalArn}x", context)
    assert condition_holds("StringLike", "a:k", "*${aws:PrincipalArn}", context)
    assert condition_holds(
        "StringEqualsIgnoreCase", "a:k", "${aws:PrincipalArn}", {**context, "a:k": ("ARN:aws:iam::1:user/bob",)}
    )
