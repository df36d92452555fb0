"""Lists, maps and structures out of dotted names: one reading, linear time; and traits that sts and iam do not use."""

import sys
from datetime import UTC, datetime
from typing import Any

import pytest

from sts.aws.wire import Form, OperationModel, ServiceModel, compile_operation
from sts.aws.wire.models import read_model
from sts.errors import ParameterInvalid
from tests.aws.wire_strategies import MODELS

pytestmark = pytest.mark.pure

# What the Query protocol knows beside that which the two services use at present.
SHELF: dict[str, Any] = {
    "metadata": {"protocol": "query", "apiVersion": "2026-01-01", "xmlNamespace": "https://shelf.example/doc/"},
    "operations": {
        "Put": {"input": {"shape": "Everything"}, "output": {"shape": "Everything", "resultWrapper": "PutResult"}},
    },
    "shapes": {
        "Everything": {
            "type": "structure",
            "members": {
                "Blob": {"shape": "Blob"},
                "Secret": {"shape": "SecretBlob"},
                "Instant": {"shape": "Instant"},
                "Long": {"shape": "Long"},
                "Integer": {"shape": "Integer"},
                "Renamed": {"shape": "Text", "locationName": "Other"},
                "Flat": {"shape": "FlatList"},
                "Named": {"shape": "NamedFlatList"},
                "Words": {"shape": "NamedList"},
                "Map": {"shape": "Map"},
                "FlatMap": {"shape": "FlatMap"},
                "Inner": {"shape": "Inner"},
                "Short": {"shape": "ShortList"},
            },
        },
        "Blob": {"type": "blob", "min": 1, "max": 4},
        "SecretBlob": {"type": "blob", "sensitive": True},
        "Instant": {"type": "timestamp"},
        "Long": {"type": "long"},
        "Integer": {"type": "integer"},
        "Text": {"type": "string"},
        "FlatList": {"type": "list", "flattened": True, "member": {"shape": "Text"}},
        "NamedFlatList": {"type": "list", "flattened": True, "member": {"shape": "Text", "locationName": "Word"}},
        "NamedList": {"type": "list", "member": {"shape": "Text", "locationName": "item"}},
        "ShortList": {"type": "list", "min": 1, "max": 2, "member": {"shape": "Text"}},
        "Map": {"type": "map", "key": {"shape": "Text"}, "value": {"shape": "Integer"}, "max": 2},
        "FlatMap": {
            "type": "map",
            "flattened": True,
            "key": {"shape": "Text", "locationName": "Name"},
            "value": {"shape": "Text", "locationName": "Worth"},
        },
        "Inner": {"type": "structure", "members": {"Text": {"shape": "Text"}}},
    },
}


def shelf() -> ServiceModel:
    return read_model("shelf", SHELF)


def put() -> OperationModel:
    return compile_operation(shelf(), "Put")


def refusal(form: Form, operation: OperationModel | None = None) -> str:
    with pytest.raises(ParameterInvalid) as caught:
        (operation or put()).parse(form)
    return caught.value.message


def tag_user(form: Form) -> dict[str, Any]:
    return compile_operation(MODELS["iam"], "UntagUser").parse({"UserName": "alice", **form})


def test_members_of_a_list_come_in_the_order_of_their_numbers_and_gaps_are_taken() -> None:
    form = {"TagKeys.member.10": "c", "TagKeys.member.9": "b", "TagKeys.member.999999999": "d", "TagKeys.member.2": "a"}
    assert tag_user(form)["TagKeys"] == ["a", "b", "c", "d"]


def test_a_name_with_an_empty_value_is_an_empty_list() -> None:
    assert tag_user({"TagKeys": ""})["TagKeys"] == []
    assert put().parse({"Map": "", "Flat": ""}) == {"Map": {}, "Flat": []}


@pytest.mark.parametrize(
    "number", ["0", "01", "-1", "+1", "1_0", " 1", "", "a", "\u0661", "1000000000", "1.0", "1.Key", "9" * 5000]
)
def test_what_is_no_plain_number_from_one_on_numbers_nothing(number: str) -> None:
    with pytest.raises(ParameterInvalid):
        tag_user({"TagKeys.member.1": "a", f"TagKeys.member.{number}": "b"})


@pytest.mark.parametrize(
    "form",
    [
        {"TagKeys": "a"},
        {"TagKeys.1": "a"},
        {"TagKeys.member": "a"},
        {"TagKeys.item.1": "a"},
        {"TagKeys.": "a"},
        {"TagKeys..1": "a"},
        {"tagkeys.member.1": "a"},
        {"TagKeys.Member.1": "a"},
        {"TagKeys.member.1.": "a"},
        {".TagKeys.member.1": "a"},
        {"TagKeys": "", "TagKeys.member.1": "a"},
        {"TagKeys.member.1": "a", "TagKeys": ""},
        {"TagKeys.member": "", "TagKeys.member.1": "a"},
        {"TagKeys.member.1.x": "a", "TagKeys.member.1": "a"},
        {"TagKeys.member.1": "a", "TagKeys.member.1.x": "a"},
        {"TagKeys.member.1": "a", "UserName.x": "a"},
    ],
)
def test_what_is_not_of_one_form_is_refused(form: Form) -> None:
    with pytest.raises(ParameterInvalid):
        tag_user(form)


