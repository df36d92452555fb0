import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sts.errors import PolicyMalformed
from sts.policy.document import Kind, measure_document, parse_document
from sts.policy.grammar import read_json

pytestmark = pytest.mark.pure

GOOD = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}'


@pytest.mark.parametrize(
    ("text", "because"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON"),
        (GOOD + "x", "Extra data"),
        (GOOD + GOOD, "Extra data"),
        ("[]", "not a JSON object"),
        ('"policy"', "not a JSON object"),
        ("null", "not a JSON object"),
        ("\ufeff" + GOOD, "not valid JSON"),
        ('{"Statement": NaN}', "NaN is not JSON"),
        ('{"Statement": Infinity}', "Infinity is not JSON"),
        ('{"Statement": -Infinity}', "-Infinity is not JSON"),
        ('{"Id": ' + "9" * 65 + "}", "more than 64"),
        ('{"Id": 1.' + "0" * 5000 + "}", "more than 64"),
        ('{"Id": "a\nb"}', "control character"),
        ("[" * 100_000 + "]" * 100_000, "longer than"),
        ("[" * 60_000 + "]" * 60_000, "nested deeper"),
        ('{"a":' * 100 + "1" + "}" * 100, "nested deeper"),
        ('{"Id": "' + "x" * 131_072 + '"}', "longer than"),
    ],
)
def test_what_is_no_strict_json_object_is_refused(text: str, because: str) -> None:
    with pytest.raises(PolicyMalformed, match=because):
        parse_document(text, Kind.IDENTITY)


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ('{"Version":"2012-10-17","Version":"2008-10-17","Statement":[]}', "Version"),
        ('{"Statement":[{"Effect":"Deny","Effect":"Allow","Action":"*","Resource":"*"}]}', "Statement[0].Effect"),
        (
            '{"Statement":{"Effect":"Deny","Condition":{"Bool":{"a:b":"true"},"Bool":{}},"Action":"*","Resource":"*"}}',
            "Statement.Condition.Bool",
        ),
        (
            '{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"Bool":{"a:b":"true","a:b":"false"}}}}',
            "Statement.Condition.Bool.a:b",
        ),
    ],
)
def test_a_member_given_twice_is_refused_where_it_stands(text: str, place: str) -> None:
    with pytest.raises(PolicyMalformed, match="twice") as refused:
        parse_document(text, Kind.IDENTITY)
    assert refused.value.place == place


@pytest.mark.parametrize(
    "text",
    [
        r'{"Id":"\ud800","Statement":[]}',
        r'{"Statement":{"Effect":"Allow","Action":"*","Resource":"arn:aws:s3:::a\udc00"}}',
        r'{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a:\ud801":"x"}}}}',
        r'{"Statement":{"Effect":"Allow","Action":"*","Resource":"*","Condition":{"StringEquals":{"a:b":["x","\ud801"]}}}}',
        '{"Id":"\udfff","Statement":[]}',
    ],
)
def test_half_a_character_is_refused(text: str) -> None:
    with pytest.raises(PolicyMalformed, match="half a character"):
        parse_document(text, Kind.IDENTITY)


def test_a_pair_of_surrogates_is_a_character() -> None:
    assert read_json(r'{"Id":"\ud83d\ude00"}') == {"Id": "\U0001f600"}


def test_what_a_caller_wrote_is_shortened_and_printable_in_a_place() -> None:
    with pytest.raises(PolicyMalformed) as refused:
        parse_document(json.dumps({"a\n" + "b" * 500: 1}), Kind.IDENTITY)
    assert refused.value.place == "a?" + "b" * 62


def test_brackets_in_strings_are_no_nesting() -> None:
    document = parse_document(GOOD.replace("s3:*", "s3:" + "[{" * 50), Kind.IDENTITY)
    assert len(document.statements) == 1


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("", 0),
        (" \t\r\n", 0),
        (GOOD, len(GOOD)),
        ('{ "a b" : "c \\" d" }', len('{"a b":"c \\" d"}')),
        ('{"a":\n"unclosed  string', len('{"a":"unclosed  string')),
        ('"a\\', 3),
    ],
)
def test_white_space_between_parts_does_not_count(text: str, size: int) -> None:
    assert measure_document(text) == size


@given(st.recursive(st.text() | st.booleans(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)))
def test_a_document_measures_the_same_however_it_is_laid_out(value: object) -> None:
    compact = json.dumps(value, separators=(",", ":"))
    assert measure_document(json.dumps(value, indent=4)) == measure_document(compact) == len(compact)


@given(st.text() | st.text(alphabet='{}[]",:\\ \n0'))
def test_whatever_the_text_it_is_parsed_or_refused(text: str) -> None:
    with pytest.raises(PolicyMalformed):
        parse_document(text, Kind.IDENTITY)
