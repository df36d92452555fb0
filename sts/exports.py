"""Credentials as shells and programs take them: in the variables and members that every AWS SDK reads."""

import shlex
from collections.abc import Mapping
from typing import Protocol


class Keys(Protocol):
    """Three strings by which a program signs for somebody."""

    @property
    def access_key_id(self) -> str:
        """Their name."""
        ...

    @property
    def secret_access_key(self) -> str:
        """What requests are signed with."""
        ...

    @property
    def session_token(self) -> str:
        """What says whose session it is."""
        ...


def name_variables(keys: Keys) -> Mapping[str, str]:
    """Return *keys* under the names of their environment variables (SDKs and Tools Reference Guide)."""
    return {
        "AWS_ACCESS_KEY_ID": keys.access_key_id,
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key,
        "AWS_SESSION_TOKEN": keys.session_token,
    }


def render_posix(variables: Mapping[str, str]) -> str:
    """Return what a POSIX shell evaluates to have *variables*."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in variables.items())


def render_powershell(variables: Mapping[str, str]) -> str:
    """Return what PowerShell runs to have *variables*; in its single quotes only the quote itself means anything."""
    quoted = {name: value.replace("'", "''") for name, value in variables.items()}
    return "\n".join(f"$Env:{name} = '{value}'" for name, value in quoted.items())


def describe_process(keys: Keys, expiration: str) -> Mapping[str, object]:
    """Return what AWS's SDKs take from a `credential_process` (SDKs and Tools Reference Guide)."""
    return {
        "Version": 1,
        "AccessKeyId": keys.access_key_id,
        "SecretAccessKey": keys.secret_access_key,
        "SessionToken": keys.session_token,
        "Expiration": expiration,
    }
