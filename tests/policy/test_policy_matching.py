import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.policy.evaluate import Outcome
from sts.policy.matching import bind_to_segments, compile_patterns, cover_parts, mark_arn_head, mark_wildcards
from tests.policy.asking import decide, statement

pytestmark = pytest.mark.pure


def _covers(pattern: str, value: str) -> bool:
    return compile_patterns((mark_wildcards(pattern),)).cover(value)


@pytest.mark.parametrize(
    ("pattern", "value", "covered"),
    [
        ("", "", True),
        ("", "a", False),
        ("*", "", True),
        ("*", "a\nb", True),
        ("?", "", False),
        ("?", "\n", True),
        ("?", "ab", False),
        ("a*", "abc", True),
        ("*c", "abc", True),
        ("a*c", "ac", True),
        ("a*c", "a", False),
        ("ab*bc", "abc", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c", False),
        ("a**c", "abc", True),
        ("a?*c", "ac", False),
        ("a?*c", "abc", True),
        ("*a?b*", "xxaybxx", True),
        ("*a?b*", "xxabxx", False),
        ("a.c", "abc", False),
        ("a.c", "a.c", True),
        ("[ab]", "a", False),
        ("a|b", "a", False),
        ("a+", "aa", False),
        ("^a$", "a", False),
        ("a", "a\n", False),
        ("a?", "a\U0001f600", True),
    ],
)
def test_only_star_and_question_mark_are_wildcards(pattern: str, value: str, covered: bool) -> None:  # noqa: FBT001  a column
    assert _covers(pattern, value) is covered


@given(st.lists(st.text(alphabet="ab:*?", max_size=8), min_size=1, max_size=4), st.text(alphabet="ab:", max_size=10))
def test_matching_agrees_with_regular_expressions(patterns: list[str], value: str) -> None:
    expressions = [pattern.replace("*", ".*").replace("?", ".") for pattern in patterns]
    expected = any(re.fullmatch(expression, value, re.DOTALL) for expression in expressions)
    assert compile_patterns(map(mark_wildcards, patterns)).cover(value) is expected


@given(st.text(alphabet="ab:*?", max_size=10), st.text(alphabet="ab:", max_size=10))
def test_matching_an_arn_head_agrees_with_regular_expressions(head: str, value: str) -> None:
    segments = [re.sub(r"\*$", "\0", segment) for segment in head.split(":")]
    expression = ":".join(segments).replace("*", "[^:]*").replace("?", "[^:]").replace("\0", ".*")
    assert compile_patterns((mark_arn_head(head),)).cover(value) is bool(re.fullmatch(expression, value, re.DOTALL))


@given(st.lists(st.text(alphabet="ab:*?", max_size=6), min_size=1, max_size=4), st.text(alphabet="ab:", max_size=12))
def test_matching_a_filled_pattern_is_matching_its_text(parts: list[str], value: str) -> None:
    marked = [mark_wildcards(part) for part in parts]
    assert cover_parts(marked, value, {}) is _covers("".join(parts), value)


@given(
    st.lists(st.text(alphabet="ab*?", max_size=4), min_size=6, max_size=6).map(":".join) | st.text(alphabet="ab:*?"),
    st.lists(st.text(alphabet="ab", max_size=4), min_size=6, max_size=8).map(":".join),
    st.integers(0, 20),
)
def test_a_pattern_bound_to_its_segments_agrees_with_regular_expressions(pattern: str, value: str, cut: int) -> None:
    bound = bind_to_segments([mark_wildcards(part) for part in (pattern[:cut], pattern[cut:])])
    segments = pattern.split(":", 5)
    if len(segments) != 6:
        assert bound is None
        return
    inner = [segment.replace("*", "[^:]*").replace("?", "[^:]") for segment in segments[:-1]]
    expression = ":".join([*inner, segments[-1].replace("*", ".*").replace("?", ".")])
    assert bound is not None
    assert cover_parts(bound, value, {}) is bool(re.fullmatch(expression, value))
    assert compile_patterns(("".join(bound),)).cover(value) is bool(re.fullmatch(expression, value))


_LONG = "x" * 600


@given(st.text(alphabet="ab:*?", max_size=8), st.text(alphabet="ab:", max_size=10))
def test_a_long_value_is_matched_as_a_short_one_is(pattern: str, value: str) -> None:
    assert _covers(f"{pattern}{_LONG}*a", f"{value}{_LONG}aa") is _covers(f"{pattern}x*a", f"{value}xaa")


def test_thousands_of_stars_are_matched_at_their_first_places() -> None:
    assert _covers("a*" * 3072, "a" * 6144)
    assert not _covers("a*" * 3072 + "b", "a" * 6144)


@pytest.mark.parametrize(
    ("pattern", "action", "named"),
    [
        ("s3:GetObject", "S3:getobject", True),
        ("S3:GETOBJECT", "s3:GetObject", True),
        ("s3:Get*", "s3:GetObject", True),
        ("s3:get*", "S3:GETobject", True),
        ("s3:Get?bject", "s3:GetObject", True),
        ("s3:Get.bject", "s3:GetObject", False),
        ("s3:Get[NO]bject", "s3:GetObject", False),
        ("s3:GetObject", "s3:GetObjects", False),
        ("s3:*", "s3x:GetObject", False),
        ("kms:*", "\u212ams:Decrypt", False),
        ("kms:Decrypt", "\u212ams:Decrypt", False),
        ("s3:ListBuckets", "s3:ListBuc\u212aets", False),
        ("*:*", "s3:GetObject", True),
        ("*", "s3:GetObject", True),
    ],
)
def test_actions_ignore_the_case_of_ascii_only(pattern: str, action: str, named: bool) -> None:  # noqa: FBT001  a column
    outcome = decide(statement(Action=pattern), action=action)
    assert (outcome is Outcome.ALLOWED) is named


def test_a_statement_that_names_an_action_twice_decides_once() -> None:
    assert decide(statement(Action=["s3:Get*", "s3:GetObject", "s3:PutObject"])) is Outcome.ALLOWED
    assert decide(statement(Action=["s3:Put*", "s3:GetObject", "s3:Put?"])) is Outcome.ALLOWED


def test_not_action_concerns_every_action_but_the_listed() -> None:
    assert decide(statement(NotAction="s3:*")) is Outcome.IMPLICIT_DENY
    assert decide(statement(NotAction="iam:*")) is Outcome.ALLOWED
    assert decide(statement(), statement("Deny", NotAction="iam:*")) is Outcome.EXPLICIT_DENY
    assert decide(statement(), statement("Deny", NotAction=["iam:*", "s3:GetObject"])) is Outcome.ALLOWED
    assert decide(statement(NotAction="*")) is Outcome.IMPLICIT_DENY


@pytest.mark.parametrize(
    ("pattern", "resource", "covered"),
    [
        ("*", "arn:aws:s3:::a", True),
        ("*", "*", True),
        ("arn:aws:s3:::*", "*", False),
        ("arn:*", "*", False),
        ("arn:aws:s3:::a/*", "arn:aws:s3:::a/b/c:d\ne", True),
        ("arn:aws:s3:::a?c", "arn:aws:s3:::a/c", True),
        ("arn:aws:s3:::a?c", "arn:aws:s3:::a:c", True),
        ("arn:aws:s3:::a.c", "arn:aws:s3:::abc", False),
        ("arn:aws:s3:::A", "arn:aws:s3:::a", False),
        ("arn:aws:iam::*:role/x", "arn:aws:iam::111122223333:role/x", True),
        ("arn:aws:iam::1*3:role/x", "arn:aws:iam::111122223333:role/x", True),
        ("arn:aws:iam::1*3:role/x", "arn:aws:iam::111122:3:role/x", False),
        ("arn:aws:sqs:us-?ast-1:1:q", "arn:aws:sqs:us-east-1:1:q", True),
        ("arn:aws:sqs:eu?1:q:x", "arn:aws:sqs:eu:1:q:x", False),
        ("arn:aws:sqs:*:q", "arn:aws:sqs:eu:111122223333:q", False),
        ("arn:aws:sqs:*:*:q", "arn:aws:sqs:eu:111122223333:q", True),
        ("arn:aws:sqs:*:1:q", "arn:aws:sqs:eu:x:1:q", True),
        ("arn:aws:s3", "arn:aws:s3:::a", True),
        ("arn:aws:s3:*", "arn:aws:s3:::a", True),
        ("arn:aws:s3", "arn:aws:s3x:::a", False),
        ("arn:aws:iam::111122223333", "arn:aws:iam::111122223333:user/x", True),
        ("arn:aws:s3:::a", "arn:aws:s3:::a\n", False),
    ],
)
def test_resources_are_matched_as_whole_arns(pattern: str, resource: str, covered: bool) -> None:  # noqa: FBT001  a column
    outcome = decide(statement(Resource=pattern), resource=resource)
    assert (outcome is Outcome.ALLOWED) is covered


def test_an_incomplete_arn_with_a_star_before_its_end_covers_what_its_segments_say() -> None:
    only = statement(Resource="arn:aws:sqs:*:q")  # completed to arn:aws:sqs:*:q:*
    assert decide(only, resource="arn:aws:sqs:eu:q:name") is Outcome.ALLOWED


def test_not_resource_concerns_every_resource_but_the_listed() -> None:
    others = statement("Deny", NotResource="arn:aws:s3:::bucket/*")
    assert decide(statement(), others) is Outcome.ALLOWED
    assert decide(statement(), others, resource="arn:aws:s3:::other/key") is Outcome.EXPLICIT_DENY
    assert decide(statement(), others, resource="*") is Outcome.EXPLICIT_DENY
    assert decide(statement(NotResource="arn:aws:s3:::bucket/*")) is Outcome.IMPLICIT_DENY
    assert decide(statement(NotResource="arn:aws:s3:::other/*")) is Outcome.ALLOWED
