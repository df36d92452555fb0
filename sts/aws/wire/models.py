"""A service model: botocore's published description of a service, as data.

A model that carries a trait which this wire does not understand is refused when it is compiled, not served wrongly: an
upgrade of botocore must never loosen a rule in silence.
"""

import gzip
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any, TypeAlias

import msgspec

Shape: TypeAlias = Mapping[str, Any]
Reference: TypeAlias = Mapping[str, Any]

_PROSE = {"documentation", "deprecated", "deprecatedMessage", "deprecatedSince", "box", "shape"}
_SENDER_FAULT, _SERVICE_FAULT = 400, 500
_LOCATIONS = {"locationName", "flattened"}
_TRAITS: dict[str, set[str]] = {
    "structure": {"members", "required", "union", "exception", "error", "fault"},
    "list": {"member", "min", "max"},
    "map": {"key", "value", "min", "max"},
    "string": {"min", "max", "pattern", "enum", "sensitive"},
    "blob": {"min", "max", "sensitive"},
    "integer": {"min", "max"},
    "long": {"min", "max"},
    "boolean": set(),
    "timestamp": set(),
}


@dataclass(frozen=True, slots=True)
class ErrorModel:
    """An error of the model, as it goes over the wire; *sender* says whether the caller is at fault."""

    code: str
    status: int
    sender: bool


@dataclass(frozen=True, slots=True)
class ServiceModel:
    """A service: its name here (`sts`), API version, XML namespace, operations and shapes as the model writes them."""

    name: str
    api_version: str
    namespace: str
    operations: Mapping[str, Mapping[str, Any]]
    shapes: Mapping[str, Shape]

    def get_shape(self, reference: Reference) -> Shape:
        """Return the shape that *reference* names, with the reference's own traits over it.

        Raises ValueError for a trait or a type that this wire does not understand, KeyError for a missing shape.
        """
        shape = self.shapes[reference["shape"]]
        kind = shape["type"]
        if kind not in _TRAITS:
            raise ValueError(f"the type {kind} of the shape {reference['shape']} is not understood")
        strange = {*shape, *reference} - _TRAITS[kind] - _PROSE - _LOCATIONS - {"type"}
        if strange:
            raise ValueError(f"the traits {sorted(strange)} of the shape {reference['shape']} are not understood")
        return {**shape, **reference}

    def get_wire_name(self, name: str, reference: Reference) -> str:
        """Return the name under which the member *name* travels: a flattened list goes by the name of its members."""
        shape = self.get_shape(reference)
        if shape["type"] == "list" and shape.get("flattened") and "locationName" in shape["member"]:
            return str(shape["member"]["locationName"])
        return str(shape.get("locationName", name))


def load_model(name: str) -> ServiceModel:
    """Load the newest model of the service *name* (`sts`, `iam`) that botocore carries.

    botocore itself is not imported, only found: its import costs milliseconds and its session a quarter of a second.
    Raises FileNotFoundError when it carries none, ValueError when the service does not speak the Query protocol.
    """
    return read_model(name, decode_model(_find_file(name).read_bytes()))


def decode_model(raw: bytes) -> dict[str, Any]:
    """Decode the file of a model, plain or gzipped."""
    plain = gzip.decompress(raw) if raw.startswith(b"\x1f\x8b") else raw
    return msgspec.json.decode(plain, type=dict[str, Any])


def read_model(name: str, document: Mapping[str, Any]) -> ServiceModel:
    """Read the decoded *document* of a model; raises ValueError when the service does not speak the Query protocol."""
    metadata = document["metadata"]
    if metadata["protocol"] != "query":
        raise ValueError(f"the service {name} speaks {metadata['protocol']}, not query")
    return ServiceModel(
        name=name,
        api_version=metadata["apiVersion"],
        namespace=metadata["xmlNamespace"],
        operations=document["operations"],
        shapes=document["shapes"],
    )


def read_error(model: ServiceModel, shape_name: str) -> ErrorModel:
    """Return how the error *shape_name* of *model* goes over the wire.

    Where the model gives no code, the name of the shape is the code, as clients read it; where it gives no status, it
    is 500 for a fault of the service and 400 for any other.
    """
    shape = model.shapes[shape_name]
    error = shape.get("error", {})
    status = error.get("httpStatusCode", _SERVICE_FAULT if shape.get("fault") else _SENDER_FAULT)
    sender = error.get("senderFault", status < _SERVICE_FAULT)
    return ErrorModel(code=error.get("code", shape_name), status=status, sender=sender)


def _find_file(name: str) -> Path:
    spec = find_spec("botocore")
    if spec is None or not spec.submodule_search_locations:
        raise FileNotFoundError("botocore, which carries the service models, is not installed")
    folder = Path(spec.submodule_search_locations[0]) / "data" / name
    found = sorted(folder.glob("*/service-2.json*"), key=lambda path: path.parent.name)
    if not found:
        raise FileNotFoundError(f"botocore carries no model of the service {name}")
    return found[-1]
