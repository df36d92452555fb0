"""Values for the shapes of the service models: valid ones, and ones that break the rules that botocore checks too."""

import sys
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from botocore.awsrequest import AWSRequest
from botocore.model import ServiceModel as BotocoreModel
from botocore.serialize import create_serializer
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from sts.aws.wire.models import ServiceModel, _find_file, decode_model, load_model
from sts.aws.wire.patterns import compile_pattern

MODELS = {name: load_model(name) for name in ("sts", "iam")}
PUBLISHED = {name: BotocoreModel(decode_model(_find_file(name).read_bytes()), name) for name in MODELS}
OPERATIONS = [(service, name) for service, model in MODELS.items() for name in model.operations]
BRIEF = settings(max_examples=6, deadline=None, database=None, suppress_health_check=list(HealthCheck))

_LETTERS = "".join(map(chr, range(0x20, 0x7F))) + "\t\n\räÿ漢字é🔑"
# Patterns that are more than one class of characters, each with texts that satisfy them.
_SAMPLES = {
    r"\d{12}": ["123456789012"],
    r"^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$": ["example", "an-alias-of-mine"],
    r"^o-[a-z0-9]{10,32}$": ["o-0123456789"],
    r"^[A-Za-z][A-Za-z0-9/_-]*$": ["Key", "a/b_c-d"],
    r"^o-[0-9a-z]{10,32}\/r-[0-9a-z]{4,32}[0-9a-z-\/]*": [
        "o-0123456789/r-abcd",
        "o-0123456789/r-abcd/ou-abcd-01234567",
    ],
    r"^p-[0-9a-zA-Z_]{8,128}$": ["p-FullAWSAccess"],
    r"\u002F[\u0021-\u007F]*": ["/", "/a/b"],
    r"(\u002F)|(\u002F[\u0021-\u007E]+\u002F)": ["/", "/a/b/"],
    r"((/[A-Za-z0-9\.,\+@=_-]+)*)/": ["/", "/a/b+c/"],
    r"v[1-9][0-9]*(\.[A-Za-z0-9-]*)?": ["v1", "v12.a-b"],
    r"^http(s?)://[a-zA-Z0-9._/-]*(\?[a-zA-Z0-9._=&-]*)?(#[a-zA-Z0-9._/-]*)?$": ["https://example.org/a?b=c&d=e#f"],
    r"/[\u0009\u000A\u000D\u0020-\u007E\u00A1-\u00FF]*/": ["//", "/a b/"],
}


def encode(service: str, operation: str, params: Mapping[str, Any]) -> bytes:
    """Return the body that botocore would send."""
    serializer = create_serializer("query", include_validation=False)
    request = serializer.serialize_to_request(params, PUBLISHED[service].operation_model(operation))
    body = AWSRequest(method="POST", url="http://localhost/", data=request["body"]).prepare().body
    assert isinstance(body, str | bytes)
    return body.encode() if isinstance(body, str) else body


def letters_of(pattern: str) -> str:
    match = compile_pattern(pattern)
    return "".join(letter for letter in _LETTERS if match(letter))


def texts(shape: Mapping[str, Any], low: int) -> st.SearchStrategy[str]:
    """Return texts that satisfy *shape*, of *low* characters or a few more."""
    if "enum" in shape:
        return st.sampled_from(shape["enum"])
    high = min(shape.get("max", sys.maxsize), low + 6)
    pattern = shape.get("pattern")
    if pattern is None:
        return st.text(_LETTERS, min_size=low, max_size=high)
    if pattern in _SAMPLES:
        return st.sampled_from(_SAMPLES[pattern])
    lowest = low if compile_pattern(pattern)("") else max(low, 1)
    return st.text(letters_of(pattern), min_size=lowest, max_size=max(high, lowest))


def numbers(shape: Mapping[str, Any], low: int) -> st.SearchStrategy[int]:
    return st.integers(low, shape.get("max", 2**31 - 1))


def broken_or_not(shape: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return texts and numbers that break no rule, or that of a minimum, or that of the type."""
    least = shape.get("min")
    if shape["type"] == "string" and least and "enum" not in shape and shape.get("pattern") not in _SAMPLES:
        return texts(shape, least) | texts(shape, least - 1)
    if shape["type"] == "integer":
        return numbers(shape, -(2**31) if least is None else least - 1) | st.just("a text")
    return sound(shape)


def sound(shape: Mapping[str, Any]) -> st.SearchStrategy[Any]:
    """Return valid values of a scalar *shape*."""
    scalars: dict[str, Callable[[], st.SearchStrategy[Any]]] = {
        "string": lambda: texts(shape, shape.get("min", 0)),
        "integer": lambda: numbers(shape, shape.get("min", -(2**31))),
        "boolean": st.booleans,
        "blob": lambda: st.binary(max_size=8),
        "timestamp": lambda: st.integers(0, 4_000_000_000).map(lambda epoch: datetime.fromtimestamp(epoch, UTC)),
    }
    return scalars[shape["type"]]()


def members(
    model: ServiceModel, shape: Mapping[str, Any], scalar: Callable[[Any], st.SearchStrategy[Any]], *, strict: bool
) -> st.SearchStrategy[dict[str, Any]]:
    """Return structures: with all that is required when *strict*, else with any of their members."""
    fields = {name: values(model, reference, scalar, strict=strict) for name, reference in shape["members"].items()}
    if shape.get("union"):
        singles = [st.fixed_dictionaries({name: field}) for name, field in fields.items()]
        return st.one_of(singles)
    required = shape.get("required", []) if strict else []
    optional = {name: field for name, field in fields.items() if name not in required}
    return st.fixed_dictionaries({name: fields[name] for name in required}, optional=optional)


def values(
    model: ServiceModel, reference: Any, scalar: Callable[[Any], st.SearchStrategy[Any]], *, strict: bool
) -> st.SearchStrategy[Any]:
    """Return values of what *reference* names; an empty structure or map inside another leaves no trace in a form."""
    shape = model.get_shape(reference)
    if shape["type"] == "structure":
        return members(model, shape, scalar, strict=strict).filter(bool)
    if shape["type"] == "list":
        least = shape.get("min", 0) if strict else 0
        return st.lists(values(model, shape["member"], scalar, strict=strict), min_size=least, max_size=least + 2)
    if shape["type"] == "map":
        key, value = (values(model, shape[part], scalar, strict=strict) for part in ("key", "value"))
        return st.dictionaries(key, value, min_size=1, max_size=2)
    return scalar(shape)


def inputs(service: str, operation: str, *, strict: bool) -> st.SearchStrategy[dict[str, Any]]:
    """Return inputs of *operation*: valid when *strict*, else some that break what botocore checks as well."""
    model = MODELS[service]
    reference = model.operations[operation].get("input")
    if reference is None:
        return st.just({})
    return members(model, model.get_shape(reference), sound if strict else broken_or_not, strict=strict)


def outputs(service: str, operation: str) -> st.SearchStrategy[dict[str, Any]]:
    """Return results of *operation*."""
    model = MODELS[service]
    reference = model.operations[operation].get("output")
    if reference is None:
        return st.just({})
    return members(model, model.get_shape({"shape": reference["shape"]}), sound, strict=True)
