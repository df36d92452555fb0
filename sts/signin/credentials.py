"""Temporary credentials as shells, the AWS CLI's files and programs take them."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass, field

from sts.credentials import TemporaryCredentials


@dataclass(frozen=True, slots=True)
class Form:
    """Credentials written in one way, under the name that people know it by."""

    name: str
    text: str = field(repr=False)


def render_forms(credentials: TemporaryCredentials, profile: str) -> tuple[Form, ...]:
    """Return *credentials* in every form; *profile* is the name of the block for the credentials file."""
    said = _variables(credentials)
    return (
        Form("Shell (bash, zsh)", "\n".join(f"export {name}={shlex.quote(value)}" for name, value in said.items())),
        Form("PowerShell", "\n".join(f"$Env:{name} = {_quote(value)}" for name, value in said.items())),
        Form("Credentials file (~/.aws/credentials)", _render_block(credentials, profile)),
        Form("JSON", json.dumps(_describe(credentials), indent=2)),
    )


def _quote(value: str) -> str:
    """Return *value* in PowerShell's single quotes, in which only the quote itself means anything."""
    return "'" + value.replace("'", "''") + "'"


def _variables(credentials: TemporaryCredentials) -> Mapping[str, str]:
    return {
        "AWS_ACCESS_KEY_ID": credentials.access_key_id,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_access_key,
        "AWS_SESSION_TOKEN": credentials.session_token,
    }


def _render_block(credentials: TemporaryCredentials, profile: str) -> str:
    lines = (f"{name.lower()} = {value}" for name, value in _variables(credentials).items())
    return "\n".join((f"[{profile}]", *lines))


def _describe(credentials: TemporaryCredentials) -> Mapping[str, object]:
    """Return what AWS's SDKs take from a `credential_process` (SDKs and Tools Reference Guide)."""
    return {
        "Version": 1,
        "AccessKeyId": credentials.access_key_id,
        "SecretAccessKey": credentials.secret_access_key,
        "SessionToken": credentials.session_token,
        "Expiration": credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
