"""Credentials of roles kept in the user's own folder: an SDK begins a new process each time that it asks for some.

They are kept under all that was asked for but the code of an MFA device, which is spent, and under who asked.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

from sts.client.connection import Connection
from sts.client.private_files import PrivateFiles, parse_instant
from sts.client.roles import RoleCredentials, assume_role
from sts.clock import Clock
from sts.errors import Refusal

_AHEAD = timedelta(minutes=5)  # credentials with less left than this are asked for anew
_SPENT = "TokenCode"


@dataclass(frozen=True, slots=True)
class RoleCache:
    """The credentials in a folder."""

    files: PrivateFiles
    clock: Clock

    def assume_role(self, connection: Connection, role: str, parameters: Mapping[str, Any]) -> RoleCredentials:
        """Return credentials of *role* that last, kept or new; raises Refusal kin."""
        lasting = {name: value for name, value in parameters.items() if name != _SPENT}
        name = json.dumps([connection.endpoint, connection.holder, role, lasting], sort_keys=True)
        with self.files.turn(name):
            kept = _parse(self.files.read(name))
            if kept is not None and kept.expires_at - self.clock.now() > _AHEAD:
                return kept
            made = assume_role(connection, role, parameters)
            self.files.write(name, _render(made))
            return made


def open_role_files(folder: Path) -> PrivateFiles:
    """Return the files of roles below *folder*, which is the user's own."""
    return PrivateFiles(folder / "roles")


def _render(credentials: RoleCredentials) -> Mapping[str, Any]:
    return {
        "arn": credentials.arn,
        "access_key_id": credentials.access_key_id,
        "secret_access_key": credentials.secret_access_key,
        "session_token": credentials.session_token,
        "expires_at": credentials.expires_at.isoformat(),
    }


def _parse(told: Mapping[str, Any] | None) -> RoleCredentials | None:
    if told is None:
        return None
    try:
        credentials = RoleCredentials(**told)
        return replace(credentials, expires_at=parse_instant(told["expires_at"]))
    except (TypeError, ValueError):
        raise Refusal("What is kept of the role's credentials is damaged: `sts logout` forgets it") from None
