"""S-08, of credentials: what is disabled on one node is refused on another within a second, by every path."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from sts.app import lay_foundation
from sts.clock import ManualClock
from sts.directory.accounts import get_account
from sts.directory.revocations import disable, enable
from sts.store.database import Transaction
from tests.api.asking import ask, tell
from tests.service import Reply, Service, Tenant, allow, running, trust
from tests.signing import Key

TRIES = 200  # of some five milliseconds each


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
REFUSED: Mapping[str, Mapping[str, str]] = {
    "user": SESSIONS | {"a user's key": KEY, "a session begun with a user's key": KEY},
    "role": SESSIONS | {"a session begun with a user's key": DENIED, "a session begun by another account": DENIED},
    "account": SESSIONS
    | {
        "a user's key": KEY,
        "a session begun with a user's key": KEY,
        "root's key": KEY,
        "an administrator": KEY,
        "a session begun by another account": DENIED,
    },
}
NAMES = {"user": "ursula", "role": "first"}


def set_enabled(service: Service, cast: Cast, kind: str, *, enabled: bool) -> None:
    """Disable or enable through the API, or as the operator on the host does."""
    if kind != "account":
        path = f"/api/{kind}s/{'enable' if enabled else 'disable'}"
        told = tell(ask(service, cast.home.key, path, {"name": NAMES[kind]}))
        assert (told["enabled"], told["changed"]) == (enabled, True)
        return
    at = lay_foundation(service.settings, service.clock, service.entropy)

    def change(tx: Transaction) -> bool:
        act = enable if enabled else disable
        return act(tx, principal=get_account(tx.connection, cast.home.account_id))

    assert at.database.transact_now(change, at.clock.now())[0]
    at.database.close()


def try_until(attempt: Callable[[], Reply], *, succeeds: bool) -> Reply:
    """Return the first answer of that kind, or the last of a bounded number."""
    reply = attempt()
    for _ in range(TRIES):
        if (reply.status == 200) is succeeds:
            break
        reply = attempt()
    return reply


@pytest.fixture
def other_node(service: Service, home: Path, clock: ManualClock) -> Iterator[Service]:
    """A second service on the same store, with a memory of its own."""
    assert service.settings.home == home
    with running(home, clock) as started:
        yield started


@pytest.mark.parametrize("kind", REFUSED)
def test_s_08_what_is_disabled_is_refused_by_every_path_on_every_node(
    kind: str, service: Service, other_node: Service
) -> None:
    cast = gather(service)
    for name, attempt in ATTEMPTS.items():
        for node in (service, other_node):
            assert try_until(partial(attempt, node, cast), succeeds=True).status == 200, name
    set_enabled(service, cast, kind, enabled=False)
    for name, code in REFUSED[kind].items():
        for node in (other_node, service):
            reply = try_until(partial(ATTEMPTS[name], node, cast), succeeds=False)
            assert (reply.status, reply.code) == (403, code), name
    for name in ATTEMPTS.keys() - REFUSED[kind].keys():
        assert ATTEMPTS[name](other_node, cast).status == 200, name


@pytest.mark.parametrize("kind", REFUSED)
def test_s_08_enabling_lets_begin_anew_and_brings_no_session_back(
    kind: str, service: Service, other_node: Service, clock: ManualClock
) -> None:
    cast = gather(service)
    set_enabled(service, cast, kind, enabled=False)
    assert try_until(partial(identify, other_node, cast.first), succeeds=False).code == SESSION
    clock.tick(timedelta(seconds=1))
    set_enabled(service, cast, kind, enabled=True)

    def begin_anew() -> Reply:  # what a node begins before it has learned of it all has ended with the rest
        begun = service.assume(cast.user, role_arn(cast.home, "first"))
        return identify(other_node, begun.key()) if begun.status == 200 else begun

    assert try_until(begin_anew, succeeds=True).status == 200
    for name in SESSIONS:
        assert ATTEMPTS[name](other_node, cast).code == SESSION, name
