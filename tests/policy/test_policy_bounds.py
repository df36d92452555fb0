"""What a hostile policy takes: operations and memory grow with its length, whatever stands in it."""

import json
import tracemalloc
from typing import Any

import pytest

from sts.folding import fold_letters
from sts.policy.document import Document, Kind, NamedPolicy, parse_document
from sts.policy.evaluate import Outcome, Policies, Question, evaluate
from sts.policy.matching import STAR, Memory, Places, _build_glob, compile_patterns, mark_wildcards
from tests.policy.asking import ACCOUNT, ALICE, statement, write

pytestmark = pytest.mark.pure

LONG = 6_144


class _Watched(str):
    """A value that counts how often something is looked for in it."""

    __slots__ = ("looks",)
    looks: int

    def find(self, *sought: Any) -> int:
        self.looks += 1
        return super().find(*sought)


def _watch(text: str) -> _Watched:
    value = _Watched(text)
    value.looks = 0
    return value


def _ask(document: Document, resource: str, **context: str) -> tuple[Outcome, Question]:
    question = Question(
        principal=ALICE,
        action="s3:GetObject",
        resource=resource,
        resource_account_id=ACCOUNT,
        context={key: (value,) for key, value in context.items()},
    )
    return evaluate(question, Policies(identity=(NamedPolicy("p", document),))).outcome, question


def test_all_statements_look_for_a_character_of_the_resource_together() -> None:
    statements = [statement(Resource=f"arn:a:b:::*?ab*{number:02}?") for number in range(75)]
    document = parse_document(write(*statements), Kind.IDENTITY)
    resource = _watch("arn:a:b:::" + "ab" * 1_000 + "0123456789")
    outcome, question = _ask(document, resource)
    assert outcome is Outcome.IMPLICIT_DENY
    assert list(question.memory) == [resource]
    # Each character of the value is found once, and each that the patterns name is looked for in vain once more.
    assert 0 < resource.looks <= len(resource) + len(set("ab0123456789"))


def test_all_conditions_look_for_a_character_of_a_value_together() -> None:
    value = _watch("a" * (LONG - 1) + "b")
    only = statement(Condition={"StringLike": {"k": ["*ab*a"] * 350}, "StringNotLike": {"K": ["*aa*b?"] * 350}})
    document = parse_document(write(only), Kind.IDENTITY)
    outcome, question = _ask(document, "*", k=value)
    assert outcome is Outcome.IMPLICIT_DENY
    assert list(question.memory) == [value]
    assert 0 < value.looks <= len(value) + 2


@pytest.mark.parametrize("pattern", ["*a?" * 2048, "?*" * 3072, "*?" * 3072 + "b", "a*" * 3000 + "?b", "*ab" * 2048])
def test_a_hostile_pattern_takes_one_step_for_each_of_its_characters(pattern: str) -> None:
    glob = _build_glob(mark_wildcards(pattern))
    assert len(glob.head + glob.body + glob.tail) == len(pattern)
    value = _watch("a" * (LONG - 1) + "b")
    memory: Memory = {}
    glob.cover(value, memory)
    assert value.looks <= len(value) + 2
    assert set(memory[value].found) <= {"a", "b"}


def test_a_value_that_begins_or_ends_otherwise_is_not_looked_at() -> None:
    memory: Memory = {}
    patterns = compile_patterns(mark_wildcards(pattern) for pattern in ("*a?b", "*?c", "b*?*", "c?a*a?*a"))
    value = _watch("a" * LONG)
    assert not patterns.cover(value, memory)
    assert (value.looks, memory) == (0, {})


@pytest.mark.parametrize("wanted", ["*${k}{}?*", "*${k}{}*", "${k}*{}", "*{}${k}", "${k}${k}{}*"])
def test_a_long_value_that_is_filled_in_many_times_is_looked_for_once(wanted: str) -> None:
    many = [wanted.replace("{}", str(number)) for number in range(300)]
    document = parse_document(write(statement(Condition={"StringLike": {"v": many}})), Kind.IDENTITY)
    value = _watch("0123456789" + "a" * LONG + "b")
    outcome, question = _ask(document, "*", k="a" * 3_000, v=value)
    assert outcome is Outcome.IMPLICIT_DENY
    assert value.looks <= len(value) + 12
    found: dict[str, int] = question.memory.get(value, Places("")).found
    assert sum(len(text) for text in found) <= 3_000 + 12


