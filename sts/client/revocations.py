"""Sessions ended, and users, roles and providers disabled and enabled, through the administration's API."""

from collections.abc import Mapping
from typing import Any, Literal

from sts.client.connection import Connection

Noun = Literal["user", "role", "provider"]


def revoke_session(connection: Connection, jti: str) -> Mapping[str, Any]:
    """End a session; returns its ARN and when. Raises Refusal kin."""
    return connection.post("/api/sessions/revoke", {"jti": jti}).body


def revoke_principal(connection: Connection, arn: str) -> Mapping[str, Any]:
    """End all that a principal has begun; returns its ARN and when. Raises Refusal kin."""
    return connection.post("/api/principals/revoke", {"arn": arn}).body


def disable(connection: Connection, noun: Noun, name: str) -> Mapping[str, Any]:
    """Disable a user, role or provider; returns its ARN, and whether it was `changed`. Raises Refusal kin."""
    return connection.post(f"/api/{noun}s/disable", {"name": name}).body


def enable(connection: Connection, noun: Noun, name: str) -> Mapping[str, Any]:
    """Enable a user, role or provider; returns its ARN, and whether it was `changed`. Raises Refusal kin."""
    return connection.post(f"/api/{noun}s/enable", {"name": name}).body
