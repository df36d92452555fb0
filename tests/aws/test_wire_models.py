"""A model is data, found without importing botocore, and refused when it says what is not understood."""

import gzip
import json
import subprocess
import sys
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from sts.aws.wire import ErrorModel, compile_operation, load_model
from sts.aws.wire import models as wire_models
from sts.aws.wire.models import decode_model, read_error, read_model
from tests.aws.wire_strategies import MODELS

pytestmark = pytest.mark.pure

SMALL: dict[str, Any] = {
    "metadata": {"protocol": "query", "apiVersion": "2026-01-01", "xmlNamespace": "https://small.example/doc/"},
    "operations": {
        "Do": {"input": {"shape": "In"}, "errors": [{"shape": "Plain"}, {"shape": "Own"}, {"shape": "Down"}]}
    },
    "shapes": {
        "In": {"type": "structure", "members": {"A": {"shape": "Text"}}},
        "Text": {"type": "string"},
        "Plain": {"type": "structure", "members": {}, "exception": True},
        "Own": {
            "type": "structure",
            "members": {},
            "exception": True,
            "error": {"code": "Mine", "httpStatusCode": 409},
        },
        "Down": {"type": "structure", "members": {}, "exception": True, "fault": True},
    },
}


def test_a_model_says_its_version_and_namespace() -> None:
    sts, iam = MODELS["sts"], MODELS["iam"]
    assert (sts.name, sts.api_version, sts.namespace) == (
        "sts",
        "2011-06-15",
        "https://sts.amazonaws.com/doc/2011-06-15/",
    )
    assert (iam.name, iam.api_version, iam.namespace) == (
        "iam",
        "2010-05-08",
        "https://iam.amazonaws.com/doc/2010-05-08/",
    )
    assert "AssumeRole" in sts.operations
    assert "CreateUser" in iam.operations


def test_a_model_is_found_without_importing_botocore() -> None:
    program = "import sys; from sts.aws.wire import load_model; load_model('sts'); sys.exit('botocore' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0


def test_a_model_is_read_plain_and_gzipped() -> None:
    plain = json.dumps(SMALL).encode()
    assert decode_model(plain) == decode_model(gzip.compress(plain)) == SMALL


def test_the_newest_model_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for version in ("2025-01-01", "2026-01-01", "2024-01-01"):
        folder = tmp_path / "data" / "small" / version
        folder.mkdir(parents=True)
        document = SMALL | {"metadata": SMALL["metadata"] | {"apiVersion": version}}
        (folder / "service-2.json").write_text(json.dumps(document))
    spec = type("Spec", (), {"submodule_search_locations": [str(tmp_path)]})
    monkeypatch.setattr(wire_models, "find_spec", lambda _: spec)
    assert load_model("small").api_version == "2026-01-01"


def test_an_absent_model_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(FileNotFoundError, match="no model of the service frobnicate"):
        load_model("frobnicate")
    monkeypatch.setattr(wire_models, "find_spec", lambda _: None)
    with pytest.raises(FileNotFoundError, match="not installed"):
        load_model("sts")


def test_a_service_of_another_protocol_is_refused() -> None:
    with pytest.raises(ValueError, match="speaks json, not query"):
        read_model("small", SMALL | {"metadata": SMALL["metadata"] | {"protocol": "json"}})


@pytest.mark.parametrize(
    ("shape", "trait", "value"),
    [
        ("Text", "jsonvalue", True),
        ("Text", "maxItems", 3),
        ("Text", "type", "double"),
        ("In", "document", True),
        ("In", "payload", "A"),
    ],
)
def test_a_trait_that_is_not_understood_does_not_start(shape: str, trait: str, value: object) -> None:
    document = deepcopy(SMALL)
    document["shapes"][shape][trait] = value
    with pytest.raises(ValueError, match="not understood"):
        compile_operation(read_model("small", document), "Do")


def test_a_trait_of_a_member_counts_like_one_of_its_shape() -> None:
    document = deepcopy(SMALL)
    document["shapes"]["In"]["members"]["A"]["timestampFormat"] = "unixTimestamp"
    with pytest.raises(ValueError, match="timestampFormat"):
        compile_operation(read_model("small", document), "Do")


def test_an_error_without_code_or_status_gets_its_name_and_400() -> None:
    assert compile_operation(read_model("small", SMALL), "Do").errors == {
        "Plain": ErrorModel("Plain", 400, sender=True),
        "Own": ErrorModel("Mine", 409, sender=True),
        "Down": ErrorModel("Down", 500, sender=False),
    }


def test_the_errors_without_code_and_status_are_the_known_ones() -> None:
    bare = {
        (service, name)
        for service, model in MODELS.items()
        for name, shape in model.shapes.items()
        if shape.get("exception") and "error" not in shape
    }
    assert bare == {
        ("iam", "AccountNotManagementOrDelegatedAdministratorException"),
        ("iam", "CallerIsNotManagementAccountException"),
        ("iam", "OrganizationNotFoundException"),
        ("iam", "OrganizationNotInAllFeaturesModeException"),
        ("iam", "ServiceAccessNotEnabledException"),
    }
    assert read_error(MODELS["iam"], "ServiceFailureException") == ErrorModel("ServiceFailure", 500, sender=False)


def test_an_operation_says_what_it_takes() -> None:
    operation = compile_operation(MODELS["sts"], "AssumeRole")
    assert (operation.service, operation.name) == ("sts", "AssumeRole")
    assert operation.required == ("RoleArn", "RoleSessionName")
    assert operation.members[:2] == ("RoleArn", "RoleSessionName")
    assert operation.secrets == {"TokenCode"}
    assert operation.errors["PackedPolicyTooLargeException"] == ErrorModel("PackedPolicyTooLarge", 400, sender=True)


def test_an_operation_that_the_model_has_not_is_not_compiled() -> None:
    with pytest.raises(KeyError):
        compile_operation(MODELS["sts"], "Frobnicate")
