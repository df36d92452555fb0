"""S-08, of credentials: what is disabled on one node is refused on another within a second, by every path."""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

import pytest

from sts.clock import ManualClock
from sts.directory.accounts import get_account
from sts.directory.revocations import disable, enable
from sts.foundation import lay_foundation
from sts.store.database import Transaction
from tests.api.asking import ask, tell
from tests.api.cast import ATTEMPTS, DENIED, KEY, SESSION, SESSIONS, Cast, gather, identify, role_arn, try_until
from tests.service import Reply, Service

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
