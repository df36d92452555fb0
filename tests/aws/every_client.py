"""The same calls through unmodified clients: boto3, both lines of the AWS CLI, and the SDK for JavaScript.

Each takes an operation with its parameters as AWS names them and puts them to its service by its own encoder.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import pytest
from botocore import xform_name
from botocore.exceptions import ClientError

from tests.aws.cli import Cli, as_environment
from tests.aws.javascript import walk
from tests.installed import get_installed
from tests.service import REGION, Service
from tests.signing import Key

NAMES = ("boto3", "the CLI, version 1", "the CLI, version 2", "the SDK for JavaScript")
_MAKE_DEVICE = "iam.CreateVirtualMFADevice"
_REFUSAL = re.compile(r"An error occurred \((\w+)\) when calling the \w+ operation(?: \(.*?\))?: (.*)", re.DOTALL)


class Refusal(NamedTuple):
    """How a client tells that the service refused."""

    code: str
    message: str

    @property
    def receipt(self) -> str:
        """Return the receipt of a denial."""
        return self.message.partition(" Encoded authorization failure message: ")[2]


class Client(Protocol):
    """A client; *operation* is written `sts.AssumeRole`."""

    def call(self, key: Key, operation: str, **parameters: Any) -> Mapping[str, Any]:
        """Return the answer to a call that succeeds."""

    def refuse(self, key: Key, operation: str, **parameters: Any) -> Refusal:
        """Return how a call is refused."""

    def make_device(self, key: Key, name: str) -> tuple[str, str]:
        """Make a virtual MFA device; return its serial number and its seed in base32."""


def make_client(name: str, server: Service, home: Path) -> Client:
    """Return the client called *name*, one of NAMES; *home* is an empty folder."""
    if name == "boto3":
        return _Boto3(server)
    if name == "the SDK for JavaScript":
        return _JavaScript(server)
    program = get_installed("TEST_AWS_V1" if name.endswith("1") else "TEST_AWS_V2")
    pointed = {"AWS_ENDPOINT_URL": server.url, "AWS_DEFAULT_REGION": REGION, "AWS_EC2_METADATA_DISABLED": "true"}
    told = {"AWS_PAGER": "", "AWS_DEFAULT_OUTPUT": "json", "LC_ALL": "C.UTF-8", "PYTHONUTF8": "1"}
    return _CommandLine(Cli(program, home, {**pointed, **told}))


def read_instant(value: str | datetime) -> datetime:
    """Return an instant as any of the clients tells it."""
    return value if isinstance(value, datetime) else datetime.fromisoformat(value)


@dataclass(frozen=True)
class _Boto3:
    server: Service

    def call(self, key: Key, operation: str, **parameters: Any) -> Mapping[str, Any]:
        service, _, name = operation.partition(".")
        answer: Mapping[str, Any] = getattr(self.server.boto(service, key), xform_name(name))(**parameters)
        return answer

    def refuse(self, key: Key, operation: str, **parameters: Any) -> Refusal:
        with pytest.raises(ClientError) as caught:
            self.call(key, operation, **parameters)
        error = caught.value.response["Error"]
        return Refusal(error["Code"], error["Message"])

    def make_device(self, key: Key, name: str) -> tuple[str, str]:
        made = self.call(key, _MAKE_DEVICE, VirtualMFADeviceName=name)["VirtualMFADevice"]
        return made["SerialNumber"], made["Base32StringSeed"].decode()


@dataclass(frozen=True)
class _CommandLine:
    cli: Cli

    def call(self, key: Key, operation: str, **parameters: Any) -> Mapping[str, Any]:
        answer = self.cli.get(*_spell(operation, parameters), **as_environment(key))
        return answer or {}

    def refuse(self, key: Key, operation: str, **parameters: Any) -> Refusal:
        told = _REFUSAL.search(self.cli.fail(*_spell(operation, parameters), **as_environment(key)))
        assert told is not None
        return Refusal(told[1], told[2])

    def make_device(self, key: Key, name: str) -> tuple[str, str]:
        seed = self.cli.home / name  # the CLI prints no seed
        written = {"Outfile": str(seed), "BootstrapMethod": "Base32StringSeed"}
        made = self.call(key, _MAKE_DEVICE, VirtualMFADeviceName=name, **written)["VirtualMFADevice"]
        return made["SerialNumber"], seed.read_text()


def _spell(operation: str, parameters: Mapping[str, Any]) -> list[str]:
    service, _, name = operation.partition(".")
    words = [service, xform_name(name, "-")]
    for option, value in parameters.items():
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
        words += [f"--{xform_name(option, '-')}", text]
    return words


@dataclass(frozen=True)
class _JavaScript:
    server: Service

    def call(self, key: Key, operation: str, **parameters: Any) -> Mapping[str, Any]:
        answer = self._walk(key, operation, parameters)
        assert "refusal" not in answer, answer
        return answer

    def refuse(self, key: Key, operation: str, **parameters: Any) -> Refusal:
        refusal = self._walk(key, operation, parameters)["refusal"]
        return Refusal(refusal["name"], refusal["message"])

    def make_device(self, key: Key, name: str) -> tuple[str, str]:
        made = self.call(key, _MAKE_DEVICE, VirtualMFADeviceName=name)["VirtualMFADevice"]
        return made["SerialNumber"], made["Base32StringSeed"]

    def _walk(self, key: Key, operation: str, parameters: Mapping[str, Any]) -> dict[str, Any]:
        service, _, name = operation.partition(".")
        found: dict[str, Any] = walk("call", self.server, key, service=service, operation=name, parameters=parameters)
        return found
