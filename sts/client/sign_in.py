"""How users sign in, arranged through the administration's API."""

from collections.abc import Mapping
from typing import Any

from sts.client.connection import Connection


def list_users(connection: Connection, containing: str | None = None) -> list[Mapping[str, Any]]:
    """Return how the users of the account stand, those whose names hold *containing*, by name. Raises Refusal kin."""
    query = {} if containing is None else {"containing": containing}
    page = connection.get("/api/users", query).body
    found = list(page["users"])
    while page["after"] is not None:
        page = connection.get("/api/users", query | {"after": page["after"]}).body
        found += page["users"]
    return found


def create_link(connection: Connection, name: str) -> Mapping[str, Any]:
    """Make a link by which the user sets a password; returns its `url` and when it ends. Raises Refusal kin."""
    return connection.post("/api/users/create-link", {"name": name}).body


def unlock(connection: Connection, name: str) -> Mapping[str, Any]:
    """Let a user try again now whose passwords and codes are locked; returns its ARN. Raises Refusal kin."""
    return connection.post("/api/users/unlock", {"name": name}).body


def require_password_change(connection: Connection, name: str) -> Mapping[str, Any]:
    """Have a user choose another password, and end what it has begun; returns its ARN. Raises Refusal kin."""
    return connection.post("/api/users/require-password-change", {"name": name}).body


def end_sessions(connection: Connection, name: str) -> Mapping[str, Any]:
    """End a user's sessions of browsers and logins; returns how many there were as `ended`. Raises Refusal kin."""
    return connection.post("/api/users/end-sessions", {"name": name}).body


def set_user_factor(connection: Connection, name: str, *, required: bool) -> Mapping[str, Any]:
    """Require a second factor of a user or not; returns whether that was `changed`. Raises Refusal kin."""
    return connection.post(f"/api/users/{_verb(required)}-factor", {"name": name}).body


def set_account_factor(connection: Connection, account_id: str, *, required: bool) -> Mapping[str, Any]:
    """Require a second factor of everybody in the account or not; returns what `set_user_factor` does."""
    return connection.post(f"/api/accounts/{_verb(required)}-factor", {"account_id": account_id}).body


def _verb(required: bool) -> str:  # noqa: FBT001  private
    return "require" if required else "release"
