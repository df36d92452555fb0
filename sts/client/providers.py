"""OpenID Connect providers, kept through the administration's API."""

from collections.abc import Mapping
from typing import Any

from sts.client.connection import Connection


def list_providers(connection: Connection) -> list[Mapping[str, Any]]:
    """Return the providers of the account, by ARN. Raises Refusal kin."""
    return list(connection.get("/api/providers", {}).body["providers"])


def add_provider(connection: Connection, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Register a provider, and return it; members that are None are the service's to fill in. Raises Refusal kin."""
    return connection.post("/api/providers/add", members).body


def update_provider(connection: Connection, name: str, members: Mapping[str, Any]) -> Mapping[str, Any]:
    """Change *members* of a provider, of which None takes away, and return it. Raises Refusal kin."""
    return connection.post("/api/providers/update", {"name": name, **members}).body


def check_provider(connection: Connection, name: str) -> Mapping[str, Any]:
    """Look for what is wrong with a provider; returns whether it is `ok`, and `findings`. Raises Refusal kin."""
    return connection.post("/api/providers/check", {"name": name}).body


def remove_provider(connection: Connection, name: str) -> Mapping[str, Any]:
    """Delete a provider; returns its ARN and when. Raises Refusal kin."""
    return connection.post("/api/providers/remove", {"name": name}).body
