"""Users, groups and roles for tests about policies."""

import json
from typing import Any

from sts.directory.groups import Groups
from sts.directory.roles import Roles
from sts.directory.users import Users
from sts.model import Group, Role, User
from sts.store.attachments import BearerKind
from tests.directory.store import ACCOUNT_ID, ENTROPY, Store

ROLES = Roles(ENTROPY)
ALLOW = '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"*"}]}'


def trust(*principals: Any, action: str = "sts:AssumeRole") -> str:
    """Return a trust policy with a statement for each of *principals*."""
    statements = [{"Effect": "Allow", "Principal": each, "Action": action} for each in principals]
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


SERVICE_TRUST = trust({"Service": "ec2.amazonaws.com"})


def user(store: Store, name: str = "alice", path: str = "/", account_id: str = ACCOUNT_ID) -> User:
    """Create a user."""
    return store.change(lambda tx: Users(ENTROPY).create(tx, account_id=account_id, name=name, path=path))


def group(store: Store, name: str = "staff", path: str = "/") -> Group:
    """Create a group."""
    return store.change(lambda tx: Groups(ENTROPY).create(tx, account_id=ACCOUNT_ID, name=name, path=path))


def role(store: Store, name: str = "reader", path: str = "/", account_id: str = ACCOUNT_ID) -> Role:
    """Create a role that trusts a service."""
    return store.change(
        lambda tx: ROLES.create(tx, account_id=account_id, name=name, path=path, trust_policy=SERVICE_TRUST)
    )


def bearer(store: Store, kind: BearerKind) -> User | Group | Role:
    """Create a user, a group or a role."""
    match kind:
        case BearerKind.USER:
            return user(store)
        case BearerKind.GROUP:
            return group(store)
    return role(store)


def padded(size: int, document: str = ALLOW) -> str:
    """Return *document* grown by its Sid to *size* characters that are no white space, and by white space that is."""
    parsed = json.loads(document)
    parsed["Statement"][0]["Sid"] = ""
    bare = len(json.dumps(parsed, separators=(",", ":")))
    parsed["Statement"][0]["Sid"] = "s" * (size - bare)
    return json.dumps(parsed, indent=4)
