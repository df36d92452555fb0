"""Who tries to get in while somebody is disabled or deleted, and by which paths."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tests.service import Reply, Service, Tenant, allow, trust
from tests.signing import Key

TRIES = 2_000  # of some milliseconds each: many times what a process takes to follow the store


@dataclass(frozen=True)
class Cast:
    """Who tries: a user, the sessions that it began one after another, its account's root, and another account."""

    home: Tenant
    abroad: Tenant
    user: Key
    root: Key
    first: Key  # a session of the role `first`, begun by the user
    second: Key  # of the role `second`, begun by `first`
    guest: Key  # of the role `guest` abroad, begun by `first`


def role_arn(tenant: Tenant, name: str) -> str:
    return f"arn:aws:iam::{tenant.account_id}:role/{name}"


def make_role(service: Service, tenant: Tenant, name: str, *trusted: Tenant) -> None:
    policy = trust(*(f"arn:aws:iam::{each.account_id}:root" for each in trusted))
    assert service.call(tenant.key, "CreateRole", RoleName=name, AssumeRolePolicyDocument=policy).status == 200
    service.call(tenant.key, "PutRolePolicy", RoleName=name, PolicyName="all", PolicyDocument=allow("*"))


def gather(service: Service) -> Cast:
    home, abroad = service.tenant(), service.tenant()
    service.call(home.key, "CreateUser", UserName="ursula")
    service.call(home.key, "PutUserPolicy", UserName="ursula", PolicyName="all", PolicyDocument=allow("*"))
    made = service.call(home.key, "CreateAccessKey", UserName="ursula")
    user = Key(made.text("AccessKeyId"), made.text("SecretAccessKey"))
    make_role(service, home, "first", home, abroad)
    make_role(service, home, "second", home)
    make_role(service, abroad, "guest", home)
    first = service.assume(user, role_arn(home, "first")).key()
    second = service.assume(first, role_arn(home, "second")).key()
    guest = service.assume(first, role_arn(abroad, "guest")).key()
    return Cast(home, abroad, user, service.root_key(home), first, second, guest)


def identify(service: Service, key: Key) -> Reply:
    return service.call(key, "GetCallerIdentity", "sts")


ATTEMPTS: Mapping[str, Callable[[Service, Cast], Reply]] = {
    "a user's key": lambda service, cast: identify(service, cast.user),
    "a session begun with a user's key": lambda service, cast: service.assume(cast.user, role_arn(cast.home, "first")),
    "a session": lambda service, cast: identify(service, cast.first),
    "a session begun with a session": lambda service, cast: service.assume(cast.first, role_arn(cast.home, "second")),
    "a chained session": lambda service, cast: identify(service, cast.second),
    "a chained session of another account": lambda service, cast: identify(service, cast.guest),
    "root's key": lambda service, cast: identify(service, cast.root),
    "a session begun by another account": lambda service, cast: service.assume(
        cast.abroad.key, role_arn(cast.home, "first")
    ),
    "an administrator": lambda service, cast: identify(service, cast.home.key),
    "another account": lambda service, cast: identify(service, cast.abroad.key),
}

KEY, SESSION, DENIED = "InvalidClientTokenId", "ExpiredToken", "AccessDenied"
SESSIONS = {
    "a session": SESSION,
    "a session begun with a session": SESSION,
    "a chained session": SESSION,
    "a chained session of another account": SESSION,
}


def try_until(attempt: Callable[[], Reply], *, succeeds: bool) -> Reply:
    """Return the first answer of that kind, or the last of a bounded number."""
    reply = attempt()
    for _ in range(TRIES):
        if (reply.status == 200) is succeeds:
            break
        reply = attempt()
    return reply
