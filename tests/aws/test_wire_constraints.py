"""Every rule of the models is enforced, and told in AWS's sentences."""

import re
import sys
from typing import Any

import pytest

from sts.aws.wire import Form, compile_operation
from sts.aws.wire.patterns import compile_pattern
from sts.errors import ParameterInvalid
from sts.model import Secret
from tests.aws.wire_strategies import MODELS, OPERATIONS

pytestmark = pytest.mark.pure

ROLE = "arn:aws:iam::123456789012:role/demo"


def assume_role(**parameters: str) -> dict[str, Any]:
    form = {"RoleArn": ROLE, "RoleSessionName": "demo", **parameters}
    return compile_operation(MODELS["sts"], "AssumeRole").parse(form)


def parse(service: str, operation: str, form: Form) -> dict[str, Any]:
    return compile_operation(MODELS[service], operation).parse(form)


def refusal(service: str, operation: str, form: Form) -> str:
    with pytest.raises(ParameterInvalid) as caught:
        parse(service, operation, form)
    return caught.value.message


def scalars(kind: str) -> list[tuple[str, str, str, Any]]:
    """Return (service, operation, member, shape) of all scalars at the top of an input that have the trait *kind*."""
    found = []
    for service, operation in OPERATIONS:
        model = MODELS[service]
        reference = model.operations[operation].get("input")
        for name, member in (model.get_shape(reference)["members"] if reference else {}).items():
            shape = model.get_shape(member)
            if kind in shape and shape["type"] in {"string", "integer"}:
                found.append((service, operation, name, shape))
    return found


def sentence(service: str, operation: str, member: str, value: str) -> str:
    """Return the faults that are told of *member* when it has *value* and nothing else is given."""
    label = member[0].lower() + member[1:]
    parts = refusal(service, operation, {member: value}).split(": ", 1)[1].split("; ")
    return "; ".join(part for part in parts if f" at '{label}' " in part and not part.startswith("Value null"))


def test_a_whole_request_comes_back_in_python_types() -> None:
    assert assume_role(
        **{
            "Action": "AssumeRole",
            "Version": "2011-06-15",
            "X-Amz-Signature": "0" * 64,
            "X-Amz-Date": "20261124T080000Z",
            "DurationSeconds": "3600",
            "Tags.member.1.Key": "project",
            "Tags.member.1.Value": "ä +=/:@ 漢",
            "TransitiveTagKeys.member.1": "project",
            "ExternalId": "x+u@x=,.",
        }
    ) == {
        "RoleArn": ROLE,
        "RoleSessionName": "demo",
        "DurationSeconds": 3600,
        "Tags": [{"Key": "project", "Value": "ä +=/:@ 漢"}],
        "TransitiveTagKeys": ["project"],
        "ExternalId": "x+u@x=,.",
    }


def test_one_fault_is_told_in_the_sentence_of_aws() -> None:
    with pytest.raises(ParameterInvalid) as caught:
        assume_role(RoleSessionName="a b")
    assert caught.value.message == (
        "1 validation error detected: Value 'a b' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*"
    )


def test_all_faults_of_a_request_are_told_in_one_message() -> None:
    assert refusal(
        "sts", "AssumeRole", {"RoleSessionName": "ä", "DurationSeconds": "43201", "Tags.member.1.Key": ""}
    ) == (
        "7 validation errors detected: "
        "Value 'ä' at 'roleSessionName' failed to satisfy constraint: "
        "Member must have length greater than or equal to 2; "
        "Value 'ä' at 'roleSessionName' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\w+=,.@-]*; "
        "Value '43201' at 'durationSeconds' failed to satisfy constraint: "
        "Member must have value less than or equal to 43200; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        "Member must have length greater than or equal to 1; "
        "Value '' at 'tags.1.member.key' failed to satisfy constraint: "
        r"Member must satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]+; "
        "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null; "
        "Value null at 'roleArn' failed to satisfy constraint: Member must not be null"
    )


def test_a_member_of_an_enumeration_is_told_its_values() -> None:
    message = refusal("iam", "UpdateAccessKey", {"AccessKeyId": "A" * 20, "Status": "active"})
    assert message == (
        "1 validation error detected: Value 'active' at 'status' failed to satisfy constraint: "
        "Member must satisfy enum value set: [Active, Inactive, Expired]"
    )


@pytest.mark.parametrize(("service", "operation", "member", "shape"), scalars("max"))
def test_nothing_is_above_its_maximum(service: str, operation: str, member: str, shape: dict[str, Any]) -> None:
    over = shape["max"] + 1
    value, noun = ("a" * over, "length") if shape["type"] == "string" else (str(over), "value")
    expected = f"Member must have {noun} less than or equal to {shape['max']}"
    assert expected in sentence(service, operation, member, value)


