"""botocore as the oracle: what it writes is read, what it refuses is refused, what is rendered it reads back."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import unquote

import pytest
from botocore.parsers import create_parser
from botocore.validate import ParamValidator
from hypothesis import given
from hypothesis import strategies as st

from sts.aws.wire import compile_operation, parse_form, render_error
from sts.errors import ParameterInvalid
from tests.aws.wire_strategies import BRIEF, MODELS, OPERATIONS, PUBLISHED, encode, inputs, outputs

pytestmark = pytest.mark.pure

every_operation = pytest.mark.parametrize(("service", "name"), OPERATIONS)


@every_operation
def test_what_botocore_serialises_is_parsed_to_the_same_values(service: str, name: str) -> None:
    operation = compile_operation(MODELS[service], name)

    @BRIEF
    @given(inputs(service, name, strict=True))
    def check(params: dict[str, Any]) -> None:
        assert operation.parse(parse_form(encode(service, name, params))) == params

    check()


@every_operation
def test_botocore_and_the_wire_refuse_the_same_inputs(service: str, name: str) -> None:
    operation = compile_operation(MODELS[service], name)
    shape = PUBLISHED[service].operation_model(name).input_shape
    if shape is None:
        with pytest.raises(ParameterInvalid):
            operation.parse({"Anything": "at all"})
        return

    @BRIEF
    @given(inputs(service, name, strict=False))
    def check(params: dict[str, Any]) -> None:
        refused = ParamValidator().validate(params, shape).has_errors()
        form = parse_form(encode(service, name, params))
        if refused:
            with pytest.raises(ParameterInvalid, match=r"^\d+ validation errors? detected: "):
                operation.parse(form)
        else:
            assert operation.parse(form) == params

    check()


@every_operation
def test_what_is_rendered_botocore_parses_to_the_same_values(service: str, name: str) -> None:
    operation = compile_operation(MODELS[service], name)
    shape = PUBLISHED[service].operation_model(name).output_shape

    @BRIEF
    @given(outputs(service, name))
    def check(result: dict[str, Any]) -> None:
        parsed = answer(operation.render(result, "b1946ac9-2493-4a0b-9d2f-8b6a1f0c2d3e"), 200, shape)
        metadata = parsed.pop("ResponseMetadata")
        assert metadata["RequestId"] == "b1946ac9-2493-4a0b-9d2f-8b6a1f0c2d3e"
        assert decoded(parsed, shape) == result

    check()


@BRIEF
@given(st.text(st.characters(exclude_categories=["Cc", "Cs"], exclude_characters="\ufffe\uffff"), min_size=1))
def test_an_error_is_read_by_botocore(message: str) -> None:
    raw = render_error("NoSuchEntity", message, "id", sender=True, namespace=MODELS["iam"].namespace)
    parsed = answer(raw, 404, None)
    assert parsed["Error"] == {"Type": "Sender", "Code": "NoSuchEntity", "Message": message}
    assert parsed["ResponseMetadata"]["RequestId"] == "id"


@every_operation
def test_every_error_of_an_operation_is_the_one_that_botocore_expects(service: str, name: str) -> None:
    published = {shape.name: shape for shape in PUBLISHED[service].operation_model(name).error_shapes}
    errors = compile_operation(MODELS[service], name).errors
    assert {shape: error.code for shape, error in errors.items()} == {
        shape: published[shape].metadata.get("error", {}).get("code", shape) for shape in published
    }
    for shape, error in errors.items():
        described = published[shape].metadata.get("error", {})
        assert error.status == described.get("httpStatusCode", 400)
        assert error.sender == (error.status < 500)


def answer(raw: bytes, status: int, shape: Any) -> dict[str, Any]:
    response = {"body": raw, "headers": {}, "status_code": status}
    parsed: dict[str, Any] = create_parser("query").parse(response, shape)
    return parsed


def decoded(value: Any, shape: Any) -> Any:
    """Undo the percent encoding of policy documents, which botocore leaves to a later step."""
    if shape is None:
        return value
    if isinstance(value, Mapping):
        if shape.type_name == "map":
            return {key: decoded(member, shape.value) for key, member in value.items()}
        return {name: decoded(member, shape.members[name]) for name, member in value.items()}
    if isinstance(value, list):
        return [decoded(member, shape.member) for member in value]
    return unquote(value) if shape.name == "policyDocumentType" else value