@pytest.mark.parametrize("operator", ["StringLike", "StringEquals", "StringEqualsIgnoreCase", "ArnLike"])
def test_a_text_that_a_request_makes_far_too_long_matches_nothing(operator: str) -> None:
    many = statement(Condition={operator: {"v": ["a:b:c:d:e:" + "${k}" * 1_400]}})
    document = parse_document(write(many), Kind.IDENTITY)
    assert _ask(document, "*", k="ä" * LONG, v="a:b:c:d:e:" + "ä" * LONG)[0] is Outcome.IMPLICIT_DENY
    assert _ask(document, "*", k="ä", v="a:b:c:d:e:" + "ä" * 1_400)[0] is Outcome.ALLOWED


def test_folding_keeps_the_length_and_makes_no_character_one_of_ascii() -> None:
    every = "".join(map(chr, (*range(0xD800), *range(0xE000, 0x110000))))
    one_by_one = "".join(each if not each.isascii() and each.lower()[0].isascii() else each.lower() for each in every)
    assert len(fold_letters(every)) == len(every)
    assert fold_letters(every) == one_by_one
    assert fold_letters("\u0391\u03a3 \u0391\u03a3.") == "\u03b1\u03c3 \u03b1\u03c3."


DISTINCT = "".join(chr(0x4E00 + number) for number in range(1_880))
SHAPES: dict[str, dict[str, Any]] = {
    "distinct characters": statement(Resource=f"arn:a:b:::?{DISTINCT}"),
    "a question mark and distinct characters": statement(Resource=[f"arn:a:b:::?{each}" for each in DISTINCT[:130]]),
    "actions": statement(Action=[f"a:{number:x}" for number in range(700)]),
    "services": statement(Action=[f"{number:x}:*" for number in range(700)]),
    "globs": statement(Condition={"StringLike": {"k": [f"*{number:x}*a" for number in range(500)]}}),
    "steps": statement(Condition={"ArnLike": {"k": [f"*:?:?:*:*:{number:x}*?" for number in range(300)]}}),
    "numbers": statement(Condition={"NumericEquals": {"k": list(range(1_000))}}),
    "absences": statement(Condition={"Null": {f"k{number}": ["true", "false"] for number in range(200)}}),
    "keys": statement(Condition={"StringLike": {f"k{number}": "${a}?" for number in range(400)}}),
}


def _parse_measured(text: str) -> tuple[Document, int]:
    """Return the document, and the bytes that it has taken."""
    parse_document(text, Kind.IDENTITY)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        document = parse_document(text, Kind.IDENTITY)
        return document, tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()


@pytest.mark.alone  # what another thread of a worker takes meanwhile would be measured as well
@pytest.mark.parametrize("shape", SHAPES)
def test_a_compiled_policy_weighs_what_it_takes(shape: str) -> None:
    document, taken = _parse_measured(write(SHAPES[shape]))
    assert taken * 0.8 <= document.weight <= taken * 1.25 + 16_384


@pytest.mark.parametrize("shape", SHAPES)
def test_a_compiled_policy_takes_memory_by_its_length_alone(shape: str) -> None:
    text = json.dumps(json.loads(write(SHAPES[shape])), ensure_ascii=False, separators=(",", ":"))
    assert parse_document(text, Kind.IDENTITY).weight <= 4_096 + 128 * len(text)


def test_the_weight_of_a_pattern_doubles_when_its_distinct_characters_do() -> None:
    half, whole = (
        parse_document(write(statement(Resource=f"arn:a:b:::?{DISTINCT[:length]}*")), Kind.IDENTITY).weight
        for length in (900, 1_800)
    )
    assert whole <= 2 * half
    assert STAR not in DISTINCT