@pytest.mark.parametrize(
    ("service", "operation", "member", "shape"),
    [row for row in scalars("min") if row[3]["min"] or row[3]["type"] != "string"],
)
def test_nothing_is_below_its_minimum(service: str, operation: str, member: str, shape: dict[str, Any]) -> None:
    under = shape["min"] - 1
    value, noun = ("a" * under, "length") if shape["type"] == "string" else (str(under), "value")
    expected = f"Member must have {noun} greater than or equal to {shape['min']}"
    assert expected in sentence(service, operation, member, value)


@pytest.mark.parametrize("tail", ["\x01", "\n\x7f\u2028"])
@pytest.mark.parametrize(("service", "operation", "member", "shape"), scalars("pattern"))
def test_no_pattern_lets_a_control_character_through(
    service: str, operation: str, member: str, shape: dict[str, Any], tail: str
) -> None:
    expected = f"Member must satisfy regular expression pattern: {shape['pattern']}"
    assert expected in sentence(service, operation, member, "v1" + tail)


@pytest.mark.parametrize(
    ("service", "operation", "member", "shape"),
    [row for row in scalars("pattern") if re.search(r"\\[wd]", row[3]["pattern"])],
)
@pytest.mark.parametrize("letter", ["\u0430dmin", "\uff11\uff12\uff13\uff14\uff15\uff16", "\u0967", "a\n"])
def test_letters_that_only_look_like_ascii_are_refused(
    service: str, operation: str, member: str, shape: dict[str, Any], letter: str
) -> None:
    expected = f"Member must satisfy regular expression pattern: {shape['pattern']}"
    assert expected in sentence(service, operation, member, letter)


@pytest.mark.parametrize(("service", "operation", "member", "shape"), scalars("enum"))
def test_nothing_is_outside_its_enumeration(service: str, operation: str, member: str, shape: dict[str, Any]) -> None:
    assert f"enum value set: [{', '.join(shape['enum'])}]" in sentence(service, operation, member, "anything")


@pytest.mark.parametrize(("service", "operation", "member", "shape"), scalars("sensitive"))
def test_no_message_shows_what_the_model_marks_as_sensitive(
    service: str, operation: str, member: str, shape: dict[str, Any]
) -> None:
    message = refusal(service, operation, {member: "hunter2\x01" * 3000, "Stranger": "hunter2"})
    assert "hunter2" not in message
    assert member in compile_operation(MODELS[service], operation).secrets
    assert shape["sensitive"]


@pytest.mark.parametrize(
    ("service", "operation", "member"),
    [("sts", "GetSessionToken", "TokenCode"), ("iam", "EnableMFADevice", "AuthenticationCode1")],
)
def test_no_message_shows_a_code_that_the_model_forgot_to_mark(service: str, operation: str, member: str) -> None:
    message = refusal(service, operation, {member: "12345x"})
    assert f"Value at '{member[0].lower()}{member[1:]}' failed" in message
    assert "12345x" not in message


def test_a_secret_value_shows_itself_as_stars() -> None:
    command = parse("iam", "ChangePassword", {"OldPassword": "hunter2", "NewPassword": "correct horse"})
    assert command == {"OldPassword": "hunter2", "NewPassword": "correct horse"}
    assert all(isinstance(value, Secret) for value in command.values())
    assert "hunter2" not in repr(command)


def test_a_long_value_is_cut_in_a_message() -> None:
    message = refusal("iam", "GetUser", {"UserName": "ä" * 3000})
    assert "Value '" + "ä" * 128 + "...' at 'userName'" in message
    assert len(message) < 700


def test_a_value_cannot_forge_a_line_of_a_log() -> None:
    message = refusal("iam", "GetUser", {"UserName": "a\n\x1b[31mroot logged in", "x\ny": "1"})
    assert "\n" not in message
    assert "\x1b" not in message


def test_five_hundred_faults_are_counted_but_not_all_told() -> None:
    message = refusal("iam", "GetUser", {f"Stranger{number}" + "x" * 100: "1" for number in range(500)})
    assert message.startswith("500 validation errors detected: ")
    assert message.endswith("; and 480 more")
    assert len(message) < 5000


def test_a_length_counts_characters_and_not_utf_16_units() -> None:
    tags = {"Tags.member.1.Key": "𐐷" * 128, "Tags.member.1.Value": ""}
    assert assume_role(**tags)["Tags"] == [{"Key": "𐐷" * 128, "Value": ""}]


