"""Results and errors as XML 1.0, in the members' order of the model.

A writer takes a value and returns its element; it is compiled from a shape. A result that the model does not describe,
or that lacks what the model requires, is a fault of the program: it raises, and is never left out in silence.
"""

import base64
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeAlias
from urllib.parse import quote

from sts.aws.wire.models import Reference, ServiceModel, Shape

Write: TypeAlias = Callable[[Any], str]

# Shapes whose text IAM returns percent-encoded (IAM API Reference, GetRolePolicy), wherever a result has them: clients
# that decode go by the name of this shape. Nothing else is: SAMLMetadataDocumentType, for one, comes back as it is.
PERCENT_ENCODED = frozenset({"policyDocumentType"})

# What XML 1.0 cannot carry, not even as a character reference (section 2.2): one such character and no client could
# read the answer. They become U+FFFD. A bare CR would be read as LF (section 2.11), so it goes as a reference.
_UNFIT = [*range(0x9), 0xB, 0xC, *range(0xE, 0x20), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF]
_REFERENCES = dict.fromkeys(_UNFIT, "\N{REPLACEMENT CHARACTER}") | {
    ord("&"): "&amp;",
    ord("<"): "&lt;",
    ord(">"): "&gt;",
    ord('"'): "&quot;",
    ord("\r"): "&#xD;",
}
_SPECIAL = re.compile('[&<>"\r\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]')
# The models call them required, yet AWS leaves them out where an account's root is meant, which has neither.
_ABSENT_FOR_ROOT = {
    "User": frozenset({"UserName", "Path"}),
    "AccessKey": frozenset({"UserName"}),
}
_SEARCHED = 256  # below this a search that finds nothing is faster than a translation; above, translate() is


def escape(text: str) -> str:
    """Return *text* as character data or attribute value of XML 1.0; raises TypeError when it is no text."""
    if not isinstance(text, str):
        raise TypeError(f"expected a text, not {type(text).__name__}")
    if len(text) < _SEARCHED and not _SPECIAL.search(text):
        return text
    return text.translate(_REFERENCES)


def compile_output(model: ServiceModel, operation: str) -> Callable[[Mapping[str, Any], str], bytes]:
    """Return the renderer of the results of *operation*: (members, request id) to XML in UTF-8.

    It raises KeyError for a required member that is missing and for one that the model has not, TypeError and
    ValueError for a value that is not of the member's type.
    """
    described = model.operations[operation].get("output")
    if described:
        write = compile_element(model, described["resultWrapper"], {"shape": described["shape"]})
    else:
        write = _write_nothing(operation)
    head = f'<{operation}Response xmlns="{escape(model.namespace)}">'
    tail = f"</RequestId></ResponseMetadata></{operation}Response>"

    def render(result: Mapping[str, Any], request_id: str) -> bytes:
        body = write(result)
        return f"{head}{body}<ResponseMetadata><RequestId>{escape(request_id)}{tail}".encode()

    return render


def _write_nothing(operation: str) -> Write:
    def write(result: Mapping[str, Any]) -> str:
        if result:
            raise KeyError(f"{operation} returns nothing, not {sorted(result)}")
        return ""

    return write


def render_error(code: str, message: str, request_id: str, *, sender: bool, namespace: str) -> bytes:
    """Render an error of the Query protocol; *sender* says whether the caller is at fault."""
    fault = "Sender" if sender else "Receiver"
    return (
        f'<ErrorResponse xmlns="{escape(namespace)}"><Error><Type>{fault}</Type><Code>{escape(code)}</Code>'
        f"<Message>{escape(message)}</Message></Error><RequestId>{escape(request_id)}</RequestId></ErrorResponse>"
    ).encode()


def compile_element(model: ServiceModel, tag: str, reference: Reference) -> Write:
    """Return the writer of the element *tag* that holds what *reference* names."""
    shape = model.get_shape(reference)
    if shape["type"] == "structure":
        return _enclose(tag, _compile_structure(model, shape))
    if shape["type"] == "list":
        return _compile_list(model, tag, shape)
    if shape["type"] == "map":
        return _compile_map(model, tag, shape)
    return _enclose(tag, _write_document if shape["shape"] in PERCENT_ENCODED else _SCALARS[shape["type"]])


def _enclose(tag: str, write: Write) -> Write:
    head, tail = f"<{tag}>", f"</{tag}>"

    def write_element(value: Any) -> str:
        return head + write(value) + tail

    return write_element


def _compile_structure(model: ServiceModel, shape: Shape) -> Write:
    members = [
        (name, compile_element(model, model.get_wire_name(name, reference), reference))
        for name, reference in shape["members"].items()
    ]
    required = frozenset(shape.get("required", ())) - _ABSENT_FOR_ROOT.get(shape["shape"], frozenset())

    def write(value: Mapping[str, Any]) -> str:
        written = [write_member(value[name]) for name, write_member in members if name in value]
        if len(written) != len(value) or not value.keys() >= required:
            strange, missing = sorted(value.keys() - dict(members).keys()), sorted(required - value.keys())
            raise KeyError(f"a result of the shape {shape['shape']} lacks {missing} and has beside it {strange}")
        return "".join(written)

    return write


def _compile_list(model: ServiceModel, tag: str, shape: Shape) -> Write:
    is_flat = bool(shape.get("flattened"))
    inner = tag if is_flat else shape["member"].get("locationName", "member")
    write_member = compile_element(model, inner, shape["member"])

    def write(value: Any) -> str:
        if not isinstance(value, list | tuple):
            raise TypeError(f"expected the list {tag}, not {type(value).__name__}")
        return "".join([write_member(member) for member in value])

    return write if is_flat else _enclose(tag, write)


def _compile_map(model: ServiceModel, tag: str, shape: Shape) -> Write:
    is_flat = bool(shape.get("flattened"))
    write_key = compile_element(model, shape["key"].get("locationName", "key"), shape["key"])
    write_value = compile_element(model, shape["value"].get("locationName", "value"), shape["value"])
    write_entry = _enclose(tag if is_flat else "entry", lambda pair: write_key(pair[0]) + write_value(pair[1]))

    def write(value: Mapping[Any, Any]) -> str:
        return "".join([write_entry(pair) for pair in value.items()])

    return write if is_flat else _enclose(tag, write)


def _write_document(value: str) -> str:
    # safe="" leaves only what RFC 3986 calls unreserved; a space is %20, because clients read a + as it stands.
    return quote(value, safe="")


def _write_integer(value: int) -> str:
    if type(value) is not int:
        raise TypeError(f"expected an integer, not {type(value).__name__}")
    return str(value)


def _write_boolean(value: bool) -> str:  # noqa: FBT001  a writer takes its value by position
    if type(value) is not bool:
        raise TypeError(f"expected a boolean, not {type(value).__name__}")
    return "true" if value else "false"


def _write_blob(value: bytes) -> str:
    return base64.b64encode(value).decode("ascii")


def _write_timestamp(value: datetime) -> str:
    if not isinstance(value, datetime):
        raise TypeError(f"expected an instant, not {type(value).__name__}")
    if value.tzinfo is None:
        raise ValueError("expected an aware instant")
    return value.astimezone(UTC).isoformat(timespec="seconds")[:19] + "Z"


_SCALARS: dict[str, Write] = {
    "string": escape,
    "integer": _write_integer,
    "long": _write_integer,
    "boolean": _write_boolean,
    "blob": _write_blob,
    "timestamp": _write_timestamp,
}
