"""Temporary credentials as shells, the AWS CLI's files and programs take them."""

import json
from dataclasses import dataclass, field

from sts.credentials import TemporaryCredentials
from sts.exports import describe_process, name_variables, render_posix, render_powershell


@dataclass(frozen=True, slots=True)
class Form:
    """Credentials written in one way, under the name that people know it by."""

    name: str
    text: str = field(repr=False)


def render_forms(credentials: TemporaryCredentials, profile: str) -> tuple[Form, ...]:
    """Return *credentials* in every form; *profile* is the name of the block for the credentials file."""
    variables, expiration = name_variables(credentials), credentials.expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")
    block = (f"[{profile}]", *(f"{name.lower()} = {value}" for name, value in variables.items()))
    return (
        Form("Shell (bash, zsh)", render_posix(variables)),
        Form("PowerShell", render_powershell(variables)),
        Form("Credentials file (~/.aws/credentials)", "\n".join(block)),
        Form("JSON", json.dumps(describe_process(credentials, expiration), indent=2)),
    )