@pytest.mark.parametrize(
    "text", ["", "a", "3_600", " 3600", "3600 ", "+3600", "\uff13\uff16\uff10\uff10", "3600.0", "0x10", "1" * 20, "-"]
)
def test_an_integer_is_made_of_ascii_digits(text: str) -> None:
    with pytest.raises(ParameterInvalid, match="Member must be an integer"):
        assume_role(DurationSeconds=text)


def test_an_enormous_integer_is_refused_without_being_read() -> None:
    with pytest.raises(ParameterInvalid, match="Member must be an integer"):
        assume_role(DurationSeconds="9" * (sys.get_int_max_str_digits() + 1))


@pytest.mark.parametrize("text", ["true", "True", "TRUE", "false", "False"])
def test_a_boolean_is_true_or_false_in_any_case(text: str) -> None:
    form = {"PolicyArn": "arn:aws:iam::123456789012:policy/p", "PolicyDocument": "{}", "SetAsDefault": text}
    assert parse("iam", "CreatePolicyVersion", form)["SetAsDefault"] is (text.lower() == "true")


@pytest.mark.parametrize("text", ["", "1", "yes", "true ", "\uff54\uff52\uff55\uff45", "fal\u017fe"])
def test_nothing_else_is_a_boolean(text: str) -> None:
    form = {"PolicyArn": "arn:aws:iam::123456789012:policy/p", "PolicyDocument": "{}", "SetAsDefault": text}
    assert "Member must be true or false" in refusal("iam", "CreatePolicyVersion", form)


def test_an_unknown_parameter_is_named_and_its_value_is_not() -> None:
    assert refusal("sts", "GetCallerIdentity", {"Action": "GetCallerIdentity", "Frobnicate": "secret"}) == (
        "1 validation error detected: Value at 'Frobnicate' failed to satisfy constraint: "
        "Member must be a parameter that GetCallerIdentity takes"
    )


def test_a_member_that_is_not_offered_is_refused_like_an_unknown_one() -> None:
    withheld = frozenset({"ProvidedContexts"})
    operation = compile_operation(MODELS["sts"], "AssumeRole", withheld=withheld)
    assert "ProvidedContexts" not in operation.members
    form = {"RoleArn": ROLE, "RoleSessionName": "demo", "ProvidedContexts.member.1.ContextAssertion": "abcd"}
    with pytest.raises(ParameterInvalid, match="'ProvidedContexts' failed"):
        operation.parse(form)
    with pytest.raises(KeyError, match="Frobnicate"):
        compile_operation(MODELS["sts"], "AssumeRole", withheld=frozenset({"Frobnicate"}))


def test_a_parameter_of_a_presigned_request_is_known_by_its_exact_case() -> None:
    assert "'x-amz-date'" in refusal("sts", "GetCallerIdentity", {"x-amz-date": "20261124T080000Z"})


def test_an_union_has_exactly_one_member() -> None:
    arn = "arn:aws:iam::123456789012:role/demo"
    form = {"PolicySourceArn": arn, "ActionNames.member.1": "s3:GetObject"}
    first = "PolicyExclusionList.member.1."
    offered = MODELS["iam"].shapes["PolicyIdentifier"]["members"]
    assert len(offered) > 1
    everything = form | {f"{first}{name}": "a" for name in offered}
    assert "Member must have exactly one of: [" in refusal("iam", "SimulatePrincipalPolicy", everything)


@pytest.mark.parametrize("pattern", [r"[\p{L}\w]+", r"\d\p{N}"])
def test_a_pattern_that_no_mode_reads_rightly_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="mixes"):
        compile_pattern(pattern)


def test_a_final_line_feed_does_not_slip_past_an_anchor() -> None:
    match = compile_pattern(r"^p-[0-9a-zA-Z_]{8,128}$")
    assert match("p-FullAWSAccess")
    assert not match("p-FullAWSAccess\n")


def test_a_range_beyond_the_basic_plane_means_what_its_writer_meant() -> None:
    match = compile_pattern(MODELS["sts"].shapes["arnType"]["pattern"])
    assert match("arn:aws:iam::123456789012:role/ä漢🔑")
    assert not match("arn:aws:iam::123456789012:role/\x80")


def test_the_patterns_with_unicode_properties_are_the_known_ones() -> None:
    found = {
        (service, name)
        for service, model in MODELS.items()
        for name, shape in model.shapes.items()
        if r"\p{" in shape.get("pattern", "")
    }
    assert found == {
        ("sts", "tagKeyType"),
        ("sts", "tagValueType"),
        ("iam", "tagKeyType"),
        ("iam", "tagValueType"),
        ("iam", "tagTemplateKeyType"),
        ("iam", "tagTemplateValueType"),
    }
