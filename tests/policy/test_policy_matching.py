import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.policy.evaluate import Outcome
from sts.policy.matching import compile_patterns, mark_arn_head, mark_wildcards
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


class _Counted(str):
    """A value that counts how many of its characters are looked at."""

    __slots__ = ("looks",)
    looks: int

    def __iter__(self):  # type: ignore[no-untyped-def]  # noqa: ANN204  a str iterates over str
        for character in super().__iter__():
            self.looks += 1
            yield character


@pytest.mark.parametrize("pattern", ["*a?" * 2048, "?*" * 3072, "*?" * 3072 + "b", "a*" * 3000 + "?b"])
def test_a_hostile_pattern_takes_one_step_for_each_character(pattern: str) -> None:
    value = _Counted("a" * 6143 + "b")
    value.looks = 0
    automaton = compile_patterns((mark_wildcards(pattern),)).automaton
    assert automaton is not None
    automaton.matches(value)
    assert 0 < value.looks <= len(value)


def test_a_value_that_ends_otherwise_than_every_pattern_is_not_looked_at() -> None:
    value = _Counted("a" * 6144)
    value.looks = 0
    automaton = compile_patterns((mark_wildcards("*a?b"), mark_wildcards("*?c"))).automaton
    assert automaton is not None
    assert not automaton.matches(value)
    assert value.looks == 0


def test_a_thousand_hostile_patterns_take_one_pass() -> None:
    patterns = compile_patterns(mark_wildcards(f"*a?*{index}?") for index in range(1000))
    value = _Counted("a" * 6144)
    value.looks = 0
    assert patterns.automaton is not None
    assert not patterns.automaton.matches(value)
    assert value.looks == len(value)


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