def test_a_member_given_single_and_nested_is_named() -> None:
    message = refusal({"Flat": "a", "Flat.1": "a"})
    assert "'Flat.1' failed to satisfy constraint: Member must be given in one form, single or nested" in message


def test_a_name_of_ten_thousand_dots_is_refused_without_growing_a_tree() -> None:
    message = refusal({"Flat." + "a." * 10_000: "a"})
    assert message.startswith("1 validation error detected: ")
    assert len(message) < 500


def test_a_list_has_no_less_and_no_more_members_than_its_model_allows() -> None:
    assert put().parse({"Short.member.1": "a", "Short.member.5": "b"}) == {"Short": ["a", "b"]}
    assert "'short' failed to satisfy constraint: Member must have length greater" in refusal({"Short": ""})
    three = {f"Short.member.{number}": "a" for number in (1, 2, 3)}
    assert "'short' failed to satisfy constraint: Member must have length less than or equal to 2" in refusal(three)


def test_five_hundred_members_are_read_in_one_pass() -> None:
    form = {f"Flat.{number}": str(number) for number in range(500, 0, -1)}
    assert put().parse(form) == {"Flat": [str(number) for number in range(1, 501)]}


def test_names_of_the_wire_become_names_of_the_model() -> None:
    form = {
        "Other": "a",
        "Flat.1": "b",
        "Word.1": "c",
        "Words.item.1": "d",
        "FlatMap.1.Name": "e",
        "FlatMap.1.Worth": "f",
    }
    parsed = put().parse(form)
    assert parsed == {"Renamed": "a", "Flat": ["b"], "Named": ["c"], "Words": ["d"], "FlatMap": {"e": "f"}}
    rendered = put().render(parsed, "id").decode()
    assert rendered == (
        '<PutResponse xmlns="https://shelf.example/doc/"><PutResult><Other>a</Other><Flat>b</Flat><Word>c</Word>'
        "<Words><item>d</item></Words><FlatMap><Name>e</Name><Worth>f</Worth></FlatMap></PutResult>"
        "<ResponseMetadata><RequestId>id</RequestId></ResponseMetadata></PutResponse>"
    )


def test_a_map_has_each_key_once_and_every_key_a_value() -> None:
    form = {"Map.entry.2.key": "b", "Map.entry.2.value": "2", "Map.entry.1.key": "a", "Map.entry.1.value": "1"}
    assert put().parse(form) == {"Map": {"a": 1, "b": 2}}
    assert "Member must have a key of its own" in refusal(form | {"Map.entry.1.key": "b"})
    assert "Value null at 'map.3.entry.value'" in refusal(form | {"Map.entry.3.key": "c"})
    more = form | {"Map.entry.3.key": "c", "Map.entry.3.value": "3"}
    assert "'map' failed to satisfy constraint: Member must have length less than or equal to 2" in refusal(more)


def test_a_structure_is_no_single_value() -> None:
    assert put().parse({"Inner.Text": "a"}) == {"Inner": {"Text": "a"}}
    assert "'inner' failed to satisfy constraint: Member must be a structure" in refusal({"Inner": "a"})
    assert "'inner.Other' failed to satisfy constraint: Member must be known" in refusal({"Inner.Other": "a"})


def test_a_blob_is_base64_and_its_length_counts_bytes() -> None:
    assert put().parse({"Blob": "AP/+"}) == {"Blob": b"\x00\xff\xfe"}
    for text in ("AP/+\n", "AP_-", "AP/", "A", "A===", "ä", "=AP/"):
        assert "Member must be base64" in refusal({"Blob": text})
    assert "Member must have length less than or equal to 4" in refusal({"Blob": "AAAAAAA="})
    assert "Member must have length greater than or equal to 1" in refusal({"Blob": ""})
    assert "aGk" not in refusal({"Secret": "aGk"})


def test_an_instant_is_iso_8601_with_an_offset() -> None:
    eight = datetime(2026, 11, 24, 8, tzinfo=UTC)
    for text in ("2026-11-24T08:00:00Z", "2026-11-24T08:00:00.000Z", "2026-11-24T09:30:00+01:30"):
        parsed = put().parse({"Instant": text})["Instant"]
        assert parsed == eight
        assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2026-11-24",
        "2026-11-24T08:00:00",
        "20261124T080000Z",
        "2026-W48-2T08:00:00Z",
        "2026-02-30T08:00:00Z",
        "2026-11-24T25:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "2026-11-24T08:00:00z",
        "2026-11-24 08:00:00Z",
        "\uff12026-11-24T08:00:00Z",
        "1795507200",
    ],
)
def test_nothing_else_is_an_instant(text: str) -> None:
    assert "Member must be an instant in ISO 8601" in refusal({"Instant": text})


def test_an_integer_stays_within_the_bits_of_its_type() -> None:
    assert put().parse({"Integer": "-2147483648", "Long": "9223372036854775807"}) == {
        "Integer": -(2**31),
        "Long": 2**63 - 1,
    }
    assert "Member must have value less than or equal to 2147483647" in refusal({"Integer": "2147483648"})
    assert "Member must have value greater than or equal to -9223" in refusal({"Long": "-9223372036854775809"})
    assert "Member must be an integer" in refusal({"Long": "9" * (sys.get_int_max_str_digits() + 1)})
